#include "uploader/upload_engine.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "tests/uploader/upload_engine_fixture.h"
#include "uploader/active_upload.h"

namespace vedette {
namespace {

using test::eventually;
using test::kLimit;
using test::make_upload;
using test::UploadEngineTest;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

TEST_F(UploadEngineTest, TakesRowsByPriorityThenByAge) {
  const auto low = add("a", Priority::low);
  const auto first = add("b");
  const auto second = add("c");
  const auto high = add("d", Priority::high);
  start();
  ASSERT_TRUE(wait_for_reports(4));
  EXPECT_THAT(target_->tries(), ElementsAre(high.subject_id, first.subject_id, second.subject_id, low.subject_id));
  EXPECT_EQ(waiting_rows(), 0);
}

TEST_F(UploadEngineTest, TakesWhatIsAddedLaterWhenWoken) {
  start();
  const auto upload = add();
  engine_->wake();
  ASSERT_TRUE(wait_for_reports(1));
  EXPECT_TRUE(reports()[0].done);
  EXPECT_EQ(reports()[0].upload.subject_id, upload.subject_id);
}

TEST_F(UploadEngineTest, CommitsTheEventTogetherWithTheProof) {
  const auto upload = add("some content");
  start();
  ASSERT_TRUE(wait_for_reports(1));
  const auto all = events();
  ASSERT_EQ(all.size(), 1u);
  EXPECT_EQ(all[0].type, "clip.uploaded");
  EXPECT_EQ(all[0].camera_id, "front");
  EXPECT_EQ(all[0].command_id, upload.command_id);
  const Json data = Json::parse(all[0].data);
  EXPECT_EQ(data["clip_id"], upload.subject_id);
  EXPECT_EQ(data["object_key"], upload.object_key);
  EXPECT_EQ(data["etag"], "etag-" + upload.subject_id);
  EXPECT_EQ(data["attempts"], 1);
  EXPECT_EQ(data["took_ms"], 0);
  EXPECT_EQ(engine_->uploaded_bytes_total(), 12u);
  EXPECT_EQ(HistogramWindow(engine_->upload_time()).next().count, 1u);
}

class ProvedUploadTest : public UploadEngineTest {
 protected:
  // The first one is proved, and two others are under way: no lane is free.
  void prove_one_of_three() {
    target_->in_parts(1);
    for (const char* content : {"a", "b", "c"}) add(content);
    start();
    ASSERT_TRUE(target_->wait_for_tries(2));
    target_->let_parts(1);
    ASSERT_TRUE(target_->wait_for_tries(3));
  }
};

TEST_F(ProvedUploadTest, WaitsAMomentForOthersToBeCommittedWithAndIsToldNoSooner) {
  prove_one_of_three();
  EXPECT_FALSE(eventually(100ms, [&] { return !reports().empty() || !events().empty() || waiting_rows() < 3; }));
  advance(50ms);
  ASSERT_TRUE(wait_for_reports(1));
  EXPECT_EQ(waiting_rows(), 2);
  EXPECT_EQ(events().size(), 1u);
  target_->let_parts(2);
  ASSERT_TRUE(wait_for_reports(3));
  EXPECT_EQ(waiting_rows(), 0);
}

TEST_F(ProvedUploadTest, IsCommittedWhenTheEngineStops) {
  prove_one_of_three();
  engine_.reset();
  EXPECT_EQ(waiting_rows(), 2);
  EXPECT_EQ(events().size(), 1u);
}

// Into a real folder, as its text is in no file.
TEST_F(UploadEngineTest, DeliversManifestsOutOfTheCatalogAndBeforeTheirClips) {
  const Upload upload = add_with_manifest();
  next_target_ = make_directory_target(dir_.path() / "objects");
  start();
  ASSERT_TRUE(wait_for_reports(2));
  EXPECT_EQ(reports()[0].upload.kind, "manifest");
  EXPECT_EQ(reports()[1].upload.kind, "clip");
  auto object = dir_.path() / "objects" / upload.object_key;
  EXPECT_EQ(test::read_text(object), "content");
  EXPECT_EQ(test::read_text(object.replace_extension(".json")), *catalog_->manifest(upload.subject_id));
  EXPECT_EQ(events().size(), 1u) << "clip.uploaded, and nothing of the manifest";
}

TEST_F(UploadEngineTest, TwoGoAtOnceFromTheStart) {
  target_->hang(true);
  const auto first = add("a"), second = add("b");
  add("c");
  start();
  ASSERT_TRUE(target_->wait_for_tries(2));
  EXPECT_THAT(target_->tries(), ElementsAre(first.subject_id, second.subject_id));
  target_->hang(false);
  ASSERT_TRUE(wait_for_reports(3));
  EXPECT_EQ(target_->most_at_once(), 2u);
}

TEST_F(UploadEngineTest, AClipWaitsForItsManifestWithoutHoldingUpOthersAndGoesWhenThatEnds) {
  const Upload upload = add_with_manifest();
  const auto other = add("other");
  target_->hang(true);
  start();
  ASSERT_TRUE(target_->wait_for_tries(2));
  EXPECT_THAT(target_->tries(), ElementsAre(upload.subject_id, other.subject_id));
  target_->hang(false);
  ASSERT_TRUE(wait_for_reports(3));
  EXPECT_EQ(reports()[0].upload.kind, "manifest");
  EXPECT_EQ(reports()[2].upload.subject_id, upload.subject_id);
}

TEST_F(UploadEngineTest, DoesNotLookAgainAndAgainForAClipThatWaitsForItsManifest) {
  add_with_manifest();
  target_->hang(true);
  start();
  ASSERT_TRUE(target_->wait_for_tries(1));
  const int before = gate_asked_;
  EXPECT_FALSE(eventually(300ms, [&] { return gate_asked_ > before + 5; }));
  target_->hang(false);
  ASSERT_TRUE(wait_for_reports(2));
}

// Less than a minute's worth is under way, so that what is urgent has a place.
TEST_F(UploadEngineTest, OneGoesAfterTheOtherOnAThinLink) {
  start();
  engine_->set_rate(64'000);
  for (const char content : {'a', 'b'}) add(std::string(600'000, content));
  engine_->wake();
  ASSERT_TRUE(wait_for_reports(2));
  EXPECT_EQ(target_->most_at_once(), 1u);
  for (const char content : {'c', 'd'}) add(std::string(400'000, content));
  engine_->wake();
  ASSERT_TRUE(wait_for_reports(4));
  EXPECT_EQ(target_->most_at_once(), 2u) << "these are small enough";
}

TEST_F(UploadEngineTest, AFinishedPartGivesItsLaneBack) {
  const Upload upload = catalog_->add_upload(make_upload(dir_.path(), "content")).value();
  ActiveUpload one(upload, {}, *catalog_, MonoTime{}, [](ActiveUpload&, int) { return NextPart::go; });
  ASSERT_TRUE(one.parts_begun("upload id", 5));
  one.next_part(0);
  one.next_part(1);
  EXPECT_EQ(one.lanes(), 2);
  ASSERT_TRUE(one.part_finished({1, "etag", 5}));
  EXPECT_EQ(one.lanes(), 1);
}

// A bucket that is not there yet, say: what is not found is not the manifest.
TEST_F(UploadEngineTest, KeepsAManifestThatTheStoreHasNoPlaceFor) {
  const Upload upload = add_with_manifest();
  target_->will_give({Code::not_found});
  start();
  ASSERT_TRUE(wait_for_reports(1));
  EXPECT_EQ(reports()[0].upload.kind, "manifest");
  EXPECT_TRUE(reports()[0].will_retry);
  advance(66s);
  ASSERT_TRUE(wait_for_reports(3));
  EXPECT_TRUE(reports()[1].done && reports()[2].done);
  EXPECT_EQ(waiting_rows(), 0);
}

TEST_F(UploadEngineTest, EndsAManifestThatNobodyHasAnyMore) {
  Upload upload = make_upload(dir_.path(), "content");
  upload.kind = "manifest";
  ASSERT_TRUE(catalog_->add_upload(upload));
  start();
  ASSERT_TRUE(wait_for_reports(1));
  EXPECT_FALSE(reports()[0].done || reports()[0].will_retry);
}

TEST_F(UploadEngineTest, LeavesTheEventsOfSnapshotsToOthers) {
  add("jpeg", Priority::normal, "snapshot");
  target_->will_give({Code::upload_failed});
  start();
  ASSERT_TRUE(wait_for_reports(1));
  advance(1s);
  ASSERT_TRUE(wait_for_reports(2));
  EXPECT_TRUE(reports()[1].done);
  EXPECT_THAT(events(), IsEmpty());
}

TEST_F(UploadEngineTest, GivesItsPlaceToWhatIsMoreUrgentAndGoesOnLater) {
  target_->in_parts(4);
  const auto low = add("low priority", Priority::low), other = add("also low", Priority::low);
  const auto parts_of = [&](const Upload& upload) { return static_cast<int>(catalog_->parts(upload.row)->size()); };
  start();
  ASSERT_TRUE(target_->wait_for_tries(2));
  target_->let_parts(1);
  ASSERT_TRUE(eventually(kLimit, [&] { return parts_of(low) == 1; }));
  const auto high = add("high priority", Priority::high);
  engine_->wake();
  // The one under way is finished; a second one, if the engine has not looked up before.
  for (int i = 0; i < 2 && target_->tries().size() < 3; ++i) {
    target_->let_parts(1);
    static_cast<void>(eventually(500ms, [&] { return target_->tries().size() >= 3; }));
  }
  ASSERT_TRUE(target_->wait_for_tries(3));
  EXPECT_EQ(target_->tries()[2], high.subject_id);
  EXPECT_GE(parts_of(low), 2);
  EXPECT_LT(parts_of(low), 4);
  target_->let_parts(3 * 4 - parts_of(low) - parts_of(other));  // no more are missing
  ASSERT_TRUE(wait_for_reports(3));
  for (const UploadReport& report : reports()) {
    EXPECT_TRUE(report.done);
    EXPECT_EQ(report.upload.attempts, 1) << "it has not failed";
  }
  EXPECT_EQ(parts_of(low), 0);
}

TEST_F(UploadEngineTest, FinishesWhatItBeganBeforeOthersOfTheSamePriority) {
  target_->in_parts(2);
  const auto first = add("first"), second = add("second");
  start();
  ASSERT_TRUE(target_->wait_for_tries(2));
  const auto third = add("third");
  engine_->wake();
  target_->let_parts(6);
  ASSERT_TRUE(wait_for_reports(3));
  EXPECT_THAT(target_->tries(), ElementsAre(first.subject_id, second.subject_id, third.subject_id));
}

TEST_F(UploadEngineTest, BeginsNothingWhileTheGateIsClosedAndSaysWhy) {
  set_gate({false, "paused", {}});
  add();
  start();
  ASSERT_TRUE(eventually(kLimit, [&] { return engine_->activity().gate.reason == "paused"; }));
  EXPECT_THAT(target_->tries(), IsEmpty());
  set_gate({});
  ASSERT_TRUE(wait_for_reports(1));
}

TEST_F(UploadEngineTest, OpensTheGateAtTheInstantItWasToldOf) {
  set_gate({false, "window", clock_.utc() + 60s});
  add();
  start();
  ASSERT_TRUE(eventually(kLimit, [&] { return !engine_->activity().gate.open; }));
  EXPECT_THAT(target_->tries(), IsEmpty());
  advance(60s);
  ASSERT_TRUE(wait_for_reports(1));
}

TEST_F(UploadEngineTest, StopsAtAPartWhenTheGateClosesAndGoesOnThere) {
  target_->in_parts(3);
  const auto upload = add();
  start();
  target_->let_parts(1);
  ASSERT_TRUE(eventually(kLimit, [&] { return target_->parts_begun() == 2; }));
  EXPECT_EQ(catalog_->parts(upload.row)->size(), 1u);
  set_gate({false, "paused", {}});
  target_->let_parts(1);
  ASSERT_TRUE(eventually(kLimit, [&] { return catalog_->parts(upload.row)->size() == 2; }));
  ASSERT_TRUE(eventually(kLimit, [&] { return engine_->activity().under_way.empty(); }));
  target_->let_parts(1);
  set_gate({});
  ASSERT_TRUE(wait_for_reports(1));
  EXPECT_TRUE(reports()[0].done);
  EXPECT_EQ(reports()[0].upload.attempts, 1);
}

TEST_F(UploadEngineTest, TellsHowFarLongOnesAre) {
  target_->in_parts(10);
  const auto upload = add(std::string(1000, 'x'));
  start();
  ASSERT_TRUE(target_->wait_for_tries(1));
  target_->let_parts(4);
  ASSERT_TRUE(eventually(kLimit, [&] { return catalog_->parts(upload.row)->size() == 4; }));
  advance(1s);
  ASSERT_TRUE(eventually(kLimit, [&] {
    const std::lock_guard lock(mutex_);
    return !progress_.empty();
  }));
  EXPECT_EQ(progress_[0].sent_bytes, 400);
  EXPECT_EQ(progress_[0].upload.row, upload.row);
  const auto activity = engine_->activity();
  ASSERT_EQ(activity.under_way.size(), 1u);
  EXPECT_EQ(activity.under_way[0].sent_bytes, 400);
  target_->let_parts(6);
  ASSERT_TRUE(wait_for_reports(1));
}

// Asked once before the claim only, what comes after somebody was told that uploads are paused could still go.
TEST_F(UploadEngineTest, WhatIsClaimedWhileTheGateClosesIsNotBegun) {
  add();
  std::atomic<int> asked = 0;
  UploadHooks hooks;
  hooks.gate = [&](UtcTime) {
    return ++asked > 2 ? UploadGate{false, "paused", {}} : UploadGate{};  // for the sweep, and for the claim
  };
  engine_ = std::make_unique<UploadEngine>(layout_, *catalog_, std::move(next_target_), std::move(hooks), clock_);
  ASSERT_TRUE(eventually(kLimit, [&] { return asked > 3; }));
  EXPECT_THAT(target_->tries(), IsEmpty());
  EXPECT_EQ(waiting_rows(), 1);
}

// Before anything was measured.
TEST_F(UploadEngineTest, KnowsALimitThatIsThereFromTheStart) {
  for (const char content : {'a', 'b'}) add(std::string(600'000, content));
  start(64'000);
  ASSERT_TRUE(wait_for_reports(2));
  EXPECT_EQ(target_->most_at_once(), 1u);
  EXPECT_EQ(target_->rate(), 64'000);
}

TEST_F(UploadEngineTest, PassesTheRateOn) {
  start();
  engine_->set_rate(5'000'000);
  EXPECT_EQ(target_->rate(), 5'000'000);
}

}  // namespace
}  // namespace vedette
