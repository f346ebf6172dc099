#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "core/result.h"

namespace vedette::rtsp {

struct Header {
  std::string name;
  std::string value;
};

// An answer of the server.
struct Response {
  int status = 0;
  std::string reason;
  std::vector<Header> headers;
  std::string body;

  // The first of that name (whatever its case), trimmed; nothing when there is none.
  std::optional<std::string_view> header(std::string_view name) const;
};

// Some servers ask as well; they get an answer, and no more.
struct ServerRequest {
  std::string method;
  std::string cseq;
};

// RTSP messages as RFC 2326 puts them on the wire: a first line, headers, a body of Content-Length. What cameras get
// wrong and does not matter is let pass (line ends without CR, blank lines in front, blanks around anything); sizes are
// bounded: 16 KiB for the head, 64 KiB for the body.
struct Incoming {
  std::variant<Response, ServerRequest> message;
  size_t bytes = 0;  // that it took; 0: it is not all there yet
};
// invalid_argument: this is no RTSP.
Result<Incoming> parse_message(std::string_view bytes);

// An answer of HTTP, up to the end of its headers, as leniently and within the same bounds; what is behind it is not
// looked at. `bytes` that it took; 0: it is not all there yet.
struct HttpAnswer {
  Response response;
  size_t bytes = 0;
};
// invalid_argument: this is no HTTP.
Result<HttpAnswer> parse_http_answer(std::string_view bytes);

std::string request_text(std::string_view method, std::string_view url, int cseq, const std::vector<Header>& headers);
std::string answer_text(int status, std::string_view reason, std::string_view cseq);

bool equal_ignoring_case(std::string_view a, std::string_view b);
std::string_view trimmed(std::string_view text);

}  // namespace vedette::rtsp
