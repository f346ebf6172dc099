#include "uploader/endpoints.h"

#include <gtest/gtest.h>

namespace vedette {
namespace {

const Error kGone{Code::camera_unavailable, "connection refused"};

struct EndpointsTest : testing::Test {
  Endpoints endpoints{{"https://a", "https://b", "https://c"}};

  bool leave(size_t which) {
    static_cast<void>(endpoints.failed(which, kGone));
    return endpoints.failed(which, kGone);
  }
};

TEST_F(EndpointsTest, OneFailureMayBeChanceAndTheSecondIsNot) {
  EXPECT_FALSE(endpoints.failed(0, kGone));
  EXPECT_EQ(endpoints.current(), 0u);
  EXPECT_TRUE(endpoints.failed(0, kGone));
  EXPECT_EQ(endpoints.current(), 1u);
  EXPECT_EQ(endpoints.in_use().urls[endpoints.in_use().current], "https://b");
  EXPECT_TRUE(endpoints.in_use().is_fallback());
}

TEST_F(EndpointsTest, FailuresThatAreNotInARowDoNotCount) {
  for (int i = 0; i < 5; ++i) {
    EXPECT_FALSE(endpoints.failed(0, kGone));
    endpoints.succeeded(0);
  }
  EXPECT_EQ(endpoints.current(), 0u);
}

TEST_F(EndpointsTest, WhatWasBegunAtOneThatWasLeftSaysNothingOfTheNext) {
  ASSERT_TRUE(leave(0));
  for (int i = 0; i < 4; ++i) EXPECT_TRUE(endpoints.failed(0, kGone)) << "it goes by the one in use";
  EXPECT_EQ(endpoints.current(), 1u);
}

TEST_F(EndpointsTest, WhenNoneCanBeUsedEachIsTriedOnceAndThenItIsWaited) {
  ASSERT_TRUE(leave(0));
  ASSERT_TRUE(leave(1));
  EXPECT_FALSE(leave(2));
  EXPECT_EQ(endpoints.current(), 0u);
  for (int round = 0; round < 3; ++round) {
    EXPECT_TRUE(endpoints.failed(0, kGone));
    EXPECT_TRUE(endpoints.failed(1, kGone));
    EXPECT_FALSE(endpoints.failed(2, kGone));
    EXPECT_EQ(endpoints.current(), 0u);
  }
}

TEST_F(EndpointsTest, TheOnlyOneIsNeverLeft) {
  Endpoints one({"https://a"});
  for (int i = 0; i < 5; ++i) EXPECT_FALSE(one.failed(0, kGone));
  EXPECT_EQ(one.current(), 0u);
}

TEST_F(EndpointsTest, AReturnIsInVainWhenTheFirstTakesNothing) {
  ASSERT_TRUE(leave(0));
  EXPECT_EQ(endpoints.returns_in_vain(), 0) << "it was never returned to";
  endpoints.succeeded(1);
  for (int i = 1; i <= 3; ++i) {
    endpoints.go_back();
    EXPECT_EQ(endpoints.current(), 0u);
    EXPECT_TRUE(endpoints.failed(0, kGone)) << "once is enough now";
    EXPECT_EQ(endpoints.returns_in_vain(), i);
    endpoints.succeeded(1);
  }
  endpoints.go_back();
  endpoints.succeeded(0);
  EXPECT_EQ(endpoints.returns_in_vain(), 0);
  EXPECT_FALSE(endpoints.failed(0, kGone));
}

}  // namespace
}  // namespace vedette
