#include "uploader/s3_multipart.h"

#include <algorithm>

#include "core/md5.h"
#include "core/text.h"
#include "uploader/part_plan.h"
#include "uploader/s3_error.h"
#include "uploader/s3_object.h"
#include "uploader/s3_xml.h"

namespace vedette {

namespace {

// An upload that is over or was never begun; Ceph RGW says NoSuchKey in places.
bool is_unknown(const HttpResponse& answer) {
  const std::string code = s3_error_code(answer.body);
  return code == "NoSuchUpload" || (answer.status == 404 && code != "NoSuchBucket");
}

tl::unexpected<Error> error_of(std::string_view doing, const HttpResponse& answer) {
  auto error = s3_error(doing, answer);
  if (is_unknown(answer)) error.value().code = Code::not_found;
  return error;
}

std::string part_list(const std::map<int, UploadPart>& parts) {
  std::string xml = "<CompleteMultipartUpload xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\">";
  for (const auto& [number, part] : parts)
    xml += "<Part><PartNumber>" + std::to_string(number) + "</PartNumber><ETag>\"" + s3_xml::escaped(part.etag) +
           "\"</ETag></Part>";
  return xml + "</CompleteMultipartUpload>";
}

// The parts of one page. One that is not understood is as good as none: it is sent again.
std::vector<UploadPart> parts_in(std::string_view xml) {
  std::vector<UploadPart> parts;
  for (const std::string_view element : s3_xml::all(xml, "Part")) {
    const auto number = s3_xml::number(element, "PartNumber");
    const auto etag = s3_xml::text(element, "ETag");
    const auto size = s3_xml::number(element, "Size");
    if (number && *number >= 1 && *number <= kMostParts && etag && size)
      parts.push_back({static_cast<int>(*number), unquoted(*etag), *size});
  }
  return parts;
}

// Amazon S3 API Reference, CompleteMultipartUpload.
bool does_not_fit(const std::string& code) {
  return code == "InvalidPart" || code == "InvalidPartOrder" || code == "EntityTooSmall";
}

// A 200 may be followed by an error, as the store answers before it is done.
S3Multipart::Completion completion_of(const HttpOutcome& outcome) {
  if (!outcome.response) return {outcome.response.error_as_is(), true};
  const HttpResponse& answer = *outcome.response;
  const std::string code = s3_error_code(answer.body);
  const bool has_error = s3_xml::is(answer.body, "Error");
  if (answer.status == 200 && !has_error) {
    if (s3_xml::is(answer.body, "CompleteMultipartUploadResult")) return {};
    return {fail(Code::upload_failed, "complete: the store's answer is not understood"), true};
  }
  if (answer.status == 412) return {s3_error("complete", answer), true};
  const bool gone = is_unknown(answer);
  S3Multipart::Completion completion;
  completion.status = error_of("complete", answer);
  completion.unclear = gone || answer.status / 100 == 5;
  completion.unusable = gone || does_not_fit(code);
  completion.unknown = answer.status == 501;
  return completion;
}

}  // namespace

// Each part tells which trace it belongs to: a log of the store that is looked through for it would miss the bytes.
void S3Multipart::address(S3Request& request) const {
  request.key = upload_.object_key;
  if (!upload_.traceparent.empty()) request.unsigned_headers.emplace_back("traceparent", upload_.traceparent);
}

void S3Multipart::ask(S3Request request, std::function<void(const HttpOutcome&)> done) {
  address(request);
  call_ = store_.client.start(std::move(request), std::move(done));
}

void S3Multipart::create(Created done) {
  S3Request request;
  request.method = "POST";
  request.query = {{"uploads", ""}};
  request.headers = object_headers(store_.config, upload_);
  ask(std::move(request), [this, done = std::move(done)](const HttpOutcome& outcome) {
    if (!outcome.response) return done(outcome.response.error_as_is());
    const HttpResponse& answer = *outcome.response;
    if (answer.status != 200) {
      if (const auto refused = refused_option(store_.config, answer)) return done(tl::make_unexpected(*refused));
      return done(s3_error("create", answer));
    }
    const auto id = s3_xml::text(answer.body, "UploadId");
    if (!id || id->empty()) return done(fail(Code::upload_failed, "create: the store gave no upload id"));
    done(*id);
  });
}

void S3Multipart::list(const std::string& upload_id, Listed done) {
  list_from(upload_id, 0, {}, std::move(done));
}

void S3Multipart::list_from(const std::string& upload_id, int64_t marker, std::vector<UploadPart> before, Listed done) {
  S3Request request;
  request.method = "GET";
  request.query = {{"uploadId", upload_id}};
  if (marker > 0) request.query.emplace_back("part-number-marker", std::to_string(marker));
  ask(std::move(request),
      [this, upload_id, marker, before = std::move(before), done = std::move(done)](const HttpOutcome& outcome) {
        if (!outcome.response) return done(outcome.response.error_as_is());
        const HttpResponse& answer = *outcome.response;
        if (answer.status != 200) return done(error_of("list parts", answer));
        std::vector<UploadPart> parts = before;
        const auto more = parts_in(answer.body);
        parts.insert(parts.end(), more.begin(), more.end());
        const auto next = s3_xml::number(answer.body, "NextPartNumberMarker").value_or(0);
        const bool truncated = s3_xml::text(answer.body, "IsTruncated") == "true";
        if (!truncated || next <= marker) return done(std::move(parts));
        list_from(upload_id, next, std::move(parts), done);
      });
}

void S3Multipart::send(const std::string& upload_id, const Part& part, Sent done) {
  S3Request request;
  request.method = "PUT";
  address(request);
  request.query = {{"partNumber", std::to_string(part.number)}, {"uploadId", upload_id}};
  request.payload_sha256 = part.sha256;
  request.body_fd = part.fd;
  request.body_offset = part.offset;
  request.body_bytes = part.size_bytes;
  parts_[part.number] = store_.client.start(std::move(request), [this, number = part.number, size = part.size_bytes,
                                                                 done = std::move(done)](const HttpOutcome& outcome) {
    const auto call = std::move(parts_.at(number));  // it runs this: kept to its end
    parts_.erase(number);
    const std::string doing = "part " + std::to_string(number);
    if (!outcome.response) return done(outcome.response.error_with(doing));
    if (outcome.response->status != 200) return done(error_of(doing, *outcome.response));
    done(UploadPart{number, unquoted(outcome.response->header("etag").value_or("")), size});
  });
}

void S3Multipart::complete(const std::string& upload_id, const std::map<int, UploadPart>& parts, bool only_if_absent,
                           Completed done) {
  S3Request request;
  request.method = "POST";
  request.query = {{"uploadId", upload_id}};
  request.headers = {{"content-type", "application/xml"}};
  if (only_if_absent) request.unsigned_headers.emplace_back("If-None-Match", "*");
  request.body = part_list(parts);
  ask(std::move(request), [done = std::move(done)](const HttpOutcome& outcome) { done(completion_of(outcome)); });
}

void S3Multipart::tag(std::function<void(Status)> done) {
  if (store_.config.tags.empty()) return done({});
  S3Request request;
  request.method = "PUT";
  request.query = {{"tagging", ""}};
  request.body = tagging_document(store_.config);
  request.headers = {{"content-type", "application/xml"}, {"content-md5", to_base64(md5_bytes(request.body))}};
  ask(std::move(request), [this, done = std::move(done)](const HttpOutcome& outcome) {
    if (!outcome.response) return done(outcome.response.error_as_is());
    if (outcome.response->status / 100 == 2) return done({});
    if (const auto refused = refused_option(store_.config, *outcome.response))
      return done(tl::make_unexpected(*refused));
    done(s3_error("tags", *outcome.response));
  });
}

void S3Multipart::abort(const std::string& upload_id, std::function<void()> done) {
  S3Request request;
  request.method = "DELETE";
  request.query = {{"uploadId", upload_id}};
  ask(std::move(request), [done = std::move(done)](const HttpOutcome&) { done(); });
}

int64_t S3Multipart::sent_bytes() const {
  int64_t sum = 0;
  for (const auto& [number, call] : parts_) sum += call->sent_bytes();
  return sum;
}

}  // namespace vedette
