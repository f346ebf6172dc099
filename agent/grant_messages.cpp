#include "agent/grant_messages.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "uploader/grant_check.h"
#include "uploader/part_plan.h"

namespace vedette::grant_messages {

namespace {

using About = GrantQuestion::About;

constexpr size_t kMostUrls = 64;
constexpr size_t kMostUrl = 4096;
constexpr int64_t kMostBytes = (1LL << 53) - 1;
// S3 gives URLs out for a week at most.
constexpr microseconds kLongestLife = std::chrono::hours(24 * 7);
constexpr size_t kMostUploadId = 1024;
constexpr size_t kMostEtag = 256;

bool is_sha256(const std::string& text) {
  return text.size() == 64 && text.find_first_not_of("0123456789abcdef") == std::string::npos;
}

// It stands in rows, messages and events: printable ASCII, and no quotes.
bool is_plain(const std::string& text) {
  return std::all_of(text.begin(), text.end(), [](char c) { return c > ' ' && c < 0x7f && c != '"'; });
}

std::string plain(JsonReader& reader, const char* key, size_t least, size_t most) {
  const std::string text = reader.string(key, least, most).value_or("");
  if (!is_plain(text)) reader.error(key, "holds what is not allowed in it");
  return text;
}

void read_url(JsonReader& reader, GrantedUrl& granted) {
  reader.choice("method", {"PUT"});
  granted.url = reader.require("url").string("url", 1, kMostUrl).value_or("");
  auto headers = reader.object("headers");
  if (!headers) return;
  for (const auto& [name, value] : headers->members()) {
    if (value->is_string())
      granted.headers.emplace_back(name, value->get<std::string>());
    else
      headers->error(name, "must be a string");
  }
}

GrantedUrl read_part(JsonReader reader) {
  GrantedUrl granted;
  granted.number = static_cast<int>(reader.require("number").integer("number", 1, kMostParts).value_or(1));
  read_url(reader, granted);
  reader.done();
  return granted;
}

void read_urls(JsonReader& reader, const GrantQuestion& question, GrantAnswer& answer) {
  if (question.part_size_bytes == 0) {
    read_url(reader, answer.urls.emplace_back());
    return;
  }
  answer.upload_id = plain(reader.require("upload_id"), "upload_id", 1, kMostUploadId);
  const Json* parts = reader.require("parts").any("parts");
  if (parts == nullptr) return;
  if (!parts->is_array() || parts->empty() || parts->size() > kMostUrls)
    return reader.error("parts", "must be an array of 1 to " + std::to_string(kMostUrls));
  for (size_t i = 0; i < parts->size(); ++i)
    answer.urls.push_back(
        read_part(JsonReader((*parts)[i], reader.path() + "/parts/" + std::to_string(i), reader.errors())));
}

void read_seen(JsonReader& reader, GrantAnswer& answer) {
  answer.is_there = true;
  answer.etag = plain(reader.require("etag"), "etag", 1, kMostEtag);
  answer.size_bytes = reader.require("size_bytes").integer("size_bytes", 0, kMostBytes).value_or(0);
  answer.sha256 = reader.string("sha256", 64, 64).value_or("");
  if (!answer.sha256.empty() && !is_sha256(answer.sha256)) reader.error("sha256", "is no SHA-256 in lower-case hex");
}

Json object_of(const Upload& upload) {
  Json json = {{"kind", upload.kind}, {"subject_id", upload.subject_id}};
  if (!upload.camera_id.empty()) json["camera_id"] = upload.camera_id;  // a bundle of diagnostics is of none
  json["object_key"] = upload.object_key;
  json["size_bytes"] = upload.size_bytes;
  json["sha256"] = upload.sha256;
  return json;
}

}  // namespace

std::string verb_of(const GrantQuestion& question) {
  return question.about == About::grant ? "upload.grant" : "upload.complete";
}

Json body_of(const GrantQuestion& question) {
  Json params = object_of(question.upload);
  if (question.about == About::grant) {
    params["content_type"] = question.upload.content_type;
    params["start"] = to_rfc3339(question.upload.start);
    params["end"] = to_rfc3339(question.upload.end);
  }
  if (question.about == About::abort) params["abort"] = true;
  if (!question.upload_id.empty()) params["upload_id"] = question.upload_id;
  if (question.part_size_bytes > 0 && question.about == About::grant)
    params["part_size_bytes"] = question.part_size_bytes;
  for (const GrantPart& part : question.parts) {
    Json one = {{"number", part.number}};
    if (question.about == About::complete)
      one["etag"] = part.etag;
    else
      one.update({{"size_bytes", part.size_bytes}, {"sha256", part.sha256}});
    params["parts"].push_back(std::move(one));
  }
  Json body;
  if (!question.upload.traceparent.empty()) body["traceparent"] = question.upload.traceparent;
  body["params"] = std::move(params);
  return body;
}

Result<GrantAnswer> read_answer(const GrantQuestion& question, const CloudResponse& response, MonoTime asked) {
  if (response.refusal) {
    // "Not there" is said of the parts that were begun, and of the object in the end. Elsewhere it would be of a
    // bucket, say, and not of ours to give up for.
    const bool begun = question.about != About::grant || !question.upload_id.empty();
    Error refusal = *response.refusal;
    if (refusal.code == Code::not_found && !begun) refusal.code = Code::busy;
    return tl::make_unexpected(std::move(refusal));
  }
  if (question.about == About::abort) return GrantAnswer{};
  std::vector<FieldError> errors;
  JsonReader reader(*response.result, "/result", errors);
  GrantAnswer answer;
  answer.granted = asked;
  if (question.about != About::grant || reader.boolean("already_there").value_or(false)) {
    read_seen(reader, answer);
  } else {
    read_urls(reader, question, answer);
    if (const auto end = reader.require("expires_at").time("expires_at")) {
      answer.life = std::min(*end - response.at, kLongestLife);
      if (answer.life <= 0us) reader.error("expires_at", "is not after ts");
    }
  }
  reader.done();
  if (!errors.empty()) return unusable_grant("in the answer to " + response.verb + ", " + summary(errors));
  return answer;
}

}  // namespace vedette::grant_messages
