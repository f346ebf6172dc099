#pragma once

#include <optional>
#include <string>

#include "core/clock.h"
#include "core/json.h"
#include "storage/database.h"

namespace vedette {

// Something that was due and is not there.
struct Loss {
  std::string loss_id;
  UtcTime at;
  std::string what;       // "packets", "clip", "event"
  std::string camera_id;  // or empty
  std::string clip_id;    // or empty
  UtcTime start;
  UtcTime end;
  int64_t packets = 0;
  int64_t bytes = 0;
  std::string reason;  // "reader_late", "no_space", "file_damaged", ...
};

Json to_json(const Loss& loss);

// Every loss becomes a row here and a loss.recorded event in the outbox, in one transaction. Thread-safe.
class LossLedger {
 public:
  explicit LossLedger(Database& database);
  Status record(const Loss& loss);
  Result<int64_t> count() const;

 private:
  Database& database_;
};

}  // namespace vedette
