#include "live/frame_client.h"

#include <sys/socket.h>
#include <sys/uio.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <nlohmann/json.hpp>

namespace vedette {

namespace {

constexpr int kFramesPerTurn = 16;

// What is left of the parts behind the first `skip` bytes, as sendmsg takes it; the number of parts, 0 when none is.
template <size_t N>
size_t parts_behind(size_t skip, const std::array<std::string_view, N>& parts, std::array<iovec, N>& out) {
  size_t count = 0;
  for (const std::string_view part : parts) {
    const size_t skipped = std::min(skip, part.size());
    skip -= skipped;
    if (skipped == part.size()) continue;
    out[count++] = {const_cast<char*>(part.data()) + skipped, part.size() - skipped};
  }
  return count;
}

// Why recv or sendmsg failed. The kernel has the same patience as we (TCP_USER_TIMEOUT), and may lose it first.
tl::unexpected<Error> lost(int error) {
  if (error == ETIMEDOUT) return fail(Code::timed_out, std::string(FrameClient::kTakesNothing));
  const bool closed = error == ECONNRESET || error == EPIPE;
  return fail(Code::cancelled, closed ? "the client closed the connection" : "the connection is lost");
}

}  // namespace

FrameClient::FrameClient(Fd fd, uint64_t number, MonoTime came) : fd_(std::move(fd)), number_(number), came_(came) {}

FrameClient::~FrameClient() {
  if (pushed_) stream_->ring.remove_listener(pushed_);
}

Result<std::optional<frames::Hello>> FrameClient::receive() {
  std::array<char, frames::kPrefixBytes + frames::kMostHelloBytes + 1> buffer;
  const ssize_t got = recv(fd_.get(), buffer.data(), buffer.size(), 0);
  if (got < 0 && (errno == EAGAIN || errno == EINTR)) return std::optional<frames::Hello>();
  if (got < 0) return lost(errno);
  if (got == 0) return fail(Code::cancelled, "the client closed the connection");
  if (stream_) return fail(Code::invalid_argument, "a client sends nothing after its hello");
  received_.append(buffer.data(), static_cast<size_t>(got));
  return frames::read_hello(received_);
}

void FrameClient::begin(std::shared_ptr<FrameStream> stream, const FrameLimits& limits,
                        const std::shared_ptr<Wakeup>& wakeup, MonoTime now) {
  stream_ = std::move(stream);
  pushed_ = std::make_shared<PushFlag>(wakeup);
  stream_->ring.add_listener(pushed_);
  const Json about = {{"stream_id", stream_->id}, {"camera_id", stream_->camera_id}, {"profile", stream_->profile}};
  feed_ = std::make_unique<FrameFeed>(stream_->ring, limits, about);
  last_progress_ = now;
}

// Whether the frame at hand is sent wholly.
Result<bool> FrameClient::write_some(MonoTime now) {
  std::array<iovec, 3> parts;
  msghdr message{};
  message.msg_iov = parts.data();
  while ((message.msg_iovlen = parts_behind<3>(written_, {feed_->notes(), feed_->head(), feed_->payload()}, parts))) {
    const ssize_t sent = sendmsg(fd_.get(), &message, MSG_NOSIGNAL | MSG_DONTWAIT);
    if (sent < 0 && errno == EINTR) continue;
    if (sent < 0 && errno == EAGAIN) return false;
    if (sent < 0) return lost(errno);
    written_ += static_cast<size_t>(sent);
    last_progress_ = now;
  }
  return true;
}

void FrameClient::count() {
  stream_->frames += feed_->packet().video() ? 1 : 0;
  stream_->bytes += feed_->payload().size();
  stream_->dropped = feed_->dropped_frames();
}

Result<FrameClient::Outcome> FrameClient::send(MonoTime now) {
  blocked_ = false;
  for (int i = 0; i < kFramesPerTurn; ++i) {
    if (!sending_ && !feed_->next()) {
      stream_->dropped = feed_->dropped_frames();
      return Outcome::sent;
    }
    if (!sending_) written_ = 0;
    sending_ = true;
    const auto wholly = write_some(now);
    if (!wholly) return wholly.error_as_is();
    blocked_ = !*wholly;
    if (blocked_) return Outcome::blocked;
    count();
    feed_->done();
    sending_ = false;
  }
  return Outcome::more;
}

void FrameClient::fall_back() {
  feed_->fall_back();
  stream_->dropped = feed_->dropped_frames();
}

void FrameClient::say_end(const Error& error) const {
  if (sending_ && written_ > 0) return;
  const std::string text =
      frames::message(frames::Kind::end, {{"code", code_name(error.code)}, {"message", error.message}});
  (void)!::send(fd_.get(), text.data(), text.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
}

}  // namespace vedette
