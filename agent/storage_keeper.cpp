#include "agent/storage_keeper.h"

#include <nlohmann/json.hpp>

#include "core/log.h"

namespace vedette {

using messages::Answer;

namespace {

constexpr size_t kMostWaiting = 32;
constexpr seconds kInterval{10};
constexpr int kMostSnapshotsPerPass = 500;

DeletionOrder order_of(const ReplyTo& to, const ClipDelete& request) {
  return {"command", "deleted_before_upload", request.force, request.force, to.command_id, to.traceparent};
}

Answer answer_of(const Result<ClipRemover::Outcome>& outcome) {
  if (!outcome) return messages::failed(outcome.error());
  Json failed = Json::array();
  for (const DeletionRefused& clip : outcome->failed)
    failed.push_back(
        {{"clip_id", clip.clip_id}, {"code", code_name(clip.error.code)}, {"message", clip.error.message}});
  Json result = {{"deleted", outcome->deleted}, {"failed", std::move(failed)}};
  if (!outcome->deleted.empty() || outcome->failed.empty()) return messages::succeeded(std::move(result));
  const Error& first = outcome->failed.front().error;
  return messages::failed({first.code, "no clip was deleted: " + first.message}, std::move(result));
}

}  // namespace

StorageKeeper::StorageKeeper(const Layout& layout, const Volume& volume, Database& database, Catalog& catalog,
                             const RetentionLimits& limits, Inbox<Event>& inbox, const Clock& clock)
    : inbox_(inbox),
      clock_(clock),
      next_look_(clock.mono()),
      remover_(layout, catalog, clock, &volume),
      redater_(layout, database, clock),
      retention_(layout, catalog, remover_, limits, clock),
      snapshot_files_(layout, catalog, clock),
      jobs_("storage", kMostWaiting) {}

std::optional<Answer> StorageKeeper::remove(const ReplyTo& to, const ClipDelete& request) {
  const bool queued = jobs_.submit([this, to, request](const std::stop_token& stop) {
    const auto outcome = remover_.remove(request.clip_ids, order_of(to, request), stop);
    (void)remover_.keep_reserve();  // before others take the room; and if they have, the next pass tries again
    inbox_.push(CommandDone{to, answer_of(outcome)});
  });
  if (queued) return std::nullopt;
  return messages::rejected({Code::busy, "too many deletions are waiting; try again"});
}

void StorageKeeper::look_when_due(MonoTime now) {
  if (now >= next_look_) look();
}

void StorageKeeper::look() {
  look_again_ = looking_;
  if (looking_) return;
  next_look_ = clock_.mono() + kInterval;
  looking_ = jobs_.submit([this, dates = dates_due_, limits = new_limits_](const std::stop_token& stop) {
    if (limits) retention_.set_limits(*limits);
    const auto redate = [&]() -> Result<int> {
      if (auto there = remover_.check_volume(); !there) return there.error_as_is();
      return redater_.run(stop);
    };
    const Result<int> redated = dates ? redate() : Result<int>(0);
    if (!redated) return inbox_.push(RetentionPassed{redated.error_with("dates"), false});
    auto pass = retention_.pass(stop);
    if (pass) {  // on the right volume
      const auto more = snapshot_files_.tidy(kMostSnapshotsPerPass);
      if (!more) return inbox_.push(RetentionPassed{more.error_with("snapshots"), true});
      pass->more = pass->more || *more;
    }
    inbox_.push(RetentionPassed{std::move(pass), true});
  });
  if (!looking_) return;
  dates_due_ = false;
  new_limits_.reset();
}

void StorageKeeper::set_limits(RetentionLimits limits) {
  new_limits_ = std::move(limits);
  look();
}

void StorageKeeper::look_at_dates() {
  dates_due_ = true;
  look();
}

void StorageKeeper::on_passed(const RetentionPassed& event) {
  looking_ = false;
  dates_due_ = dates_due_ || !event.dates_are_right;
  if (!event.pass && !failing_) log::error("retention", {{"error", event.pass.error().message}});
  failing_ = !event.pass;
  if (event.pass && (event.pass->more || look_again_)) look();
}

}  // namespace vedette
