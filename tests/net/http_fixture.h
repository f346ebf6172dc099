#pragma once

#include <gtest/gtest.h>

#include <string>

#include "core/file.h"
#include "net/http_client.h"
#include "tests/net/http_test_server.h"
#include "tests/support/temp_dir.h"

// A server that answers as its paths say (http_server.py), what is asked of it, and bodies. Of one thread.
namespace vedette::test {

inline HttpTestServer& server() {
  static HttpTestServer instance;
  return instance;
}

inline HttpRequest request(const std::string& method, const std::string& path) {
  HttpRequest out;
  out.method = method;
  out.url = server().url(path);
  out.stall_timeout = 5s;
  return out;
}

inline Result<HttpResponse> perform(const HttpRequest& request) {
  HttpClient client;
  return client.perform(request, {});
}

struct BodyFile {
  explicit BodyFile(size_t size) {
    for (size_t i = 0; i < size; ++i) content += static_cast<char>((i * 7919) >> 3);
    fd = std::move(*file::create(dir.path() / "body"));
    EXPECT_TRUE(
        file::write_at(fd.get(), {reinterpret_cast<const uint8_t*>(content.data()), content.size()}, 0).has_value());
  }
  void attach(HttpRequest& request) const {
    request.body_fd = fd.get();
    request.body_bytes = static_cast<int64_t>(content.size());
  }
  TempDir dir;
  std::string content;
  Fd fd;
};

}  // namespace vedette::test
