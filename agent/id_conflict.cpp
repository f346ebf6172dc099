#include "agent/id_conflict.h"

#include <nlohmann/json.hpp>

#include "core/log.h"

namespace vedette {

namespace {

constexpr const char* kRemedy = "give each device a device_id of its own";

}  // namespace

void IdConflict::on_taken_over(bool announced) {
  if (times_++ == 0) {
    since_ = clock_.utc();
    tell(announced);
  } else if (clock_.mono() - told_at_ >= kReminder) {
    tell(announced);
  }
}

void IdConflict::tell(bool announced) {
  told_at_ = clock_.mono();
  log::error("another client connects with the client id of this device",
             {{"times", times_}, {"announced", announced}, {"remedy", kRemedy}});
  outbox_.note(make_event("agent.id_in_use", {},
                          {{"announced", announced}, {"times", times_}, {"since", to_rfc3339(since_)}}, clock_.utc()));
}

void IdConflict::look() {
  if (times_ == 0 || !connected_at_ || clock_.mono() - *connected_at_ < kPeace) return;
  log::info("no other client connects with the client id of this device any more", {{"times", times_}});
  times_ = 0;
}

std::string IdConflict::problem() const {
  if (times_ == 0) return {};
  return "another client connects with the client id of this device (times so far: " + std::to_string(times_) +
         "): " + kRemedy;
}

}  // namespace vedette
