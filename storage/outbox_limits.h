#pragma once

#include <cstdint>
#include <string_view>

#include "core/clock.h"

namespace vedette {

// What an event is worth when not all can be kept. A record says what became of something that is kept or was asked for
// (clips, recordings, snapshots, losses, configurations, the agent itself). A notice says how things stood: cameras,
// motion, room on the disk. Each class has room of its own, so that a camera that flaps costs no record.
enum class EventClass { record, notice };

// By the type of the event; a type that nobody has thought of is a record.
EventClass class_of(std::string_view type);
std::string_view class_name(EventClass of);

// What may wait of one class, what the broker refused included.
struct OutboxBounds {
  int64_t rows = 0;
  int64_t bytes = 0;
  seconds age{0};  // 0: however old

  bool operator==(const OutboxBounds&) const = default;
};

// A row of 100,000 takes about 700 bytes, a clip.ready.
struct OutboxLimits {
  OutboxBounds records{100'000, 128LL << 20, seconds(0)};
  OutboxBounds notices{20'000, 16LL << 20, seconds(7 * 86'400)};

  bool operator==(const OutboxLimits&) const = default;
};

}  // namespace vedette
