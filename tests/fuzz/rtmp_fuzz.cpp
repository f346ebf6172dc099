// Whatever connects to the port of rtmp-listen: nothing is published without app and key, and what is kept is bounded.
#include <algorithm>
#include <cstdlib>
#include <string>

#include "sources/rtmp/ingest.h"

namespace {

void require(bool holds) {
  if (!holds) std::abort();
}

// In pieces as long as the first byte says.
void feed(vedette::rtmp::Ingest& ingest, const uint8_t* data, size_t size) {
  const size_t piece = size > 0 ? size_t{1} + data[0] : 1;
  for (size_t at = 0; at < size; at += piece)
    if (!ingest.take({data + at, std::min(piece, size - at)})) break;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string hello = "\x03" + std::string(2 * 1536, 'h');
  vedette::rtmp::Ingest ingest({"live", "a-key-that-is-not-guessed"});
  require(ingest.take({reinterpret_cast<const uint8_t*>(hello.data()), hello.size()}).has_value());
  feed(ingest, data, size);
  require(ingest.flv().empty() || ingest.publishing());
  // The same of somebody who may publish: what he sends is tags, each as long as it says.
  vedette::rtmp::Ingest open({"", ""});
  require(open.take({reinterpret_cast<const uint8_t*>(hello.data()), hello.size()}).has_value());
  feed(open, data, size);
  require(open.flv().size() <= 2 * size + 13 + 16 * size);
  static_cast<void>(vedette::rtmp::parse_amf({data, size}));
  return 0;
}
