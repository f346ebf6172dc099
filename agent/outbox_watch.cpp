#include "agent/outbox_watch.h"

#include <nlohmann/json.hpp>

#include "core/log.h"

namespace vedette {

namespace {

constexpr const char* kRefusedEvent = "outbox.refused";

}  // namespace

std::string refusal_word(int reason) {
  switch (reason) {
    case 0x87:
      return "not_authorized";
    case 0x90:
      return "topic_name_invalid";
    case 0x95:
      return "packet_too_large";
    case 0x97:
      return "quota_exceeded";
    case 0x99:
      return "payload_format_invalid";
    default:
      return "refused";
  }
}

OutboxWatch::OutboxWatch(Outbox& outbox, Publisher& publisher, const Clock& clock)
    : outbox_(outbox), publisher_(publisher), clock_(clock) {}

bool OutboxWatch::look(MonoTime now) {
  if (now >= next_expire_) {
    next_expire_ = now + kExpireInterval;
    if (const auto expired = outbox_.expire(clock_.utc()); !expired)
      log::error("old events cannot be removed", {{"reason", expired.error().message}});
  }
  if (publisher_.connected() && now >= next_tell_ && outbox_.has_dropped().value_or(false)) {
    next_tell_ = now + kTellInterval;
    if (const auto told = outbox_.tell_dropped(clock_.utc()); !told)
      log::error("event cannot be written", {{"type", "outbox.dropped"}, {"reason", told.error().message}});
  }
  return look_at_refused();
}

bool OutboxWatch::look_at_refused() {
  std::set<Kind> now;
  bool news = false;
  Json types = Json::array();
  int64_t rows = 0;
  for (const RefusedEvents& kind : publisher_.outbox().refused()) {
    now.insert({kind.type, kind.reason});
    rows += kind.rows;
    types.push_back({{"type", kind.type},
                     {"reason", refusal_word(kind.reason)},
                     {"reason_code", kind.reason},
                     {"refused", kind.rows}});
    if (told_.count({kind.type, kind.reason}) > 0) continue;
    log::error("the broker refuses events, which are kept",
               {{"type", kind.type}, {"reason", refusal_word(kind.reason)}, {"reason_code", kind.reason}});
    news |= kind.type != kRefusedEvent;  // to tell of those by one of them would be of no use
  }
  for (const auto& [type, reason] : told_)
    if (now.count({type, reason}) == 0) log::info("the broker takes events again", {{"type", type}});
  if (news) outbox_.note(make_event(kRefusedEvent, {}, {{"refused", rows}, {"types", std::move(types)}}, clock_.utc()));
  return std::exchange(told_, std::move(now)) != told_;
}

}  // namespace vedette
