#include "tests/sources/source_run.h"

#include <algorithm>
#include <stdexcept>

namespace vedette::test {

namespace {

std::unique_ptr<Source> made(const SourceConfig& config) {
  auto source = make_source(config);
  if (!source) throw std::runtime_error(source.error().message);
  return std::move(*source);
}

}  // namespace

SourceRun::SourceRun(const SourceConfig& config) : own_(made(config)), source_(*own_) {
  start();
}

SourceRun::SourceRun(Source& source) : source_(source) {
  start();
}

void SourceRun::start() {
  thread_ = std::jthread([this](const std::stop_token& stop) {
    const auto push = [this](Packet packet) {
      const std::lock_guard lock(mutex_);
      packets_.push_back(std::move(packet));
      changed_.notify_all();
    };
    Status status = source_.run(push, stop);
    const std::lock_guard lock(mutex_);
    ended_ = std::move(status);
    changed_.notify_all();
  });
}

bool SourceRun::wait_for(milliseconds limit, const std::function<bool(const std::vector<Packet>&)>& condition) {
  std::unique_lock lock(mutex_);
  changed_.wait_for(lock, limit, [&] { return ended_ || condition(packets_); });
  return condition(packets_);
}

bool SourceRun::wait_for_video(size_t count, milliseconds limit) {
  return wait_for(limit, [count](const std::vector<Packet>& packets) {
    return static_cast<size_t>(
               std::count_if(packets.begin(), packets.end(), [](const Packet& p) { return p.video(); })) >= count;
  });
}

std::vector<Packet> SourceRun::packets() const {
  const std::lock_guard lock(mutex_);
  return packets_;
}

std::optional<Status> SourceRun::wait_for_end(milliseconds limit) {
  std::unique_lock lock(mutex_);
  changed_.wait_for(lock, limit, [this] { return ended_.has_value(); });
  return ended_;
}

SourceRun::Stopped SourceRun::stop() {
  const MonoTime begin = Clock::system().mono();
  thread_.request_stop();
  auto status = wait_for_end();
  return {status ? std::move(*status) : Status(fail(Code::timed_out, "run() does not end")),
          Clock::system().mono() - begin};
}

std::vector<Packet> of_track(const std::vector<Packet>& packets, Track track) {
  std::vector<Packet> out;
  std::copy_if(packets.begin(), packets.end(), std::back_inserter(out),
               [track](const Packet& packet) { return packet.track == track; });
  return out;
}

}  // namespace vedette::test
