#include "storage/retention.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <set>

#include "core/log.h"

namespace vedette {

namespace {

constexpr int64_t kMostMargin = 64LL << 20;
constexpr int64_t kMarginDivisor = 20;  // 5 %
constexpr microseconds kSetAfterBoot = std::chrono::hours(1);

int64_t margin_of(int64_t floor) {
  return std::min(floor / kMarginDivisor, kMostMargin);
}

// What one pass is to delete: clips of one reason after those of the other. Each limit counts what was chosen for those
// before it.
class Plan {
 public:
  struct Step {
    std::string reason;
    std::vector<std::string> clip_ids;
  };

  Plan(const Catalog& catalog, const std::vector<CameraUsage>& usage, int most) : catalog_(catalog), most_(most) {
    for (const CameraUsage& camera : usage) {
      int64_t bytes = camera.all().bytes;
      if (const auto going = camera.by_state.find(ClipState::deleting); going != camera.by_state.end())
        bytes -= going->second.bytes;
      bytes_[camera.camera_id] = bytes;
      all_bytes_ += bytes;
    }
  }

  // All that the query gives, and so many bytes of it.
  static constexpr int64_t kAll = INT64_MAX;
  // True: so much was found. First what may go without a loss.
  Result<bool> choose(const std::string& reason, DeletableQuery query, int64_t bytes, bool even_losses) {
    Step step{reason, {}};
    for (const bool awaiting : {false, true}) {
      if ((awaiting && !even_losses) || bytes <= 0) break;
      query.awaiting_upload = awaiting;
      query.limit = most_ + 1;  // of which most_ at most are chosen already
      const auto clips = catalog_.deletable(query);
      if (!clips) return clips.error_as_is();
      for (const DeletableClip& clip : *clips) {
        if (bytes <= 0) break;
        if (is_full()) {
          more_ = more_ || chosen_.count(clip.clip_id) == 0;
          break;
        }
        if (!chosen_.insert(clip.clip_id).second) continue;
        step.clip_ids.push_back(clip.clip_id);
        bytes_[clip.camera_id] -= clip.size_bytes;
        all_bytes_ -= clip.size_bytes;
        freed_ += clip.size_bytes;
        if (bytes != kAll) bytes -= clip.size_bytes;
      }
    }
    if (!step.clip_ids.empty()) steps_.push_back(std::move(step));
    return bytes <= 0;
  }

  int64_t bytes_of(const std::string& camera_id) const {
    const auto it = bytes_.find(camera_id);
    return it == bytes_.end() ? 0 : it->second;
  }
  int64_t all_bytes() const { return all_bytes_; }
  int64_t freed() const { return freed_; }
  bool is_full() const { return static_cast<int>(chosen_.size()) >= most_; }
  bool more() const { return more_; }
  const std::vector<Step>& steps() const { return steps_; }

