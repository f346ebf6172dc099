#include "agent/posters.h"

#include "core/log.h"
#include "core/thread.h"

namespace vedette {

Posters::Posters(bool enabled, const Layout& layout, const Volume& volume, Catalog& catalog,
                 std::function<void()> settled, const Clock& clock)
    : enabled_(enabled), settled_(std::move(settled)), maker_(layout, catalog, clock, &volume), jobs_("posters", 1) {}

// One that waits is enough: it will make all.
void Posters::look() {
  if (enabled_) (void)jobs_.submit([this](const std::stop_token& stop) { make_all(stop); });
}

void Posters::make_all(const std::stop_token& stop) {
  give_way_to_others();
  const Status made = maker_.run(stop, settled_);
  if (!made && !failing_) log::error("posters", {{"error", made.error().message}});
  failing_ = !made;
}

}  // namespace vedette
