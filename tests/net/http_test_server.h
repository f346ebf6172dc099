#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "core/file.h"
#include "tests/support/process.h"

namespace vedette::test {

// http_server.py on a free loopback port: what each path does is written there.
class HttpTestServer {
 public:
  HttpTestServer();
  // https, with this certificate; TLS 1.1 at most when `old_tls`.
  HttpTestServer(const std::filesystem::path& cert, const std::filesystem::path& key, bool old_tls = false);
  std::string url(const std::string& path, const std::string& host = "127.0.0.1") const;

 private:
  HttpTestServer(std::vector<std::string> more, ProcessOptions options);
  uint16_t port_;
  std::string scheme_;
  Process process_;
};

// A socket that listens and answers nothing.
class SilentListener {
 public:
  explicit SilentListener(int backlog = 16);
  std::string authority() const { return "127.0.0.1:" + std::to_string(port_); }
  // Whether somebody has connected, now or within some seconds.
  bool has_client() const;
  // The same, and whether it has said something.
  bool hears_client();

 protected:
  uint16_t port_ = 0;
  Fd socket_;

 private:
  Fd client_;
};

// The same with a full queue: the kernel lets further connections wait, like a firewall that drops.
class FullListener : public SilentListener {
 public:
  FullListener();
  std::string url() const { return "http://" + authority() + "/"; }

 private:
  std::vector<Fd> clients_;
};

}  // namespace vedette::test
