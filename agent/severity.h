#pragma once

#include <string_view>

namespace vedette {

// How much an event of this type matters to who is on call: "info", "warning" (look at it) or "error" (something is
// lost, or will be). A type that is not known is info.
std::string_view severity_of(std::string_view event_type);

// Each type that is more than info, with its severity.
struct TypeSeverity {
  std::string_view type;
  std::string_view severity;
};
inline constexpr TypeSeverity kSeverities[] = {
    {"agent.id_in_use", "error"},      {"camera.down", "warning"},     {"camera.stalled", "warning"},
    {"clip.upload_failed", "warning"}, {"config.rejected", "warning"}, {"latency.alarm", "warning"},
    {"loss.recorded", "error"},        {"outbox.dropped", "error"},    {"outbox.refused", "warning"},
    {"storage.full", "error"},         {"storage.low", "warning"},     {"volume.wrong", "error"},
};

}  // namespace vedette
