#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "agent/config_applier.h"
#include "agent/config_start.h"
#include "agent/retained_states.h"
#include "agent/twin_store.h"
#include "core/clock.h"
#include "storage/outbox.h"

namespace vedette {

class Publisher;
class StatusBoard;

// ConfigTwin decides what configuration is in force while the agent runs: of the file, which is read again when that is
// asked for, and of what comes as B/config/desired. Either is checked whole, and applied whole or not at all; what came
// of it is said in B/config/reported and by an event.
//
// Versions over MQTT only grow: one that was taken or refused is not looked at again, nor is a lower one, also after a
// restart.
//
// How the broker is reached is changed on trial: when it is not reached in remote_config.trial_s, what was before comes
// back. A desired configuration is stored before it is applied, and one on trial is not in force after a restart.
// Belongs to the main loop; borrows all it uses, which outlives it.
class ConfigTwin {
 public:
  // `is_volume_here`: whether the storage folder may be written to.
  ConfigTwin(ConfigStart start, const ConfigState& in_force, ConfigApplier& applier,
             std::function<Status()> is_volume_here, StatusBoard& board, Publisher& publisher, Outbox& outbox,
             const Clock& clock);

  // What the start found out.
  void begin();
  // The payload of B/config/desired. Decided on by the next look().
  void on_desired(std::string payload);
  // The file is to be read again, by the next look().
  void reload() { reload_wanted_ = true; }
  // There is a connection with the broker.
  void on_connected();
  void on_disconnected() { connected_ = false; }
  // To be called every second or so.
  void look();

  // The body of B/config/reported.
  Json report() const;
  void publish(Tell tell = Tell::always) const;

 private:
  enum class Source { file, mqtt };
  // What was in force before a trial.
  struct Trial {
    MonoTime end;
    Source source;
    Overridden local;
    ConfigState state;
    int64_t version;
  };

  // What became of what was to be.
  struct Outcome {
    std::string status = "applied";
    std::vector<FieldError> errors{};
  };

  void decide_on(const std::string& payload);
  void say_known(int64_t version);
  // As far as it is remembered.
  Outcome outcome_of(int64_t version) const;
  void read_file();
  // False: it was refused, and nothing is changed.
  bool change_to(ComposedConfig next, Overridden local, TwinState twin, Source source);
  void roll_back();
  Status save(const TwinState& twin) const;
  void applied(Source source, const std::vector<std::string>& changed);
  void keep_refusal(int64_t version, const std::vector<FieldError>& errors);
  void rejected(Source source, int64_t version, const char* reason, std::vector<FieldError> errors);
  void say();

  const std::filesystem::path path_;
  const std::function<Status()> is_volume_here_;
  Overridden local_;  // the file, and the environment upon it
  TwinState twin_;
  const bool save_at_begin_;
  const ConfigState& in_force_;
  ConfigApplier& applier_;
  StatusBoard& board_;
  Publisher& publisher_;
  Outbox& outbox_;
  const Clock& clock_;
  const TwinStore store_;

  int64_t version_;  // of the desired configuration in force; 0: the file alone
  // What is reported of the newest that was decided on...
  int64_t desired_version_;
  Outcome desired_;
  Outcome file_;  // ...and of the file, when it was read last

  bool connected_ = false;
  bool reload_wanted_ = false;
  std::optional<std::string> waiting_;  // a payload
  // SHA-256 of payloads: one that was refused, and has no version to tell it by, is told of once.
  std::string deciding_on_, refused_payload_;
  std::optional<Trial> trial_;
};

}  // namespace vedette
