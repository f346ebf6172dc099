#include "agent/cloud_requests.h"

#include <nlohmann/json.hpp>

#include "core/ids.h"
#include "core/log.h"

namespace vedette {

void CloudRequests::ask(std::string verb, const Json& body, Done done) {
  if (waiting_.size() >= kMostWaiting)
    return done(fail(Code::busy, "too many requests wait for the backend"), clock_.mono());
  const std::string id = new_id();
  Waiting& one = waiting_[id];
  one.verb = std::move(verb);
  one.body = std::make_shared<const Json>(body);
  one.done = std::move(done);
  one.since = one.next_try = clock_.mono();
  if (connected_) send(id, one);
}

// What could not be sent is tried again with the next tick.
void CloudRequests::send(const std::string& id, Waiting& waiting) {
  const MonoTime now = clock_.mono();
  const auto left = std::chrono::ceil<seconds>(kPatience - (waiting.waited + (now - waiting.since)));
  if (!send_({waiting.verb, id, waiting.body, std::max(left, seconds(1))})) return;
  if (waiting.asked == MonoTime{}) waiting.asked = now;
  waiting.next_try = now + waiting.pause.next();
}

// Those that were on their way may be lost with the connection: all are asked again.
void CloudRequests::on_connected() {
  connected_ = true;
  const MonoTime now = clock_.mono();
  for (auto& [id, one] : waiting_) {
    one.since = one.next_try = now;
    one.pause.reset();
    send(id, one);
  }
}

void CloudRequests::on_disconnected() {
  if (!std::exchange(connected_, false)) return;
  const MonoTime now = clock_.mono();
  for (auto& [id, one] : waiting_) one.waited += now - one.since;
}

void CloudRequests::on_response(const Result<CloudResponse>& response) {
  if (!response) return ignore(response.error().message);
  const auto it = waiting_.find(response->request_id);
  if (it == waiting_.end()) return ignore("it answers no request that is waiting");
  if (it->second.verb != response->verb) return ignore("it answers a request of another verb");
  if (it->second.asked == MonoTime{}) return ignore("it answers what was not asked yet");
  auto node = waiting_.extract(it);
  node.mapped().done(response, node.mapped().asked);
}

void CloudRequests::ignore(const std::string& why) {
  ++ignored_;
  const auto level = ignored_ == 1 ? log::Level::warn : log::Level::debug;
  log::write(level, "a response of the backend is ignored",
             {{"reason", why}, {"ignored_total", static_cast<int64_t>(ignored_)}});
}

void CloudRequests::tick() {
  if (!connected_) return;
  const MonoTime now = clock_.mono();
  std::vector<Requests::node_type> over;
  for (auto it = waiting_.begin(); it != waiting_.end();) {
    Waiting& one = it->second;
    const auto here = it++;
    if (one.waited + (now - one.since) >= kPatience)
      over.push_back(waiting_.extract(here));
    else if (now >= one.next_try)
      send(here->first, one);
  }
  for (auto& node : over) {
    const Waiting& one = node.mapped();
    one.done(fail(Code::timed_out, "the backend does not answer " + one.verb), one.asked);
  }
}

}  // namespace vedette
