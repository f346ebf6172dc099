#include "tests/support/certificates.h"

#include "tests/support/process.h"

namespace vedette::test {

namespace {

void make(const std::filesystem::path& dir, const std::string& name, const std::string& common_name,
          const std::vector<std::string>& more, std::vector<std::string> argv = {}) {
  const std::vector<std::string> request = {"openssl",
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
  argv.insert(argv.end(), request.begin(), request.end());
  argv.insert(argv.end(), more.begin(), more.end());
  run_or_throw(argv);
}

std::vector<std::string> signed_by(const std::filesystem::path& ca) {
  auto key = ca;
  key.replace_extension(".key");
  return {"-CA", ca.string(), "-CAkey", key.string(), "-addext", "basicConstraints=critical,CA:FALSE"};
}

}  // namespace

std::filesystem::path Certificates::make_for(const std::string& name) const {
  std::vector<std::string> more = signed_by(ca);
  more.insert(more.end(), {"-addext", "subjectAltName=DNS:" + name});
  make(ca.parent_path(), "other", name, more);
  return ca.parent_path() / "other.crt";
}

std::filesystem::path Certificates::make_expired() const {
  const auto dir = ca.parent_path();
  std::vector<std::string> more = signed_by(ca);
  more.insert(more.end(), {"-addext", "subjectAltName=IP:127.0.0.1"});
  make(dir, "expired", "localhost", more, {"env", "LD_PRELOAD=/usr/$LIB/faketime/libfaketime.so.1", "FAKETIME=-10d"});
  return dir / "expired.crt";
}

std::filesystem::path Certificates::make_self_signed() const {
  make(ca.parent_path(), "self", "camera", {"-addext", "subjectAltName=IP:127.0.0.1"});
  return ca.parent_path() / "self.crt";
}

Certificates::Certificates(const std::filesystem::path& dir)
    : ca(dir / "ca.crt"),
      server_cert(dir / "server.crt"),
      server_key(dir / "server.key"),
      client_cert(dir / "client.crt"),
      client_key(dir / "client.key") {
  std::filesystem::create_directories(dir);
  make(dir, "ca", "Vedette test CA", {});
  const std::vector<std::string> signed_by_ca = signed_by(ca);
  std::vector<std::string> server = signed_by_ca;
  server.insert(server.end(), {"-addext", "subjectAltName=IP:127.0.0.1,IP:::1,DNS:localhost,DNS:clips.localhost"});
  make(dir, "server", "localhost", server);
  make(dir, "client", "edge-01", signed_by_ca);
}

}  // namespace vedette::test
