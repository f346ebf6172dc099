// What cameras answer over HTTP when they are asked what they are, and for a picture of theirs.
#include <cstdlib>
#include <string_view>

#include "core/text.h"
#include "media/jpeg.h"
#include "sources/device_info.h"
#include "sources/onvif/soap.h"

namespace {

void require(bool holds) {
  if (!holds) std::abort();
}

void require_text(std::string_view text) {
  require(text.size() <= vedette::kMostDeviceText && vedette::is_utf8(text));
  for (const char c : text) require(static_cast<unsigned char>(c) >= ' ' && c != 0x7f);
}

void require_info(const vedette::Result<vedette::DeviceInfo>& info) {
  if (!info) return require(!info.error().message.empty());
  require(!(*info == vedette::DeviceInfo()));
  for (const auto* text : {&info->maker, &info->model, &info->firmware, &info->serial, &info->name})
    require_text(*text);
}

}  // namespace

// The first byte says which: a picture for 'j', else a device.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace vedette;
  if (size == 0) return 0;
  const std::span<const uint8_t> bytes(data + 1, size - 1);
  const std::string_view answer(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  if (*data != 'j') {
    require_info(read_hik_device(answer));
    require_info(onvif::read_device_information(answer));
    for (const char* key : {"deviceType", "serialNumber", "type", "version", ""})
      require_text(read_dahua_value(answer, key));
    return 0;
  }
  const auto as_it_is = jpeg_from_jpeg(bytes, {});
  if (!as_it_is) return 0;
  require(as_it_is->bytes.size() == bytes.size() && as_it_is->width_px > 0 && as_it_is->height_px > 0);
  require(int64_t{as_it_is->width_px} * as_it_is->height_px <= kMostJpegPixels);
  if (as_it_is->width_px > 4096 || as_it_is->height_px > 4096) return 0;  // too slow to be of use here
  if (const auto small = jpeg_from_jpeg(bytes, {.width_px = 64}))
    require(small->width_px <= 64 || as_it_is->width_px <= 64);
  return 0;
}
