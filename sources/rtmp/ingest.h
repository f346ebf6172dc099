#pragma once

#include <cstdint>
#include <span>
#include <string>

#include "core/result.h"
#include "sources/rtmp/amf.h"
#include "sources/rtmp/chunks.h"

namespace vedette::rtmp {

// Who may publish here.
struct Expected {
  std::string app;
  std::string stream_key;
};

// Ingest is the server's half of one publisher's connection: bytes received go in, bytes to send come out, and the
// stream comes out as FLV. It knows no socket. RTMP 1.0 with the plain handshake, AMF0 commands, one stream; whatever
// is not about publishing is refused. Used by one thread.
class Ingest {
 public:
  explicit Ingest(Expected expected) : expected_(std::move(expected)) {}

  // forbidden: another app or key than is expected; camera_unavailable: the publisher has ended the stream, or this is
  // no RTMP. In either case what is in output() should still be sent.
  Status take(std::span<const uint8_t> bytes);
  std::string& output() { return output_; }
  std::string& flv() { return flv_; }
  // Whether app and key were right.
  bool publishing() const { return publishing_; }

 private:
  enum class Step { hello, echo, messages };

  Status take_messages(std::span<const uint8_t> bytes);
  Status on_message(const Message& message);
  Status on_command(const Message& message);
  Status on_connect(double transaction, const Value& arguments);
  Status on_publish(const Message& message, std::string_view name);
  void on_data(const Message& message);
  void append_tag(const Message& message);
  void acknowledge(size_t bytes);
  void send_command(uint32_t stream_id, const std::string& body);
  void send_status(uint32_t stream_id, std::string_view level, std::string_view code);

  const Expected expected_;
  Step step_ = Step::hello;
  std::string hello_;  // received of the handshake
  ChunkReader chunks_;
  std::string output_;
  std::string flv_;
  bool connected_ = false;
  bool publishing_ = false;
  bool has_audio_ = true;  // as far as it was told
  bool flv_begun_ = false;
  uint64_t received_ = 0;
  uint64_t acknowledged_ = 0;
};

}  // namespace vedette::rtmp
