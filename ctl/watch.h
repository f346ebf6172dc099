#pragma once

#include <optional>
#include <string>

#include "core/clock.h"
#include "core/result.h"
#include "ctl/options.h"

namespace vedette::ctl {

// One message as one line: local time, device, kind, subject, the rest; nothing for a topic that is not shown.
std::optional<std::string> watch_line(const std::string& topic_root, const std::string& topic,
                                      const std::string& payload, UtcTime now);

// Follows the status, the camera states, the events and the telemetry of options.device, of all devices when there is
// none: a screen that is drawn anew where stdout is a terminal (but for --lines and --json), else a line each. Ends
// only when stdout does.
Status watch(const Options& options);

// A table of all devices that the broker knows a status of.
Status list_devices(const Options& options);

// The only device that the broker knows; an error that names them when there are more.
Result<std::string> find_only_device(const Options& options);

}  // namespace vedette::ctl
