#pragma once

#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "http/guard.h"

namespace vedette {

struct HttpAnswer {
  int status = 200;
  std::string content_type;
  std::string body;
  std::vector<std::pair<std::string, std::string>> headers{};
};

// One page, by its exact path; GET and HEAD. Its scope has no default: a route without one does not compile. The
// handler runs in the server's thread, for everybody: it must only look at what is there and never wait.
struct HttpRoute {
  using Handler = std::function<HttpAnswer(const HttpCaller&)>;
  HttpRoute(std::string p, HttpScope s, Handler h) : path(std::move(p)), scope(s), handler(std::move(h)) {}

  std::string path;
  HttpScope scope;
  Handler handler;
};

// Why there is no page, as schemas/http_error.schema.json has it. The numbers are the contract: programs go by them.
enum class HttpError {
  bad_request = 1,         // 400
  unauthorised = 2,        // 401
  internal = 3,            // 500
  stuck = 4,               // 500: the agent does not get on
  not_found = 5,           // 404
  method_not_allowed = 6,  // 405
  too_large = 7,           // 413, 431
  too_many = 8,            // 429: of one client; 503: of all
  forbidden = 9,           // 403
  length_required = 10,    // 411
  unprocessable = 11,      // 422: of a body
  no_space = 12,           // 507
};
// {"error": "...", "error_code": "004"}
HttpAnswer http_error(int status, HttpError error, const std::string& message);

}  // namespace vedette
