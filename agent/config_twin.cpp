#include "agent/config_twin.h"

#include <nlohmann/json.hpp>

#include "agent/publisher.h"
#include "agent/status_board.h"
#include "core/log.h"
#include "core/redact.h"
#include "core/sha256.h"

namespace vedette {

namespace {

// Of errors, and of what has changed, in messages.
constexpr size_t kMostErrors = kMostRefusalErrors;
constexpr size_t kMostChanged = 100;

Json to_json(const std::vector<FieldError>& errors) {
  Json out = Json::array();
  for (const FieldError& error : errors) {
    if (out.size() == kMostErrors) break;
    out.push_back({{"path", redact(error.path)}, {"message", redact(error.message)}});
  }
  return out;
}

}  // namespace

ConfigTwin::ConfigTwin(ConfigStart start, const ConfigState& in_force, ConfigApplier& applier,
                       std::function<Status()> is_volume_here, StatusBoard& board, Publisher& publisher, Outbox& outbox,
                       const Clock& clock)
    : path_(std::move(start.path)),
      is_volume_here_(std::move(is_volume_here)),
      local_(std::move(start.local)),
      twin_(std::move(start.twin)),
      save_at_begin_(start.twin_has_changed),
      in_force_(in_force),
      applier_(applier),
      board_(board),
      publisher_(publisher),
      outbox_(outbox),
      clock_(clock),
      store_(in_force.config.storage.path),
      version_(start.composed.version),
      desired_version_(twin_.version),
      desired_{"applied", std::move(start.composed.refused)} {}

void ConfigTwin::begin() {
  board_.set_config_version(version_);
  if (!desired_.errors.empty()) {
    rejected(Source::mqtt, twin_.desired ? twin_.desired->version : twin_.version, "invalid", desired_.errors);
  } else if (save_at_begin_) {
    if (const auto saved = save(twin_); !saved)
      log::error("the end of a trial cannot be kept", {{"reason", saved.error().message}});
    rejected(Source::mqtt, twin_.version, "rolled_back", {{"/config/mqtt", twin_.rolled_back}});
  } else {
    desired_ = outcome_of(desired_version_);
  }
}

void ConfigTwin::on_desired(std::string payload) {
  waiting_ = std::move(payload);
}

void ConfigTwin::on_connected() {
  connected_ = true;
  if (trial_) {
    trial_.reset();
    log::info("the broker is reached by the new configuration");
    twin_.on_trial = false;
    twin_.previous.reset();
    // When it cannot be kept, the next start finds a trial that had no end: better than what might not work.
    if (const auto saved = save(twin_); !saved)
      log::error("the end of a trial cannot be kept", {{"reason", saved.error().message}});
  }
  publish(Tell::if_changed);
}

void ConfigTwin::look() {
  if (trial_ && clock_.mono() >= trial_->end) roll_back();
  if (trial_) return;  // one thing after the other
  if (reload_wanted_) {
    reload_wanted_ = false;
    read_file();
  } else if (waiting_) {
    const std::string payload = *std::exchange(waiting_, std::nullopt);
    decide_on(payload);
  }
}

// ---- what came over MQTT

void ConfigTwin::decide_on(const std::string& payload) {
  DecodedDesired decoded = decode_desired(payload);
  if (decoded.version > 0 && decoded.version <= twin_.version) {
    say_known(decoded.version);
    return;
  }
  const std::string digest = sha256_hex(payload);
  if (digest == refused_payload_) {
    publish();
    return;
  }
  deciding_on_ = digest;
  std::vector<FieldError> errors = std::move(decoded.errors);
  std::optional<ComposedConfig> next;
  if (decoded.desired) {
    if (auto composed = compose(local_, decoded.desired, &in_force_.config)) next = std::move(*composed);
    errors = next ? next->refused : std::vector<FieldError>{{"", "the configuration file is no good any more"}};
  }
  if (next && errors.empty()) {
    TwinState twin{decoded.version, std::move(decoded.desired), twin_.desired, false, {}, {}};
    desired_version_ = decoded.version;
    change_to(std::move(*next), local_, std::move(twin), Source::mqtt);
    return;
  }
  rejected(Source::mqtt, decoded.version, "invalid", std::move(errors));
}

// The broker sends what it retains after each connect: that is no news.
void ConfigTwin::say_known(int64_t version) {
  desired_version_ = version;
  desired_ = outcome_of(version);
  publish();
}

ConfigTwin::Outcome ConfigTwin::outcome_of(int64_t version) const {
  if (version == twin_.version && !twin_.rolled_back.empty())
    return {"rolled_back", {{"/config/mqtt", twin_.rolled_back}}};
  if (version == twin_.version && !twin_.refused.empty()) return {"rejected", twin_.refused};
  if (version == version_) return {};
  return {"rejected",
          {{"/version", version == twin_.version
                            ? "was applied, and is left out since the configuration file does not allow it"
                            : std::to_string(twin_.version) + " was decided on already: it must be higher"}}};
}

// ---- the file

void ConfigTwin::read_file() {
  const auto refuse = [this](const ConfigErrors& errors) {
    for (const FieldError& error : errors.errors)
      log::error("configuration", {{"file", path_.string()}, {"path", error.path}, {"error", error.message}});
    rejected(Source::file, version_, "invalid", errors.errors);
  };
  auto local = read_local(path_);
  if (!local) return refuse(local.error());
  auto composed = compose(*local, twin_.desired, &in_force_.config);
  if (!composed) return refuse(composed.error());
  for (const std::string& warning : composed->warnings) log::warn("configuration", {{"warning", warning}});
  for (const FieldError& error : composed->refused)
    log::warn("what was configured over MQTT is left out", {{"path", error.path}, {"error", error.message}});
  change_to(std::move(*composed), std::move(*local), twin_, Source::file);
}

// ---- the change

bool ConfigTwin::change_to(ComposedConfig next, Overridden local, TwinState twin, Source source) {
  const std::string prefix = source == Source::mqtt ? "/config" : "";
  const int64_t asked = source == Source::mqtt ? twin.version : next.version;
  auto plan = plan_change(in_force_, next.state);
  if (!plan) {
    for (FieldError& error : plan.error().errors) error.path.insert(0, prefix);
    rejected(source, asked, "invalid", std::move(plan.error().errors));
    return false;
  }
  // Of a file with an error in it while there was no connection anyway, nothing would be won by going back.
  const bool on_trial = plan->session && (source == Source::mqtt || connected_);
  if (source == Source::mqtt) {
    twin.on_trial = on_trial;
    if (!on_trial) twin.previous.reset();
    if (auto saved = save(twin); !saved) {
      rejected(source, asked, "failed", {{"", "it cannot be kept: " + saved.error().message}});
      return false;
    }
  }
  Trial before{clock_.mono() + next.state.config.remote.trial, source, local_, in_force_, version_};
  TwinState twin_before = std::exchange(twin_, std::move(twin));
  version_ = next.version;
  local_ = std::move(local);
  board_.set_config_version(version_);
  const bool nothing = plan->nothing();
  if (auto done = nothing ? Status() : applier_.apply(std::move(next.state), *plan); !done) {
    log::error("a configuration cannot be applied; the one before comes back", {{"reason", done.error().message}});
    trial_ = std::move(before);
    twin_ = std::move(twin_before);
    if (source == Source::mqtt)
      if (const auto saved = save(twin_); !saved)
        log::error("the configuration before cannot be kept", {{"reason", saved.error().message}});
    version_ = trial_->version;
    local_ = std::move(trial_->local);
    if (auto back = plan_change(in_force_, trial_->state)) {
      if (back->session) connected_ = false;
      if (auto undone = applier_.apply(std::move(trial_->state), *back); !undone)
        log::error("nor can that", {{"reason", undone.error().message}});
    }
    trial_.reset();
    board_.set_config_version(version_);
    rejected(source, asked, "failed", {{prefix, done.error().message}});
    return false;
  }
  if (plan->session) connected_ = false;
  if (on_trial) trial_ = std::move(before);
  refused_payload_.clear();
  if (source == Source::file) file_ = {};
  desired_ = next.refused.empty() ? outcome_of(desired_version_) : Outcome{"rejected", std::move(next.refused)};
  applied(source, plan->changed);
  return true;
}

void ConfigTwin::roll_back() {
  Trial before = std::move(*trial_);
  trial_.reset();
  const int64_t version = twin_.version;
  const std::string why =
      "the broker was not reached within " + std::to_string(in_force_.config.remote.trial.count()) + " s";
  if (before.source == Source::mqtt) {
    twin_.desired = std::exchange(twin_.previous, std::nullopt);
    twin_.on_trial = false;
    twin_.rolled_back = why;
    if (const auto saved = save(twin_); !saved)
      log::error("the end of a trial cannot be kept", {{"reason", saved.error().message}});
  }
  version_ = before.version;
  local_ = std::move(before.local);
  board_.set_config_version(version_);
  if (auto back = plan_change(in_force_, before.state))
    if (auto undone = applier_.apply(std::move(before.state), *back); !undone)
      log::error("the configuration before cannot be applied", {{"reason", undone.error().message}});
  const bool of_file = before.source == Source::file;
  if (of_file) desired_ = outcome_of(desired_version_);
  rejected(before.source, of_file ? version_ : version, "rolled_back", {{of_file ? "/mqtt" : "/config/mqtt", why}});
}

Status ConfigTwin::save(const TwinState& twin) const {
  if (auto here = is_volume_here_(); !here) return here.error_as_is();
  return store_.save(twin);
}

// ---- what is said of it

void ConfigTwin::applied(Source source, const std::vector<std::string>& changed) {
  log::info("configuration applied",
            {{"source", source == Source::file ? "file" : "mqtt"}, {"version", version_}, {"changed", changed.size()}});
  Json data = {{"version", version_}, {"source", source == Source::file ? "file" : "mqtt"}, {"changed", Json::array()}};
  for (size_t i = 0; i < changed.size() && i < kMostChanged; ++i) data["changed"].push_back(redact(changed[i]));
  outbox_.note(make_event("config.applied", {}, data, clock_.utc()));
  say();
}

void ConfigTwin::rejected(Source source, int64_t version, const char* reason, std::vector<FieldError> errors) {
  log::error("configuration refused", {{"source", source == Source::file ? "file" : "mqtt"},
                                       {"version", version},
                                       {"reason", reason},
                                       {"errors", summary(errors)}});
  const Json data = {{"version", version},
                     {"source", source == Source::file ? "file" : "mqtt"},
                     {"reason", reason},
                     {"errors", to_json(errors)}};
  outbox_.note(make_event("config.rejected", {}, data, clock_.utc()));
  if (source == Source::mqtt) {
    desired_version_ = version;
    if (std::string_view(reason) == "invalid") {
      refused_payload_ = deciding_on_;
      keep_refusal(version, errors);
    }
  }
  (source == Source::mqtt ? desired_ : file_) = {std::string_view(reason) == "rolled_back" ? "rolled_back" : "rejected",
                                                 std::move(errors)};
  say();
}

// It was decided on, as much as one that is applied. Not so what failed for want of a disk: that may come again.
void ConfigTwin::keep_refusal(int64_t version, const std::vector<FieldError>& errors) {
  if (version <= twin_.version) return;
  twin_.version = version;
  twin_.rolled_back.clear();
  twin_.refused.clear();
  for (const FieldError& error : errors) twin_.refused.push_back({redact(error.path), redact(error.message)});
  if (const auto saved = save(twin_); !saved)
    log::error("that a configuration was refused cannot be kept", {{"reason", saved.error().message}});
}

void ConfigTwin::say() {
  board_.config_changed();
  publish();
  publisher_.pump();
}

Json ConfigTwin::report() const {
  return {{"version", version_},
          {"desired_version", desired_version_},
          {"decided_version", twin_.version},
          {"status", desired_.status},
          {"errors", to_json(desired_.errors)},
          {"file", {{"status", file_.status}, {"errors", to_json(file_.errors)}}},
          {"config", redacted(*in_force_.document)}};
}

void ConfigTwin::publish(Tell tell) const {
  publisher_.state("config/reported", "config_reported", report(), tell);
}

}  // namespace vedette
