#include "agent/outbox_config.h"

#include <algorithm>

#include "agent/config_load.h"

namespace vedette {

namespace {

constexpr int64_t kLeastRows = 100, kMostRows = 10'000'000;
constexpr int64_t kLeastBytes = 64 << 10, kMostBytes = 1LL << 40;
constexpr int kMostPerSecond = 10'000;

void read_bounds(JsonReader r, OutboxBounds& bounds) {
  if (auto rows = r.integer("max_rows", kLeastRows, kMostRows)) bounds.rows = *rows;
  if (auto bytes = r.integer("max_bytes", kLeastBytes, kMostBytes)) bounds.bytes = *bytes;
  if (auto age = r.integer("max_age_s", 0, kMostInteger)) bounds.age = seconds(std::min(*age, kMostAgeSeconds));
  r.done();
}

}  // namespace

void read_outbox(JsonReader r, Config::Outbox& outbox) {
  if (auto records = r.object("records")) read_bounds(*records, outbox.limits.records);
  if (auto notices = r.object("notices")) read_bounds(*notices, outbox.limits.notices);
  if (auto rate = r.integer("drain_per_s", 1, kMostPerSecond)) outbox.drain_per_s = static_cast<int>(*rate);
  r.done();
}

}  // namespace vedette
