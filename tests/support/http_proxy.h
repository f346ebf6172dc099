#pragma once

#include <cstdint>
#include <string>

#include "tests/support/process.h"
#include "tests/support/temp_dir.h"

namespace vedette::test {

// HttpProxy is a real HTTP proxy (tinyproxy) on a free loopback port: it forwards http, tunnels https (CONNECT), and
// wants a name and a password.
class HttpProxy {
 public:
  HttpProxy();

  // http://name:password@127.0.0.1:PORT
  std::string url() const { return url_with("guest", "geheim"); }
  std::string url_with(const std::string& name, const std::string& password) const;
  // What it did, one line per request.
  std::string log() const { return read_text(dir_.path() / "log"); }

 private:
  TempDir dir_;
  uint16_t port_;
  Process process_;
};

}  // namespace vedette::test
