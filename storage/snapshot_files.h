#pragma once

#include "core/clock.h"
#include "storage/catalog.h"
#include "storage/layout.h"

namespace vedette {

// SnapshotFiles sees to it that pictures which were taken to be uploaded do not stay: each goes, file and row, once the
// store has it. Of those that wait, for a store that is away say, the oldest go beyond the bounds, and each is a loss
// (retention_before_upload). Used by one thread, never by the main loop.
class SnapshotFiles {
 public:
  // Of what waits: a picture a minute for a week, of 1080p.
  struct Bounds {
    int64_t rows = 10'000;
    int64_t bytes = 2LL << 30;
  };
  SnapshotFiles(const Layout& layout, Catalog& catalog, const Clock& clock)
      : SnapshotFiles(layout, catalog, clock, {}) {}
  SnapshotFiles(const Layout& layout, Catalog& catalog, const Clock& clock, Bounds bounds)
      : layout_(layout), catalog_(catalog), clock_(clock), bounds_(bounds) {}

  // At the start, before others take pictures: what no row speaks of, because a kill came between the file and its row,
  // or the catalog was lost, is to be uploaded. How many there are.
  Result<int> adopt();
  // At most so many go. True: there are more.
  Result<bool> tidy(int most);

 private:
  Status remove(const std::vector<Upload>& uploads);
  Result<bool> keep_bounds(int most);

  const Layout layout_;
  Catalog& catalog_;
  const Clock& clock_;
  const Bounds bounds_;
};

}  // namespace vedette
