#include "uploader/s3_orphans.h"

#include "core/log.h"
#include "uploader/s3_error.h"
#include "uploader/s3_xml.h"

namespace vedette {

namespace {

// Of one sweep: what is more is left for the next one.
constexpr size_t kMostAtOnce = 10'000;
constexpr int kMostPages = 100;  // of a thousand uploads

}  // namespace

S3Orphans::S3Orphans(S3Store& store, IsKnown is_known, std::function<void(const Error&)> failed)
    : store_(store), is_known_(std::move(is_known)), failed_(std::move(failed)) {
  list({});
}

void S3Orphans::list(const Marker& from) {
  S3Request request;
  request.method = "GET";
  request.query = {{"uploads", ""}, {"prefix", store_.config.own_keys}};
  if (!from.first.empty()) request.query.emplace_back("key-marker", from.first);
  if (!from.second.empty()) request.query.emplace_back("upload-id-marker", from.second);
  call_ = store_.client.start(std::move(request), [this, from](const HttpOutcome& outcome) { listed(outcome, from); });
}

void S3Orphans::listed(const HttpOutcome& outcome, const Marker& from) {
  if (!outcome.response) return failed_(outcome.response.error());
  if (outcome.response->status != 200) {
    const Error why = s3_error("list uploads", *outcome.response).value();
    const bool passes = why.code == Code::camera_unavailable || why.code == Code::timed_out || why.code == Code::busy;
    return passes ? failed_(why) : not_allowed(why);
  }
  const std::string& xml = outcome.response->body;
  for (const std::string_view upload : s3_xml::all(xml, "Upload")) take(upload);
  const Marker next{s3_xml::text(xml, "NextKeyMarker").value_or(""),
                    s3_xml::text(xml, "NextUploadIdMarker").value_or("")};
  // Where the marker is ignored, the page is the same for ever.
  const bool goes_on = s3_xml::text(xml, "IsTruncated") == "true" && !next.first.empty() && next != from;
  if (goes_on && ++pages_ < kMostPages && orphans_.size() < kMostAtOnce) return list(next);
  abort_next();
}

// What a store says to a listing that it does not allow, or does not know, it says tomorrow, too.
void S3Orphans::not_allowed(const Error& why) {
  log::debug("left-over parts are not looked for", {{"error", why.message}});
  abort_next();
}

void S3Orphans::take(std::string_view upload) {
  const auto key = s3_xml::text(upload, "Key");
  const auto id = s3_xml::text(upload, "UploadId");
  const auto begun = from_rfc3339(s3_xml::text(upload, "Initiated").value_or(""));
  if (!key || !id || !begun || key->rfind(store_.config.own_keys, 0) != 0) return;
  if (store_.client.signing_time() - *begun < store_.config.orphan_age) return;
  if (const auto known = is_known_(*id); known && !*known) orphans_.push_back({*key, *id});
}

void S3Orphans::abort_next() {
  if (orphans_.empty()) {
    if (aborted_ > 0) log::info("left-over parts of uploads removed", {{"uploads", aborted_}});
    return;
  }
  const Orphan orphan = std::move(orphans_.front());
  orphans_.pop_front();
  call_ = store_.client.start({.method = "DELETE", .key = orphan.key, .query = {{"uploadId", orphan.upload_id}}},
                              [this](const HttpOutcome& outcome) {
                                aborted_ += outcome.response && outcome.response->status / 100 == 2 ? 1 : 0;
                                abort_next();
                              });
}

}  // namespace vedette
