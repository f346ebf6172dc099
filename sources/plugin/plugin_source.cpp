#include <thread>

#include "core/log.h"
#include "core/thread.h"
#include "media/encoded_video.h"
#include "sources/plugin/plugin_session.h"
#include "sources/plugin/plugin_sources.h"
#include "sources/timeline.h"

namespace vedette {

namespace {

using plugin::PluginSession;
using plugin::Pushed;
using plugin::PushQueue;

// From stop() on; the source itself has 500 ms.
constexpr microseconds kGrace = 400ms;

// Makes packets of what a plug-in pushes.
class Intake {
 public:
  explicit Intake(const Clock& clock, std::string name) : timeline_(clock), name_(std::move(name)) {}

  // Whether it was a picture of use.
  bool take(Pushed pushed, const Source::Push& push) {
    if (pushed.streams != streams_) {
      streams_ = pushed.streams;
      video_.emplace(streams_->video, streams_->audio, "by " + name_);
    }
    DemuxedPacket packet;
    packet.track = pushed.track;
    packet.keyframe = true;
    if (pushed.track == Track::video) {
      const auto look = video_->look(pushed.data.view());
      if (!look || !look->info) return false;
      packet.keyframe = look->keyframe;
    }
    if (!video_->info()) return false;  // audio before the first picture
    packet.info = video_->info();
    packet.data = std::move(pushed.data);
    packet.pts = pushed.pts;
    packet.dts = pushed.dts;
    packet.lost_before = pushed.lost_before;
    timeline_.add(std::move(packet), pushed.arrival, push);
    return pushed.track == Track::video;
  }

 private:
  Timeline timeline_;
  const std::string name_;
  std::shared_ptr<const plugin::Streams> streams_;
  std::optional<EncodedVideo> video_;
};

// PluginSource runs each session in a thread of its own, because code of others may not come back: then that thread is
// left behind with its PluginSession (the one place where a thread is detached), and the camera says so.
class PluginSource : public Source {
 public:
  PluginSource(std::shared_ptr<const PluginLibrary> library, SourceConfig config, const Clock& clock)
      : library_(std::move(library)), config_(std::move(config)), clock_(clock) {}

  Status run(const Push& push, const std::stop_token& stop) override {
    if (left_behind_ && !left_behind_->wait_until_out(0us))
      return fail(Code::internal, "the plug-in " + library_->name() +
                                      " did not come back from the session before; if it does not at all, restart the "
                                      "agent, and tell who made it");
    left_behind_.reset();
    const auto session = std::make_shared<PluginSession>(library_, config_, clock_);
    std::jthread life = start_thread("plugin", [session](const std::stop_token&) { session->live(); });
    Status status = watch(*session, push, stop);
    session->close();
    std::jthread stopper = start_thread("plugin-stop", [session](const std::stop_token&) { session->stop(); });
    if (!session->wait_until_out(kGrace)) {
      left_behind_ = session;
      life.detach();
      stopper.detach();
      log::error("a plug-in does not come back", {{"camera", config_.camera_id}, {"plugin", library_->name()}});
    }
    if (stop.stop_requested()) return {};
    return status;
  }

 private:
  Status watch(PluginSession& session, const Push& push, const std::stop_token& stop) const {
    Intake intake(clock_, library_->name());
    PushQueue& queue = session.queue();
    MonoTime deadline = clock_.mono() + config_.connect_timeout;
    bool opened = false;
    while (!stop.stop_requested()) {
      auto pushed = queue.take(deadline, stop);
      const MonoTime now = clock_.mono();
      if (!opened && session.opened()) {
        opened = true;
        deadline = now + config_.stall_timeout;
      }
      if (pushed && intake.take(std::move(*pushed), push)) deadline = now + config_.stall_timeout;
      if (queue.refused() >= PushQueue::kMostRefused)
        return fail(Code::internal,
                    "the plug-in " + library_->name() + " pushes what cannot be: " + queue.why_refused());
      if (now >= deadline)
        return fail(Code::timed_out,
                    "the plug-in " + library_->name() + (opened ? " pushes no picture" : " does not connect"));
      if (pushed) continue;
      if (const auto ended = session.ended())
        return *ended ? fail(Code::camera_unavailable, library_->name() + ": the stream ended") : *ended;
    }
    return {};
  }

  const std::shared_ptr<const PluginLibrary> library_;
  const SourceConfig config_;
  const Clock& clock_;
  std::shared_ptr<PluginSession> left_behind_;
};

}  // namespace

Result<std::unique_ptr<Source>> make_plugin_source(std::shared_ptr<const PluginLibrary> library,
                                                   const SourceConfig& config, const Clock& clock) {
  return std::make_unique<PluginSource>(std::move(library), config, clock);
}

}  // namespace vedette
