#pragma once

#include <deque>
#include <map>
#include <memory>
#include <string>

#include "core/clock.h"

namespace vedette::ctl {

// Dashboard is what `vedettectl watch` shows on a terminal: devices and their cameras as they are, and the newest
// events. It keeps what came and draws it as text; it knows no terminal. For one thread.
class Dashboard {
 public:
  struct Size {
    size_t columns = 80;
    size_t rows = 24;
  };

  explicit Dashboard(std::string topic_root, bool colours);
  ~Dashboard();

  // A message of the topics that `watch` subscribes to; others are ignored.
  void take(const std::string& topic, const std::string& payload, UtcTime now);
  // What is to be told of the connection, among the events.
  void note(const std::string& text, UtcTime now);
  // At most size.rows lines, none wider than size.columns, without a line break at the end. Events get what devices
  // leave.
  std::string frame(Size size, UtcTime now) const;

 private:
  void add_event(std::string line);
  struct Device;
  // What comes from a broker is bounded here: the oldest event goes, further devices and cameras are left out.
  static constexpr size_t kMostEvents = 200;
  static constexpr size_t kMostDevices = 1000;
  static constexpr size_t kMostCameras = 256;  // of a device

  const std::string prefix_;
  const std::string topic_root_;
  const bool colours_;
  std::map<std::string, std::unique_ptr<Device>> devices_;
  std::deque<std::string> events_;
};

}  // namespace vedette::ctl
