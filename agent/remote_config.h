#pragma once

#include <string>
#include <vector>

#include "core/clock.h"
#include "core/json.h"

namespace vedette {

// What may be configured over MQTT: remote_config of the configuration file, and only of that.
//
// By default it is what those who may send commands can bring about anyway: cameras, recording, limits. Not the broker
// and not where clips go to, as the passwords of the file would go along, and no secret but those that the file itself
// gives to the same place.
struct RemoteConfig {
  bool enabled = true;
  // Sections ("recording") and members of them ("storage/max_bytes").
  std::vector<std::string> allow = {"cameras",
                                    "recording",
                                    "telemetry",
                                    "log",
                                    "storage/max_bytes",
                                    "storage/max_age_s",
                                    "storage/min_free_bytes",
                                    "upload/max_bandwidth_bps"};
  // References that may be used: whole ("cred:gate"), or the beginning of them ("/etc/vedette/secrets/", "cred:").
  std::vector<std::string> secrets;
  seconds trial{120};  // in which the broker must be reached after a change of how
};

RemoteConfig read_remote_config(JsonReader r);

// Why a document may not be applied, with a pointer for each reason; nothing: it may. Pure; reads no file. `local` is
// the document of the configuration file.
std::vector<FieldError> refused_remotely(const Json& desired, const RemoteConfig& rules, const Json& local);

}  // namespace vedette
