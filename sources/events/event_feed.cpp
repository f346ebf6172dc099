#include "sources/events/event_feed.h"

#include <algorithm>
#include <thread>
#include <vector>

#include "core/log.h"
#include "core/thread.h"
#include "sources/events/event_tracker.h"
#include "sources/retry_pauses.h"

namespace vedette {

// All of it is the thread's, but for what is constant.
struct EventFeed::Impl : EventListener {
  Impl(EventFeedConfig c, std::unique_ptr<EventDialogue> d, OnEvent on, const Clock& k)
      : config(std::move(c)),
        dialogue(std::move(d)),
        on_event(std::move(on)),
        clock(k),
        tracker({config.hold, dialogue->repeats()}) {}

  void heard() override;
  void take(const CameraSign& sign) override;
  Result<microseconds> before_wait() override;

  void run(const std::stop_token& stop);
  void pause(milliseconds duration, const std::stop_token& stop);
  void tell();

  const EventFeedConfig config;
  const std::unique_ptr<EventDialogue> dialogue;
  const OnEvent on_event;
  const Clock& clock;

  EventTracker tracker;
  std::vector<CameraEvent> events;  // to be told
  MonoTime last_heard;              // or the dialogue began
  bool any_heard = false;           // in this dialogue
  std::string failure;              // why there is none, as it was logged

  std::jthread thread;
};

void EventFeed::Impl::heard() {
  last_heard = clock.mono();
  if (!any_heard) log::info("the camera tells its events", {{"camera", config.camera_id}});
  any_heard = true;
  failure.clear();
}

void EventFeed::Impl::take(const CameraSign& sign) {
  tracker.take(sign, last_heard, events);
  tell();
}

Result<microseconds> EventFeed::Impl::before_wait() {
  const MonoTime now = clock.mono();
  tracker.expire(now, events);
  tell();
  const MonoTime dead = last_heard + config.silence;
  if (now >= dead)
    return fail(Code::timed_out,
                "events: the camera says nothing for " + std::to_string(to_ms(config.silence)) + " ms");
  return std::min(dead, tracker.next_due()) - now;
}

void EventFeed::Impl::tell() {
  for (const CameraEvent& event : events) on_event(config.camera_id, event);
  events.clear();
}

// Events end meanwhile as well.
void EventFeed::Impl::pause(milliseconds duration, const std::stop_token& stop) {
  const MonoTime until = clock.mono() + duration;
  for (;;) {
    const MonoTime now = clock.mono();
    tracker.expire(now, events);
    tell();
    if (now >= until || wait_for(std::min(until, tracker.next_due()) - now, stop)) return;
  }
}

void EventFeed::Impl::run(const std::stop_token& stop) {
  RetryPauses pauses;
  while (!stop.stop_requested()) {
    any_heard = false;
    last_heard = clock.mono();
    const Error error = dialogue->listen(*this, stop);
    if (stop.stop_requested()) return;
    tracker.connection_lost(clock.mono());
    if (any_heard) pauses.reset();
    if (error.message != failure)
      log::warn("the camera does not tell its events; it is asked again",
                {{"camera", config.camera_id}, {"reason", error.message}});
    failure = error.message;
    pause(pauses.next(RetryPauses::after(error.code)), stop);
  }
}

Result<std::unique_ptr<EventFeed>> EventFeed::start(EventFeedConfig config, OnEvent on_event, const Clock& clock) {
  auto dialogue = make_event_dialogue(config);
  if (!dialogue) return dialogue.error_as_is();
  auto impl = std::make_unique<Impl>(std::move(config), std::move(*dialogue), std::move(on_event), clock);
  impl->thread = start_thread("evt-" + impl->config.camera_id,
                              [impl = impl.get()](const std::stop_token& stop) { impl->run(stop); });
  return std::unique_ptr<EventFeed>(new EventFeed(std::move(impl)));
}

EventFeed::EventFeed(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
EventFeed::~EventFeed() = default;

void EventFeed::request_stop() {
  impl_->thread.request_stop();
}

}  // namespace vedette
