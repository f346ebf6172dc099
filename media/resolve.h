#pragma once

#include <stop_token>
#include <string>

#include "core/clock.h"
#include "core/result.h"

namespace vedette {

// Whether a host name can be resolved, in the time given. libavformat resolves names in a way that neither deadline
// nor stop ends (30 s and more when the name server is away); asked beforehand, its own question is answered at once.
// camera_unavailable: no such name; timed_out; cancelled.
Status resolve(const std::string& host, MonoTime deadline, const std::stop_token& stop);

}  // namespace vedette
