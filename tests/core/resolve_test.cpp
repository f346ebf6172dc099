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
  EXPECT_EQ(v4->addresses, std::vector<std::string>{"127.0.0.1"});
  const auto v6 = resolve("::1", in(0s), never);
  ASSERT_TRUE(v6);
  EXPECT_EQ(v6->addresses, std::vector<std::string>{"::1"});
}

TEST(ResolveTest, EachAddressHasItsTurnAndTheKindsAlternate) {
  const auto turns = [](const std::vector<std::string>& addresses) {
    std::vector<std::string> out;
    for (size_t failures = 0; failures < 6; ++failures) out.push_back(HostAddresses{addresses}.in_turn(failures));
    return out;
  };
  using Turns = std::vector<std::string>;
  EXPECT_EQ(turns({"10.0.0.1"}), Turns(6, "10.0.0.1"));
  EXPECT_EQ(turns({"10.0.0.1", "10.0.0.2"}),
            Turns({"10.0.0.1", "10.0.0.2", "10.0.0.1", "10.0.0.2", "10.0.0.1", "10.0.0.2"}));
  EXPECT_EQ(turns({"fd00::1", "fd00::2", "10.0.0.1"}),
            Turns({"fd00::1", "10.0.0.1", "fd00::2", "10.0.0.1", "fd00::1", "10.0.0.1"}));
}

TEST(ResolveTest, LocalhostHasAnAddress) {
  const auto found = resolve("localhost", in(30s), never);
  ASSERT_TRUE(found) << found.error().message;
  EXPECT_FALSE(found->addresses.empty());
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
