#include "sources/events/multipart.h"

#include <algorithm>
#include <charconv>
#include <optional>

#include "core/text.h"
#include "sources/rtsp/message.h"

namespace vedette {

namespace {

using rtsp::equal_ignoring_case;
using rtsp::trimmed;

constexpr size_t kMostBoundaryBytes = 70;  // RFC 2046

// The value of a parameter of a header, without quotes.
std::string_view parameter(std::string_view header, std::string_view name) {
  for (std::string_view part : split(header, ';')) {
    const size_t equals = part.find('=');
    if (equals == std::string_view::npos || !equal_ignoring_case(trimmed(part.substr(0, equals)), name)) continue;
    part = trimmed(part.substr(equals + 1));
    if (part.size() >= 2 && part.front() == '"' && part.back() == '"') part = part.substr(1, part.size() - 2);
    return part;
  }
  return {};
}

tl::unexpected<Error> no_multipart(std::string_view why) {
  return fail(Code::camera_unavailable, "the camera's events cannot be read: " + std::string(why));
}

// Behind the blank line that ends a head; npos when it is not there yet.
size_t end_of_head(std::string_view text) {
  for (size_t begin = 0;;) {
    const size_t end = text.find('\n', begin);
    if (end == std::string_view::npos) return end;
    if (trimmed(text.substr(begin, end - begin)).empty()) return end + 1;
    begin = end + 1;
  }
}

}  // namespace

Result<MultipartReader> MultipartReader::of(std::string_view content_type, OnPart on_part) {
  const std::string_view kind = trimmed(content_type.substr(0, content_type.find('/')));
  std::string_view boundary = parameter(content_type, "boundary");
  while (boundary.starts_with("--")) boundary.remove_prefix(2);
  if (!equal_ignoring_case(kind, "multipart") || boundary.empty() || boundary.size() > kMostBoundaryBytes)
    return no_multipart("the answer is no multipart");
  return MultipartReader("--" + std::string(boundary), std::move(on_part));
}

Status MultipartReader::take(std::string_view bytes) {
  bytes_.append(bytes);
  for (;;) {
    const auto done = step();
    if (!done) return done.error_as_is();
    if (*done == Step::needs_more) break;
  }
  bytes_.erase(0, at_);
  at_ = 0;
  return {};
}

Result<MultipartReader::Step> MultipartReader::step() {
  const size_t have = bytes_.size() - at_;
  switch (state_) {
    case State::before_part:
      return find_part();
    case State::head:
      return read_head();
    case State::counted_body:
      if (have < body_bytes_) return Step::needs_more;
      on_part_(std::string_view(bytes_).substr(at_, body_bytes_));
      at_ += body_bytes_;
      state_ = State::before_part;
      return Step::done;
    case State::open_body:
      return read_open_body();
    case State::passed_over: {
      const size_t passed = std::min(have, body_bytes_);
      at_ += passed;
      body_bytes_ -= passed;
      if (body_bytes_ > 0) return Step::needs_more;
      state_ = State::before_part;
      return Step::done;
    }
  }
  return Step::needs_more;
}

// Whatever is in front of the boundary belongs to no part.
Result<MultipartReader::Step> MultipartReader::find_part() {
  const size_t found = bytes_.find(delimiter_, at_);
  if (found == std::string::npos) {
    at_ = std::max(at_, bytes_.size() - std::min(bytes_.size(), delimiter_.size()));
    return Step::needs_more;
  }
  const size_t line_end = bytes_.find('\n', found);
  at_ = found;
  if (std::min(line_end, bytes_.size()) - at_ > kMostHeadBytes) return no_multipart("a line without end");
  if (line_end == std::string::npos) return Step::needs_more;
  at_ = line_end + 1;
  state_ = State::head;
  return Step::done;
}

Result<MultipartReader::Step> MultipartReader::read_head() {
  const std::string_view rest = std::string_view(bytes_).substr(at_);
  const size_t end = end_of_head(rest.substr(0, kMostHeadBytes));
  if (end == std::string_view::npos) {
    if (rest.size() >= kMostHeadBytes) return no_multipart("a head without end");
    return Step::needs_more;
  }
  at_ += end;
  if (auto begun = begin_body(rest.substr(0, end)); !begun) return begun.error_as_is();
  return Step::done;
}

Status MultipartReader::begin_body(std::string_view head) {
  state_ = State::open_body;
  searched_ = 0;
  for (const std::string_view line : split(head, '\n')) {
    const size_t colon = line.find(':');
    if (colon == std::string_view::npos || !equal_ignoring_case(trimmed(line.substr(0, colon)), "content-length"))
      continue;
    const std::string_view number = trimmed(line.substr(colon + 1));
    const auto [end, error] = std::from_chars(number.data(), number.data() + number.size(), body_bytes_);
    if (error != std::errc() || end != number.data() + number.size() || body_bytes_ > kMostPassedOverBytes)
      return no_multipart("a part of no possible length");
    state_ = body_bytes_ <= kMostPartBytes ? State::counted_body : State::passed_over;
  }
  return {};
}

Result<MultipartReader::Step> MultipartReader::read_open_body() {
  const size_t found = bytes_.find(delimiter_, at_ + searched_);
  const size_t have = bytes_.size() - at_;
  searched_ = found == std::string::npos ? have - std::min(have, delimiter_.size() - 1) : found - at_;
  if (searched_ > kMostPartBytes) return no_multipart("a part without end");
  if (found == std::string::npos) return Step::needs_more;
  on_part_(std::string_view(bytes_).substr(at_, found - at_));
  at_ = found;
  state_ = State::before_part;
  return Step::done;
}

}  // namespace vedette
