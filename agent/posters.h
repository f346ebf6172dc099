#pragma once

#include <functional>

#include "core/clock.h"
#include "core/jobs.h"
#include "storage/poster_maker.h"

namespace vedette {

// Posters has the pictures beside clips made, one at a time, in a thread of its own that gives way to all others. What
// is to be made stands in the catalog. Thread-safe.
class Posters {
 public:
  // `settled` is called in that thread, for each that is made or given up. Not enabled: none is made.
  Posters(bool enabled, const Layout& layout, const Volume& volume, Catalog& catalog, std::function<void()> settled,
          const Clock& clock);

  // There may be some to make.
  void look();
  void request_stop() { jobs_.request_stop(); }

 private:
  void make_all(const std::stop_token& stop);

  const bool enabled_;
  const std::function<void()> settled_;
  // Of the thread.
  PosterMaker maker_;
  bool failing_ = false;
  Jobs jobs_;
};

}  // namespace vedette
