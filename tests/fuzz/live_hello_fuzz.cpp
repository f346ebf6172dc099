// Whatever a client of the frame socket says first: it is a hello, a part of one, or refused; and a refusal is final,
// whatever follows.
#include <cstdlib>

#include "live/frame_format.h"

namespace {

void require(bool holds) {
  if (!holds) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  namespace frames = vedette::frames;
  const std::string_view all(reinterpret_cast<const char*>(data), size);
  bool whole = false;
  bool refused = false;
  for (size_t i = 0; i <= std::min(size, frames::kPrefixBytes + frames::kMostHelloBytes + 1); ++i) {
    const auto hello = frames::read_hello(all.substr(0, i));
    require(!refused || !hello);
    require(!whole || !hello);  // there is more than the hello
    refused = !hello;
    whole = hello && *hello;
    if (whole) require((*hello)->token.size() == 32 && (*hello)->camera_id.size() <= 63);
    if (refused) require(!hello.error().message.empty());
  }
  require(refused || whole || size < frames::kPrefixBytes + frames::kMostHelloBytes);
  return 0;
}
