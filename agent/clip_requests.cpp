#include "agent/clip_requests.h"

#include "agent/clip_wishes.h"
#include "core/ids.h"

namespace vedette {

namespace {

constexpr size_t kMostDeleted = 100;

// What all queries by time have.
template <class Query>
void read_page(JsonReader& r, Query& q) {
  q.from = r.time("from");
  q.to = r.time("to");
  q.limit = static_cast<int>(r.integer("limit", 1, 200).value_or(50));
  q.cursor = r.string("cursor", 1, 1024).value_or("");
}

}  // namespace

ClipCreate read_clip_create(JsonReader& r) {
  ClipCreate p;
  p.camera_id = r.require("camera_id").name("camera_id").value_or("");
  p.start = r.require("start").time("start").value_or(UtcTime());
  p.end = r.require("end").time("end").value_or(UtcTime());
  read_clip_wishes(r, p);
  return p;
}

ClipQueryRequest read_clip_query(JsonReader& r) {
  ClipQuery q;
  q.camera_id = r.name("camera_id");
  read_page(r, q);
  q.labels = read_labels(r).value_or(q.labels);
  const auto states = r.strings("state", 4, 1, 16).value_or(std::vector<std::string>());
  for (size_t i = 0; i < states.size(); ++i) {
    if (const auto state = clip_state_from(states[i]))
      q.states.push_back(*state);
    else
      r.errors().push_back(
          {r.path() + "/state/" + std::to_string(i), "must be one of: recording, finalizing, ready, deleting"});
  }
  q.newest_first = r.choice("order", {"asc", "desc"}).value_or("asc") == "desc";
  return ClipQueryRequest{std::move(q)};
}

ClipGet read_clip_get(JsonReader& r) {
  return ClipGet{r.require("clip_id").uuid("clip_id").value_or("")};
}

ClipUrl read_clip_url(JsonReader& r) {
  ClipUrl p;
  p.clip_id = r.require("clip_id").uuid("clip_id").value_or("");
  if (auto ttl = r.integer("ttl_s", 1, 7 * 86'400)) p.ttl = seconds(*ttl);
  return p;
}

ClipProtect read_clip_protect(JsonReader& r) {
  ClipProtect p;
  p.clip_id = r.require("clip_id").uuid("clip_id").value_or("");
  p.wanted = r.require("protected").boolean("protected").value_or(true);
  p.until = r.time("until");
  if (!p.wanted && r.has("until")) r.error("until", "only goes with protected: true");
  return p;
}

ClipDelete read_clip_delete(JsonReader& r) {
  ClipDelete p;
  if (auto ids = r.require("clip_ids").strings("clip_ids", kMostDeleted, 0, 1024)) {
    for (size_t i = 0; i < ids->size(); ++i)
      if (!is_uuid((*ids)[i]))
        r.errors().push_back({r.path() + "/clip_ids/" + std::to_string(i), "must be a UUID in lower case"});
    if (ids->empty()) r.error("clip_ids", "must hold one at least");
    p.clip_ids = std::move(*ids);
  }
  p.force = r.boolean("force").value_or(false);
  return p;
}

TimelineQuery read_timeline_query(JsonReader& r) {
  TimelineQuery p;
  p.camera_id = r.require("camera_id").name("camera_id").value_or("");
  p.from = r.require("from").time("from").value_or(UtcTime());
  p.to = r.require("to").time("to").value_or(UtcTime());
  return p;
}

LossQueryRequest read_loss_query(JsonReader& r) {
  LossQuery q;
  read_page(r, q);
  return LossQueryRequest{std::move(q)};
}

}  // namespace vedette
