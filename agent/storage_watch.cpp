#include "agent/storage_watch.h"

#include <condition_variable>
#include <mutex>

#include "core/log.h"
#include "core/thread.h"

namespace vedette {

namespace {

constexpr seconds kInterval{1};

// Whether others should be told of the difference.
bool same(const StorageSeen& a, const StorageSeen& b) {
  const auto code = [](const std::optional<Error>& e) { return e ? e->code : Code::ok; };
  return a.place == b.place && a.found_id == b.found_id && code(a.volume) == code(b.volume) &&
         code(a.catalog) == code(b.catalog) && a.damaged == b.damaged;
}

}  // namespace

StorageWatch::StorageWatch(const Layout& layout, Volume& volume, Database& database, CommandLog& commands,
                           LossLedger& losses, Outbox& outbox, Inbox<Event>& inbox, const Clock& clock)
    : layout_(layout),
      volume_(volume),
      database_(database),
      commands_(commands),
      losses_(losses),
      outbox_(outbox),
      inbox_(inbox),
      clock_(clock),
      thread_(start_thread("storage-watch", [this](const std::stop_token& stop) { run(stop); })) {}

void StorageWatch::run(const std::stop_token& stop) {
  std::mutex mutex;
  std::condition_variable_any wake;
  StorageSeen last;
  while (!stop.stop_requested()) {
    StorageSeen seen = look();
    if (!same(seen, last)) {
      last = seen;
      inbox_.push(std::move(seen));
    }
    std::unique_lock lock(mutex);
    wake.wait_for(lock, stop, kInterval, [] { return false; });
  }
}

// The catalog first, whose handles are of no use on a volume that was mounted anew.
Status StorageWatch::return_to_volume() {
  if (auto opened = database_.reopen(layout_.database()); !opened) return opened;
  if (auto opened = commands_.reopen(); !opened) return opened;
  return volume_.take_again();
}

StorageSeen StorageWatch::look() {
  StorageSeen seen;
  auto found = volume_.look();
  seen.place = found.place;
  seen.found_id = std::move(found.found_id);
  switch (seen.place) {
    case Volume::Place::here:
      break;
    case Volume::Place::missing:
      seen.volume = Error{Code::not_found, "the volume " + volume_.id() + " is not at " + layout_.root.string() +
                                               ": mount it there again"};
      break;
    case Volume::Place::other:
      seen.volume = Error{Code::conflict, "the volume " + seen.found_id + " is at " + layout_.root.string() + ", not " +
                                              volume_.id() + ": mount the right one, or restart to record on this one"};
      break;
    case Volume::Place::returned:
      if (auto back = return_to_volume(); !back)
        seen.volume = Error{back.error().code, "the volume has returned and cannot be used: " + back.error().message};
      else
        seen.place = Volume::Place::here;
      break;
  }
  if (database_.fault()) (void)database_.probe();
  seen.catalog = database_.fault();
  seen.damaged = seen.place == Volume::Place::here && database_.is_damaged();
  if (seen.damaged) {
    database_.mark_damaged();
    seen.catalog = Error{Code::internal, "the catalog is damaged: a restart, or vedette --reindex, makes it again"};
  }
  if (!seen.catalog) write_kept();
  return seen;
}

void StorageWatch::write_kept() {
  const MonoTime now = clock_.mono();
  auto written = losses_.write_kept(now);
  if (written) written = outbox_.write_kept();
  if (written) written = losses_.forget_oldest(now);
  if (!written) log::debug("the catalog does not take what is kept", {{"error", written.error().message}});
}

}  // namespace vedette
