#include "tests/support/tls_server.h"

#include <stdexcept>

#include "tests/support/ports.h"

namespace vedette::test {

TlsServer::TlsServer(const Certificates& certificates, const std::vector<std::string>& more) : port_(free_port()) {
  // It ends each connection when its standard input does.
  std::vector<std::string> argv = {"sh",
                                   "-c",
                                   "tail -f /dev/null | openssl s_server \"$@\"",
                                   "tls_server",
                                   "-accept",
                                   "127.0.0.1:" + port(),
                                   "-cert",
                                   certificates.server_cert,
                                   "-key",
                                   certificates.server_key};
  argv.insert(argv.end(), more.begin(), more.end());
  process_.emplace(argv);
  if (!says("ACCEPT")) throw std::runtime_error(process_->output());
}

}  // namespace vedette::test
