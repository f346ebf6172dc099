#pragma once

#include <memory>
#include <string>
#include <vector>

#include "core/clock.h"
#include "core/heartbeat.h"
#include "core/published.h"
#include "core/result.h"
#include "http/route.h"

namespace vedette {

// What the main loop shows to the HTTP listener, whose thread touches nothing else. Never changed once it is shown.
struct Shown {
  std::shared_ptr<const std::string> metrics;  // text for Prometheus
  std::vector<Error> hindrances;               // why the agent is not ready; none: it is
  bool recorders_move = true;
};

// The main loop comes round every second: after so long it hangs.
inline constexpr seconds kLoopHangs{20};

// /metrics, /debug/threads, /healthz (and /api/v1/healthz) and /readyz. What they borrow outlives the server.
std::vector<HttpRoute> http_pages(const Published<Shown>& shown, const Heartbeat& main_loop, const Clock& clock);

}  // namespace vedette
