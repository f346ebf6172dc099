#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "agent/config_document.h"
#include "core/result.h"

namespace vedette {

// What must be known of the configuration over MQTT after a restart.
struct TwinState {
  int64_t version = 0;                    // the highest that was decided on: what comes must be higher
  std::optional<DesiredConfig> desired;   // in force; nothing: the file alone
  std::optional<DesiredConfig> previous;  // what was before, while a trial goes on
  bool on_trial = false;                  // it is not known yet whether the broker can be reached with `desired`
  std::string rolled_back;                // why `version` is not in force, when that was a trial that failed
};

// TwinStore keeps it in a file of the storage folder, of which a power cut leaves the old or the new state. It holds no
// secret, as a desired configuration cannot. Used by one thread.
class TwinStore {
 public:
  explicit TwinStore(const std::filesystem::path& storage) : path_(storage / "twin.json") {}

  // Nothing has been stored yet: the state of no twin. An error when there is something that cannot be read.
  Result<TwinState> load() const;
  Status save(const TwinState& state) const;

 private:
  const std::filesystem::path path_;
};

}  // namespace vedette
