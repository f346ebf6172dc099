#pragma once

#include <cstdint>
#include <memory>
#include <stop_token>
#include <string>
#include <string_view>

#include "core/clock.h"
#include "core/result.h"
#include "sources/events/camera_event.h"

namespace vedette {

struct EventFeedConfig {
  std::string camera_id;
  std::string url;  // of the camera: hik://, dahua:// or onvif://; its channel or profile counts
  std::string username;
  std::string password;
  uint16_t http_port = 80;     // of onvif:// only where the URL names none
  bool http_tls = false;       // HTTPS, its certificate verified
  std::string ca_file{};       // whom to trust then; empty: the system's
  microseconds hold = 10s;     // how long an event goes on while nothing is heard of it
  microseconds silence = 30s;  // nothing for so long, heartbeats included: the connection is dead
};

// What a dialogue tells while it goes on, in its thread.
class EventListener {
 public:
  virtual ~EventListener() = default;
  // The camera said something, if only that there is nothing new.
  virtual void heard() = 0;
  virtual void take(const CameraSign& sign) = 0;
  // Called before each wait: how long that may take at most; an error ends the dialogue.
  virtual Result<microseconds> before_wait() = 0;
};

// EventDialogue is how the cameras of one kind are heard: by one answer that never ends (multipart_dialogue.h), or by
// asking again and again (pull_point_dialogue.h). To add a kind: one file with one class, and one line in the table of
// event_dialogue.cpp. Used by one thread.
class EventDialogue {
 public:
  virtual ~EventDialogue() = default;

  // Asks and listens until it cannot go on, and why. Returns within 500 ms of the stop. May be called again.
  virtual Error listen(EventListener& listener, const std::stop_token& stop) = 0;
  // What goes on is said again and again, every second or so.
  virtual bool repeats() const { return false; }
};

// That for the camera's URL. unsupported: there is none, and which there are; invalid_argument: what is wrong with it.
Result<std::unique_ptr<EventDialogue>> make_event_dialogue(const EventFeedConfig& config);

// Whether cameras of such a URL tell events; unsupported as above.
Status can_tell_events(std::string_view url);

}  // namespace vedette
