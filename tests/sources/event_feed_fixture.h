#pragma once

#include <gtest/gtest.h>

#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "sources/events/event_feed.h"
#include "tests/support/http_camera.h"
#include "tests/support/wait.h"

namespace vedette::test {

// A simulated camera, and a feed that hears it.
class EventFeedFixture : public testing::Test {
 public:
  static constexpr milliseconds kLimit{10000};
  static constexpr const char* kPassword = "s3cret&<>";

 protected:
  EventFeedFixture() { make_camera({}); }

  void make_camera(HttpCameraOptions options) {
    feed.reset();
    options.user = "viewer";
    options.password = kPassword;
    camera.reset();
    camera.emplace(std::move(options));
    port = camera->port();
  }
  void start(const std::string& scheme, const std::string& password = kPassword) {
    EventFeedConfig config;
    config.camera_id = "front";
    config.url = scheme + "://127.0.0.1" + (scheme == "onvif" ? "/" + profile : ":554/1/main");
    config.username = "viewer";
    config.password = password;
    config.http_port = port;
    config.http_tls = tls;
    config.ca_file = ca_file;
    config.hold = hold;
    config.silence = silence;
    auto started = EventFeed::start(config, [this](const std::string& camera_id, const CameraEvent& event) {
      const std::lock_guard lock(mutex);
      EXPECT_EQ(camera_id, "front");
      seen.push_back((event.started ? "+" : "-") + std::string(camera_event_name(event.type)) + " " +
                     event.vendor_type);
    });
    ASSERT_TRUE(started) << started.error().message;
    feed = std::move(*started);
  }
  std::vector<std::string> events() {
    const std::lock_guard lock(mutex);
    return seen;
  }
  // Says it until it is heard, as the feed may still be connecting.
  void begin(const std::string& type) {
    const size_t before = events().size();
    ASSERT_TRUE(eventually(kLimit, [&] {
      camera->simulate("event?state=active&type=" + type);
      return eventually(500ms, [&] { return events().size() > before; });
    }));
  }
  bool come(size_t count) {
    return eventually(kLimit, [&] { return events().size() >= count; });
  }

  std::optional<HttpCamera> camera;
  uint16_t port = 0;
  bool tls = false;
  std::string ca_file;
  std::string profile;  // of onvif://
  microseconds hold = 1500ms, silence = 30s;
  std::mutex mutex;
  std::vector<std::string> seen;
  std::unique_ptr<EventFeed> feed;
};

}  // namespace vedette::test
