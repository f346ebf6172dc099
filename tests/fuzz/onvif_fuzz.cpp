// Answers of ONVIF cameras: each reader gives something of use, or an error that says why.
#include <cstdlib>
#include <string_view>

#include "sources/onvif/soap.h"

namespace {

void require(bool holds) {
  if (!holds) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace vedette;
  const std::string_view answer(reinterpret_cast<const char*>(data), size);
  if (const auto time = onvif::read_time(answer)) require(to_rfc3339(*time).size() == 24);
  if (const auto uri = onvif::read_uri(answer)) require(!uri->empty());
  const auto address = onvif::read_media_address(answer);
  require(address ? !address->empty() : !address.error().message.empty());
  if (const auto profiles = onvif::read_profiles(answer)) require(profiles->size() <= 256);
  require(onvif::escaped(answer).find('<') == std::string::npos);
  return 0;
}
