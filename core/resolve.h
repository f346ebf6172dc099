#pragma once

#include <functional>
#include <string>
#include <vector>

#include "core/clock.h"
#include "core/result.h"

namespace vedette {

// What a host name stands for.
struct HostAddresses {
  std::vector<std::string> addresses{};  // as numbers, those first that are to be tried first; one at least

  // The address for a try after so many that failed: each has its turn, and the kinds alternate, as one of them may
  // lead nowhere (RFC 8305, section 4).
  const std::string& in_turn(size_t failures) const;
};

// Looks a host name up and gives up at the deadline, or within 20 ms when `stopped` turns true. Our C libraries resolve
// names in a way that neither ends (half a minute and more when the name server is away), so they are only let after
// this has succeeded: then their own question is answered at once. An address needs no asking.
// Errors: camera_unavailable with the resolver's words, timed_out, cancelled. Any thread.
Result<HostAddresses> resolve(const std::string& host, MonoTime deadline, const std::function<bool()>& stopped);

}  // namespace vedette
