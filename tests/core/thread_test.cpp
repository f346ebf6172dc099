#include "core/thread.h"

#include <gtest/gtest.h>
#include <pthread.h>

#include <array>
#include <stdexcept>

namespace vedette {
namespace {

TEST(StartThreadTest, NamesTheThread) {
  std::array<char, 16> name{};
  start_thread("a-name-that-is-too-long", [&](const std::stop_token&) {
    pthread_getname_np(pthread_self(), name.data(), name.size());
  }).join();
  EXPECT_STREQ(name.data(), "a-name-that-is-");
}

TEST(StartThreadTest, IsStoppedByItsOwner) {
  bool stopped = false;
  {
    const auto thread = start_thread("t", [&](const std::stop_token& stop) { stopped = wait_until(kNever, stop); });
  }
  EXPECT_TRUE(stopped);
}

TEST(StartThreadDeathTest, EndsTheProcessAtAnUnexpectedException) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  EXPECT_DEATH(start_thread("t", [](const std::stop_token&) { throw std::runtime_error("oops"); }).join(), "oops");
}

TEST(WaitTest, SaysWhetherItWasStopped) {
  std::stop_source stop;
  EXPECT_FALSE(wait_for(1ms, stop.get_token()));
  stop.request_stop();
  EXPECT_TRUE(wait_until(kNever, stop.get_token()));
}

}  // namespace
}  // namespace vedette
