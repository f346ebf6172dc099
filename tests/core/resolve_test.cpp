#include "core/resolve.h"

#include <gtest/gtest.h>

#include "tests/support/slow_name.h"

namespace vedette {
namespace {

bool never() {
  return false;
}

MonoTime in(seconds time) {
  return Clock::system().mono() + time;
}

TEST(ResolveTest, AddressesAreKnownWithoutAsking) {
  const auto v4 = resolve("127.0.0.1", in(0s), never);
  ASSERT_TRUE(v4);
  EXPECT_TRUE(v4->ipv4 && !v4->ipv6);
  const auto v6 = resolve("::1", in(0s), never);
  ASSERT_TRUE(v6);
  EXPECT_TRUE(v6->ipv6 && !v6->ipv4);
}

TEST(ResolveTest, LocalhostHasAnAddress) {
  const auto found = resolve("localhost", in(30s), never);
  ASSERT_TRUE(found) << found.error().message;
  EXPECT_TRUE(found->ipv4 || found->ipv6);
}

TEST(ResolveTest, NameThatDoesNotExistIsUnavailableAndNamed) {
  const auto result = resolve("no-such-host.invalid", in(30s), never);
  ASSERT_FALSE(result);
  // timed_out where the machine's name server is away.
  EXPECT_TRUE(result.error().code == Code::camera_unavailable || result.error().code == Code::timed_out);
  EXPECT_NE(result.error().message.find("no-such-host.invalid"), std::string::npos);
}

#ifndef __SANITIZE_THREAD__  // nothing can be abandoned under it
TEST(ResolveTest, StopEndsTheWaiting) {
  int asked = 0;
  const auto result = resolve(test::kSlowName, kNever, [&] { return ++asked == 3; });
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().code, Code::cancelled);
}

TEST(ResolveTest, DeadlineEndsTheWaiting) {
  const auto result = resolve(test::kSlowName, Clock::system().mono() + 50ms, never);
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().code, Code::timed_out);
}

TEST(ResolveTest, AnAbandonedQuestionLivesUntilItIsAnswered) {
  ASSERT_FALSE(resolve(test::kSlowName, in(0s), never));
  gaicb* const first = test::slow_question();
  ASSERT_FALSE(resolve(test::kSlowName, in(0s), never));
  // Both are written by "the C library" now, and freed by the next that is abandoned: AddressSanitizer sees to it.
  EXPECT_EQ(gai_error(first), EAI_INPROGRESS);
  first->__return = EAI_AGAIN;
  test::slow_question()->__return = EAI_AGAIN;
  ASSERT_FALSE(resolve(test::kSlowName, in(0s), never));
}
#endif

}  // namespace
}  // namespace vedette
