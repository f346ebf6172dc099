// Who may read, and what becomes of those who may not.
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <nlohmann/json.hpp>

#include "live/listening_socket.h"
#include "tests/live/server_fixture.h"
#include "tests/support/process.h"

namespace vedette::test {
namespace {

class FrameAccessTest : public FrameServerTest {
 protected:
  // The code with which the connection is closed.
  static std::string end_of(FrameReader& client) {
    while (const auto message = client.next(kLimit))
      if (message->kind == 5) return message->json.at("code");
    return "nothing";
  }
  std::string refused(const std::string& bytes) {
    FrameReader client = FrameReader::unix_socket(path());
    client.send(bytes);
    return end_of(client);
  }
  std::string refused_token(const std::string& token) {
    return refused(FrameReader::hello({{"v", 1}, {"token", token}}));
  }
};

TEST_F(FrameAccessTest, ATokenIsGoodForOneClient) {
  start();
  camera.gop(1);
  const auto t = ticket();
  EXPECT_EQ(t.token.size(), 32u);
  EXPECT_EQ(refused_token(std::string(32, '0')), "forbidden");
  FrameReader first = FrameReader::unix_socket(path());
  first.say_hello(t.token);
  ASSERT_TRUE(first.next_frame());
  EXPECT_EQ(refused_token(t.token), "forbidden");
  camera.gop(1);
  EXPECT_TRUE(first.next_frame()) << "the first goes on";
}

TEST_F(FrameAccessTest, ATokenIsGoodForItsCameraOnly) {
  start();
  camera.gop(1);
  const auto t = ticket();
  EXPECT_EQ(refused(FrameReader::hello({{"v", 1}, {"token", t.token}, {"camera_id", "gate"}})), "forbidden");
  EXPECT_EQ(refused_token(t.token), "forbidden") << "and it was used";
  FrameReader good = FrameReader::tcp(port);
  good.send(FrameReader::hello({{"v", 1}, {"token", ticket().token}, {"camera_id", "front"}}));
  EXPECT_TRUE(good.next_frame());
}

TEST_F(FrameAccessTest, ATokenExpires) {
  start({}, clock);
  camera.gop(1);
  const auto t = ticket(60s);
  clock.advance(60s - 1us);
  const auto late = ticket(60s);
  clock.advance(1us);
  EXPECT_EQ(refused_token(t.token), "forbidden");
  FrameReader in_time = FrameReader::unix_socket(path());
  in_time.say_hello(late.token);
  EXPECT_TRUE(in_time.next_frame());
  clock.advance(1s);
  ASSERT_TRUE(eventually(kLimit, [&] { return !reports.ends().empty(); }));
  EXPECT_EQ(reports.ends()[0].stream.stream_id, t.stream_id);
  EXPECT_EQ(reports.ends()[0].reason, "no client came in time");
  clock.advance(3600s);
  camera.gop(1);
  EXPECT_TRUE(in_time.next_frame()) << "who has come in time stays";
}

TEST_F(FrameAccessTest, WhoSaysNoHelloIsClosed) {
  start({}, clock);
  EXPECT_EQ(refused("GET / HTTP/1.1\r\n\r\n"), "invalid_argument");
  FrameReader silent = FrameReader::tcp(port);
  silent.send("\x10");
  ASSERT_FALSE(silent.closed(milliseconds(300)));
  clock.advance(5s);
  EXPECT_EQ(end_of(silent), "timed_out");
}

TEST_F(FrameAccessTest, WhoSpeaksAfterTheHelloIsClosed) {
  start();
  camera.gop(1);
  FrameReader client = reader();
  ASSERT_TRUE(client.next_frame());
  client.send("x");
  EXPECT_EQ(end_of(client), "invalid_argument");
  EXPECT_TRUE(eventually(kLimit, [&] { return reports.ends().size() == 1; }));
}

TEST_F(FrameAccessTest, AFloodOfConnectionsLocksNobodyOut) {
  start();
  camera.gop(1);
  std::vector<FrameReader> flood;
  for (int i = 0; i < 60; ++i) flood.push_back(FrameReader::unix_socket(path()));
  FrameReader client = reader();
  EXPECT_TRUE(client.next_frame());
  EXPECT_EQ(end_of(flood.front()), "busy") << "the oldest went";
}

TEST_F(FrameAccessTest, ThereAreNeverMoreStreamsThanAllowed) {
  start({.most_streams = 2});
  camera.gop(1);
  const auto t = ticket();
  {
    FrameReader client = reader();
    ASSERT_TRUE(client.next_frame());
    const auto third = server->open("front", "main", ring, 60s);
    ASSERT_FALSE(third);
    EXPECT_EQ(third.error().code, Code::busy);
  }
  EXPECT_TRUE(eventually(kLimit, [&] { return server->streams().size() == 1; }));
  EXPECT_EQ(server->streams()[0].stream_id, t.stream_id);
  EXPECT_TRUE(server->open("front", "main", ring, 60s));
}

TEST_F(FrameAccessTest, AStreamIsClosedOnRequest) {
  start();
  camera.gop(1);
  const auto waiting = ticket();
  const auto t = ticket();
  FrameReader client = FrameReader::unix_socket(path());
  client.say_hello(t.token);
  ASSERT_TRUE(client.next_frame());
  EXPECT_TRUE(server->close(t.stream_id));
  EXPECT_FALSE(server->close(t.stream_id));
  EXPECT_EQ(end_of(client), "cancelled");
  EXPECT_TRUE(server->close(waiting.stream_id));
  EXPECT_EQ(refused_token(waiting.token), "forbidden");
  EXPECT_FALSE(server->close("none"));
  EXPECT_TRUE(eventually(kLimit, [&] { return reports.ends().size() == 2; }));
  EXPECT_TRUE(server->streams().empty());
}

TEST_F(FrameAccessTest, TheSocketIsForOwnerAndGroup) {
  const mode_t before = umask(0);
  start();
  umask(before);
  struct stat found {};
  ASSERT_EQ(stat(path().c_str(), &found), 0);
  EXPECT_EQ(found.st_mode & 07777, 0660u);
}

TEST_F(FrameAccessTest, ASocketThatWasLeftIsReplacedAndOneInUseIsNot) {
  start();
  const auto second = listen_on_unix(path());
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().code, Code::already_exists);
  server.reset();
  { ASSERT_TRUE(listen_on_unix(path())); }  // as a kill leaves it
  ASSERT_TRUE(std::filesystem::exists(path()));
  EXPECT_TRUE(listen_on_unix(path()));
  const auto file = dir.path() / "a-file";
  write_text(file, "precious");
  EXPECT_FALSE(listen_on_unix(file));
  EXPECT_EQ(read_text(file), "precious");
  EXPECT_FALSE(listen_on_unix("frames.sock"));
  EXPECT_FALSE(listen_on_unix("/" + std::string(108, 'x')));
}

TEST_F(FrameAccessTest, OnlyLoopbackIsListenedOn) {
  for (const char* good : {"127.0.0.1:38080", "127.1.2.3:1", "[::1]:65535"})
    EXPECT_TRUE(loopback_address(good)) << good;
  for (const char* bad :
       {"0.0.0.0:38080", "10.0.0.1:38080", "[::]:38080", "[fe80::1]:38080", "[::ffff:127.0.0.1]:1", "localhost:38080",
        "::1:38080", "127.0.0.1", "127.0.0.1:", "127.0.0.1:0", "127.0.0.1:65536", "127.0.0.1:+1", "127.0.0.1:1x", ""})
    EXPECT_FALSE(loopback_address(bad)) << bad;
  start();
  EXPECT_FALSE(listen_on_tcp("127.0.0.1:" + std::to_string(port))) << "taken";
}

}  // namespace
}  // namespace vedette::test
