// Whatever stands in a configuration file: it is a configuration that can be used, or there are errors with places.
#include <cstdlib>
#include <string_view>

#include "agent/config.h"
#include "core/ids.h"

namespace {

void require(bool holds) {
  if (!holds) std::abort();
}

}  // namespace

// Linked in the place of dlopen (CMakeLists.txt): a configuration names libraries, and what one of those does when it
// is loaded is not for a fuzzer to find out.
extern "C" void* __wrap_dlopen(const char*, int) {
  return nullptr;
}

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  // A secret may be read from any file: not from one that never ends or waits for somebody. And no library is loaded
  // because an input names it.
  if (text.find("plugins") != std::string_view::npos || text.find("/dev") != std::string_view::npos ||
      text.find("/proc") != std::string_view::npos || text.find("\\u") != std::string_view::npos)
    return 0;
  const auto loaded = vedette::read_config(text);
  if (!loaded) {
    require(!loaded.error().errors.empty());
    for (const auto& error : loaded.error().errors)
      require((error.path.empty() || error.path.front() == '/') && !error.message.empty());
    return 0;
  }
  const vedette::Config& config = loaded->config;
  require(vedette::is_name(config.device_id));
  require(config.storage.path.is_absolute() && config.upload.directory.is_absolute());
  require(!config.mqtt.urls.empty());
  for (const auto& [id, camera] : config.cameras)
    require(vedette::is_name(id) && camera.ring >= vedette::seconds(1) && camera.ring_most_bytes > 0);
  return 0;
}
