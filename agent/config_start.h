#pragma once

#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "agent/config.h"
#include "agent/config_environment.h"
#include "agent/config_plan.h"
#include "agent/twin_store.h"

namespace vedette {

// The configuration that is to be in force, of the local document and a desired one.
struct ComposedConfig {
  ConfigState state;
  int64_t version = 0;              // of the desired one that is in it; 0: the local one alone
  std::vector<FieldError> refused;  // why the desired one is not in it
  std::vector<std::string> warnings;
};

// Errors are those of the local one alone. A desired configuration that it does not allow, or that does not go with
// it, is left out. `running`: see read_config().
tl::expected<ComposedConfig, ConfigErrors> compose(const Overridden& local, const std::optional<DesiredConfig>& desired,
                                                   const Config* running);

// The file with what the environment says upon it, as a document that is not checked yet.
tl::expected<Overridden, ConfigErrors> read_local(const std::filesystem::path& path);

// All that is known of the configuration when the agent starts.
struct ConfigStart {
  std::filesystem::path path;
  Overridden local;
  ComposedConfig composed;
  TwinState twin;
  bool twin_has_changed = false;  // and is to be saved: a trial had not come to its end, and is rolled back
};

// Reads the file and, from the storage folder, what was configured over MQTT. What of that cannot be read is logged,
// and left out.
tl::expected<ConfigStart, ConfigErrors> open_config(const std::filesystem::path& path);

}  // namespace vedette
