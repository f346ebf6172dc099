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
  int64_t version = 0;                    // the highest that was taken or refused: what comes must be higher
  std::optional<DesiredConfig> desired;   // in force; nothing: the file alone
  std::optional<DesiredConfig> previous;  // what was before, while a trial goes on
  bool on_trial = false;                  // it is not known yet whether the broker can be reached with `desired`
  std::string rolled_back;                // why `version` is not in force, when that was a trial that failed
  std::vector<FieldError> refused;        // the same when it was refused; see kMostRefusalErrors
};

// How many errors of a refusal are kept, and how much of each text: their paths are as long as who sent it likes.
inline constexpr size_t kMostRefusalErrors = 32;
inline constexpr size_t kMostRefusalText = 512;

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
