#include "otlp/otlp_answer.h"

#include <algorithm>
#include <charconv>
#include <nlohmann/json.hpp>

#include "core/json.h"

namespace vedette {

namespace {

using Verdict = OtlpAnswer::Verdict;

// Longer than this nobody is kept waiting, whatever a collector says.
constexpr int64_t kLongestPause = 600;  // s
constexpr size_t kMostWords = 256;      // bytes of a collector's explanation

std::optional<int64_t> whole_number(std::string_view text) {
  int64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

// 64-bit integers come as strings, or as numbers.
int64_t integer(const Json& object, const char* key) {
  const auto it = object.find(key);
  if (it == object.end()) return 0;
  if (it->is_number_integer()) return it->get<int64_t>();
  return it->is_string() ? whole_number(it->get_ref<const std::string&>()).value_or(0) : 0;
}

std::string words(const Json& object, const char* key) {
  const auto it = object.find(key);
  return it != object.end() && it->is_string() ? it->get<std::string>().substr(0, kMostWords) : std::string();
}

std::optional<seconds> retry_after(const HttpResponse& response) {
  const auto header = response.header("retry-after");
  const auto pause = header ? whole_number(*header) : std::nullopt;
  if (!pause || *pause < 0) return std::nullopt;  // a date, too: the pauses of our own do as well
  return seconds(std::min(*pause, kLongestPause));
}

}  // namespace

OtlpAnswer read_otlp_answer(const Result<HttpResponse>& response) {
  OtlpAnswer answer;
  if (!response) {
    answer.verdict = response.error().code == Code::payload_too_large ? Verdict::refused : Verdict::later;
    answer.message = response.error().message;
    return answer;
  }
  const auto body = parse_json(response->body, JsonLimits{});
  const bool is_object = body && body->is_object();
  if (response->status / 100 == 2) {
    if (response->body.starts_with('<')) answer.message = "it answers with a page: is that a collector?";
    if (!is_object || !body->contains("partialSuccess") || !(*body)["partialSuccess"].is_object()) return answer;
    const Json& partial = (*body)["partialSuccess"];
    answer.rejected = std::max<int64_t>({0, integer(partial, "rejectedSpans"), integer(partial, "rejectedDataPoints")});
    answer.message = words(partial, "errorMessage");
    return answer;
  }
  const int status = response->status;
  const bool again = status == 429 || status == 502 || status == 503 || status == 504;
  answer.verdict = again ? Verdict::later : Verdict::refused;
  answer.message = "HTTP " + std::to_string(status);
  if (const std::string why = is_object ? words(*body, "message") : ""; !why.empty()) answer.message += ": " + why;
  if (again) answer.retry_after = retry_after(*response);
  return answer;
}

}  // namespace vedette
