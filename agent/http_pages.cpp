#include "agent/http_pages.h"

#include <nlohmann/json.hpp>

#include "agent/thread_list.h"
#include "core/json.h"
#include "core/redact.h"

namespace vedette {

namespace {

constexpr const char* kJson = "application/json";
constexpr const char* kPrometheus = "text/plain; version=0.0.4; charset=utf-8";

HttpAnswer metrics(const Shown& shown) {
  return {200, kPrometheus, *shown.metrics};
}

// Whether restarting would help: what is around the agent has no say in it.
HttpAnswer health(const Shown& shown, microseconds loop_busy) {
  if (loop_busy > kLoopHangs) return http_error(500, HttpError::stuck, "the main loop does not get on");
  if (!shown.recorders_move) return http_error(500, HttpError::stuck, "a recorder does not get on");
  return {200, kJson, "{\"status\":\"ok\"}\n"};
}

// Who is not known learns only whether.
HttpAnswer readiness(const Shown& shown, bool known) {
  const bool ready = shown.hindrances.empty();
  Json json = {{"status", ready ? "ready" : "not_ready"}};
  if (known) {
    json["reasons"] = Json::array();
    for (const Error& error : shown.hindrances)
      json["reasons"].push_back({{"code", code_name(error.code)}, {"message", redact(error.message)}});
  }
  return {ready ? 200 : 503, kJson, to_text(json) + "\n"};
}

// Which thread is at work, and which one waits for the disk: some files of /proc each, which are there at once.
HttpAnswer threads() {
  Json json = {{"threads", Json::array()}};
  for (const ThreadFigures& thread : list_threads())
    json["threads"].push_back({{"thread_id", thread.id},
                               {"name", thread.name},
                               {"state", thread.state},
                               {"user_ms", thread.user.count()},
                               {"system_ms", thread.system.count()}});
  return {200, kJson, to_text(json) + "\n"};
}

}  // namespace

std::vector<HttpRoute> http_pages(const Published<Shown>& shown, const Heartbeat& main_loop, const Clock& clock) {
  const auto healthy = [&](const HttpCaller&) { return health(*shown.get(), main_loop.busy_for(clock.mono())); };
  return {
      {"/metrics", HttpScope::view, [&](const HttpCaller&) { return metrics(*shown.get()); }},
      {"/debug/threads", HttpScope::admin, [](const HttpCaller&) { return threads(); }},
      {"/healthz", HttpScope::anyone, healthy},
      {"/api/v1/healthz", HttpScope::anyone, healthy},
      {"/readyz", HttpScope::anyone, [&](const HttpCaller& who) { return readiness(*shown.get(), who.known()); }},
  };
}

}  // namespace vedette
