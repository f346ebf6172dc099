#include "agent/config_start.h"

#include <nlohmann/json.hpp>

#include "core/log.h"

namespace vedette {

namespace {

// Pointers into a desired message.
std::vector<FieldError> below_config(std::vector<FieldError> errors) {
  for (FieldError& error : errors) error.path.insert(0, "/config");
  return errors;
}

// Without the sections, and the cameras, in which something is refused: what they name must not even be looked at.
Json without(Json desired, const std::vector<FieldError>& refused) {
  for (const FieldError& error : refused) {
    Json::json_pointer place(error.path);
    std::vector<std::string> steps;  // outwards: ..., the camera or a member, the section, "config"
    for (; !place.empty(); place.pop_back()) steps.push_back(place.back());
    if (steps.size() < 2) return Json::object();
    const std::string& section = steps[steps.size() - 2];
    if (section == "cameras" && steps.size() > 2 && desired.contains(section) && desired[section].is_object())
      desired[section].erase(steps[steps.size() - 3]);
    else
      desired.erase(section);
  }
  return desired;
}

}  // namespace

tl::expected<ComposedConfig, ConfigErrors> compose(const Overridden& local, const std::optional<DesiredConfig>& desired,
                                                   const Config* running) {
  auto alone = read_config(*local.document, running);
  if (!alone) {
    local.name_variables(alone.error().errors);
    return tl::make_unexpected(std::move(alone.error()));
  }
  ComposedConfig out;
  if (desired) out.refused = below_config(refused_remotely(*desired->config, alone->config.remote, *local.document));
  if (desired && alone->config.remote.enabled) {
    const Json allowed = without(*desired->config, out.refused);
    auto document = std::make_shared<const Json>(merged(*local.document, allowed));
    auto both = read_config(*document, &alone->config);
    if (!both) {
      for (FieldError& error : below_config(std::move(both.error().errors))) out.refused.push_back(std::move(error));
    } else if (out.refused.empty()) {
      out.state = {std::move(document), std::move(both->config)};
      out.version = desired->version;
      out.warnings = std::move(both->warnings);
    }
  }
  if (!out.state.document) {
    out.state = {local.document, std::move(alone->config)};
    out.warnings = std::move(alone->warnings);
  }
  local.name_variables(out.warnings);
  return out;
}

tl::expected<Overridden, ConfigErrors> read_local(const std::filesystem::path& path) {
  auto file = parse_config_file(path);
  if (!file) return tl::make_unexpected(std::move(file.error()));
  return ConfigEnvironment::of_process().upon(std::move(*file));
}

tl::expected<ConfigStart, ConfigErrors> open_config(const std::filesystem::path& path) {
  auto local = read_local(path);
  if (!local) return tl::make_unexpected(std::move(local.error()));
  auto composed = compose(*local, std::nullopt, nullptr);
  if (!composed) return tl::make_unexpected(std::move(composed.error()));
  ConfigStart start{path, std::move(*local), std::move(*composed), {}, false};

  auto twin = TwinStore(start.composed.state.config.storage.path).load();
  if (!twin) {
    log::error("what was configured over MQTT cannot be read, and is left out", {{"reason", twin.error().message}});
    return start;
  }
  start.twin = std::move(*twin);
  if (start.twin.on_trial) {
    start.twin.desired = std::exchange(start.twin.previous, std::nullopt);
    start.twin.on_trial = false;
    start.twin.rolled_back = "the agent was started again before the broker was reached";
    start.twin_has_changed = true;
  }
  if (!start.twin.desired) return start;
  if (auto both = compose(start.local, start.twin.desired, &start.composed.state.config))
    start.composed = std::move(*both);
  return start;
}

}  // namespace vedette
