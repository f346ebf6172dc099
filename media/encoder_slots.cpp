#include "media/encoder_slots.h"

#include <algorithm>
#include <string>
#include <thread>

namespace vedette {

namespace {

int or_processors(int most) {
  return most > 0 ? most : std::max(1, static_cast<int>(std::thread::hardware_concurrency()));
}

}  // namespace

EncoderSlots& EncoderSlots::of_process() {
  static EncoderSlots slots;
  return slots;
}

void EncoderSlots::set_most(int most) {
  const std::lock_guard lock(mutex_);
  most_ = most;
}

int EncoderSlots::most() const {
  const std::lock_guard lock(mutex_);
  return or_processors(most_);
}

Result<EncoderSlots::Slot> EncoderSlots::take() {
  const std::lock_guard lock(mutex_);
  const int most = or_processors(most_);
  if (taken_ >= most)
    return fail(Code::busy, "all " + std::to_string(most) +
                                " encoders that may run at once (encode.slots) are in use; disable a camera that is "
                                "encoded here, let one send what is encoded already (format=h264, or encode.codec copy)"
                                ", or raise encode.slots where the processor has the time");
  ++taken_;
  return Slot(this, [](EncoderSlots* slots) {
    const std::lock_guard back(slots->mutex_);
    --slots->taken_;
  });
}

}  // namespace vedette
