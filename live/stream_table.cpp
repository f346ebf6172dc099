#include "live/stream_table.h"

#include <algorithm>

namespace vedette {

namespace {

bool same_secret(std::string_view a, std::string_view b) {
  if (a.size() != b.size()) return false;
  unsigned difference = 0;
  for (size_t i = 0; i < a.size(); ++i) difference |= static_cast<unsigned>(a[i] ^ b[i]);
  return difference == 0;
}

}  // namespace

Status StreamTable::add(std::shared_ptr<FrameStream> stream) {
  const std::lock_guard lock(mutex_);
  if (streams_.size() >= most_)
    return fail(Code::busy, "there are " + std::to_string(most_) + " streams already, as many as may be");
  streams_.push_back(std::move(stream));
  return {};
}

void StreamTable::remove(const FrameStream& stream) {
  const std::lock_guard lock(mutex_);
  std::erase_if(streams_, [&](const auto& s) { return s.get() == &stream; });
}

std::vector<std::shared_ptr<FrameStream>> StreamTable::all() const {
  const std::lock_guard lock(mutex_);
  return streams_;
}

std::shared_ptr<FrameStream> StreamTable::find(std::string_view stream_id) const {
  const std::lock_guard lock(mutex_);
  const auto found =
      std::find_if(streams_.begin(), streams_.end(), [&](const auto& s) { return s->id == stream_id && !s->closing; });
  return found == streams_.end() ? nullptr : *found;
}

std::shared_ptr<FrameStream> StreamTable::take(std::string_view token, MonoTime now, UtcTime now_utc) {
  const std::lock_guard lock(mutex_);
  std::shared_ptr<FrameStream> taken;
  for (const auto& stream : streams_) {
    const bool free = stream->since_utc_us == 0 && !stream->closing && now < stream->expires;
    if (same_secret(stream->token, token) && free) taken = stream;
  }
  if (taken) taken->since_utc_us = now_utc.time_since_epoch().count();
  return taken;
}

}  // namespace vedette
