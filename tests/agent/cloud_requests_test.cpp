#include "agent/cloud_requests.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "core/ids.h"
#include "tests/support/fake_clock.h"

namespace vedette {
namespace {

using test::FakeClock;
using ::testing::HasSubstr;

class CloudRequestsTest : public testing::Test {
 protected:
  void ask(const std::string& verb = "upload.grant") {
    requests_.ask(verb, {{"params", Json::object()}}, [this](const Result<CloudResponse>& response, MonoTime asked) {
      answers_.push_back(response);
      asked_ = asked;
    });
  }
  // What the main loop does in so many seconds.
  void pass(int seconds_passed) {
    for (int i = 0; i < seconds_passed; ++i) {
      clock_.advance(1s);
      requests_.tick();
    }
  }
  static Result<CloudResponse> response(const std::string& id, const std::string& verb = "upload.grant") {
    CloudResponse out;
    out.verb = verb;
    out.request_id = id;
    out.result = std::make_shared<Json>(Json::object());
    return out;
  }

  FakeClock clock_;
  bool has_room_ = true;
  std::vector<CloudRequest> sent_;
  std::vector<Result<CloudResponse>> answers_;
  MonoTime asked_{};
  CloudRequests requests_{[this](const CloudRequest& request) {
                            if (has_room_) sent_.push_back(request);
                            return has_room_;
                          },
                          clock_};
};

TEST_F(CloudRequestsTest, AsksAtOnceAndTakesTheAnswerToIt) {
  requests_.on_connected();
  const MonoTime before = clock_.mono();
  ask();
  ASSERT_EQ(sent_.size(), 1u);
  EXPECT_EQ(sent_[0].verb, "upload.grant");
  EXPECT_TRUE(is_uuid(sent_[0].id));
  EXPECT_EQ(sent_[0].expires_in, CloudRequests::kPatience);
  clock_.advance(2s);
  requests_.on_response(response(sent_[0].id));
  ASSERT_EQ(answers_.size(), 1u);
  EXPECT_TRUE(answers_[0]);
  EXPECT_EQ(asked_, before) << "what is granted may be as old as that";
  EXPECT_EQ(requests_.waiting(), 0u);
  EXPECT_EQ(requests_.ignored_total(), 0u);
}

TEST_F(CloudRequestsTest, AsksAgainWithTheSameIdAndPausesThatGrow) {
  requests_.on_connected();
  ask();
  std::vector<MonoTime> times = {clock_.mono()};
  for (int i = 0; i < 100; ++i) {
    pass(1);
    if (sent_.size() > times.size()) times.push_back(clock_.mono());
  }
  ASSERT_GE(times.size(), 4u);
  EXPECT_LE(times.size(), 7u);
  EXPECT_GE(times[1] - times[0], CloudRequests::kFirstPause / 2);
  EXPECT_LE(times[1] - times[0], CloudRequests::kFirstPause + 1s);
  EXPECT_GE(times[3] - times[2], CloudRequests::kFirstPause * 2);
  for (const CloudRequest& again : sent_) EXPECT_EQ(again.id, sent_[0].id);
  EXPECT_LT(sent_.back().expires_in, sent_.front().expires_in) << "a broker need not keep it for longer";
  requests_.on_response(response(sent_[0].id));
  requests_.on_response(response(sent_[0].id));
  EXPECT_EQ(answers_.size(), 1u) << "both were answered";
  EXPECT_EQ(requests_.ignored_total(), 1u);
}

TEST_F(CloudRequestsTest, GivesUpWhenNobodyAnswers) {
  requests_.on_connected();
  ask();
  pass(static_cast<int>(CloudRequests::kPatience.count()) - 1);
  EXPECT_TRUE(answers_.empty());
  pass(2);
  ASSERT_EQ(answers_.size(), 1u);
  EXPECT_EQ(answers_[0].error().code, Code::timed_out);
  requests_.on_response(response(sent_[0].id));
  EXPECT_EQ(requests_.ignored_total(), 1u) << "too late";
}

TEST_F(CloudRequestsTest, WithoutABrokerNothingIsAskedAndNoTimePasses) {
  ask();
  pass(100'000);
  EXPECT_TRUE(sent_.empty());
  requests_.on_connected();
  EXPECT_EQ(sent_.size(), 1u);
  pass(100);
  requests_.on_disconnected();
  const size_t before = sent_.size();
  pass(100'000);
  EXPECT_EQ(sent_.size(), before);
  EXPECT_TRUE(answers_.empty());
  requests_.on_connected();
  EXPECT_EQ(sent_.size(), before + 1) << "it may have been lost with the connection";
  EXPECT_LE(sent_.back().expires_in, 20s);
  pass(21);
  ASSERT_EQ(answers_.size(), 1u);
  EXPECT_EQ(answers_[0].error().code, Code::timed_out);
}

TEST_F(CloudRequestsTest, WhatCannotBeSentGoesWithTheNextTick) {
  requests_.on_connected();
  has_room_ = false;
  ask();
  pass(3);
  requests_.on_response(response("019aa053-1c2b-7d10-9a51-3f0b6f3c2a11"));
  EXPECT_EQ(requests_.ignored_total(), 1u);
  has_room_ = true;
  pass(1);
  EXPECT_EQ(sent_.size(), 1u);
}

TEST_F(CloudRequestsTest, OthersAnswersAreCountedAndIgnored) {
  requests_.on_connected();
  ask();
  requests_.on_response(response("019aa053-1c2b-7d10-9a51-3f0b6f3c2a11"));
  requests_.on_response(response(sent_[0].id, "upload.complete"));
  requests_.on_response(fail(Code::invalid_json, "no JSON"));
  EXPECT_EQ(requests_.ignored_total(), 3u);
  EXPECT_TRUE(answers_.empty());
  EXPECT_EQ(requests_.waiting(), 1u);
}

TEST_F(CloudRequestsTest, TooManyAtOnceAreBusy) {
  for (size_t i = 0; i < CloudRequests::kMostWaiting; ++i) ask();
  EXPECT_TRUE(answers_.empty());
  ask();
  ASSERT_EQ(answers_.size(), 1u);
  EXPECT_EQ(answers_[0].error().code, Code::busy);
}

// Whoever is told may ask again at once.
TEST_F(CloudRequestsTest, AnAnswerMayLeadToTheNextRequest) {
  requests_.on_connected();
  requests_.ask("upload.grant", {}, [this](const Result<CloudResponse>&, MonoTime) { ask("upload.complete"); });
  pass(static_cast<int>(CloudRequests::kPatience.count()));
  EXPECT_EQ(sent_.back().verb, "upload.complete");
  requests_.on_response(response(sent_.back().id, "upload.complete"));
  EXPECT_EQ(answers_.size(), 1u);
}

}  // namespace
}  // namespace vedette
