#include "ctl/dashboard.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <string_view>
#include <vector>

#include "core/text.h"
#include "ctl/values.h"
#include "ctl/watch.h"

namespace vedette::ctl {

namespace {

constexpr size_t kLeastEvents = 3;  // rows kept for events, however many devices there are

enum class Paint { none, good, unsure, bad, faint };

// Text that takes as many columns as it has code points.
struct Cell {
  std::string text;
  size_t width = 0;
  Paint paint = Paint::none;
};

size_t columns_of(std::string_view text) {
  return static_cast<size_t>(std::count_if(text.begin(), text.end(), [](char c) { return (c & 0xc0) != 0x80; }));
}

Paint paint_of(std::string_view state) {
  if (state == "online" || state == "streaming") return Paint::good;
  if (state == "degraded" || state == "connecting" || state == "stalled" || state == "stopping" || state == "busy")
    return Paint::unsure;
  return state == "disabled" ? Paint::faint : Paint::bad;
}

std::string_view code_of(Paint paint) {
  switch (paint) {
    case Paint::good:
      return "\x1b[32m";
    case Paint::unsure:
      return "\x1b[33m";
    case Paint::bad:
      return "\x1b[1;31m";
    case Paint::faint:
      return "\x1b[2m";
    case Paint::none:
      break;
  }
  return {};
}

// One row of the screen, cut at its edge.
class Row {
 public:
  Row(size_t columns, bool colours) : left_(columns), colours_(colours) {}

  // As wide as `width`, or as the text when that is 0.
  Row& add(std::string text, size_t width = 0, Paint paint = Paint::none) {
    size_t columns = columns_of(text);
    while (columns > left_ || (width > 0 && columns > width)) {
      while (!text.empty() && (text.back() & 0xc0) == 0x80) text.pop_back();
      text.pop_back();
      --columns;
    }
    left_ -= columns;
    const bool painted = colours_ && paint != Paint::none && !text.empty();
    text_ += painted ? std::string(code_of(paint)) + text + "\x1b[0m" : text;
    if (width > 0) pad(width - columns);
    return *this;
  }
  std::string take() { return std::move(text_); }

