#pragma once

#include <functional>
#include <vector>

#include "core/text.h"
#include "tests/support/s3_server.h"
#include "uploader/grant_source.h"
#include "uploader/s3_xml.h"
#include "uploader/sigv4.h"

namespace vedette::test {

// A backend without messages in between: it answers at once, as a function says, and remembers what it was asked.
class FunctionBackend : public GrantSource {
 public:
  using Answer = std::function<Result<GrantAnswer>(const GrantQuestion&)>;
  explicit FunctionBackend(Answer answer) : answer_(std::move(answer)) {}

  void ask(GrantQuestion question, GrantDone done) override {
    asked_.push_back(question);
    done(answer_(question));
  }
  const std::vector<GrantQuestion>& asked() const { return asked_; }
  // What was asked about, and for which parts: "grant", "grant 1 2", "complete 1 2 3", "abort".
  std::vector<std::string> words() const {
    std::vector<std::string> out;
    for (const GrantQuestion& question : asked_) {
      out.emplace_back(question.about == GrantQuestion::About::grant      ? "grant"
                       : question.about == GrantQuestion::About::complete ? "complete"
                                                                          : "abort");
      for (const GrantPart& part : question.parts) out.back() += " " + std::to_string(part.number);
    }
    return out;
  }

 private:
  const Answer answer_;
  std::vector<GrantQuestion> asked_;
};

// One that has the key of a real store, bucket "clips".
class StoreBackend : public FunctionBackend {
 public:
  explicit StoreBackend(const S3Server& store)
      : FunctionBackend([this](const GrantQuestion& question) { return answer(question); }), store_(store) {}

  seconds life{900};       // as it is told
  seconds works_for{900};  // as it is
  int begun = 0;

 private:
  Result<GrantAnswer> answer(const GrantQuestion& question) {
    if (question.about == GrantQuestion::About::grant) return grant(question);
    const std::string path = "/clips/" + question.upload.object_key;
    const std::string of_upload = path + "?uploadId=" + percent_encode(question.upload_id);
    if (question.about == GrantQuestion::About::abort) {
      store_.request("DELETE", of_upload);
      return GrantAnswer{};
    }
    if (!question.upload_id.empty()) {
      std::string xml = "<CompleteMultipartUpload>";
      for (const GrantPart& part : question.parts)
        xml +=
            "<Part><PartNumber>" + std::to_string(part.number) + "</PartNumber><ETag>" + part.etag + "</ETag></Part>";
      const auto made = store_.request("POST", of_upload, {"--data-binary", xml + "</CompleteMultipartUpload>"});
      if (made.status != 200) return fail(Code::not_found, "complete: HTTP " + std::to_string(made.status));
    }
    const auto head = store_.request("HEAD", path);
    if (head.status != 200) return fail(Code::not_found, "look: HTTP " + std::to_string(head.status));
    GrantAnswer seen;
    seen.is_there = true;
    seen.etag = header(head.headers, "etag");
    std::erase(seen.etag, '"');
    seen.size_bytes = std::stoll("0" + header(head.headers, "content-length"));
    return seen;
  }

  Result<GrantAnswer> grant(const GrantQuestion& question) {
    GrantAnswer out;
    out.granted = Clock::system().mono();
    out.life = life;
    if (question.part_size_bytes == 0) {
      out.urls = {{0, url(question, {}), {}}};
      return out;
    }
    out.upload_id = question.upload_id;
    if (out.upload_id.empty()) {
      ++begun;
      const auto made = store_.request("POST", "/clips/" + question.upload.object_key + "?uploads=");
      out.upload_id = s3_xml::text(made.body, "UploadId").value_or("");
    }
    for (const GrantPart& part : question.parts)
      out.urls.push_back(
          {part.number, url(question, {{"partNumber", std::to_string(part.number)}, {"uploadId", out.upload_id}}), {}});
    return out;
  }

  std::string url(const GrantQuestion& question, std::vector<std::pair<std::string, std::string>> query) const {
    SigningRequest request;
    request.method = "PUT";
    request.host = store_.endpoint().substr(store_.endpoint().find("://") + 3);
    request.path = "/clips/" + question.upload.object_key;
    request.query = std::move(query);
    const SigV4 signer({store_.access_key(), store_.secret_key(), ""}, store_.region());
    // One that worked for too short a time has begun to in the past.
    const microseconds begun_before = 3600s - works_for;
    return store_.endpoint() + signer.presign(request, Clock::system().utc() - begun_before, 3600s);
  }

  static std::string header(const std::string& headers, const std::string& name) {
    for (const std::string_view line : split(headers, '\n')) {
      std::string text(line);
      for (char& c : text) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
      if (!text.starts_with(name + ": ")) continue;
      text = text.substr(name.size() + 2);
      return text.substr(0, text.find('\r'));
    }
    return {};
  }

  const S3Server& store_;
};

}  // namespace vedette::test
