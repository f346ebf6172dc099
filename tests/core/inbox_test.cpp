#include "core/inbox.h"

#include <gtest/gtest.h>

#include <memory>
#include <thread>
#include <vector>

namespace vedette {
namespace {

MonoTime in(milliseconds duration) {
  return Clock::system().mono() + duration;
}

TEST(InboxTest, GivesItemsInTheirOrder) {
  Inbox<int> inbox(10);
  inbox.push(1);
  inbox.push(2);
  EXPECT_EQ(inbox.pop(in(0ms), {}), 1);
  EXPECT_EQ(inbox.pop(in(0ms), {}), 2);
  EXPECT_EQ(inbox.pop(in(0ms), {}), std::nullopt);
}

TEST(InboxTest, RefusesTheOutsideWorldWhenItIsFullButNeverUs) {
  Inbox<int> inbox(2);
  EXPECT_TRUE(inbox.try_push(1));
  EXPECT_TRUE(inbox.try_push(2));
  EXPECT_FALSE(inbox.try_push(3));
  inbox.push(4);
  EXPECT_EQ(inbox.pop(in(0ms), {}), 1);
  EXPECT_FALSE(inbox.try_push(5));
  EXPECT_EQ(inbox.pop(in(0ms), {}), 2);
  EXPECT_EQ(inbox.pop(in(0ms), {}), 4);
}

TEST(InboxTest, WakesTheLoop) {
  Inbox<std::unique_ptr<int>> inbox(1);
  const std::jthread sender([&] { inbox.push(std::make_unique<int>(7)); });
  const auto item = inbox.pop(kNever, {});
  ASSERT_TRUE(item);
  EXPECT_EQ(**item, 7);
}

TEST(InboxTest, EndsWaitingAtItsDeadline) {
  Inbox<int> inbox(1);
  const MonoTime deadline = in(20ms);
  EXPECT_EQ(inbox.pop(deadline, {}), std::nullopt);
  EXPECT_GE(Clock::system().mono(), deadline);
}

TEST(InboxTest, EndsWaitingWhenStopped) {
  Inbox<int> inbox(1);
  std::stop_source stop;
  const std::jthread stopper([&] { stop.request_stop(); });
  EXPECT_EQ(inbox.pop(kNever, stop.get_token()), std::nullopt);
}

TEST(InboxTest, StaysAwakeForWhatIsExpectedAndGivesIt) {
  Inbox<int> inbox(1);
  const std::jthread sender([&] {
    inbox.expect();
    inbox.push(7);
  });
  EXPECT_EQ(inbox.pop(kNever, {}), 7);
}

TEST(InboxTest, GoesOnWaitingWhenTheExpectedDoesNotCome) {
  Inbox<int> inbox(1);
  inbox.expect();
  const MonoTime deadline = in(20ms);
  EXPECT_EQ(inbox.pop(deadline, {}), std::nullopt);
  EXPECT_GE(Clock::system().mono(), deadline);
  inbox.push(7);
  EXPECT_EQ(inbox.pop(kNever, {}), 7);
}

TEST(InboxTest, EndsToExpectWhenStopped) {
  Inbox<int> inbox(1);
  std::stop_source stop;
  inbox.expect();
  stop.request_stop();
  EXPECT_EQ(inbox.pop(kNever, stop.get_token()), std::nullopt);
}

TEST(InboxTest, LosesNothingBetweenManyThreads) {
  constexpr int kThreads = 4;
  constexpr int kEach = 2'000;
  Inbox<int> inbox(1);
  std::vector<std::jthread> senders;
  for (int i = 0; i < kThreads; ++i)
    senders.emplace_back([&] {
      for (int k = 1; k <= kEach; ++k) inbox.push(k);
    });
  int64_t sum = 0;
  for (int i = 0; i < kThreads * kEach; ++i) sum += inbox.pop(kNever, {}).value();
  EXPECT_EQ(sum, int64_t{kThreads} * kEach * (kEach + 1) / 2);
}

TEST(InboxTest, WhatGoesAheadPassesWhatItMayAndHasRoomOfItsOwn) {
  Inbox<int> inbox(3);
  for (const int item : {10, 7, 11}) EXPECT_TRUE(inbox.try_push(item));
  const auto not_seven = [](int item) { return item != 7; };
  EXPECT_FALSE(inbox.try_push(12));
  EXPECT_TRUE(inbox.try_push_ahead(1, not_seven));
  for (size_t i = 1; i < Inbox<int>::kReserve; ++i) EXPECT_TRUE(inbox.try_push_ahead(100, [](int) { return false; }));
  EXPECT_FALSE(inbox.try_push_ahead(2, [](int) { return false; })) << "that room is bounded too";
  for (const int item : {10, 7, 1, 11, 100}) EXPECT_EQ(inbox.pop(in(0ms), {}), item);
}

TEST(InboxTest, AnItemCanBeTakenOutOfTheMiddle) {
  Inbox<int> inbox(3);
  for (const int item : {1, 2, 3}) EXPECT_TRUE(inbox.try_push(item));
  EXPECT_EQ(inbox.take_if([](int item) { return item == 2; }), 2);
  EXPECT_EQ(inbox.take_if([](int item) { return item == 2; }), std::nullopt);
  EXPECT_TRUE(inbox.try_push(4));
  for (const int item : {1, 3, 4}) EXPECT_EQ(inbox.pop(in(0ms), {}), item);
}

}  // namespace
}  // namespace vedette
