#pragma once

#include <curl/curl.h>

#include <memory>
#include <string>

#include "net/byte_rate.h"
#include "net/http_client.h"
#include "net/http_connections.h"

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
// fill. It borrows the request, the handle and the connections; the handle must be out of its multi before the transfer
// goes, and is left as it was found.
class HttpTransfer {
 public:
  // With a `body`, that of a 2xx answer goes there. With a `rate`, what is sent of the request's body is taken from it.
  HttpTransfer(HttpConnections& connections, CURL* easy, const HttpRequest& request, HttpBody* body,
               ByteRate* rate = nullptr)
      : connections_(connections), easy_(easy), request_(request), body_(body), rate_(rate) {}
  ~HttpTransfer() {
    if (easy_ != nullptr) curl_easy_reset(easy_);
  }
  HttpTransfer(const HttpTransfer&) = delete;
  HttpTransfer& operator=(const HttpTransfer&) = delete;

  Status set_up();

  // What has crossed the network so far, in both directions: counts up only while the other side takes or gives.
  int64_t moved_bytes() const;
  // Of the request's body, what libcurl gave to the kernel.
  int64_t sent_bytes() const;
  // Nothing may be sent by the rate; go_on() when it may.
  bool held_back() const { return held_back_; }
  void go_on();
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
  void set_proxy();
  void add_header_line(std::string_view line);
  void acknowledge_at_once();
  size_t allowed(size_t bytes);
  bool take(size_t bytes);
  bool pass_on(std::string_view bytes);
  int status() const;
  int64_t body_bytes() const;
  Error error_of(CURLcode code) const;

  HttpConnections& connections_;
  CURL* easy_;
  const HttpRequest& request_;
  HttpBody* const body_;
  ByteRate* const rate_;
  bool body_begun_ = false;
  bool held_back_ = false;
  CurlList headers_;
  char detail_[CURL_ERROR_SIZE] = {};
  HttpResponse response_;
  size_t received_bytes_ = 0;
  int64_t read_bytes_ = 0;  // of the body, by libcurl
  Status failure_;          // of a callback
};

}  // namespace vedette
