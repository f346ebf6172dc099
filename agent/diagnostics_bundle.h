#pragma once

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "core/clock.h"
#include "core/result.h"
#include "storage/catalog.h"
#include "storage/layout.h"
#include "storage/volume.h"

namespace vedette {

// Name and content. The redactor goes over each of them once more before it is packed.
using DiagnosticsFiles = std::vector<std::pair<std::string, std::string>>;

// A bundle on the disk.
struct DiagnosticsBundle {
  std::string id;
  std::string path;  // relative to the storage folder
  int64_t size_bytes = 0;
  std::string sha256;
  std::optional<std::string> object_key{};  // when it is to be uploaded: the row is there
};

// The newest so many are kept; older ones go, uploaded or not.
inline constexpr size_t kMostBundles = 5;

// Files that anybody can add: the system, the process and its threads, the newest lines of the log.
DiagnosticsFiles process_files();

struct BundleOrder {
  std::string id;
  UtcTime made{};
  bool upload = false;
  std::string command_id;
  std::string traceparent;
};
// Packs them and writes the bundle durably, readable by the owner alone; old ones go. Takes as long as the disk does.
Result<DiagnosticsBundle> make_bundle(const DiagnosticsFiles& files, const BundleOrder& order, const Layout& layout,
                                      const Volume& volume, Catalog& catalog);

}  // namespace vedette
