#include "agent/retained_states.h"

#include <algorithm>

namespace vedette {

void RetainedStates::on_connected(bool resumed) {
  in_flight_.clear();
  doubt_at_.reset();
  retry_at_.reset();
  retry_pause_.reset();
  if (!resumed) return known_.clear();
  for (auto& [topic, known] : known_) known.on_this_connection = false;
  std::uniform_int_distribution<int64_t> wait(microseconds(kLeastDoubt).count(), microseconds(kMostDoubt).count());
  doubt_at_ = clock_.mono() + microseconds(wait(random_));
}

bool RetainedStates::doubt_when_due() {
  const MonoTime now = clock_.mono();
  const bool retry = retry_at_ && now >= *retry_at_;
  if (retry) retry_at_.reset();
  if (!doubt_at_ || now < *doubt_at_) return retry;
  doubt_at_.reset();
  return std::erase_if(known_, [](const auto& entry) { return !entry.second.on_this_connection; }) > 0 || retry;
}

bool RetainedStates::is_known(const std::string& topic, size_t hash) const {
  const auto known = known_.find(topic);
  return known != known_.end() && known->second.hash == hash;
}

void RetainedStates::sent(const std::string& topic, size_t hash) {
  known_.erase(topic);
  in_flight_[kToken | ++sent_] = {topic, hash};
}

bool RetainedStates::on_published(uint64_t token, bool taken) {
  const auto found = in_flight_.find(token);
  if (found == in_flight_.end()) return (token & kKinds) == kToken;
  const InFlight message = std::move(found->second);
  in_flight_.erase(found);
  const bool superseded = std::any_of(in_flight_.begin(), in_flight_.end(),
                                      [&](const auto& entry) { return entry.second.topic == message.topic; });
  if (taken && !superseded) known_[message.topic] = {message.hash, true};
  if (!taken && !retry_at_) retry_at_ = clock_.mono() + retry_pause_.next();
  return true;
}

}  // namespace vedette
