#include "sources/rtmp/ingest.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <optional>

namespace vedette::rtmp {
namespace {

using testing::HasSubstr;

std::span<const uint8_t> bytes_of(const std::string& text) {
  return {reinterpret_cast<const uint8_t*>(text.data()), text.size()};
}

template <size_t N>
std::string raw(const char (&text)[N]) {
  return {text, N - 1};
}

// ---- AMF

TEST(RtmpAmfTest, ReadsWhatClientsSend) {
  std::string text;
  append_text(text, "connect");
  append_number(text, 1);
  append_object(text, {{"app", {"live"}}, {"capabilities", {239.0}}});
  append_null(text);
  text += raw("\x01\x01");                                             // true
  text += raw("\x08\0\0\0\x01\0\x01w\0\x40\x59\0\0\0\0\0\0\0\0\x09");  // array {w: 100}
  text += raw("\x0a\0\0\0\x02\x05\x06");                               // [null, undefined]
  text += raw("\x0b\0\0\0\0\0\0\0\0\0\0");                             // a date
  text += raw("\x0c\0\0\0\x02hi");                                     // a long text
  const auto values = parse_amf(bytes_of(text));
  ASSERT_TRUE(values);
  ASSERT_EQ(values->size(), 9u);
  EXPECT_EQ((*values)[0].text(), "connect");
  EXPECT_EQ((*values)[1].number(), 1);
  EXPECT_EQ((*values)[2].text("app"), "live");
  EXPECT_FALSE((*values)[2].has("other"));
  EXPECT_TRUE((*values)[5].has("w"));
  EXPECT_EQ((*values)[8].text(), "hi");
}

TEST(RtmpAmfTest, RefusesWhatIsCutOffOrBeyondMeasure) {
  std::string text;
  append_text(text, "connect");
  append_object(text, {{"app", {"live"}}});
  for (size_t size = 1; size < text.size(); ++size) {
    const bool name_alone = size == 10;
    EXPECT_EQ(parse_amf(bytes_of(text.substr(0, size))).has_value(), name_alone) << size;
  }
  std::string nested;
  for (int i = 0; i < 1000; ++i) nested += raw("\x03\0\x01x");
  EXPECT_FALSE(parse_amf(bytes_of(nested)));
  EXPECT_FALSE(parse_amf(bytes_of(raw("\x0a\xff\xff\xff\xff") + std::string(5000, '\x05'))));
  EXPECT_FALSE(parse_amf(bytes_of(raw("\x11"))));
}

// ---- chunks

std::string header(int format, uint8_t chunk_stream, uint32_t time, uint32_t size, Type type) {
  std::string out(1, static_cast<char>(format << 6 | chunk_stream));
  const auto add = [&out](uint32_t value, int bytes) {
    for (int i = bytes - 1; i >= 0; --i) out.push_back(static_cast<char>(value >> (8 * i)));
  };
  if (format < 3) add(time, 3);
  if (format < 2) add(size, 3), add(static_cast<uint32_t>(type), 1);
  if (format == 0) out += raw("\x01\0\0\0");
  return out;
}

std::vector<Message> all_of(ChunkReader& reader) {
  std::vector<Message> out;
  for (;;) {
    auto next = reader.next();
    EXPECT_TRUE(next) << next.error().message;
    if (!next || !*next) return out;
    out.push_back(std::move(**next));
  }
}

TEST(RtmpChunkTest, MessagesOfSeveralStreamsAreSortedOut) {
  std::string in = header(0, 4, 1000, 200, Type::audio) + std::string(128, 'a');
  in += header(0, 6, 1001, 3, Type::video) + "vvv";
  in += header(3, 4, 0, 0, Type::audio) + std::string(72, 'a');
  in += header(1, 6, 40, 2, Type::video) + "ww";  // 40 ms later
  in += header(2, 6, 30, 0, Type::video) + "xx";
  in += header(3, 6, 0, 0, Type::video) + "yy";
  // However it is cut.
  for (const size_t part : {in.size(), size_t{1}, size_t{7}}) {
    ChunkReader reader;
    std::vector<Message> got;
    for (size_t at = 0; at < in.size(); at += part) {
      ASSERT_TRUE(reader.take(bytes_of(in.substr(at, part))));
      for (Message& message : all_of(reader)) got.push_back(std::move(message));
    }
    ASSERT_EQ(got.size(), 5u);
    EXPECT_EQ(got[0].payload, std::vector<uint8_t>({'v', 'v', 'v'}));
    EXPECT_EQ(got[1].payload.size(), 200u);
    EXPECT_EQ(got[1].timestamp_ms, 1000u);
    EXPECT_EQ(got[2].timestamp_ms, 1041u);
    EXPECT_EQ(got[3].timestamp_ms, 1071u);
    EXPECT_EQ(got[4].timestamp_ms, 1101u);
    EXPECT_EQ(got[4].stream_id, 1u);
  }
}

TEST(RtmpChunkTest, LargeTimesAreExtendedInEveryChunk) {
  const std::string time = raw("\x01\x02\x03\x04");
  ChunkReader reader;
  ASSERT_TRUE(reader.take(bytes_of(header(0, 6, 0xffffff, 130, Type::video) + time + std::string(128, 'v') +
                                   header(3, 6, 0, 0, Type::video) + time + "vv")));
  const auto got = all_of(reader);
  ASSERT_EQ(got.size(), 1u);
  EXPECT_EQ(got[0].timestamp_ms, 0x01020304u);
  EXPECT_EQ(got[0].payload, std::vector<uint8_t>(130, 'v'));
}

TEST(RtmpChunkTest, SizeOfChunksIsFollowedAndAMessageCanBeGivenUp) {
  ChunkReader reader;
  ASSERT_TRUE(
      reader.take(bytes_of(header(0, 4, 0, 300, Type::audio) + std::string(128, 'a') + header(0, 2, 0, 4, Type::abort) +
                           raw("\0\0\0\x04") + header(0, 2, 0, 4, Type::chunk_size) + raw("\0\0\x10\0") +
                           header(0, 4, 0, 1000, Type::audio) + std::string(1000, 'b'))));
  const auto got = all_of(reader);
  ASSERT_EQ(got.size(), 1u);
  EXPECT_EQ(got[0].payload, std::vector<uint8_t>(1000, 'b'));
}

TEST(RtmpChunkTest, WhatIsKeptIsBounded) {
  for (const std::string& in : {header(0, 4, 0, 100'000, Type::audio),                   // before it may send frames
                                header(0, 2, 0, 4, Type::chunk_size) + raw("\0\0\0\0"),  // of nothing
                                header(3, 4, 0, 0, Type::audio),                         // as what before?
                                header(0, 4, 0, 300, Type::audio) + std::string(128, 'a') +  // changes its size
                                    header(0, 4, 0, 200, Type::audio) + std::string(128, 'a')}) {
    ChunkReader reader;
    ASSERT_TRUE(reader.take(bytes_of(in)));
    const auto next = reader.next();
    EXPECT_FALSE(next);
  }
  ChunkReader many;
  std::string in;
  for (uint8_t i = 2; i < 2 + ChunkReader::kMostStreams + 1; ++i)
    in += header(0, i, 0, 200, Type::audio) + std::string(128, 'a');
  ASSERT_TRUE(many.take(bytes_of(in)));
  EXPECT_FALSE(many.next());
  ChunkReader full;  // several at once that are each small enough
  in.clear();
  for (uint8_t i = 3; i < 5; ++i) in += header(0, i, 0, 40'000, Type::audio) + std::string(128, 'a');
  ASSERT_TRUE(full.take(bytes_of(in)));
  EXPECT_TRUE(full.next());  // what is held, not what is announced
  full.allow_frames();
}

// ---- a publisher's dialogue

class RtmpIngestTest : public testing::Test {
 protected:
  Status shake_hands() { return ingest_->take(bytes_of("\x03" + std::string(2 * 1536, 'h'))); }
  Status send(Type type, const std::string& body) {
    std::string out;
    append_message(out, 3, type, 1, body);
    return ingest_->take(bytes_of(out));
  }
  Status connect(const std::string& app) {
    std::string body;
    append_text(body, "connect");
    append_number(body, 1);
    append_object(body, {{"app", {app}}});
    return send(Type::command, body);
  }
  Status command(const std::string& name, const std::string& argument = "") {
    std::string body;
    append_text(body, name);
    append_number(body, 4);
    append_null(body);
    append_text(body, argument);
    return send(Type::command, body);
  }

  std::optional<Ingest> ingest_{Expected{"live", "key-1"}};
};

TEST_F(RtmpIngestTest, StreamComesOutAsFlv) {
  ASSERT_TRUE(shake_hands());
  EXPECT_EQ(ingest_->output().size(), 1u + 2 * 1536);
  ASSERT_TRUE(connect("live/"));
  EXPECT_THAT(ingest_->output(), HasSubstr("NetConnection.Connect.Success"));
  ASSERT_TRUE(command("releaseStream", "key-1"));
  ASSERT_TRUE(command("createStream"));
  EXPECT_FALSE(ingest_->publishing());
  ASSERT_TRUE(command("publish", "key-1?x=y"));
  EXPECT_THAT(ingest_->output(), HasSubstr("NetStream.Publish.Start"));
  EXPECT_TRUE(ingest_->publishing());
  ASSERT_TRUE(send(Type::video, "vid"));
  EXPECT_EQ(ingest_->flv(), raw("FLV\x01\x05\0\0\0\x09\0\0\0\0") + raw("\x09\0\0\x03\0\0\0\0\0\0\0vid\0\0\0\x0e"));
}

TEST_F(RtmpIngestTest, MetadataTellThatThereIsNoSound) {
  ASSERT_TRUE(shake_hands());
  ASSERT_TRUE(connect("live"));
  ASSERT_TRUE(command("publish", "key-1"));
  std::string data;
  append_text(data, "@setDataFrame");
  append_text(data, "onMetaData");
  append_object(data, {{"width", {640.0}}});
  ASSERT_TRUE(send(Type::data, data));
  ASSERT_TRUE(send(Type::video, "vid"));
  EXPECT_EQ(ingest_->flv()[4], 1);
}

TEST_F(RtmpIngestTest, OtherAppOrKeyIsForbidden) {
  ASSERT_TRUE(shake_hands());
  const auto other_app = connect("other");
  ASSERT_FALSE(other_app);
  EXPECT_EQ(other_app.error().code, Code::forbidden);
  EXPECT_THAT(ingest_->output(), HasSubstr("NetConnection.Connect.Rejected"));

  Ingest second({"live", "key-1"});
  std::swap(ingest_->output(), second.output());
  ASSERT_TRUE(connect("live"));
  for (const char* key : {"key-2", "key-1x", ""}) {
    const auto refused = command("publish", key);
    ASSERT_FALSE(refused) << key;
    EXPECT_EQ(refused.error().code, Code::forbidden);
  }
  EXPECT_FALSE(ingest_->publishing());
  ASSERT_TRUE(send(Type::video, "vid"));
  EXPECT_TRUE(ingest_->flv().empty()) << "nothing is taken before the key is known";
}

TEST_F(RtmpIngestTest, AKeyMayHoldWhatElseEndsIt) {
  for (const char* key : {"key?token=1&x", "key/", "?"}) {
    ingest_.emplace(Expected{"live/", key});
    ASSERT_TRUE(shake_hands());
    ASSERT_TRUE(connect("live"));
    EXPECT_TRUE(command("publish", key)) << key;
  }
  for (const char* other : {"key", "key?token=2", "key/"}) {
    ingest_.emplace(Expected{"live", "key?token=1"});
    ASSERT_TRUE(shake_hands());
    ASSERT_TRUE(connect("live"));
    EXPECT_FALSE(command("publish", other)) << other;
  }
}

TEST_F(RtmpIngestTest, WhatIsNoPublisherIsSentAway) {
  Ingest http({"live", "key-1"});
  EXPECT_FALSE(http.take(bytes_of("GET / HTTP/1.1\r\n")));
  ASSERT_TRUE(shake_hands());
  EXPECT_FALSE(command("publish", "key-1")) << "before connect";
  ASSERT_TRUE(connect("live"));
  EXPECT_FALSE(command("play", "key-1"));
  EXPECT_FALSE(send(Type::command, "garbage"));
}

TEST_F(RtmpIngestTest, EndOfTheStreamIsSaid) {
  ASSERT_TRUE(shake_hands());
  ASSERT_TRUE(connect("live"));
  ASSERT_TRUE(command("publish", "key-1"));
  const auto ended = command("deleteStream");
  ASSERT_FALSE(ended);
  EXPECT_EQ(ended.error().code, Code::camera_unavailable);
}

TEST_F(RtmpIngestTest, PingIsAnsweredAndBytesAreAcknowledged) {
  ASSERT_TRUE(shake_hands());
  ASSERT_TRUE(connect("live"));
  ASSERT_TRUE(command("publish", "key-1"));
  ingest_->output().clear();
  ASSERT_TRUE(send(Type::user_control, raw("\0\x06\0\0\0\x2a")));
  EXPECT_THAT(ingest_->output(), HasSubstr(raw("\0\x07\0\0\0\x2a")));
  ingest_->output().clear();
  for (int i = 0; i < 20; ++i) ASSERT_TRUE(send(Type::video, std::string(100'000, 'v')));
  EXPECT_EQ(std::count(ingest_->output().begin(), ingest_->output().end(), '\x03'), 1) << "one message of type 3";
}

}  // namespace
}  // namespace vedette::rtmp
