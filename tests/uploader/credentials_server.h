#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "tests/support/certificates.h"
#include "tests/support/process.h"
#include "tests/support/temp_dir.h"
#include "uploader/endpoint_credentials.h"

namespace vedette::test {

// credentials_server.py on a free loopback port: a credentials endpoint that asks for a client certificate.
class CredentialsServer {
 public:
  // What it answers is written in credentials_server.py: a JSON object.
  explicit CredentialsServer(const std::string& script = "{}");

  void answer(const std::string& script);
  void stop() { process_.reset(); }
  void start();

  // How to ask it, as "edge-01" with the certificate of that name.
  CredentialsEndpoint endpoint() const;
  const Certificates& certificates() const { return certificates_; }
  // "1.234 GET /role-aliases/clips/credentials edge-01 edge-01"
  std::vector<std::string> requests() const;

 private:
  TempDir dir_;
  Certificates certificates_;
  uint16_t port_;
  std::optional<Process> process_;
};

}  // namespace vedette::test
