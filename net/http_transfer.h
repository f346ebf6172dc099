#pragma once

#include <curl/curl.h>

#include <memory>
#include <string>

#include "net/http_client.h"

namespace vedette {

struct CurlEasyDeleter {
  void operator()(CURL* easy) const { curl_easy_cleanup(easy); }
};
struct CurlListDeleter {
  void operator()(curl_slist* list) const { curl_slist_free_all(list); }
};
using CurlEasy = std::unique_ptr<CURL, CurlEasyDeleter>;
using CurlList = std::unique_ptr<curl_slist, CurlListDeleter>;

// HttpTransfer is one request set up on an easy handle and what comes back for it: the callbacks and what they read and
// fill. It borrows the request and the handle; the handle must be out of its multi before the transfer goes, and is
// left as it was found.
class HttpTransfer {
 public:
  // With a `body`, that of a 2xx answer goes there.
  HttpTransfer(CURL* easy, const HttpRequest& request, HttpBody* body) : easy_(easy), request_(request), body_(body) {}
  ~HttpTransfer() { curl_easy_reset(easy_); }
  HttpTransfer(const HttpTransfer&) = delete;
  HttpTransfer& operator=(const HttpTransfer&) = delete;

  Status set_up();

  // What has crossed the network so far, in both directions: counts up only while the other side takes or gives.
  int64_t moved_bytes() const;
  // The answer, or the error that libcurl's code and the callbacks amount to.
  Result<HttpResponse> finish(CURLcode code);

 private:
  static size_t on_header(char* data, size_t size, size_t count, void* self);
  static size_t on_body(char* data, size_t size, size_t count, void* self);
  static size_t on_read(char* buffer, size_t size, size_t count, void* self);
  static int on_seek(void* self, curl_off_t offset, int origin);

  Status set_headers();
  void set_body();
  void set_security();
  void add_header_line(std::string_view line);
  bool take(size_t bytes);
  bool pass_on(std::string_view bytes);
  int status() const;
  int64_t body_bytes() const;
  Error error_of(CURLcode code) const;

  CURL* easy_;
  const HttpRequest& request_;
  HttpBody* const body_;
  bool body_begun_ = false;
  CurlList headers_;
  char detail_[CURL_ERROR_SIZE] = {};
  HttpResponse response_;
  size_t received_bytes_ = 0;
  int64_t read_bytes_ = 0;  // of the body, by libcurl
  Status failure_;          // of a callback
};

}  // namespace vedette
