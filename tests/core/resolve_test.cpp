#include "core/resolve.h"

#include <dlfcn.h>
#include <gtest/gtest.h>
#include <netdb.h>

#include <string_view>

namespace {

// What the C library would still work on; null when "slow.test" was not asked for.
gaicb* slow_request = nullptr;

}  // namespace

// Stands before the C library's in this program: nobody ever answers for "slow.test", as with a name server that is
// away.
extern "C" int getaddrinfo_a(int mode, gaicb* list[], int count, sigevent* event) {
  if (count == 1 && list[0]->ar_name == std::string_view("slow.test")) {
    slow_request = list[0];
    slow_request->__return = EAI_INPROGRESS;
    return 0;
  }
  using Function = int (*)(int, gaicb**, int, sigevent*);
  static const auto next = reinterpret_cast<Function>(dlsym(RTLD_NEXT, "getaddrinfo_a"));
  return next(mode, list, count, event);
}

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
  const auto result = resolve("slow.test", kNever, [&] { return ++asked == 3; });
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().code, Code::cancelled);
}

TEST(ResolveTest, DeadlineEndsTheWaiting) {
  const auto result = resolve("slow.test", Clock::system().mono() + 50ms, never);
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().code, Code::timed_out);
}

TEST(ResolveTest, AnAbandonedQuestionLivesUntilItIsAnswered) {
  ASSERT_FALSE(resolve("slow.test", in(0s), never));
  gaicb* const first = slow_request;
  ASSERT_FALSE(resolve("slow.test", in(0s), never));
  // Both are written by "the C library" now, and freed by the next that is abandoned: AddressSanitizer sees to it.
  EXPECT_EQ(gai_error(first), EAI_INPROGRESS);
  first->__return = EAI_AGAIN;
  slow_request->__return = EAI_AGAIN;
  ASSERT_FALSE(resolve("slow.test", in(0s), never));
}
#endif

}  // namespace
}  // namespace vedette
