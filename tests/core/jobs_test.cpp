#include "core/jobs.h"

#include <gtest/gtest.h>

#include <atomic>
#include <future>
#include <vector>

#include "core/thread.h"

namespace vedette {
namespace {

TEST(JobsTest, RunsThemOneAfterTheOther) {
  std::vector<int> order;
  std::promise<void> done;
  Jobs jobs("jobs", 10);
  for (int i = 0; i < 5; ++i) ASSERT_TRUE(jobs.submit([&order, i](std::stop_token) { order.push_back(i); }));
  ASSERT_TRUE(jobs.submit([&](std::stop_token) { done.set_value(); }));
  done.get_future().wait();
  EXPECT_EQ(order, (std::vector<int>{0, 1, 2, 3, 4}));
}

TEST(JobsTest, RefusesMoreThanItsCapacity) {
  std::promise<void> started;
  Jobs jobs("jobs", 1);
  ASSERT_TRUE(jobs.submit([&](const std::stop_token& stop) {
    started.set_value();
    wait_until(kNever, stop);
  }));
  started.get_future().wait();
  EXPECT_TRUE(jobs.submit([](std::stop_token) {}));
  EXPECT_FALSE(jobs.submit([](std::stop_token) {}));
}

TEST(JobsTest, OneThatIsNotReadyHoldsUpNoOther) {
  std::atomic<bool> happened = false;
  std::promise<void> other, done;
  Jobs jobs("jobs", 10);
  ASSERT_TRUE(jobs.submit_when([&] { return happened.load(); }, [&](std::stop_token) { done.set_value(); }));
  ASSERT_TRUE(jobs.submit([&](std::stop_token) { other.set_value(); }));
  other.get_future().wait();
  auto finished = done.get_future();
  EXPECT_EQ(finished.wait_for(0s), std::future_status::timeout);
  happened = true;
  EXPECT_EQ(finished.wait_for(10s), std::future_status::ready);
}

TEST(JobsTest, ThoseThatAreNotReadyAreBoundedToo) {
  std::atomic<int> asked = 0;
  Jobs jobs("jobs", 2);
  const auto never = [&] {
    ++asked;
    return false;
  };
  int taken = 0;
  const MonoTime deadline = Clock::system().mono() + 10s;
  // At most two that are not ready, one on its way between, and two that wait.
  while (jobs.submit_when(never, [](std::stop_token) {}) && taken < 100) {
    ++taken;
    while (asked < taken && Clock::system().mono() < deadline) std::this_thread::yield();
  }
  EXPECT_GE(taken, 2);
  EXPECT_LE(taken, 5);
}

TEST(JobsTest, StopsTheRunningJobAndDropsTheOthers) {
  std::atomic<bool> stopped = false;
  std::atomic<bool> other = false;
  std::promise<void> started;
  {
    Jobs jobs("jobs", 2);
    ASSERT_TRUE(jobs.submit([&](const std::stop_token& stop) {
      started.set_value();
      stopped = wait_until(kNever, stop);
    }));
    ASSERT_TRUE(jobs.submit([&](std::stop_token) { other = true; }));
    started.get_future().wait();
  }
  EXPECT_TRUE(stopped);
  EXPECT_FALSE(other);
}

TEST(JobsTest, CancellingDropsOneThatWaitsAndStopsOneThatRuns) {
  std::atomic<bool> ran = false, dropped = false;
  std::promise<void> started, stopped;
  Jobs jobs("jobs", 4);
  ASSERT_TRUE(jobs.submit(
      [&](const std::stop_token& stop) {
        started.set_value();
        if (wait_until(kNever, stop)) stopped.set_value();
      },
      {"runs", {}}));
  started.get_future().wait();
  ASSERT_TRUE(jobs.submit([&](std::stop_token) { ran = true; }, {"waits", [&] { dropped = true; }}));
  EXPECT_FALSE(jobs.cancel("unknown"));
  EXPECT_TRUE(jobs.cancel("waits"));
  EXPECT_TRUE(dropped);
  EXPECT_FALSE(jobs.cancel("waits"));
  EXPECT_TRUE(jobs.cancel("runs"));
  stopped.get_future().wait();
  std::promise<void> next;
  ASSERT_TRUE(jobs.submit([&](const std::stop_token& stop) {
    if (!stop.stop_requested()) next.set_value();
  }));
  next.get_future().wait();
  EXPECT_FALSE(ran);
  EXPECT_FALSE(jobs.cancel("runs")) << "it is over";
}

TEST(JobsTest, OneThatIsNotReadyRunsAtOnceWhenItIsCancelled) {
  std::promise<bool> stopped;
  Jobs jobs("jobs", 4);
  ASSERT_TRUE(jobs.submit_when([] { return false; },
                               [&](const std::stop_token& stop) { stopped.set_value(stop.stop_requested()); },
                               {"job", [&] { stopped.set_value(true); }}));
  EXPECT_TRUE(jobs.cancel("job"));
  EXPECT_TRUE(stopped.get_future().get());
}

}  // namespace
}  // namespace vedette
