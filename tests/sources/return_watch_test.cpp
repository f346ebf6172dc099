#include "sources/return_watch.h"

#include <gtest/gtest.h>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <optional>
#include <thread>

#include "core/file.h"
#include "tests/sources/silent_server.h"
#include "tests/support/black_hole.h"
#include "tests/support/ports.h"
#include "tests/support/wait.h"

namespace vedette {
namespace {

constexpr seconds kLong{60};

std::string url_of(uint16_t port) {
  return "rtsp://127.0.0.1:" + std::to_string(port) + "/1";
}

TEST(TcpEndpointTest, IsThatOfTheUrlOrOfItsScheme) {
  const auto text = [](std::string_view url) {
    const auto there = tcp_endpoint(url);
    return there ? there->host + " " + std::to_string(there->port) : "none";
  };
  EXPECT_EQ(text("rtsp://10.0.0.5/live"), "10.0.0.5 554");
  EXPECT_EQ(text("rtsps://cam.example:8322/live?x=1"), "cam.example 8322");
  EXPECT_EQ(text("http://10.0.0.5"), "10.0.0.5 80");
  EXPECT_EQ(text("https://[fe80::1]:8443/x"), "fe80::1 8443");
  EXPECT_EQ(text("rtmp://h/app/s"), "h 1935");
  EXPECT_EQ(text("hik://10.0.0.5/user:p@ss@main,sub"), "10.0.0.5 554");
  EXPECT_EQ(text("dahua://10.0.0.5:5540/2/sub"), "10.0.0.5 5540");
  EXPECT_EQ(text("onvif://10.0.0.5/p1"), "10.0.0.5 80");
  for (const char* url : {"srt://h:9000", "srt-listen://:9000", "rtmp-listen://:1935/live", "file:///x",
                          "test://pattern", "rtsp://", "rtsp", ""})
    EXPECT_EQ(text(url), "none") << url;
}

TEST(ReturnWatchTest, EndsThePauseWhenTheCameraIsBack) {
  const uint16_t port = test::free_port();
  std::optional<bool> back;
  std::jthread waits([&](const std::stop_token& stop) { back = ReturnWatch(url_of(port)).wait(kLong, stop); });
  // A second later: it has found nobody there by then.
  EXPECT_FALSE(test::eventually(1500ms, [&] { return back.has_value(); }));
  const Fd listener(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  ASSERT_EQ(bind(listener.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
  ASSERT_EQ(listen(listener.get(), 1), 0);
  const MonoTime begin = Clock::system().mono();
  waits.join();
  EXPECT_LT(Clock::system().mono() - begin, kLong / 2);
  EXPECT_EQ(back, true);
}

TEST(ReturnWatchTest, ACameraThatAnswersAllTheTimeIsLeftAlone) {
  const test::SilentServer server;
  const MonoTime begin = Clock::system().mono();
  EXPECT_FALSE(ReturnWatch(url_of(server.port())).wait(3s, {}));
  EXPECT_GE(Clock::system().mono() - begin, 3s);
}

TEST(ReturnWatchTest, WhereNothingCanBeCalledThePauseIsWaitedFor) {
  const MonoTime begin = Clock::system().mono();
  EXPECT_FALSE(ReturnWatch("srt://127.0.0.1:" + std::to_string(test::free_port())).wait(2s, {}));
  EXPECT_GE(Clock::system().mono() - begin, 2s);
}

TEST(ReturnWatchTest, TheStopEndsIt) {
  const test::BlackHole hole;
  for (const milliseconds after : {0ms, 300ms, 1200ms}) {
    MonoTime stopped;
    {
      std::jthread waits(
          [&](const std::stop_token& stop) { EXPECT_FALSE(ReturnWatch(url_of(hole.port())).wait(kLong, stop)); });
      test::eventually(after, [] { return false; });
      stopped = Clock::system().mono();
    }
    EXPECT_LT(Clock::system().mono() - stopped, 500ms);
  }
}

}  // namespace
}  // namespace vedette
