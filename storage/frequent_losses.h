#pragma once

#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "core/clock.h"
#include "storage/loss.h"

namespace vedette {

// FrequentLosses gathers what the network loses of a camera again and again (packets_lost), so that a bad link costs a
// row a minute, and not one for each hole: the first is to be written at once, those of the minute behind it are joined
// here, in memory. A kill takes them; the gaps of the clip tell of each all the same. Thread-safe.
class FrequentLosses {
 public:
  // Whether the loss is kept here. Else it is to be written now.
  bool keep(const Loss& loss, MonoTime now);
  // What was gathered in minutes that are over by then.
  std::vector<Loss> take(MonoTime now);
  static constexpr microseconds kMinute = 60s;

 private:
  struct Minute {
    MonoTime begun;
    std::optional<Loss> loss;
  };

  std::mutex mutex_;
  std::map<std::string, Minute> by_camera_;
};

}  // namespace vedette
