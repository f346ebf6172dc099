#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "net/http_client.h"
#include "tests/net/http_test_server.h"
#include "tests/support/certificates.h"
#include "tests/support/temp_dir.h"

namespace vedette {
namespace {

using test::Certificates;
using test::HttpTestServer;
using test::TempDir;
using ::testing::HasSubstr;

Result<HttpResponse> get(const std::string& url, const std::string& ca_file) {
  HttpClient client;
  HttpRequest request;
  request.url = url;
  request.ca_file = ca_file;
  return client.perform(request, {});
}

class HttpClientTlsTest : public ::testing::Test {
 protected:
  // A certificate of the same authority; `more` are arguments of "openssl x509 -req".
  std::filesystem::path sign(const std::string& name, const std::string& subject_alt_name,
                             const std::vector<std::string>& more) {
    const auto path = [&](const std::string& end) { return (dir_.path() / (name + end)).string(); };
    test::run_or_throw({"openssl", "req", "-new", "-key", certificates_.server_key.string(), "-subj", "/CN=" + name,
                        "-out", path(".csr")});
    test::write_text(path(".ext"), "subjectAltName=" + subject_alt_name);
    std::vector<std::string> argv = {"openssl",
                                     "x509",
                                     "-req",
                                     "-in",
                                     path(".csr"),
                                     "-CA",
                                     certificates_.ca.string(),
                                     "-CAkey",
                                     (dir_.path() / "ca.key").string(),
                                     "-extfile",
                                     path(".ext"),
                                     "-out",
                                     path(".crt"),
                                     "-set_serial",
                                     "77"};
    argv.insert(argv.end(), more.begin(), more.end());
    test::run_or_throw(argv);
    return path(".crt");
  }

  void expect_forbidden(const HttpTestServer& server, const std::string& ca_file, const std::string& words) {
    const auto response = get(server.url("/echo"), ca_file);
    ASSERT_FALSE(response);
    EXPECT_EQ(response.error().code, Code::forbidden);
    EXPECT_THAT(response.error().message, HasSubstr(words));
  }

  const TempDir dir_;
  const Certificates certificates_{dir_.path()};
};

TEST_F(HttpClientTlsTest, TrustsTheGivenAuthority) {
  const HttpTestServer server(certificates_.server_cert, certificates_.server_key);
  for (const auto* host : {"127.0.0.1", "localhost"}) {
    const auto response = get(server.url("/echo", host), certificates_.ca);
    ASSERT_TRUE(response) << response.error().message;
    EXPECT_EQ(response->status, 200);
  }
}

TEST_F(HttpClientTlsTest, RefusesAnUnknownAuthority) {
  const HttpTestServer server(certificates_.server_cert, certificates_.server_key);
  expect_forbidden(server, "", "certificate");
  const TempDir other_dir;
  const Certificates other(other_dir.path());
  expect_forbidden(server, other.ca, "certificate");
}

TEST_F(HttpClientTlsTest, RefusesACertificateForAnotherName) {
  const HttpTestServer server(sign("elsewhere", "DNS:elsewhere.test", {"-days", "2"}), certificates_.server_key);
  expect_forbidden(server, certificates_.ca, "127.0.0.1");
}

TEST_F(HttpClientTlsTest, RefusesAnExpiredCertificate) {
  const HttpTestServer server(sign("expired", "IP:127.0.0.1", {"-days", "-1"}), certificates_.server_key);
  expect_forbidden(server, certificates_.ca, "expired");
}

TEST_F(HttpClientTlsTest, SaysThatTheAuthorityFileCannotBeRead) {
  const HttpTestServer server(certificates_.server_cert, certificates_.server_key);
  expect_forbidden(server, dir_.path() / "none.crt", "none.crt");
}

TEST_F(HttpClientTlsTest, SpeaksNoTlsBelow12) {
  const HttpTestServer server(certificates_.server_cert, certificates_.server_key, true);
  const auto response = get(server.url("/echo"), certificates_.ca);
  ASSERT_FALSE(response);
  EXPECT_EQ(response.error().code, Code::camera_unavailable) << response.error().message;
}

}  // namespace
}  // namespace vedette
