#include "media/ring.h"

#include <algorithm>
#include <utility>

namespace vedette {

namespace {

constexpr size_t kFirstSlots = 64;

}  // namespace

Ring::Ring(RingLimits limits) : limits_(limits), slots_(kFirstSlots) {}

void Ring::Place::pass(const Packet& packet) {
  ++sequence;
  offset += packet.payload().size();
  frames += packet.video() ? 1 : 0;
}

void Ring::push(Packet packet) {
  bool wake = false;
  const MonoTime now = Clock::system().mono();
  std::shared_ptr<const Listeners> listeners;
  {
    const std::lock_guard lock(mutex_);
    append(std::move(packet), now);
    evict();
    wake = waiting_ > 0;
    listeners = listeners_;
  }
  if (wake) pushed_.notify_all();
  for (const auto& listener : *listeners) listener->on_push();
  evicted_.clear();
}

void Ring::set_limits(RingLimits limits) {
  const std::lock_guard lock(mutex_);
  limits_ = limits;
}

void Ring::clear() {
  std::vector<Slot> gone(kFirstSlots);  // payload is freed outside the lock
  const std::lock_guard lock(mutex_);
  for (; first_.sequence != end_.sequence;) first_.pass(slot(first_.sequence).packet);
  slots_.swap(gone);
  keyframes_.clear();
}

void Ring::append(Packet packet, MonoTime now) {
  if (end_.sequence - first_.sequence == slots_.size()) grow();
  if (packet.video_keyframe()) keyframes_.push_back({end_, packet.pts});
  if (packet.video()) newest_ = packet.pts;
  Slot& place = slot(end_.sequence);
  end_.pass(packet);
  place = {std::move(packet), now};
}

void Ring::grow() {
  std::vector<Slot> larger(slots_.size() + slots_.size() / 4);
  for (uint64_t s = first_.sequence; s != end_.sequence; ++s) larger[s % larger.size()] = std::move(slot(s));
  slots_ = std::move(larger);
}

void Ring::evict() {
  const auto too_large = [this] { return end_.offset - first_.offset > limits_.bytes; };
  while (const Keyframe* next = second_gop()) {
    const bool last_but_one = next == &keyframes_.back();
    if (*newest_ - next->pts < limits_.duration && (!too_large() || last_but_one)) break;
    evict_before(next->place.sequence);
  }
  // Two GOPs are left, or one. The newest packet stays whatever its size: no reader could ever get it otherwise.
  while (too_large() && end_.sequence - first_.sequence > 1) evict_before(first_.sequence + 1);
}

// Whether the oldest packets have no keyframe in front of them.
bool Ring::headless() const {
  return keyframes_.empty() || keyframes_.front().place.sequence != first_.sequence;
}

// Where the ring begins when its oldest GOP goes; null when there is only one.
const Ring::Keyframe* Ring::second_gop() const {
  const size_t index = headless() ? 0 : 1;
  return index < keyframes_.size() ? &keyframes_[index] : nullptr;
}

void Ring::evict_before(uint64_t sequence) {
  while (first_.sequence != sequence) {
    Packet& oldest = slot(first_.sequence).packet;
    first_.pass(oldest);
    evicted_.push_back(std::move(oldest));
  }
  while (!keyframes_.empty() && keyframes_.front().place.sequence < sequence) keyframes_.pop_front();
}

const Ring::Keyframe* Ring::keyframe_from(uint64_t sequence) const {
  const auto found = std::lower_bound(keyframes_.begin(), keyframes_.end(), sequence,
                                      [](const Keyframe& k, uint64_t s) { return k.place.sequence < s; });
  return found == keyframes_.end() ? nullptr : &*found;
}

const Ring::Keyframe* Ring::keyframe_before(MonoTime t) const {
  const auto found =
      std::find_if(keyframes_.rbegin(), keyframes_.rend(), [t](const Keyframe& k) { return k.pts <= t; });
  return found == keyframes_.rend() ? nullptr : &*found;
}

Cursor Ring::cursor_at(MonoTime t) {
  const std::lock_guard lock(mutex_);
  if (keyframes_.empty()) return {*this, end_, Cursor::Begin::keyframe};
  const Keyframe* begin = keyframe_before(t);
  return {*this, (begin ? *begin : keyframes_.front()).place, Cursor::Begin::keyframe};
}

Cursor Ring::cursor_live() {
  const std::lock_guard lock(mutex_);
  return {*this, end_, Cursor::Begin::anywhere};
}

std::optional<Packet> Ring::keyframe_at(MonoTime t) const {
  const std::lock_guard lock(mutex_);
  const Keyframe* keyframe = keyframe_before(t);
  if (!keyframe) return std::nullopt;
  return slot(keyframe->place.sequence).packet;
}

std::optional<Packet> Ring::newest_keyframe() const {
  const std::lock_guard lock(mutex_);
  if (keyframes_.empty()) return std::nullopt;
  return slot(keyframes_.back().place.sequence).packet;
}

void Ring::add_listener(std::shared_ptr<RingListener> listener) {
  const std::lock_guard lock(mutex_);
  auto more = std::make_shared<Listeners>(*listeners_);
  more->push_back(std::move(listener));
  listeners_ = std::move(more);
}

void Ring::remove_listener(const std::shared_ptr<RingListener>& listener) {
  const std::lock_guard lock(mutex_);
  auto fewer = std::make_shared<Listeners>(*listeners_);
  std::erase(*fewer, listener);
  listeners_ = std::move(fewer);
}

bool Ring::awaited() const {
  const std::lock_guard lock(mutex_);
  return waiting_ > 0 || !listeners_->empty();
}

RingFigures Ring::figures() const {
  const std::lock_guard lock(mutex_);
  RingFigures figures;
  figures.packets = end_.sequence - first_.sequence;
  figures.bytes = end_.offset - first_.offset;
  figures.newest = newest_;
  figures.evicted_unread_bytes = evicted_unread_bytes_;
  if (keyframes_.empty()) return figures;
  figures.oldest = keyframes_.front().pts;
  figures.duration = std::max(*newest_ - *figures.oldest, microseconds(0));
  const size_t n = keyframes_.size();
  if (n >= 2) figures.gop = keyframes_[n - 1].pts - keyframes_[n - 2].pts;
  return figures;
}

template <class Condition>
Ring::Wait Ring::wait(std::unique_lock<std::mutex>& lock, MonoTime deadline, const std::stop_token& stop,
                      Condition ready) const {
  if (ready()) return Wait::not_needed;
  ++waiting_;
  const bool held = pushed_.wait_until(lock, stop, deadline, ready);
  --waiting_;
  return held ? Wait::held : Wait::over;
}

Cursor::Cursor(Ring& ring, Ring::Place place, Begin begin)
    : ring_(&ring), next_(place), made_at_(ring.end_), wants_keyframe_(begin == Begin::keyframe) {}

size_t Cursor::read(std::vector<Packet>& out, size_t most, MonoTime deadline, const std::stop_token& stop) {
  std::unique_lock lock(ring_->mutex_);
  const auto waited = ring_->wait(lock, deadline, stop, [this] { return find_next(); });
  if (waited == Ring::Wait::over) return 0;
  if (waited == Ring::Wait::held)
    ring_->delivery_latency_.add(Clock::system().mono() - ring_->slot(next_.sequence).entered);
  const auto count = static_cast<size_t>(std::min<uint64_t>(most, ring_->end_.sequence - next_.sequence));
  for (size_t i = 0; i < count; ++i) {
    out.push_back(ring_->slot(next_.sequence).packet);
    next_.pass(out.back());
  }
  return count;
}

std::optional<Packet> Cursor::try_read() {
  const std::lock_guard lock(ring_->mutex_);
  if (!find_next()) return std::nullopt;
  const Ring::Slot& slot = ring_->slot(next_.sequence);
  // The newest one is what a listener was woken for; those before it are its backlog.
  if (next_.sequence + 1 == ring_->end_.sequence) ring_->delivery_latency_.add(Clock::system().mono() - slot.entered);
  std::optional<Packet> packet = slot.packet;
  next_.pass(*packet);
  return packet;
}

Cursor::Backlog Cursor::backlog() const {
  const std::lock_guard lock(ring_->mutex_);
  const Ring::Place& end = ring_->end_;
  const uint64_t oldest = std::max({next_.sequence, made_at_.sequence, ring_->first_.sequence});
  Backlog backlog;
  backlog.frames = end.frames - std::max(next_.frames, made_at_.frames);
  if (oldest < end.sequence)
    backlog.duration =
        std::max(ring_->slot(end.sequence - 1).packet.dts - ring_->slot(oldest).packet.dts, microseconds(0));
  return backlog;
}

void Cursor::skip_to_newest_keyframe() {
  const std::lock_guard lock(ring_->mutex_);
  if (next_.sequence < ring_->first_.sequence) count_evicted();
  const auto& keyframes = ring_->keyframes_;
  const bool ahead = !keyframes.empty() && keyframes.back().place.sequence > next_.sequence;
  miss_until(ahead ? keyframes.back().place : ring_->end_);
  wants_keyframe_ = has_missed_ = !ahead;
}

// Puts the cursor on a packet that is there and of use; false when none is.
bool Cursor::find_next() {
  if (next_.sequence < ring_->first_.sequence) count_evicted();
  if (wants_keyframe_ && !skip_to_keyframe()) return false;
  return next_.sequence != ring_->end_.sequence;
}

void Cursor::miss_until(const Ring::Place& place) {
  missed_ += place.sequence - next_.sequence;
  next_ = place;
}

void Cursor::count_evicted() {
  ring_->evicted_unread_bytes_ += ring_->first_.offset - next_.offset;
  miss_until(ring_->first_);
  wants_keyframe_ = has_missed_ = true;
}

bool Cursor::skip_to_keyframe() {
  const Ring::Keyframe* keyframe = ring_->keyframe_from(next_.sequence);
  const Ring::Place to = keyframe ? keyframe->place : ring_->end_;
  if (has_missed_)
    miss_until(to);
  else
    next_ = to;
  if (keyframe) wants_keyframe_ = has_missed_ = false;
  return keyframe != nullptr;
}

}  // namespace vedette
