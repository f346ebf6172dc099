#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <condition_variable>
#include <filesystem>
#include <functional>
#include <mutex>
#include <optional>
#include <vector>

#include "core/ids.h"
#include "media/demuxer.h"
#include "storage/clip_recorder.h"
#include "tests/storage/pattern.h"
#include "tests/storage/store.h"
#include "tests/support/media.h"

namespace vedette::test {

inline constexpr RingLimits kLargeRing{3600s, 256 * 1024 * 1024};

// What a recorder reported, and waiting for it.
class Reports {
 public:
  ClipRecorder::Report receiver() {
    return [this](RecorderReport report) {
      const std::lock_guard lock(mutex_);
      reports_.push_back(std::move(report));
      changed_.notify_all();
    };
  }
  std::optional<RecorderReport> wait(RecorderReport::Kind kind, seconds limit = 100s) {
    std::unique_lock lock(mutex_);
    const auto found = [&] {
      return std::find_if(reports_.begin(), reports_.end(), [&](const auto& r) { return r.kind == kind; });
    };
    if (!changed_.wait_for(lock, limit, [&] { return found() != reports_.end(); })) return std::nullopt;
    return *found();
  }
  std::vector<RecorderReport> all() {
    const std::lock_guard lock(mutex_);
    return reports_;
  }
  std::vector<Clip> clips() {
    std::vector<Clip> out;
    for (const auto& report : all())
      if (report.clip) out.push_back(*report.clip);
    return out;
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<RecorderReport> reports_;
};

struct ClipRecorderTest : testing::Test {
  Store store;
  Histogram mux, sync;
  const Clock& clock = Clock::system();
  Ring ring{kLargeRing};
  Reports reports;
  // A timeline that is over: all of it can be in the ring at once.
  const MonoTime begin = clock.mono() - 3600s;

  RecorderContext context() { return {store.layout, *store.catalog, *store.losses, clock, 2000ms, mux, sync}; }
  RecordingSpec spec(MonoTime start, std::optional<MonoTime> end) {
    RecordingSpec spec;
    spec.recording_id = new_id();
    spec.camera_id = "front";
    spec.start = start;
    spec.end = end;
    spec.longest = std::chrono::hours(24);
    return spec;
  }
  std::vector<Packet> push(std::vector<Packet> packets) {
    for (const Packet& packet : packets) ring.push(packet);
    return packets;
  }
  // All of it, as if the camera had sent it from `begin` on; its packets of sound as the caller wants them.
  void push_film(
      Footage kind, const std::function<bool(Packet&)>& adjust = [](Packet&) { return true; }) {
    auto demuxer = Demuxer::open(footage(kind).string(), {.live = false}, {});
    ASSERT_TRUE(demuxer.has_value()) << demuxer.error().message;
    for (;;) {
      const auto read = (*demuxer)->read(clock.mono() + 30s, {});
      ASSERT_TRUE(read.has_value()) << read.error().message;
      if (!*read) break;
      const DemuxedPacket& from = **read;
      Packet packet{.data = from.data,
                    .info = from.info,
                    .pts = begin + from.pts,
                    .dts = begin + from.dts,
                    .arrival = begin + from.dts,
                    .arrival_utc = {},
                    .duration = from.duration,
                    .track = from.track,
                    .keyframe = from.keyframe};
      if (adjust(packet)) ring.push(std::move(packet));
    }
  }
  RecorderReport record(const RecordingSpec& spec) {
    ClipRecorder recorder(spec, ring, context(), reports.receiver());
    auto ended = reports.wait(RecorderReport::Kind::ended);
    EXPECT_TRUE(ended.has_value()) << "the recording does not end";
    return ended.value_or(RecorderReport{});
  }
  std::filesystem::path file_of(const Clip& clip) const { return store.layout.absolute(clip.path); }
  std::vector<std::filesystem::path> files() const {
    std::vector<std::filesystem::path> out;
    std::error_code ignored;
    for (const auto& entry : std::filesystem::recursive_directory_iterator(store.layout.clips(), ignored))
      if (entry.is_regular_file()) out.push_back(entry.path());
    return out;
  }
};

}  // namespace vedette::test
