#pragma once

#include <gtest/gtest.h>

#include <atomic>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "core/md5.h"
#include "tests/support/http_script.h"
#include "tests/support/temp_dir.h"
#include "tests/uploader/transfer_run.h"
#include "tests/uploader/upload_fixture.h"
#include "uploader/s3_config.h"

namespace vedette::test {

using Answer = HttpScript::Answer;
using How = HttpScript::Answer::How;

inline constexpr size_t kSmall = 200'000;

// As most stores answer to an object of this size.
inline const std::string& small_etag() {
  static const std::string etag = md5_hex(some_content(kSmall));
  return etag;
}
inline std::vector<std::pair<std::string, std::string>> etag(const std::string& text) {
  return {{"ETag", "\"" + text + "\""}};
}
inline Answer ok(std::vector<std::pair<std::string, std::string>> headers = etag(small_etag()), std::string body = "") {
  return {200, std::move(headers), std::move(body)};
}
inline Answer refusal(int status, const std::string& code) {
  return {status, {}, "<?xml version=\"1.0\"?>\n<Error><Code>" + code + "</Code></Error>"};
}
inline Answer but(How how, Answer answer = {}) {
  answer.how = how;
  return answer;
}
inline Answer shows(const Upload& upload) {
  return {200,
          {{"Content-Length", std::to_string(upload.size_bytes)},
           {"x-amz-meta-sha256", upload.sha256},
           {"ETag", "\"looked\""}}};
}

// A target whose store is a script.
class S3AnswersTest : public ::testing::Test {
 protected:
  S3AnswersTest() { config_.part_size_bytes = 5 << 20; }

  // The n-th request (from 0) and what it gets.
  using Script = std::function<Answer(size_t n, const HttpScript::Request&)>;

  void serve(Script script) {
    server_ = std::make_unique<HttpScript>(
        [this, script = std::move(script)](const HttpScript::Request& request) { return script(count_++, request); });
    config_.endpoint = server_->endpoint();
    config_.bucket = "b";
    timeouts_.stall = 1s;
    target_ = make_s3_target(config_, credentials_, Clock::system(), timeouts_);
  }
  void answer(std::vector<Answer> answers) {
    serve([answers = std::move(answers)](size_t n, const HttpScript::Request&) {
      return n < answers.size() ? answers[n] : refusal(500, "NotExpected");
    });
  }
  Result<UploadProof> put(const Upload& upload) { return run_for(upload).run(*target_, dir_.path() / upload.path); }
  TransferRun& run_for(const Upload& upload) { return run_.emplace(upload); }
  Code code_of(const Upload& upload) {
    const auto proof = put(upload);
    return proof ? Code::ok : proof.error().code;
  }
  std::vector<std::string> methods() const { return server_->methods(); }

  const TempDir dir_;
  const Upload small_ = make_upload(dir_.path(), some_content(kSmall));
  const Upload large_ = make_upload(dir_.path(), some_content(6 << 20));
  S3Config config_;
  S3Timeouts timeouts_;
  std::shared_ptr<CredentialsSource> credentials_ = constant_credentials({"key", "secret", "token"});
  std::atomic<size_t> count_ = 0;
  std::unique_ptr<HttpScript> server_;
  std::unique_ptr<Target> target_;
  std::optional<TransferRun> run_;
};

}  // namespace vedette::test
