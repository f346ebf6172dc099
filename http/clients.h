#pragma once

#include <atomic>
#include <cstdint>
#include <map>
#include <string>

#include "core/clock.h"

namespace vedette {

// HttpClients counts what each client, an address, has under way: connections, or requests through a trusted proxy. Of
// those that are refused the log has a line a minute at most. Belongs to the server's thread, but for refused_total().
class HttpClients {
 public:
  explicit HttpClients(size_t most) : most_(most) {}

  // False: the client has as many as it may. What was entered is left once.
  bool enter(const std::string& client);
  void leave(const std::string& client);

  // It was answered with this status: 401, 403, or 429 and 503, which are counted.
  void refused(const std::string& client, int status);
  // Any thread.
  uint64_t refused_total() const { return refused_total_; }

 private:
  const size_t most_;
  std::map<std::string, size_t> under_way_;
  std::atomic<uint64_t> refused_total_ = 0;
  MonoTime next_line_{};
  uint64_t since_the_last_line_ = 0;
};

}  // namespace vedette
