#pragma once

#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "uploader/target.h"

namespace vedette::test {

// Carries one transfer through, and remembers of it what the catalog would.
class TransferRun : public TransferOwner {
 public:
  explicit TransferRun(Upload upload) : upload_(std::move(upload)) {}

  // What is answered before each part; go when it is not set.
  std::function<NextPart(int in_flight)> before_part;
  // How many parts may be under way.
  int most_in_flight = 2;
  int64_t bits_per_s = 0;
  Status keeps;  // what remembering comes to

  // From the beginning, or from where the last one ended.
  Result<UploadProof> run(Target& target, const std::filesystem::path& file, microseconds limit = 60s) {
    begin(target, file);
    const MonoTime end = Clock::system().mono() + limit;
    while (!result_ && Clock::system().mono() < end) target.run(50ms);
    transfer_.reset();
    return result_ ? *result_ : Result<UploadProof>(fail(Code::internal, "the test's limit"));
  }
  // One that is to be cut off.
  void begin(Target& target, const std::filesystem::path& file) {
    result_.reset();
    transfer_ = target.begin({upload_, file, parts(), bits_per_s}, *this);
  }
  void run_until(Target& target, const std::function<bool()>& condition, microseconds limit = 60s) {
    const MonoTime end = Clock::system().mono() + limit;
    while (!result_ && !condition() && Clock::system().mono() < end) target.run(10ms);
  }
  void cut_off() { transfer_.reset(); }

  const std::string& upload_id() const { return upload_.upload_id; }
  const std::vector<int>& finished() const { return finished_; }  // numbers, in the order they came
  int begun() const { return begun_; }
  int64_t sent_bytes() const { return transfer_ ? transfer_->sent_bytes() : 0; }
  const std::optional<Result<UploadProof>>& result() const { return result_; }
  // As if the catalog had lost the last ones.
  void forget_finished() { parts_.clear(); }

  NextPart next_part(int in_flight) override {
    if (before_part) return before_part(in_flight);
    return in_flight < most_in_flight ? NextPart::go : NextPart::wait;
  }
  Status parts_begun(const std::string& upload_id, int64_t part_size_bytes) override {
    ++begun_;
    upload_.upload_id = upload_id;
    upload_.part_size_bytes = part_size_bytes;
    parts_.clear();
    return keeps;
  }
  Status part_finished(const UploadPart& part) override {
    finished_.push_back(part.number);
    parts_[part.number] = part;
    return keeps;
  }
  Status parts_forgotten() override {
    upload_.upload_id.clear();
    parts_.clear();
    return keeps;
  }
  void ended(Result<UploadProof> proof) override { result_ = std::move(proof); }

 private:
  std::vector<UploadPart> parts() const {
    std::vector<UploadPart> out;
    for (const auto& [number, part] : parts_) out.push_back(part);
    return out;
  }

  Upload upload_;
  std::map<int, UploadPart> parts_;
  std::vector<int> finished_;
  int begun_ = 0;
  std::optional<Result<UploadProof>> result_;
  std::unique_ptr<Transfer> transfer_;
};

}  // namespace vedette::test
