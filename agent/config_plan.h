#pragma once

#include <map>
#include <string>
#include <vector>

#include "agent/config.h"
#include "agent/config_document.h"

namespace vedette {

// What is to be done about one camera when the configuration changes.
struct CameraChange {
  enum class Kind { added, removed, changed };
  Kind kind = Kind::changed;
  bool off = false;       // it is not to be captured any more: removed, or disabled
  bool connect = false;   // its session is to begin anew
  bool second = false;    // that of its other profile is
  bool http = false;      // it is asked other things than its stream in another way
  bool standing = false;  // when it is recorded without being told to
  bool noticed = false;   // what it notices, or what is done then
};

// ConfigPlan is what differs between two configurations, by what has to be done about it. What is not mentioned here is
// read anew each time it is used.
struct ConfigPlan {
  std::vector<std::string> changed;  // JSON Pointers, to the member of a section or of a camera
  std::map<std::string, CameraChange> cameras;
  bool session = false;      // with the broker: a new one
  bool outbox = false;       // only what may wait for the broker, and how fast it goes
  bool upload = false;       // another target, or another way to it
  bool upload_rate = false;  // only how fast
  bool retention = false;
  bool http_tokens = false;
  bool log_level = false;

  bool nothing() const { return changed.empty(); }
};

// A configuration, and the document that it was read from.
struct ConfigState {
  Document document;
  Config config;
};

// The way from one to the other; or an error for each member that only a restart can change.
tl::expected<ConfigPlan, ConfigErrors> plan_change(const ConfigState& from, const ConfigState& to);

}  // namespace vedette
