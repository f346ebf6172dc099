#include "sources/rtsp/message.h"

#include <gtest/gtest.h>

namespace vedette::rtsp {
namespace {

Response response(const std::string& text) {
  const auto incoming = parse_message(text);
  EXPECT_TRUE(incoming.has_value()) << incoming.error().message;
  if (!incoming) return {};
  EXPECT_EQ(incoming->bytes, text.size());
  return std::get<Response>(incoming->message);
}
size_t bytes_of(const std::string& text) {
  const auto incoming = parse_message(text);
  EXPECT_TRUE(incoming.has_value()) << incoming.error().message;
  return incoming ? incoming->bytes : 0;
}
bool refused(const std::string& text) {
  const auto incoming = parse_message(text);
  return !incoming && incoming.error().code == Code::invalid_argument;
}

TEST(RtspMessageTest, ReadsStatusHeadersAndBody) {
  const Response r = response("RTSP/1.0 401 Unauthorized user\r\nCSeq: 2\r\nContent-Length: 5\r\n\r\nhello");
  EXPECT_EQ(r.status, 401);
  EXPECT_EQ(r.reason, "Unauthorized user");
  EXPECT_EQ(r.header("cseq"), "2");
  EXPECT_EQ(r.header("Session"), std::nullopt);
  EXPECT_EQ(r.body, "hello");
}

TEST(RtspMessageTest, LetsPassWhatCamerasGetWrong) {
  EXPECT_EQ(response("\r\n\r\nRTSP/1.0 200 OK\r\nCSeq: 1\r\n\r\n").status, 200) << "blank lines in front";
  EXPECT_EQ(response("RTSP/1.0 200 OK\nCSeq: 1\n\n").header("CSeq"), "1") << "line ends without CR";
  EXPECT_EQ(response("RTSP/1.0  200\r\nno colon here\r\nSession:   12 ;timeout=60 \r\n\r\n").header("session"),
            "12 ;timeout=60");
}

TEST(RtspMessageTest, WaitsForWhatIsNotThereYet) {
  const std::string whole = "RTSP/1.0 200 OK\r\nContent-Length: 3\r\n\r\nabc";
  for (size_t size = 0; size < whole.size(); ++size) EXPECT_EQ(bytes_of(whole.substr(0, size)), 0u) << size;
  EXPECT_EQ(bytes_of(whole + "$more"), whole.size());
}

TEST(RtspMessageTest, ReadsRequestsOfTheServer) {
  const auto incoming = parse_message("OPTIONS rtsp://x/ RTSP/1.0\r\nCSeq: 7\r\n\r\n");
  ASSERT_TRUE(incoming.has_value());
  EXPECT_EQ(std::get<ServerRequest>(incoming->message).method, "OPTIONS");
  EXPECT_EQ(std::get<ServerRequest>(incoming->message).cseq, "7");
}

TEST(RtspMessageTest, RefusesWhatIsNoRtspAndWhatIsTooLong) {
  EXPECT_TRUE(refused("HTTP/1.1 200 OK\r\n\r\n"));
  EXPECT_TRUE(refused("RTSP/1.0 OK\r\n\r\n"));
  EXPECT_TRUE(refused("RTSP/1.0 99 No\r\n\r\n"));
  EXPECT_TRUE(refused("RTSP/1.0 200 OK\r\nContent-Length: 65537\r\n\r\n"));
  EXPECT_TRUE(refused("RTSP/1.0 200 OK\r\nContent-Length: -1\r\n\r\n"));
  EXPECT_TRUE(refused("RTSP/1.0 200 OK\r\nX: " + std::string(17'000, 'x')));
  EXPECT_TRUE(refused("RTSP/1.0 200 OK\r\nX: " + std::string(17'000, 'x') + "\r\n\r\n"));
  EXPECT_TRUE(refused(std::string(17'000, 'x')));
}

TEST(RtspMessageTest, WritesRequests) {
  EXPECT_EQ(request_text("PLAY", "rtsp://cam/1", 4, {{"Range", "npt=0.000-"}}),
            "PLAY rtsp://cam/1 RTSP/1.0\r\nCSeq: 4\r\nUser-Agent: Vedette\r\nRange: npt=0.000-\r\n\r\n");
  EXPECT_EQ(answer_text(501, "Not Implemented", "9"), "RTSP/1.0 501 Not Implemented\r\nCSeq: 9\r\n\r\n");
}

}  // namespace
}  // namespace vedette::rtsp
