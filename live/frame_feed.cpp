#include "live/frame_feed.h"

#include <nlohmann/json.hpp>

namespace vedette {

FrameFeed::FrameFeed(Ring& ring, const FrameLimits& limits, const Json& about)
    : limits_(limits), about_(std::make_unique<const Json>(about)), cursor_(ring.cursor_at(kNever)) {}

FrameFeed::~FrameFeed() = default;

bool FrameFeed::next() {
  while ((packet_ = cursor_.try_read())) {
    const uint64_t frame = packet_->video() ? 1 : 0;
    if (!reached_) {
      reached_ = Cursor::Passed{cursor_.passed().packets - 1, cursor_.passed().frames - frame};
      begin_frames_ = reached_->frames;
    }
    if (packet_->payload().size() > limits_.most_frame_bytes) {
      ++too_large_;
      cursor_.skip_to_next_keyframe();
      continue;
    }
    frames_ += frame;
    note_gap(*packet_);
    note_stream(*packet_);
    reached_ = cursor_.passed();
    head_ = frames::frame_head(*packet_, reached_->packets - 1);
    return true;
  }
  return false;
}

void FrameFeed::note_gap(const Packet& packet) {
  const Cursor::Passed passed = cursor_.passed();
  const uint64_t packets = passed.packets - 1 - reached_->packets;
  if (packets == 0) return;
  const uint64_t video_frames = passed.frames - (packet.video() ? 1 : 0) - reached_->frames;
  notes_ +=
      message(frames::Kind::gap, {{"packets", packets}, {"video_frames", video_frames}, {"too_large", too_large_}});
  too_large_ = 0;
}

void FrameFeed::note_stream(const Packet& packet) {
  if (packet.info == info_) return;
  const bool same = info_ && info_->video == packet.info->video && info_->audio == packet.info->audio;
  info_ = packet.info;
  if (same) return;
  Json body = *about_;
  body.update(frames::describe(packet));
  notes_ += message(frames::Kind::stream, body);
}

std::string_view FrameFeed::payload() const {
  const auto bytes = packet_->payload();
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

void FrameFeed::done() {
  packet_.reset();
  notes_.clear();
}

void FrameFeed::fall_back() {
  const Cursor::Backlog backlog = cursor_.backlog();
  if (backlog.frames > limits_.most_frames || backlog.duration > limits_.most_behind) cursor_.skip_to_newest_keyframe();
}

uint64_t FrameFeed::dropped_frames() const {
  return reached_ ? cursor_.passed().frames - begin_frames_ - frames_ : 0;
}

}  // namespace vedette