 private:
  void pad(size_t columns) {
    columns = std::min(columns, left_);
    text_.append(columns, ' ');
    left_ -= columns;
  }
  std::string text_;
  size_t left_;
  bool colours_;
};

// "name value", empty when there is none.
std::string figure(const Json& json, const char* key, const std::string& name) {
  const auto found = json.find(key);
  if (found == json.end() || !found->is_number()) return {};
  return "  " + name + " " + value_text(key, *found);
}

std::string device_facts(const Json& status, const Json& figures) {
  std::string out = text_at(status, {"cameras", "streaming"}) + "/" + text_at(status, {"cameras", "total"}) +
                    " streaming  " + text_at(status, {"cameras", "recording"}) + " recording";
  if (!status.contains("cameras")) out = text_at(status, {"reason"});
  // The status is not sent again when they have gone.
  const auto waiting = integer_at(figures, {"outbox_rows"});
  if (const auto rows = waiting ? waiting : integer_at(status, {"outbox", "rows"}); rows && *rows > 0)
    out += "  " + std::to_string(*rows) + " events wait";
  if (const auto rows = integer_at(figures, {"upload_queue_rows"}); rows && *rows > 0)
    out += "  " + std::to_string(*rows) + " uploads wait";
  return out + figure(figures, "upload_bps", "up") + figure(figures, "cpu_pct", "cpu") +
         figure(figures, "rss_bytes", "rss") + figure(figures, "disk_free_bytes", "free");
}

std::string camera_facts(const Json& state, const Json& figures) {
  std::string out;
  if (const auto stream = state.find("stream"); stream != state.end() && stream->is_object())
    out = text_at(*stream, {"codec"}) + " " + text_at(*stream, {"width_px"}) + "x" + text_at(*stream, {"height_px"});
  out += figure(figures, "fps", "fps") + figure(figures, "bitrate_bps", "") + figure(figures, "ring_ms", "ring") +
         figure(figures, "coverage_pct", "covered");
  if (const auto dropped = integer_at(figures, {"dropped_frames_total"}); dropped && *dropped > 0)
    out += "  dropped " + std::to_string(*dropped);
  return out;
}

}  // namespace

struct Dashboard::Device {
  struct Camera {
    Json state = Json::object();
    Json figures = Json::object();
  };
  Json status = Json::object();
  Json figures = Json::object();
  std::map<std::string, Camera> cameras;
};

Dashboard::Dashboard(std::string topic_root, bool colours)
    : prefix_(topic_root + "/v1/"), topic_root_(std::move(topic_root)), colours_(colours) {}

Dashboard::~Dashboard() = default;

void Dashboard::add_event(std::string line) {
  events_.push_front(std::move(line));
  if (events_.size() > kMostEvents) events_.pop_back();
}

void Dashboard::note(const std::string& text, UtcTime now) {
  add_event(local_clock(now) + "  " + printable(text));
}

void Dashboard::take(const std::string& topic, const std::string& payload, UtcTime now) {
  if (!topic.starts_with(prefix_)) return;
  const auto parts = split(std::string_view(topic).substr(prefix_.size()), '/');
  auto body = parse_json(payload, JsonLimits{});
  if (parts.size() < 2 || !body || !body->is_object()) return;
  const std::string id = printable(parts[0]);
  if (parts[1] == "event") {
    if (auto line = watch_line(topic_root_, topic, payload, now)) add_event(*std::move(line));
    return;
  }
  if (!devices_.contains(id) && devices_.size() >= kMostDevices) return;
  auto& slot = devices_[id];
  if (!slot) slot = std::make_unique<Device>();
  Device& device = *slot;
  if (parts[1] == "status") device.status = *std::move(body);
  if (parts[1] == "telemetry" && parts.size() == 3) device.figures = *std::move(body);
  const bool state = parts[1] == "camera" && parts.size() == 4 && parts[3] == "state";
  const bool figures = parts[1] == "telemetry" && parts.size() == 4;
  if (!state && !figures) return;
  const std::string camera_id = printable(state ? parts[2] : parts[3]);
  if (!device.cameras.contains(camera_id) && device.cameras.size() >= kMostCameras) return;
  Device::Camera& camera = device.cameras[camera_id];
  (state ? camera.state : camera.figures) = *std::move(body);
}

std::string Dashboard::frame(Size size, UtcTime now) const {
  std::vector<std::string> rows;
  const auto row = [&] { return Row(size.columns, colours_); };
  rows.push_back(row()
                     .add(std::to_string(devices_.size()) + (devices_.size() == 1 ? " device" : " devices"), 14)
                     .add(local_clock(now), 0, Paint::faint)
                     .take());
  for (const auto& [id, slot] : devices_) {
    const Device& device = *slot;
    const std::string state = text_at(device.status, {"state"});
    rows.push_back(row()
                       .add(id, 18)
                       .add(" ")
                       .add(state, 12, paint_of(state))
                       .add(device_facts(device.status, device.figures))
                       .take());
    if (const auto problems = device.status.find("problems"); problems != device.status.end() && problems->is_array())
      for (const Json& problem : *problems)
        rows.push_back(row()
                           .add("  ! " + text_at(problem, {"camera_id"}) + " " + text_at(problem, {"code"}) + ": " +
                                    text_at(problem, {"message"}),
                                0, Paint::bad)
                           .take());
    for (const auto& [camera_id, camera] : device.cameras) {
      const std::string camera_state = text_at(camera.state, {"state"});
      const auto recording = camera.state.find("recording");
      const bool active = recording != camera.state.end() && recording->is_object() &&
                          recording->value("active", Json(false)) == Json(true);
      rows.push_back(row()
                         .add("  " + camera_id, 18)
                         .add(" ")
                         .add(camera_state, 12, paint_of(camera_state))
                         .add(active ? "REC" : "", 4, Paint::bad)
                         .add(camera_facts(camera.state, camera.figures))
                         .add(text_at(camera.state, {"error"}).empty() ? "" : "  ! " + text_at(camera.state, {"error"}),
                              0, Paint::bad)
                         .take());
    }
  }
  const size_t most = size.rows > kLeastEvents ? size.rows - kLeastEvents : 1;
  if (rows.size() > most) {
    const size_t hidden = rows.size() - most + 1;
    rows.resize(most - 1);
    rows.push_back(
        row().add("... " + std::to_string(hidden) + " more rows; --device shows one", 0, Paint::faint).take());
  }
  for (const std::string& event : events_) {
    if (rows.size() >= size.rows) break;
    rows.push_back(row().add(event).take());
  }
  rows.resize(std::min(rows.size(), size.rows));
  std::string out;
  for (const std::string& one : rows) out += (out.empty() ? "" : "\n") + one;
  return out;
}

}  // namespace vedette::ctl
