#pragma once

#include <memory>
#include <mutex>

#include "core/result.h"

namespace vedette {

// EncoderSlots is how many encoders may run at once: one that is too many makes the frames of all others late, so it is
// refused instead. One pool for the process, because the processor is one. Thread-safe.
class EncoderSlots {
 public:
  // Held for as long as the encoder is. Given back by its destruction.
  using Slot = std::shared_ptr<void>;

  static EncoderSlots& of_process();

  // 0: as many as the machine has processors, which is also the default. Slots that are taken stay taken.
  void set_most(int most);
  int most() const;

  // busy, with the remedy, when all are taken.
  Result<Slot> take();

 private:
  mutable std::mutex mutex_;
  int most_ = 0;
  int taken_ = 0;
};

}  // namespace vedette
