#include "mqtt/session_loop.h"

#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <sstream>

#include "core/log.h"
#include "core/resolve.h"
#include "core/thread.h"
#include "mqtt/reasons.h"

namespace vedette::mqtt {

namespace {

constexpr seconds kTick{1};
constexpr microseconds kLinger{300};
constexpr seconds kLookupLimit{15};
// Where there are other brokers to try, a name server that does not answer must not hold us up.
constexpr seconds kShortLookupLimit{5};
// What is in flight may take so long before we leave for the first broker, and then the DISCONNECT.
constexpr seconds kLeaveLimit{5};
constexpr int kSmoothing = 8;  // the weight of a new round trip is 1/8, as in TCP (RFC 6298)
constexpr int kRefused = 0x80;

MonoTime now() {
  return Clock::system().mono();
}

// Whether a server reference, "host[:port] ..." (MQTT 5, 4.11), names this broker.
bool is_among(const BrokerUrl& url, const std::string& reference) {
  std::istringstream words(reference);
  const std::string host = url.host.find(':') == std::string::npos ? url.host : "[" + url.host + "]";
  for (std::string word; words >> word;)
    if (word == host || word == host + ":" + std::to_string(url.port)) return true;
  return false;
}

}  // namespace

SessionLoop::SessionLoop(SessionConfig config, std::vector<BrokerUrl> urls, SessionCallbacks callbacks, Fd wake)
    : config_(std::move(config)),
      callbacks_(std::move(callbacks)),
      wake_(std::move(wake)),
      pauses_(config_.first_backoff, config_.most_backoff),
      rivals_(pauses_.peace()) {
  for (BrokerUrl& url : urls) brokers_.push_back({std::move(url), false, {}});
  if (brokers_.size() > 1 && config_.return_after > 0s)
    way_back_ = std::make_unique<WayBack>(brokers_.front().url, config_.return_after);
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
    if ((accepting_ || ready_) && last) {
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
    if (!ending(stop) && !last.left) pause(last, stop);
  }
  ready_ = false;
}

// Tries the brokers in turn, beginning with the one that was good, until one has taken us and was lost again.
SessionLoop::Try SessionLoop::round(const std::stop_token& stop) {
  Try outcome;
  for (size_t i = 0; i < brokers_.size() && !ending(stop) && !outcome.was_ready && outcome.cause != Cause::taken_over;
       ++i)
    outcome = serve(brokers_[current_], stop);
  return outcome;
}

void SessionLoop::look_for_rivals(Try& outcome) {
  if (!rivals_.judge({outcome.cause, outcome.was_ready, outcome.session_present, outcome.lasted})) return;
  const bool announced = outcome.cause == Cause::taken_over;
  outcome.cause = Cause::taken_over;
  if (callbacks_.on_taken_over) callbacks_.on_taken_over(announced);
}

// A broker that was good is tried again first, unless it has fallen silent. One that sends us elsewhere is obeyed when
// that is one of ours: who may be trusted with our messages is a matter of the configuration.
void SessionLoop::choose_next(const Try& last, const std::string& server_reference) {
  if (std::exchange(returning_, false) && !last.was_ready && way_back_) way_back_->in_vain();
  if (last.left) {
    returning_ = true;
    current_ = 0;
    return;
  }
  const bool was_good = last.lasted >= Pauses::kStable && last.cause != Cause::silent;
  if (!was_good || last.cause == Cause::moved) current_ = (current_ + 1) % brokers_.size();
  if (last.cause != Cause::moved) return;
  for (size_t i = 0; i < brokers_.size(); ++i)
    if (is_among(brokers_[i].url, server_reference)) {
      current_ = i;
      return;
    }
  log::warn("the broker names another one, which is not configured", {{"server_reference", server_reference}});
}

SessionLoop::Try SessionLoop::serve(Broker& broker, const std::stop_token& stop) {
  Try outcome;
  const std::string url = broker.url.display();
  const auto connection = connect(broker, stop);
  if (!connection) {
    choose_next(outcome, {});
    return outcome;
  }
  const auto lost = keep(*connection, stop, outcome);
  if (!lost) return outcome;
  outcome.cause = connection->cause();
  outcome.session_present = connection->session_present();
  look_for_rivals(outcome);
  now_lost(url, *lost, outcome.was_ready);
  if (!outcome.was_ready) failed(broker, *lost);
  choose_next(outcome, connection->server_reference());
  return outcome;
}

std::unique_ptr<Connection> SessionLoop::connect(Broker& broker, const std::stop_token& stop) {
  const seconds limit = brokers_.size() > 1 ? kShortLookupLimit : kLookupLimit;
  const auto addresses = resolve(broker.url.host, now() + limit, [&] { return ending(stop); });
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
  connection->open(callbacks_.will ? callbacks_.will() : std::nullopt, addresses->in_turn(broker.failures), now());
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
      if (puback_is_overdue(time)) connection.fail("no PUBACK any more", Cause::silent);
    }
    if (outcome.was_ready && leaves(connection, time)) outcome.left = true;
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

// Whether the connection was ended to go back to the first broker. The will is sent there: where the brokers are one
// cluster, the next connection is made before its delay is over; where they are not, those who look there see it.
bool SessionLoop::leaves(Connection& connection, MonoTime time) {
  if (!leave_by_) {
    if (!way_back_ || !way_back_->is_time(time)) return false;
    log::info("going back to the first broker", {{"url", brokers_.front().url.display()}});
    leave_by_ = time + kLeaveLimit;
    const std::lock_guard lock(mutex_);
    accepting_ = false;
  }
  if (outstanding() > 0 && time < *leave_by_) return false;
  connection.disconnect(time + kLeaveLimit, Connection::Will::sent);
  return true;
}

void SessionLoop::pause(const Try& last, const std::stop_token& stop) {
  const MonoTime end = now() + pauses_.next(last.cause, last.lasted);
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

size_t SessionLoop::outstanding() const {
  const std::lock_guard lock(mutex_);
  return outstanding_;
}

// Whether close() was asked for and all that can be done for it is done. When the time is over with messages in flight,
// the last one among them, the will tells what happened.
bool SessionLoop::closed_in_order(Connection& connection) {
  MonoTime deadline;
  {
    const std::lock_guard lock(mutex_);
    if (!close_by_) return false;
    deadline = *close_by_;
  }
  if (connection.state() != Connection::State::ready || now() >= deadline) return true;
  if (outstanding() > 0) return false;
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
  const bool same = !last_ready_ || *last_ready_ == current_;
  last_ready_ = current_;
  returning_ = false;
  if (way_back_) way_back_->arrived(current_ == 0);
  if (callbacks_.on_subscribed) callbacks_.on_subscribed(connection.refused());
  if (callbacks_.on_connect) callbacks_.on_connect(same && connection.session_present());
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
  leave_by_.reset();
  if (way_back_) way_back_->lost();
  if (was_ready) log::warn("broker connection lost", {{"url", url}, {"reason", reason}});
  if ((was_ready || had_taken) && callbacks_.on_disconnect) callbacks_.on_disconnect(reason);
}

// A try that failed as the one before it is not worth another line.
void SessionLoop::failed(Broker& broker, const std::string& reason) {
  const std::string url = broker.url.display();
  ++broker.failures;
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
