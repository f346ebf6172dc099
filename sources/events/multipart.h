#pragma once

#include <functional>
#include <string>
#include <string_view>

#include "core/result.h"

namespace vedette {

// MultipartReader takes the parts out of an endless multipart answer (multipart/mixed, multipart/x-mixed-replace; RFC
// 2046 is the form) as its bytes come, in whatever pieces. A part ends after its Content-Length, or else at the next
// boundary. What cameras get wrong and does not matter is let pass: line ends without CR, a boundary that is named with
// its dashes, blank lines anywhere between parts. Not thread-safe.
//
// Sizes are bounded: a part that says that it is larger than kMostPartBytes (a picture) is passed over, one that grows
// larger without saying so, or a head of more than kMostHeadBytes, is an error (camera_unavailable).
class MultipartReader {
 public:
  static constexpr size_t kMostHeadBytes = 4 * 1024;
  static constexpr size_t kMostPartBytes = 64 * 1024;
  static constexpr size_t kMostPassedOverBytes = 64 * 1024 * 1024;
  using OnPart = std::function<void(std::string_view body)>;

  // `content_type` is that of the answer; camera_unavailable: it is no multipart.
  static Result<MultipartReader> of(std::string_view content_type, OnPart on_part);

  Status take(std::string_view bytes);

 private:
  enum class State { before_part, head, counted_body, open_body, passed_over };
  enum class Step { done, needs_more };

  MultipartReader(std::string delimiter, OnPart on_part)
      : delimiter_(std::move(delimiter)), on_part_(std::move(on_part)) {}

  Result<Step> step();
  Result<Step> find_part();
  Result<Step> read_head();
  Status begin_body(std::string_view head);
  Result<Step> read_open_body();

  std::string delimiter_;  // "--boundary"
  OnPart on_part_;
  State state_ = State::before_part;
  std::string bytes_;      // not used up yet, of what came
  size_t at_ = 0;          // in them: what is before is used up
  size_t searched_ = 0;    // from at_ on: no boundary begins in so many bytes
  size_t body_bytes_ = 0;  // of the part that says so, or what is left to pass over
};

}  // namespace vedette
