#include "tests/support/certificates.h"

#include "tests/support/process.h"

namespace vedette::test {

namespace {

void make(const std::filesystem::path& dir, const std::string& name, const std::string& common_name,
          const std::vector<std::string>& more) {
  std::vector<std::string> argv = {"openssl",
                                   "req",
                                   "-x509",
                                   "-newkey",
                                   "ec",
                                   "-pkeyopt",
                                   "ec_paramgen_curve:P-256",
                                   "-nodes",
                                   "-days",
                                   "2",
                                   "-subj",
                                   "/CN=" + common_name,
                                   "-keyout",
                                   (dir / (name + ".key")).string(),
                                   "-out",
                                   (dir / (name + ".crt")).string()};
  argv.insert(argv.end(), more.begin(), more.end());
  run_or_throw(argv);
}

}  // namespace

Certificates::Certificates(const std::filesystem::path& dir)
    : ca(dir / "ca.crt"),
      server_cert(dir / "server.crt"),
      server_key(dir / "server.key"),
      client_cert(dir / "client.crt"),
      client_key(dir / "client.key") {
  std::filesystem::create_directories(dir);
  make(dir, "ca", "Vedette test CA", {});
  const std::vector<std::string> signed_by_ca = {
      "-CA", ca.string(), "-CAkey", (dir / "ca.key").string(), "-addext", "basicConstraints=critical,CA:FALSE"};
  std::vector<std::string> server = signed_by_ca;
  server.insert(server.end(), {"-addext", "subjectAltName=IP:127.0.0.1,DNS:localhost"});
  make(dir, "server", "localhost", server);
  make(dir, "client", "edge-01", signed_by_ca);
}

}  // namespace vedette::test
