#include "agent/past_pictures.h"

#include <algorithm>
#include <memory>
#include <utility>
#include <vector>

#include "core/log.h"
#include "storage/past_source.h"

namespace vedette {

namespace {

// By the reasons of clips that are there and of which no picture is made.
Error no_picture_of(const std::vector<Gap>& unreadable) {
  const auto is_import = [](const Gap& gap) { return gap.reason == "imported"; };
  const bool imports = std::any_of(unreadable.begin(), unreadable.end(), is_import);
  const bool others = !std::all_of(unreadable.begin(), unreadable.end(), is_import);
  std::string where;
  if (imports) where = "in a clip that was handed in (imported)";
  if (others) where += std::string(imports ? ", and " : "") + "in a ts or flv clip (other_container)";
  return {Code::unsupported, "/params/at: that instant is only " + where + ", of which no picture is made"};
}

}  // namespace

Result<PastPicture> find_past(Ring& ring, const SnapshotTake& request, UtcTime at, const Layout& layout,
                              Catalog& catalog, const Clock& clock, const std::stop_token& stop) {
  constexpr int kMostClips = 100;  // that overlap one instant
  const auto held = catalog.hold(request.camera_id, at, at + 1us, kMostClips);
  if (!held) return held.error_as_is();
  std::vector<std::pair<std::unique_ptr<PastSource>, SnapshotOrigin>> sources;
  if (auto source = ring_source(ring, at, at + 1us, clock))
    sources.emplace_back(std::move(source), SnapshotOrigin::ring);
  const bool ring_only = request.origin == SnapshotTake::Origin::ring;
  if (!ring_only)
    for (const Clip& clip : held->clips)
      sources.emplace_back(clip_source(clip, layout, clock.utc()), SnapshotOrigin::clip);
  for (const auto& [source, origin] : sources) {
    auto frame = frame_at(*source, at, stop);
    if (!frame) log::warn("a clip cannot be read", {{"camera", request.camera_id}, {"error", frame.error().message}});
    if (frame && *frame) return PastPicture{std::move(**frame), origin};
  }
  if (!held->unreadable.empty() && !ring_only) return tl::make_unexpected(no_picture_of(held->unreadable));
  return fail(Code::not_found, "/params/at: there is no picture of that instant");
}

std::optional<UtcTime> nearest_past(const Ring& ring, const std::string& camera_id, UtcTime at, const Catalog& catalog,
                                    const Clock& clock) {
  std::vector<UtcTime> near;
  ClipQuery query;
  query.camera_id = camera_id;
  query.limit = 1;
  query.from = at;
  if (const auto next = catalog.query(query); next && !next->clips.empty()) near.push_back(next->clips[0].start);
  query.from.reset();
  query.to = at;
  query.newest_first = true;
  if (const auto before = catalog.query(query); before && !before->clips.empty())
    near.push_back(before->clips[0].end.value_or(before->clips[0].start));
  const RingFigures figures = ring.figures();
  for (const auto& end : {figures.oldest, figures.newest})
    if (end) near.push_back(clock.to_utc(*end));
  const auto closer = [at](UtcTime a, UtcTime b) { return std::chrono::abs(a - at) < std::chrono::abs(b - at); };
  const auto found = std::min_element(near.begin(), near.end(), closer);
  return found == near.end() ? std::nullopt : std::optional(*found);
}

}  // namespace vedette