 private:
  const Catalog& catalog_;
  const int most_;
  std::map<std::string, int64_t> bytes_;  // by camera, without what was chosen
  int64_t all_bytes_ = 0;
  int64_t freed_ = 0;
  std::set<std::string> chosen_;
  std::vector<Step> steps_;
  bool more_ = false;
};

// By wrong dates nothing is deleted: not by those of a clock that was never set, nor by a clock that NTP may still put
// right, which after a boot may say anything; the age of what was recorded since the boot is known in any case.
Status choose_by_age(Plan& plan, const RetentionLimits& limits, const Clock& clock) {
  if (limits.max_age <= 0s) return {};
  const MonoTime boot{};
  DeletableQuery query;
  query.ended_before = clock.utc() - limits.max_age;
  query.started_from = kClockWasSet;
  if (!clock.synchronised() && clock.mono() < boot + kSetAfterBoot)
    query.started_from = std::max(kClockWasSet, clock.to_utc(boot));
  const auto chosen = plan.choose("age", query, Plan::kAll, true);
  return chosen ? Status() : Status(chosen.error_as_is());
}

Status choose_by_camera(Plan& plan, const RetentionLimits& limits) {
  for (const auto& [camera_id, most] : limits.camera_max_bytes) {
    if (most <= 0) continue;
    DeletableQuery query;
    query.camera_id = camera_id;
    const auto chosen = plan.choose("camera_bytes", query, plan.bytes_of(camera_id) - most, true);
    if (!chosen) return chosen.error_as_is();
  }
  return {};
}

Status choose_by_total(Plan& plan, const RetentionLimits& limits) {
  if (limits.max_bytes <= 0) return {};
  const auto chosen = plan.choose("total_bytes", {}, plan.all_bytes() - limits.max_bytes, true);
  return chosen ? Status() : Status(chosen.error_as_is());
}

Status choose_uploaded(Plan& plan, const RetentionLimits& limits) {
  if (!limits.delete_uploaded) return {};
  DeletableQuery query;
  query.only_uploaded = true;
  const auto chosen = plan.choose("uploaded", query, Plan::kAll, false);
  return chosen ? Status() : Status(chosen.error_as_is());
}

}  // namespace

Retention::Retention(const Layout& layout, Catalog& catalog, ClipRemover& remover, RetentionLimits limits,
                     const Clock& clock, SpaceProbe space)
    : catalog_(catalog),
      remover_(remover),
      limits_(std::move(limits)),
      clock_(clock),
      space_(space ? std::move(space) : [root = layout.root] { return file::space(root); }) {}

// Deletions that the disk did not allow. They are tried again in every pass, and told of when their number changes.
Status Retention::end_what_was_begun(const std::stop_token& stop) {
  const auto ended = remover_.resume(limits_.most_per_pass, stop);
  if (!ended) return ended.error_as_is();
  if (ended->failed.size() != stuck_deletions_ && !ended->failed.empty())
    log::error("clips cannot be deleted", {{"clips", ended->failed.size()},
                                           {"clip_id", ended->failed.front().clip_id},
                                           {"error", ended->failed.front().error.message}});
  stuck_deletions_ = ended->failed.size();
  return {};
}

Result<ClipRemover::Outcome> Retention::remove(const std::vector<std::string>& clip_ids, const std::string& reason,
                                               const std::stop_token& stop) {
  DeletionOrder order;
  order.reason = reason;
  order.loss_reason = "retention_before_upload";
  order.even_not_uploaded = true;
  return remover_.remove(clip_ids, order, stop);
}

Result<RetentionPass> Retention::pass(const std::stop_token& stop) {
  if (auto there = remover_.check_volume(); !there) return there.error_as_is();
  const UtcTime now = clock_.utc();
  if (auto ended = end_what_was_begun(stop); !ended) return ended.error_as_is();
  if (auto over = catalog_.end_protections(now, limits_.most_per_pass); !over) return over.error_as_is();
  const auto usage = catalog_.usage();
  if (!usage) return usage.error_as_is();

  Plan plan(catalog_, *usage, limits_.most_per_pass);
  Status chosen = choose_uploaded(plan, limits_);
  if (chosen) chosen = choose_by_age(plan, limits_, clock_);
  if (chosen) chosen = choose_by_camera(plan, limits_);
  if (chosen) chosen = choose_by_total(plan, limits_);
  if (!chosen) return chosen.error_as_is();
  bool nothing_left = false;
  if (limits_.min_free_bytes > 0) {
    const auto space = space_();
    if (!space) return space.error_as_is();
    const int64_t free = static_cast<int64_t>(space->free_bytes) + plan.freed();
    const int64_t wanted = limits_.min_free_bytes + margin_of(limits_.min_free_bytes);
    making_room_ = free < limits_.min_free_bytes || (making_room_ && free < wanted);
    const auto found = plan.choose("free_space", {}, making_room_ ? wanted - free : 0, true);
    if (!found) return found.error_as_is();
    nothing_left = !*found && !plan.is_full();
    making_room_ = !*found;
  }

  RetentionPass pass;
  for (const Plan::Step& step : plan.steps()) {
    const auto outcome = remove(step.clip_ids, step.reason, stop);
    if (!outcome) return outcome.error_as_is();
    pass.deleted += static_cast<int>(outcome->deleted.size());
  }
  pass.more = plan.more() && pass.deleted > 0;
  (void)remover_.keep_reserve();  // there is room again; and where there is none, it would not help to know
  const auto level = tell_level(nothing_left);
  if (!level) return level.error_as_is();
  pass.level = *level;
  return pass;
}

Result<SpaceLevel> Retention::tell_level(bool nothing_left) {
  const auto before = catalog_.space_level();
  const auto space = space_();
  if (!before) return before;
  if (!space) return space.error_as_is();
  const int64_t floor = limits_.min_free_bytes;
  const auto free = static_cast<int64_t>(space->free_bytes);
  // A little more for the way back, so that not every clip changes it.
  const int64_t low = 2 * floor + (*before == SpaceLevel::ok ? 0 : margin_of(floor));
  SpaceLevel level = free < low ? SpaceLevel::low : SpaceLevel::ok;
  if (free < floor && nothing_left) level = SpaceLevel::full;
  if (level == *before) return level;
  const std::string word(to_string(level));
  if (!level_untold_) log::warn("free space", {{"level", word}, {"free_bytes", free}, {"min_free_bytes", floor}});
  const Json data = {{"free_bytes", free}, {"total_bytes", space->total_bytes}, {"min_free_bytes", floor}};
  const auto told = catalog_.set_space_level(level, make_event("storage." + word, {}, data, clock_.utc()));
  if (!told && !level_untold_)  // on a full disk, say; it is tried again
    log::error("event cannot be written", {{"type", "storage." + word}, {"error", told.error().message}});
  level_untold_ = !told;
  return level;
}

}  // namespace vedette
