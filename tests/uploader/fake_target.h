#pragma once

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <deque>
#include <functional>
#include <mutex>
#include <string>
#include <vector>

#include "tests/support/wait.h"
#include "uploader/target.h"

namespace vedette::test {

// A target whose failures are told beforehand; it takes everything else, at once or as `hangs` and `parts` say.
class FakeTarget : public Target {
 public:
  static constexpr milliseconds kLimit{10000};

  std::unique_ptr<Transfer> begin(TransferOrder order, TransferOwner& owner) override {
    const std::lock_guard lock(mutex_);
    tries_.push_back(order.upload.subject_id);
    auto transfer = std::make_unique<FakeTransfer>(*this, std::move(order), owner);
    active_.push_back(transfer.get());
    most_at_once_ = std::max(most_at_once_, active_.size());
    changed_.notify_all();
    return transfer;
  }

  void run(microseconds longest) override {
    std::unique_lock lock(mutex_);
    if (longest > 0us) changed_.wait_for(lock, longest, [this] { return woken_ || has_work(); });
    woken_ = false;
    for (FakeTransfer* one : std::deque(active_)) {
      if (std::find(active_.begin(), active_.end(), one) == active_.end()) continue;
      lock.unlock();
      one->step();
      lock.lock();
    }
  }
  void wake() override {
    const std::lock_guard lock(mutex_);
    woken_ = true;
    changed_.notify_all();
  }
  void set_rate(int64_t bits_per_s) override { rate_ = bits_per_s; }
  void sweep(std::function<Result<bool>(const std::string&)>, std::function<void(const Error&)> failed) override {
    if (sweeps_fail_) failed({Code::camera_unavailable, "as told"});
    ++sweeps_;  // whoever waits for it moves the clock, from which the engine has read by now
  }
  Result<std::string> presign(const std::string&, seconds) const override { return fail(Code::unsupported, ""); }

  // Results to come, in order; Code::ok for a success.
  void will_give(const std::vector<Code>& codes) {
    const std::lock_guard lock(mutex_);
    for (const Code code : codes) failures_.push_back({code, "as told"});
  }
  void will_give_only(const std::vector<Code>& codes) {
    {
      const std::lock_guard lock(mutex_);
      failures_.clear();
    }
    will_give(codes);
  }
  // Objects go in so many parts, each when it is let.
  void in_parts(int parts) { parts_ = parts; }
  void let_parts(int parts) {
    const std::lock_guard lock(mutex_);
    let_ += parts;
    changed_.notify_all();
  }
  // What is asked of each upload, from the upload thread: Code::ok, or what it is refused with before anything else.
  std::function<Code(const Upload&)> refuses;
  void hang(bool yes) {
    const std::lock_guard lock(mutex_);
    hangs_ = yes;
    changed_.notify_all();
  }

  std::vector<std::string> tries() const {
    const std::lock_guard lock(mutex_);
    return tries_;
  }
  bool wait_for_tries(size_t count) const {
    return eventually(kLimit, [&] { return tries().size() >= count; });
  }
  size_t most_at_once() const {
    const std::lock_guard lock(mutex_);
    return most_at_once_;
  }
  // Those that the engine was asked for, and allowed.
  int parts_begun() const { return parts_begun_; }
  int64_t rate() const { return rate_; }
  void let_sweeps_fail(bool yes) { sweeps_fail_ = yes; }
  int sweeps() const { return sweeps_; }

  std::function<void(const Upload&)> during_put;  // from the upload thread

 private:
  class FakeTransfer : public Transfer {
   public:
    FakeTransfer(FakeTarget& target, TransferOrder order, TransferOwner& owner)
        : target_(target), order_(std::move(order)), owner_(owner), part_(static_cast<int>(order_.parts.size())) {}
    ~FakeTransfer() override {
      const std::lock_guard lock(target_.mutex_);
      std::erase(target_.active_, this);
    }
    int64_t sent_bytes() const override {
      return order_.upload.size_bytes * part_ / std::max(1, target_.parts_.load());
    }

    void step() {
      if (ended_ || target_.hangs_) return;
      if (target_.parts_ > 0) return step_part();
      if (target_.during_put) target_.during_put(order_.upload);
      end(target_.next_result(order_.upload));
    }

   private:
    void step_part() {
      if (order_.upload.upload_id.empty()) {
        order_.upload.upload_id = "parts-of-" + order_.upload.subject_id;
        static_cast<void>(owner_.parts_begun(order_.upload.upload_id, 1));
      }
      while (part_ < target_.parts_) {
        if (!asked_ && owner_.next_part(0) == NextPart::leave) return end(fail(Code::cancelled, "left"));
        if (!asked_) ++target_.parts_begun_;
        asked_ = true;
        if (!target_.take_let()) return;
        asked_ = false;
        static_cast<void>(owner_.part_finished({++part_, "etag", 1}));
      }
      end(target_.next_result(order_.upload));
    }
    void end(Result<UploadProof> result) {
      ended_ = true;
      owner_.ended(std::move(result));
    }

    FakeTarget& target_;
    TransferOrder order_;
    TransferOwner& owner_;
    int part_;
    bool asked_ = false;
    bool ended_ = false;
  };

  bool has_work() const { return !active_.empty() && !hangs_ && (parts_ == 0 || let_ > 0); }
  bool take_let() {
    const std::lock_guard lock(mutex_);
    return let_ > 0 && let_-- > 0;
  }
  Result<UploadProof> next_result(const Upload& upload) {
    const std::lock_guard lock(mutex_);
    if (const Code code = refuses ? refuses(upload) : Code::ok; code != Code::ok) return fail(code, "refused");
    if (failures_.empty()) return UploadProof{"etag-" + upload.subject_id, false};
    const Error error = failures_.front();
    failures_.pop_front();
    if (error.code == Code::ok) return UploadProof{"etag-" + upload.subject_id, false};
    return tl::make_unexpected(error);
  }

  mutable std::mutex mutex_;
  std::condition_variable changed_;
  bool woken_ = false;
  std::atomic<bool> hangs_ = false;
  std::atomic<int> parts_ = 0;
  std::atomic<int> parts_begun_ = 0;
  std::atomic<int> sweeps_ = 0;
  std::atomic<bool> sweeps_fail_ = false;
  int let_ = 0;
  size_t most_at_once_ = 0;
  std::atomic<int64_t> rate_ = 0;
  std::deque<FakeTransfer*> active_;
  std::deque<Error> failures_;
  std::vector<std::string> tries_;
};

}  // namespace vedette::test
