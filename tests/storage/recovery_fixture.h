#pragma once

#include <gtest/gtest.h>

#include <atomic>
#include <nlohmann/json.hpp>

#include "core/ids.h"
#include "storage/clip_recorder.h"
#include "storage/recovery.h"
#include "tests/storage/pattern.h"
#include "tests/storage/store.h"
#include "tests/support/wait.h"

namespace vedette::test {

namespace fs = std::filesystem;

struct RecoveryTest : testing::Test {
  Store store;
  Histogram mux, sync;
  const Clock& clock = Clock::system();

  // One ready clip of `length`, as the recorder makes it.
  Clip record(
      microseconds length, const std::function<void(RecordingSpec&)>& adjust = [](RecordingSpec&) {}) {
    Ring ring(RingLimits{3600s, 256 * 1024 * 1024});
    const MonoTime begin = clock.mono() - 3600s;
    Pattern camera(begin);
    for (const Packet& packet : camera.until(begin + length + 1s)) ring.push(packet);
    RecordingSpec spec;
    spec.recording_id = new_id();
    spec.camera_id = "front";
    spec.start = begin;
    spec.end = begin + length;
    spec.labels = {"door"};
    spec.command_id = new_id();
    spec.trigger = "event";
    adjust(spec);
    EXPECT_TRUE(store.catalog->add_recording(spec.recording_id, "front", clock.utc()));
    std::atomic<bool> ended = false;
    Clip clip;
    const RecorderContext context{store.layout, *store.catalog, *store.losses, clock, 2000ms, mux, sync};
    ClipRecorder recorder(spec, ring, context, [&](const RecorderReport& report) {
      if (report.clip) clip = *report.clip;
      ended = report.kind == RecorderReport::Kind::ended;
    });
    EXPECT_TRUE(eventually(30s, [&] { return ended.load(); }));
    return clip;
  }

  fs::path file_of(const Clip& clip) const { return store.layout.absolute(clip.path); }
  fs::path part_of(const Clip& clip) const { return Layout::part_path(file_of(clip)); }
  void sql(const std::string& text) {
    ASSERT_TRUE(store.database->write([&](Database::Access& db) { return db.prepare(text).run(); }));
  }
  // As if the recorder had been killed before its rows were committed.
  void undo_commit(const Clip& clip) {
    sql("UPDATE clip SET state = 'recording', end_us = NULL, sha256 = '', size_bytes = 0");
    sql("DELETE FROM upload");
    sql("DELETE FROM outbox");
    ASSERT_EQ(store.catalog->unfinished_clips().value().at(0).clip_id, clip.clip_id);
  }
  void forget_all() {
    sql("DELETE FROM clip");
    sql("DELETE FROM upload");
    sql("DELETE FROM outbox");
  }
  RecoveryResult recover() {
    store.reopen();
    const auto result = vedette::recover(store.layout, *store.catalog, *store.losses, clock);
    EXPECT_TRUE(result.has_value()) << result.error().message;
    return result.value_or(RecoveryResult{-1, -1, -1});
  }
  void expect(const RecoveryResult& result, int recovered, int quarantined, int forgotten) {
    EXPECT_EQ(result.recovered, recovered);
    EXPECT_EQ(result.quarantined, quarantined);
    EXPECT_EQ(result.forgotten, forgotten);
  }
  std::string loss_reason() {
    const auto losses = store.events("loss.recorded");
    return losses.empty() ? "" : Json::parse(losses.back().data)["reason"].get<std::string>();
  }
  void expect_as_recorded(const Clip& clip) {
    const auto back = store.catalog->clip(clip.clip_id);
    ASSERT_TRUE(back.has_value());
    EXPECT_EQ(back->state, ClipState::ready);
    EXPECT_TRUE(back->recovered);
    EXPECT_EQ(back->recording_id, clip.recording_id);
    EXPECT_EQ(back->start, clip.start);
    EXPECT_EQ(back->end, clip.end);
    EXPECT_EQ(back->labels, clip.labels);
    EXPECT_EQ(back->trigger, "event");
    EXPECT_EQ(back->command_id, clip.command_id);
    EXPECT_EQ(back->sha256, clip.sha256);
    EXPECT_EQ(back->size_bytes, clip.size_bytes);
    EXPECT_EQ(back->path, clip.path);
    EXPECT_EQ(back->upload.state, UploadState::pending);
    EXPECT_TRUE(fs::exists(file_of(clip)));
    EXPECT_FALSE(fs::exists(part_of(clip)));
    const auto events = store.events("clip.recovered");
    ASSERT_EQ(events.size(), 1u);
    EXPECT_EQ(events[0].command_id, clip.command_id);
    EXPECT_EQ(Json::parse(events[0].data)["sha256"], clip.sha256);
  }
};

}  // namespace vedette::test
