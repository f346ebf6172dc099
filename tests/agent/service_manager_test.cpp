#include "agent/service_manager.h"

#include <gtest/gtest.h>

#include <unistd.h>

#include <cstdlib>

#include "tests/support/notify_socket.h"

namespace vedette {
namespace {

constexpr milliseconds kLimit{30'000};

class ServiceManagerTest : public testing::Test {
 protected:
  ~ServiceManagerTest() override { forget(); }
  static void forget() {
    for (const char* name : {"NOTIFY_SOCKET", "WATCHDOG_USEC", "WATCHDOG_PID"}) unsetenv(name);
  }
  static std::optional<microseconds> watchdog_with(const char* usec, const char* pid = nullptr) {
    setenv("NOTIFY_SOCKET", "/run/systemd/notify", 1);
    setenv("WATCHDOG_USEC", usec, 1);
    if (pid) setenv("WATCHDOG_PID", pid, 1);
    const auto out = ServiceManager::of_environment().watchdog();
    forget();
    return out;
  }
  test::NotifySocket systemd_;
};

TEST_F(ServiceManagerTest, SaysWhatSystemdUnderstands) {
  ServiceManager service(systemd_.path(), 60s);
  service.ready("two\nlines");
  EXPECT_EQ(systemd_.next(kLimit), "READY=1\nSTATUS=two lines");
  service.status("fine");
  EXPECT_EQ(systemd_.next(kLimit), "STATUS=fine");
  service.pet_watchdog();
  EXPECT_EQ(systemd_.next(kLimit), "WATCHDOG=1");
  service.stopping();
  EXPECT_EQ(systemd_.next(kLimit).value_or("").substr(0, 10), "STOPPING=1");
}

TEST_F(ServiceManagerTest, IsQuietWithoutASocketOrListener) {
  for (const std::string& socket : {std::string(), std::string("relative"), std::string("vsock:2:1"),
                                    std::string("/nobody/listens"), "/" + std::string(200, 'x')}) {
    ServiceManager service(socket, 60s);
    service.ready("x");
    service.pet_watchdog();
  }
  EXPECT_FALSE(ServiceManager("", 60s).watchdog());
  EXPECT_FALSE(ServiceManager::of_environment().watchdog());
}

TEST_F(ServiceManagerTest, NeverWaitsForWhoDoesNotListenFastEnough) {
  ServiceManager service(systemd_.path());
  for (int i = 0; i < 10'000; ++i) service.status("the socket is full long before this");
}

TEST_F(ServiceManagerTest, TakesTheWatchdogThatIsMeantForIt) {
  EXPECT_EQ(watchdog_with("2000000"), 2s);
  EXPECT_EQ(watchdog_with("2000000", std::to_string(getpid()).c_str()), 2s);
  EXPECT_EQ(watchdog_with("2000000", "1"), std::nullopt);
  for (const char* usec : {"", "0", "-1", "2s", "99999999999999999999"}) EXPECT_EQ(watchdog_with(usec), std::nullopt);
}

}  // namespace
}  // namespace vedette
