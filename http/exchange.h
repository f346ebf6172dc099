#pragma once

// Inside http/server.cpp only, as Boost.Beast takes long to compile: what is said to which request.
#include <algorithm>
#include <array>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http.hpp>
#include <ctime>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "http/intake.h"
#include "http/server.h"

namespace vedette::exchange {

namespace bhttp = boost::beast::http;
using Failure = boost::system::error_code;
using Header = bhttp::request_header<>;
using HeaderParser = bhttp::request_parser<bhttp::empty_body>;
using Parser = bhttp::request_parser<bhttp::string_body>;
using Response = bhttp::response<bhttp::string_body>;
using Serializer = bhttp::response_serializer<bhttp::string_body>;

inline std::string date_now() {
  const std::time_t now = std::time(nullptr);
  std::tm utc{};
  gmtime_r(&now, &utc);
  std::array<char, 40> text{};
  return {text.data(), std::strftime(text.data(), text.size(), "%a, %d %b %Y %H:%M:%S GMT", &utc)};  // RFC 9110, 5.6.7
}

inline std::string_view view(boost::beast::string_view text) {
  return {text.data(), text.size()};
}

inline std::optional<std::string_view> field(const Header& request, bhttp::field name) {
  const auto it = request.find(name);
  if (it == request.end()) return std::nullopt;
  return view(it->value());
}

inline HttpAnswer with_header(HttpAnswer answer, const char* name, std::string value) {
  answer.headers.emplace_back(name, std::move(value));
  return answer;
}

inline HttpAnswer too_many(int status) {
  return with_header(http_error(status, HttpError::too_many, "too many connections; try again in a while"),
                     "Retry-After", "5");
}

inline HttpAnswer unauthorised() {
  return with_header(http_error(401, HttpError::unauthorised, "a bearer token is needed"), "WWW-Authenticate",
                     "Bearer realm=\"vedette\"");
}

inline HttpAnswer forbidden(HttpScope scope) {
  const std::string name(scope_name(scope));
  return with_header(http_error(403, HttpError::forbidden, "this token does not have the scope " + name),
                     "WWW-Authenticate",
                     "Bearer realm=\"vedette\", error=\"insufficient_scope\", scope=\"" + name + "\"");  // RFC 6750, 3
}

inline HttpAnswer too_long() {
  return http_error(413, HttpError::too_large, "the body is too long");
}

// Who is asking, or what is said to who may ask for nothing.
inline tl::expected<HttpCaller, HttpAnswer> look(const Header& request, const HttpGuard& guard) {
  const auto host = field(request, bhttp::field::host);
  if (request.version() >= 11 && (!host || request.count(bhttp::field::host) > 1))
    return tl::make_unexpected(http_error(400, HttpError::bad_request, "one Host is needed"));
  auto caller = guard.look(field(request, bhttp::field::authorization), host);
  if (caller) return std::move(*caller);
  if (caller.error() == HttpGuard::Refusal::unknown) return tl::make_unexpected(unauthorised());
  return tl::make_unexpected(http_error(403, HttpError::forbidden, "the host must be localhost: there is no token"));
}

// Why the caller may not have what wants this scope; nothing: it may.
inline std::optional<HttpAnswer> refusal(const HttpCaller& caller, HttpScope scope) {
  if (caller.may(scope)) return std::nullopt;
  return caller.name.empty() ? unauthorised() : forbidden(scope);
}

inline std::vector<std::string_view> forwarded(const Header& request) {
  std::vector<std::string_view> out;
  const auto [begin, end] = request.equal_range("X-Forwarded-For");
  for (auto it = begin; it != end; ++it) out.push_back(view(it->value()));
  return out;
}

// First who, then what.
inline HttpAnswer answer_to(const Header& request, const HttpGuard& guard, const std::vector<HttpRoute>& routes) {
  const auto caller = look(request, guard);
  if (!caller) return caller.error();
  const std::string_view target = view(request.target());
  const std::string_view path = target.substr(0, target.find('?'));
  const auto route = std::find_if(routes.begin(), routes.end(), [&](const HttpRoute& r) { return r.path == path; });
  if (route == routes.end())
    return caller->known() ? http_error(404, HttpError::not_found, "there is no such page") : unauthorised();
  if (auto refused = refusal(*caller, route->scope)) return std::move(*refused);
  if (request.method() != bhttp::verb::get && request.method() != bhttp::verb::head)
    return with_header(http_error(405, HttpError::method_not_allowed, "only GET and HEAD"), "Allow", "GET, HEAD");
  return route->handler(*caller);
}

// The same for one whose body is too long for a page, whatever it is of.
inline HttpAnswer answer_to_long(const Header& request, const HttpGuard& guard, const std::vector<HttpRoute>& routes) {
  HttpAnswer answer = answer_to(request, guard, routes);
  return answer.status < 400 ? too_long() : answer;
}

// The one whose paths the target is of; null: it is a page that is asked for.
inline const HttpIntake* intake_for(const Header& request, const std::vector<HttpIntake>& intakes) {
  const std::string_view target = view(request.target());
  const auto intake =
      std::find_if(intakes.begin(), intakes.end(), [&](const HttpIntake& i) { return target.starts_with(i.prefix); });
  return intake == intakes.end() ? nullptr : &*intake;
}

inline bool wants_100_continue(const Header& request) {
  return request.version() >= 11 && boost::beast::iequals(request[bhttp::field::expect], "100-continue");
}

// What is asked of an intake, or why its body is not even begun with.
inline std::variant<HttpAnswer, HttpPost> post_of(const HeaderParser& parser, const HttpGuard& guard,
                                                  const HttpIntake& intake) {
  const Header& request = parser.get();
  const auto caller = look(request, guard);
  if (!caller) return caller.error();
  if (auto refused = refusal(*caller, intake.scope)) return std::move(*refused);
  if (request.method() != bhttp::verb::post)
    return with_header(http_error(405, HttpError::method_not_allowed, "only POST"), "Allow", "POST");
  const auto bytes = parser.content_length();
  if (parser.chunked() || !bytes) return http_error(411, HttpError::length_required, "a Content-Length is needed");
  if (*bytes > intake.most_bytes) return too_long();
  if (*bytes == 0) return http_error(400, HttpError::bad_request, "there is no body");
  if (request.count(bhttp::field::content_encoding) > 0)
    return http_error(415, HttpError::bad_request, "the body must not be encoded");
  if (request.count(bhttp::field::expect) > 0 && request.version() >= 11 && !wants_100_continue(request))
    return http_error(417, HttpError::bad_request, "nothing else can be expected than 100-continue");
  const std::string_view target = view(request.target());
  const size_t mark = std::min(target.find('?'), target.size());
  HttpPost post;
  post.by = caller->name;
  post.rest = target.substr(intake.prefix.size(), mark - std::min(mark, intake.prefix.size()));
  post.query = target.substr(std::min(mark + 1, target.size()));
  post.size_bytes = *bytes;
  return post;
}

// What is said to a request that cannot be read; nothing when the connection itself failed.
inline std::optional<HttpAnswer> answer_to(const Failure& failure) {
  if (failure == bhttp::error::end_of_stream || failure == bhttp::error::partial_message) return std::nullopt;
  if (failure == bhttp::error::header_limit || failure == bhttp::error::buffer_overflow)
    return http_error(431, HttpError::too_large, "the header is too long");
  if (failure == bhttp::error::body_limit) return too_long();
  if (failure.category() == bhttp::make_error_code(bhttp::error::bad_method).category())
    return http_error(400, HttpError::bad_request, "this is no HTTP/1.1");
  return std::nullopt;
}

// No Server field: what runs here is nobody's business.
inline Response to_response(HttpAnswer answer, unsigned version, bool keep_alive) {
  Response response(static_cast<bhttp::status>(answer.status), version >= 11 ? 11 : 10);
  response.set(bhttp::field::date, date_now());
  if (!answer.content_type.empty()) response.set(bhttp::field::content_type, answer.content_type);
  response.set(bhttp::field::cache_control, "no-store");
  response.set("X-Content-Type-Options", "nosniff");
  for (const auto& [name, value] : answer.headers) response.set(name, value);
  response.keep_alive(keep_alive);
  response.body() = std::move(answer.body);
  response.prepare_payload();
  return response;
}

}  // namespace vedette::exchange
