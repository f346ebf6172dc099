#include "sources/rtmp/ingest.h"

#include <algorithm>

namespace vedette::rtmp {

namespace {

constexpr size_t kHelloBytes = 1536;
constexpr char kVersion = 3;
// We tell the publisher to wait for an acknowledgement after so many bytes, and send one twice as often.
constexpr uint32_t kWindowBytes = 2'500'000;
constexpr uint8_t kControlChunks = 2;
constexpr uint8_t kCommandChunks = 3;
constexpr double kStreamNumber = 1;
constexpr uint16_t kPingRequest = 6;
constexpr uint16_t kPingResponse = 7;
constexpr std::string_view kSuccess = "NetConnection.Connect.Success";
constexpr std::string_view kRejected = "NetConnection.Connect.Rejected";

void append_integer(std::string& out, uint32_t value, int bytes) {
  for (int i = bytes - 1; i >= 0; --i) out.push_back(static_cast<char>(value >> (8 * i)));
}

std::string integer(uint32_t value) {
  std::string out;
  append_integer(out, value, 4);
  return out;
}

// "_result" or "_error" to a command, up to where its own answer stands.
std::string answer_to(double transaction, std::string_view kind = "_result") {
  std::string out;
  append_text(out, kind);
  append_number(out, transaction);
  return out;
}

// "live/" and "live?token=x" are the app "live", and so with a stream's name, unless what is expected has that in it.
std::string_view bare(std::string_view name) {
  name = name.substr(0, name.find('?'));
  while (name.ends_with('/')) name.remove_suffix(1);
  return name;
}

}  // namespace

Status Ingest::take(std::span<const uint8_t> bytes) {
  acknowledge(bytes.size());
  while (step_ != Step::messages && !bytes.empty()) {
    const size_t wanted = step_ == Step::hello ? 1 + kHelloBytes : kHelloBytes;
    const size_t part = std::min(wanted - hello_.size(), bytes.size());
    hello_.append(reinterpret_cast<const char*>(bytes.data()), part);
    bytes = bytes.subspan(part);
    if (step_ == Step::hello && hello_.front() != kVersion)
      return fail(Code::camera_unavailable, "what connected does not speak RTMP");
    if (hello_.size() < wanted) return {};
    if (step_ == Step::hello) {  // ours, with nothing that anybody looks at, and theirs back
      output_.push_back(kVersion);
      output_.append(kHelloBytes, '\0');
      output_.append(hello_, 1, kHelloBytes);
    }
    hello_.clear();
    step_ = step_ == Step::hello ? Step::echo : Step::messages;
  }
  return bytes.empty() ? Status() : take_messages(bytes);
}

Status Ingest::take_messages(std::span<const uint8_t> bytes) {
  if (auto taken = chunks_.take(bytes); !taken) return taken;
  for (;;) {
    auto message = chunks_.next();
    if (!message) return message.error_as_is();
    if (!*message) return {};
    if (auto done = on_message(**message); !done) return done;
  }
}

void Ingest::acknowledge(size_t bytes) {
  received_ += bytes;
  if (step_ != Step::messages || received_ - acknowledged_ < kWindowBytes / 2) return;
  acknowledged_ = received_;
  append_message(output_, kControlChunks, Type::acknowledgement, 0, integer(static_cast<uint32_t>(received_)));
}

Status Ingest::on_message(const Message& message) {
  switch (message.type) {
    case Type::audio:
    case Type::video:
      if (publishing_) append_tag(message);
      return {};
    case Type::data:
      on_data(message);
      return {};
    case Type::command:
    case Type::command_amf3:
      return on_command(message);
    case Type::user_control:
      if (message.payload.size() == 6 && message.payload[1] == kPingRequest) {
        std::string pong;
        append_integer(pong, kPingResponse, 2);
        pong.append(message.payload.begin() + 2, message.payload.end());
        append_message(output_, kControlChunks, Type::user_control, 0, pong);
      }
      return {};
    default:
      return {};
  }
}

Status Ingest::on_command(const Message& message) {
  std::span<const uint8_t> body = message.payload;
  if (message.type == Type::command_amf3 && !body.empty()) body = body.subspan(1);  // AMF0 behind a byte 0, from all
  const auto values = parse_amf(body);
  if (!values || values->size() < 2)
    return fail(Code::camera_unavailable, "the publisher's command cannot be understood");
  const std::string_view name = (*values)[0].text();
  const double transaction = (*values)[1].number();
  if (name == "connect") return on_connect(transaction, values->size() > 2 ? (*values)[2] : Value());
  if (!connected_) return fail(Code::camera_unavailable, "the publisher does not begin with connect");
  if (name == "publish") return on_publish(message, values->size() > 3 ? (*values)[3].text() : std::string_view());
  if (name == "createStream") {
    std::string answer = answer_to(transaction);
    append_null(answer);
    append_number(answer, kStreamNumber);
    send_command(0, answer);
    return {};
  }
  if (name == "play") {
    send_status(message.stream_id, "error", "NetStream.Play.StreamNotFound");
    return fail(Code::camera_unavailable, "somebody wanted to play; this is for publishing only");
  }
  if (name == "deleteStream" || name == "closeStream" || name == "FCUnpublish")
    return publishing_ ? fail(Code::camera_unavailable, "the camera ended the stream") : Status();
  if (transaction != 0) {  // releaseStream, FCPublish and what else there is: fine
    std::string answer = answer_to(transaction);
    append_null(answer);
    append_null(answer);
    send_command(0, answer);
  }
  return {};
}

Status Ingest::on_connect(double transaction, const Value& arguments) {
  if (bare(arguments.text("app")) != bare(expected_.app)) {
    std::string answer = answer_to(transaction, "_error");
    append_null(answer);
    append_object(answer, {{"level", {"error"}}, {"code", {std::string(kRejected)}}, {"description", {"no such app"}}});
    send_command(0, answer);
    return fail(Code::forbidden, "a publisher named another app");
  }
  connected_ = true;
  append_message(output_, kControlChunks, Type::window_size, 0, integer(kWindowBytes));
  append_message(output_, kControlChunks, Type::peer_bandwidth, 0, integer(kWindowBytes) + '\2');
  std::string answer = answer_to(transaction);
  append_object(answer, {{"fmsVer", {"FMS/3,0,1,123"}}, {"capabilities", {31.0}}});
  append_object(answer, {{"level", {"status"}},
                         {"code", {std::string(kSuccess)}},
                         {"description", {"connected"}},
                         {"objectEncoding", {0.0}}});
  send_command(0, answer);
  return {};
}

Status Ingest::on_publish(const Message& message, std::string_view name) {
  const bool right_key = name == expected_.stream_key || bare(name) == expected_.stream_key;
  if (publishing_ || !right_key) {
    send_status(message.stream_id, "error", "NetStream.Publish.BadName");
    return fail(Code::forbidden, "a publisher named another stream key");
  }
  publishing_ = true;
  chunks_.allow_frames();
  send_status(message.stream_id, "status", "NetStream.Publish.Start");
  return {};
}

// "@setDataFrame", "onMetaData", {...}: whether sound is to be expected, so that nobody waits for it. Nothing else
// of it is believed.
void Ingest::on_data(const Message& message) {
  const auto values = parse_amf(message.payload);
  if (!values) return;
  for (const Value& value : *values)
    if (value.members()) has_audio_ = value.has("audiocodecid");
}

void Ingest::append_tag(const Message& message) {
  if (!flv_begun_) {
    flv_begun_ = true;
    flv_.append("FLV\x01", 4);
    flv_.push_back(has_audio_ ? 5 : 1);
    append_integer(flv_, 9, 4);  // of this header
    append_integer(flv_, 0, 4);  // of the tag before
  }
  const auto size = static_cast<uint32_t>(message.payload.size());
  flv_.push_back(static_cast<char>(message.type));
  append_integer(flv_, size, 3);
  append_integer(flv_, message.timestamp_ms & 0xffffff, 3);
  append_integer(flv_, message.timestamp_ms >> 24, 1);
  append_integer(flv_, 0, 3);
  flv_.append(message.payload.begin(), message.payload.end());
  append_integer(flv_, size + 11, 4);
}

void Ingest::send_command(uint32_t stream_id, const std::string& body) {
  append_message(output_, kCommandChunks, Type::command, stream_id, body);
}

void Ingest::send_status(uint32_t stream_id, std::string_view level, std::string_view code) {
  std::string body;
  append_text(body, "onStatus");
  append_number(body, 0);
  append_null(body);
  append_object(body, {{"level", {std::string(level)}}, {"code", {std::string(code)}}, {"description", {"-"}}});
  send_command(stream_id, body);
}

}  // namespace vedette::rtmp
