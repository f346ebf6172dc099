#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "tests/support/certificates.h"
#include "tests/support/process.h"

namespace vedette::test {

// TlsServer is OpenSSL's own server (s_server) on a free loopback port: it speaks nothing above TLS, but says what the
// client asked for. `more`: further arguments of s_server. Accepts when made.
class TlsServer {
 public:
  TlsServer(const Certificates& certificates, const std::vector<std::string>& more);

  std::string url() const { return "mqtts://127.0.0.1:" + port(); }
  std::string port() const { return std::to_string(port_); }
  std::string output() const { return process_->output(); }
  bool says(const std::string& text) { return process_->wait_for_output(text, milliseconds(20000)); }

 private:
  uint16_t port_;
  std::optional<Process> process_;
};

}  // namespace vedette::test
