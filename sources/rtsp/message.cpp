#include "sources/rtsp/message.h"

#include <algorithm>
#include <charconv>

namespace vedette::rtsp {

namespace {

constexpr size_t kMostHeadBytes = 16 * 1024;
constexpr size_t kMostBodyBytes = 64 * 1024;
constexpr std::string_view kVersion = "RTSP/1.0";

char lower(char c) {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
}

// Takes a line without its end off the front; nothing when its end is not there yet.
std::optional<std::string_view> take_line(std::string_view& text) {
  const size_t end = text.find('\n');
  if (end == std::string_view::npos) return std::nullopt;
  std::string_view line = text.substr(0, end);
  if (!line.empty() && line.back() == '\r') line.remove_suffix(1);
  text.remove_prefix(end + 1);
  return line;
}

std::string_view take_word(std::string_view& line) {
  line = trimmed(line);
  const std::string_view word = line.substr(0, line.find(' '));
  line.remove_prefix(word.size());
  return word;
}

template <class Number>
std::optional<Number> number(std::string_view text) {
  Number value{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

tl::unexpected<Error> no_rtsp(std::string_view why) {
  return fail(Code::invalid_argument, "what answers is no RTSP server: " + std::string(why));
}

tl::unexpected<Error> no_http(std::string_view why) {
  return fail(Code::invalid_argument, "what answers on this port speaks no HTTP: " + std::string(why));
}

// The headers up to the empty line; false when they are not all there yet.
Result<bool> read_headers(std::string_view& rest, std::vector<Header>& headers) {
  for (;;) {
    const auto line = take_line(rest);
    if (!line) return false;
    if (trimmed(*line).empty()) return true;
    const size_t colon = line->find(':');
    if (colon == std::string_view::npos) continue;  // nothing that could be of use
    headers.push_back({std::string(trimmed(line->substr(0, colon))), std::string(trimmed(line->substr(colon + 1)))});
  }
}

const Header* find(const std::vector<Header>& headers, std::string_view name) {
  const auto it =
      std::find_if(headers.begin(), headers.end(), [&](const Header& h) { return equal_ignoring_case(h.name, name); });
  return it == headers.end() ? nullptr : &*it;
}

}  // namespace

bool equal_ignoring_case(std::string_view a, std::string_view b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(), [](char x, char y) { return lower(x) == lower(y); });
}

std::string_view trimmed(std::string_view text) {
  constexpr std::string_view kBlanks = " \t\r";
  const size_t begin = text.find_first_not_of(kBlanks);
  if (begin == std::string_view::npos) return {};
  return text.substr(begin, text.find_last_not_of(kBlanks) - begin + 1);
}

std::optional<std::string_view> Response::header(std::string_view name) const {
  const Header* found = find(headers, name);
  return found ? std::optional<std::string_view>(found->value) : std::nullopt;
}

Result<Incoming> parse_message(std::string_view bytes) {
  std::string_view rest = bytes;
  const std::string_view head = bytes.substr(0, kMostHeadBytes);
  const auto incomplete = [&]() -> Result<Incoming> {
    if (bytes.size() >= kMostHeadBytes) return no_rtsp("more than 16 KiB of headers");
    return Incoming();
  };
  std::string_view line;
  do {
    const auto next = take_line(rest);
    if (!next) return incomplete();
    line = trimmed(*next);
  } while (line.empty());

  Incoming incoming;
  std::vector<Header> headers;
  const std::string_view first = take_word(line);
  const auto status = number<int>(take_word(line));
  const bool is_response = first.starts_with("RTSP/");
  if (is_response && (!status || *status < 100 || *status > 999)) return no_rtsp("its status is no number");
  if (!is_response && !bytes.substr(0, bytes.size() - rest.size()).ends_with(std::string(kVersion) + "\r\n") &&
      !bytes.substr(0, bytes.size() - rest.size()).ends_with(std::string(kVersion) + "\n"))
    return no_rtsp("neither a status nor a request");
  const auto complete = read_headers(rest, headers);
  if (!complete) return complete.error_as_is();
  if (!*complete) return incomplete();
  if (bytes.size() - rest.size() > head.size()) return no_rtsp("more than 16 KiB of headers");

  size_t body_bytes = 0;
  if (const Header* length = find(headers, "Content-Length")) {
    const auto value = number<uint32_t>(length->value);
    if (!value || *value > kMostBodyBytes) return no_rtsp("the length of its body is " + length->value.substr(0, 20));
    body_bytes = *value;
  }
  if (rest.size() < body_bytes) return Incoming();
  incoming.bytes = bytes.size() - rest.size() + body_bytes;
  if (is_response) {
    incoming.message =
        Response{*status, std::string(trimmed(line)), std::move(headers), std::string(rest.substr(0, body_bytes))};
  } else {
    const Header* cseq = find(headers, "CSeq");
    incoming.message = ServerRequest{std::string(first), cseq ? cseq->value : std::string()};
  }
  return incoming;
}

Result<HttpAnswer> parse_http_answer(std::string_view bytes) {
  const std::string_view head = bytes.substr(0, kMostHeadBytes);
  std::string_view rest = head;
  const auto incomplete = [&]() -> Result<HttpAnswer> {
    if (bytes.size() >= kMostHeadBytes) return no_http("more than 16 KiB of headers");
    return HttpAnswer();
  };
  auto line = take_line(rest);
  if (!line) return incomplete();
  if (!take_word(*line).starts_with("HTTP/")) return no_http("its answer begins with another word");
  const auto status = number<int>(take_word(*line));
  if (!status || *status < 100 || *status > 999) return no_http("its status is no number");
  HttpAnswer answer;
  const auto complete = read_headers(rest, answer.response.headers);
  if (!complete) return complete.error_as_is();
  if (!*complete) return incomplete();
  answer.response.status = *status;
  answer.response.reason = trimmed(*line);
  answer.bytes = head.size() - rest.size();
  return answer;
}

std::string request_text(std::string_view method, std::string_view url, int cseq, const std::vector<Header>& headers) {
  std::string text;
  text.append(method).append(" ").append(url).append(" ").append(kVersion).append("\r\n");
  text.append("CSeq: ").append(std::to_string(cseq)).append("\r\nUser-Agent: Vedette\r\n");
  for (const Header& header : headers) text.append(header.name).append(": ").append(header.value).append("\r\n");
  return text.append("\r\n");
}

std::string answer_text(int status, std::string_view reason, std::string_view cseq) {
  std::string text(kVersion);
  text.append(" ").append(std::to_string(status)).append(" ").append(reason).append("\r\n");
  if (!cseq.empty()) text.append("CSeq: ").append(cseq).append("\r\n");
  return text.append("\r\n");
}

}  // namespace vedette::rtsp
