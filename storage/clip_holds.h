#pragma once

#include <map>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

namespace vedette {

// ClipHolds are the clips that are being read and are not to be deleted meanwhile, by whomever. They live in memory
// only: a start begins without. Thread-safe; outlives its Holds.
class ClipHolds {
 public:
  // Gives the clips free when it goes.
  class Hold {
   public:
    Hold() = default;
    Hold(Hold&& other) noexcept : holds_(std::exchange(other.holds_, nullptr)), clip_ids_(std::move(other.clip_ids_)) {}
    Hold& operator=(Hold&& other) noexcept {
      std::swap(holds_, other.holds_);
      std::swap(clip_ids_, other.clip_ids_);
      return *this;
    }
    ~Hold() {
      if (holds_) holds_->release(clip_ids_);
    }

   private:
    friend class ClipHolds;
    Hold(ClipHolds& holds, std::vector<std::string> clip_ids) : holds_(&holds), clip_ids_(std::move(clip_ids)) {}

    ClipHolds* holds_ = nullptr;
    std::vector<std::string> clip_ids_;
  };

  Hold hold(std::vector<std::string> clip_ids) {
    const std::lock_guard lock(mutex_);
    for (const std::string& id : clip_ids) ++held_[id];
    return {*this, std::move(clip_ids)};
  }
  bool holds(const std::string& clip_id) const {
    const std::lock_guard lock(mutex_);
    return held_.count(clip_id) > 0;
  }
  size_t count() const {
    const std::lock_guard lock(mutex_);
    return held_.size();
  }

 private:
  void release(const std::vector<std::string>& clip_ids) {
    const std::lock_guard lock(mutex_);
    for (const std::string& id : clip_ids)
      if (const auto it = held_.find(id); --it->second == 0) held_.erase(it);
  }

  mutable std::mutex mutex_;
  std::map<std::string, int> held_;  // how often each
};

}  // namespace vedette
