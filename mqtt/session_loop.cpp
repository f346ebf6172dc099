#include "mqtt/session_loop.h"

#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "core/log.h"
#include "core/resolve.h"
#include "core/thread.h"
#include "mqtt/reasons.h"

namespace vedette::mqtt {

namespace {

constexpr seconds kTick{1};
constexpr microseconds kLinger{300};
constexpr seconds kLookupLimit{15};
// A connection that lasted so long was a good one: the pauses begin anew. A broker that accepts and drops again is not
// tried once a second for ever.
constexpr seconds kStable{60};
// After a refusal of name or password the pauses begin with 30 times the first one (30 s), but they do not end above
// those of other failures, so that a corrected password counts within a minute.
constexpr int kRefusedFactor = 30;
constexpr int kSmoothing = 8;  // the weight of a new round trip is 1/8, as in TCP (RFC 6298)
constexpr int kRefused = 0x80;

MonoTime now() {
  return Clock::system().mono();
}

}  // namespace

SessionLoop::SessionLoop(SessionConfig config, std::vector<BrokerUrl> urls, SessionCallbacks callbacks, Fd wake)
    : config_(std::move(config)),
      callbacks_(std::move(callbacks)),
      wake_(std::move(wake)),
      backoff_(config_.first_backoff, config_.most_backoff),
      refused_backoff_(config_.first_backoff * kRefusedFactor, config_.most_backoff) {
  for (BrokerUrl& url : urls) brokers_.push_back({std::move(url), false, {}});
}

SessionLoop::~SessionLoop() = default;

void SessionLoop::start() {
  thread_ = start_thread("mqtt", [this](const std::stop_token& stop) { run(stop); });
}

Status SessionLoop::enqueue(Message message, uint64_t token) {
  bool first = false;
  {
    const std::lock_guard lock(mutex_);
    if (!accepting_) return fail(Code::camera_unavailable, "no connection to the broker");
    if (outstanding_ >= Session::kWindow) return fail(Code::busy, "too many messages wait for the broker");
    ++outstanding_;
    first = queue_.empty() && !lingering_;
    queue_.push_back({std::move(message), token});
    has_queue_ = true;
  }
  if (first)
    wake();
  else
    std::this_thread::yield();  // to the session's thread, which may be lingering on this core
  return {};
}

std::optional<microseconds> SessionLoop::round_trip() const {
  const int64_t us = round_trip_us_;
  if (us < 0) return std::nullopt;
  return microseconds(us);
}

void SessionLoop::close(std::optional<Message> last, milliseconds most) {
  if (!thread_.joinable()) return;
  {
    const std::lock_guard lock(mutex_);
    close_by_ = now() + most;
    if (accepting_ && last) {
      // Behind what is in flight: one connection keeps the order.
      queue_.push_back({*std::move(last), std::nullopt});
      has_queue_ = true;
      ++outstanding_;
    }
    accepting_ = false;
  }
  wake();
  thread_.join();
}

void SessionLoop::run(const std::stop_token& stop) {
  const std::stop_callback on_stop(stop, [this] { wake(); });
  while (!ending(stop)) {
    const Try last = round(stop);
    if (last.lasted >= kStable) {
      backoff_.reset();
      refused_backoff_.reset();
    }
    if (!ending(stop)) pause(last, stop);
  }
  ready_ = false;
}

// Tries the brokers in turn, beginning with the one that was good, until one has taken us and was lost again.
SessionLoop::Try SessionLoop::round(const std::stop_token& stop) {
  Try outcome;
  for (size_t i = 0; i < brokers_.size() && !ending(stop) && !outcome.was_ready; ++i) {
    outcome = serve(brokers_[current_], stop);
    if (outcome.lasted < kStable) current_ = (current_ + 1) % brokers_.size();
  }
  return outcome;
}

SessionLoop::Try SessionLoop::serve(Broker& broker, const std::stop_token& stop) {
  Try outcome;
  const std::string url = broker.url.display();
  const auto connection = connect(broker, stop);
  if (!connection) return outcome;
  const auto lost = keep(*connection, stop, outcome);
  if (!lost) return outcome;
  now_lost(url, *lost, outcome.was_ready);
  outcome.refused = connection->refused();
  if (!outcome.was_ready) failed(broker, *lost);
  return outcome;
}

std::unique_ptr<Connection> SessionLoop::connect(Broker& broker, const std::stop_token& stop) {
  const auto addresses = resolve(broker.url.host, now() + kLookupLimit, [&] { return ending(stop); });
  if (!addresses) {
    if (addresses.error().code != Code::cancelled) failed(broker, addresses.error().message);
    return nullptr;
  }
  Connection::Handlers handlers{[this](const Message& message, bool retained) {
                                  received_ = true;
                                  if (callbacks_.on_message) callbacks_.on_message(message, retained);
                                },
                                [this](int id, int reason) { published(id, reason); }};
  auto connection = std::make_unique<Connection>(config_, broker.url, std::move(handlers));
  // Where a name has both kinds of address, every second try after a failed one does without IPv6.
  const bool both = addresses->ipv4 && addresses->ipv6;
  connection->open(callbacks_.will ? callbacks_.will() : std::nullopt, both && broker.ipv4_only, now());
  broker.ipv4_only = both && !broker.ipv4_only;
  return connection;
}

// Serves the connection until it is lost (then: the reason) or until it is time to end.
std::optional<std::string> SessionLoop::keep(Connection& connection, const std::stop_token& stop, Try& outcome) {
  const std::string url = connection.url().display();
  MonoTime next_tick = now() + kTick;
  MonoTime ready_at{};
  bool up = false;
  while (connection.state() != Connection::State::lost) {
    if (stop.stop_requested() || closed_in_order(connection)) return std::nullopt;
    const short ready = wait(connection.socket(), connection.events(), next_tick);
    const MonoTime time = now();
    connection.step(ready, time);
    if (time >= next_tick) {
      next_tick = time + kTick;
      connection.tick(time);
      if (puback_is_overdue(time)) connection.fail("no PUBACK any more");
    }
    if (!up && connection.is_up()) {
      up = true;
      now_up();
    }
    if (connection.state() == Connection::State::ready) {
      if (!outcome.was_ready) {
        outcome.was_ready = true;
        ready_at = time;
        now_ready(connection, url);
      }
      linger(stop);
      hand_over(connection);
    }
    connection.flush();
  }
  if (outcome.was_ready) outcome.lasted = now() - ready_at;
  return connection.reason();
}

void SessionLoop::pause(const Try& last, const std::stop_token& stop) {
  const MonoTime end = now() + (last.refused ? refused_backoff_ : backoff_).next();
  while (!ending(stop) && now() < end) wait(-1, 0, end);
}

// Waits for the socket, a wake() or the deadline; gives what the socket is ready for.
short SessionLoop::wait(int socket, short events, MonoTime deadline) {
  {
    const std::lock_guard lock(mutex_);
    if (close_by_) deadline = std::min(deadline, *close_by_);
  }
  const auto left = std::max<int64_t>(0, to_ms(deadline - now() + 999us));  // rounded up, or it would spin at the end
  pollfd entries[] = {{socket, events, 0}, {wake_.get(), POLLIN, 0}};
  if (poll(entries, std::size(entries), static_cast<int>(left)) <= 0) return 0;
  uint64_t ignored = 0;
  if (entries[1].revents && read(wake_.get(), &ignored, sizeof ignored) < 0 && errno != EAGAIN)
    log::error("bug: eventfd cannot be read");
  return entries[0].revents;
}

// What came in is mostly answered at once, and to be woken for the answer would take longer than to make it (80 us,
// measured): the thread stays awake for it a moment.
void SessionLoop::linger(const std::stop_token& stop) {
  if (!std::exchange(received_, false)) return;
  {
    const std::lock_guard lock(mutex_);
    if (close_by_) return;
    lingering_ = true;
  }
  const MonoTime end = now() + kLinger;
  while (!has_queue_ && !stop.stop_requested() && now() < end) std::this_thread::yield();
}

void SessionLoop::wake() {
  const uint64_t one = 1;
  if (write(wake_.get(), &one, sizeof one) < 0 && errno != EAGAIN) log::error("bug: eventfd cannot be written");
}

bool SessionLoop::ending(const std::stop_token& stop) const {
  if (stop.stop_requested()) return true;
  const std::lock_guard lock(mutex_);
  return close_by_.has_value();
}

// Whether close() was asked for and all that can be done for it is done. When the time is over with messages in flight,
// the last one among them, the will tells what happened.
bool SessionLoop::closed_in_order(Connection& connection) {
  MonoTime deadline;
  size_t outstanding = 0;
  {
    const std::lock_guard lock(mutex_);
    if (!close_by_) return false;
    deadline = *close_by_;
    outstanding = outstanding_;
  }
  if (connection.state() != Connection::State::ready || now() >= deadline) return true;
  if (outstanding > 0) return false;
  connection.disconnect(deadline);
  return true;
}

void SessionLoop::now_up() {
  last_puback_ = now();
  const std::lock_guard lock(mutex_);
  accepting_ = !close_by_;
}

void SessionLoop::now_ready(Connection& connection, const std::string& url) {
  ready_ = true;
  brokers_[current_].last_failure.clear();
  log::info("broker connected", {{"url", url}, {"session_present", connection.session_present()}});
  if (callbacks_.on_connect) callbacks_.on_connect(connection.session_present());
}

void SessionLoop::now_lost(const std::string& url, const std::string& reason, bool was_ready) {
  bool had_taken = false;
  {
    const std::lock_guard lock(mutex_);
    had_taken = accepting_;
    accepting_ = false;
    outstanding_ = 0;
    queue_.clear();
    has_queue_ = false;
  }
  in_flight_.clear();
  ready_ = false;
  if (was_ready) log::warn("broker connection lost", {{"url", url}, {"reason", reason}});
  if ((was_ready || had_taken) && callbacks_.on_disconnect) callbacks_.on_disconnect(reason);
}

// A try that failed as the one before it is not worth another line.
void SessionLoop::failed(Broker& broker, const std::string& reason) {
  const std::string url = broker.url.display();
  log::write(reason == broker.last_failure ? log::Level::debug : log::Level::warn, "broker not reached",
             {{"url", url}, {"reason", reason}});
  broker.last_failure = reason;
  if (callbacks_.on_failed_try) callbacks_.on_failed_try(url, reason);
}

void SessionLoop::hand_over(Connection& connection) {
  std::deque<Outgoing> batch;
  {
    const std::lock_guard lock(mutex_);
    lingering_ = false;
    has_queue_ = false;
    batch.swap(queue_);
  }
  if (batch.empty()) return;
  for (const Outgoing& next : batch) {
    const InFlight message{next.token, next.message.qos, now()};
    if (const auto id = connection.publish(next.message))
      in_flight_.insert_or_assign(*id, message);
    else
      done(message, id.error());
  }
}

void SessionLoop::published(int id, int reason) {
  const auto found = in_flight_.find(id);
  if (found == in_flight_.end()) return;
  const InFlight message = found->second;
  in_flight_.erase(found);
  last_puback_ = now();
  if (message.qos > 0) measure(last_puback_ - message.sent_at);
  done(message, reason);
}

void SessionLoop::done(const InFlight& message, int reason) {
  {
    const std::lock_guard lock(mutex_);
    if (outstanding_ > 0) --outstanding_;
  }
  if (reason >= kRefused) log::warn("message refused", {{"reason", describe_reason(reason)}});
  if (message.token && callbacks_.on_published) callbacks_.on_published(*message.token, reason);
}

void SessionLoop::measure(microseconds round_trip) {
  const int64_t before = round_trip_us_;
  round_trip_us_ = before < 0 ? round_trip.count() : before + (round_trip.count() - before) / kSmoothing;
}

bool SessionLoop::puback_is_overdue(MonoTime time) const {
  return std::any_of(in_flight_.begin(), in_flight_.end(), [&](const auto& entry) {
    return time - std::max(entry.second.sent_at, last_puback_) >= config_.puback_limit;
  });
}

}  // namespace vedette::mqtt
