#include "sources/events/event_dialogue.h"

#include <algorithm>
#include <array>

#include "sources/events/multipart_dialogue.h"
#include "sources/events/pull_point_dialogue.h"

namespace vedette {

namespace {

struct Kind {
  std::string_view scheme;  // of the cameras' URLs
  Result<std::unique_ptr<EventDialogue>> (*make)(const EventFeedConfig& config);
};

constexpr std::array kKinds = {Kind{"hik", make_hikvision_dialogue}, Kind{"dahua", make_dahua_dialogue},
                               Kind{"onvif", make_pull_point_dialogue}};

Result<Kind> kind_of(std::string_view url) {
  const size_t end = std::min(url.find("://"), url.size());
  std::string known;
  for (const Kind& kind : kKinds) {
    if (end < url.size() && kind.scheme == url.substr(0, end)) return kind;
    const bool last = kind.scheme == kKinds.back().scheme;
    known.append(known.empty() ? "" : last ? " and " : ", ").append(kind.scheme).append("://");
  }
  return fail(Code::unsupported, "events are read of " + known + " cameras only");
}

}  // namespace

Status can_tell_events(std::string_view url) {
  const auto kind = kind_of(url);
  return kind ? Status() : kind.error_as_is();
}

Result<std::unique_ptr<EventDialogue>> make_event_dialogue(const EventFeedConfig& config) {
  const auto kind = kind_of(config.url);
  if (!kind) return kind.error_as_is();
  return kind->make(config);
}

}  // namespace vedette
