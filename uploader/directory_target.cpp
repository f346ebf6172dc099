// A folder as a target: what runs the transfers into it.
#include <condition_variable>
#include <mutex>

#include "core/log.h"
#include "uploader/directory_transfer.h"

namespace vedette {

namespace {

class DirectoryTarget : public Target {
 public:
  DirectoryTarget(std::filesystem::path directory, std::filesystem::path memory)
      : directory_(std::move(directory)), identity_(directory_, std::move(memory)) {
    // One that was there before is not made anew: it is not mounted.
    if (identity_.is_known()) return;
    if (auto made = file::make_directories(directory_, file::Readers::group); !made)
      log::warn("upload folder cannot be made", {{"path", directory_.string()}, {"error", made.error().message}});
  }

  std::unique_ptr<Transfer> begin(TransferOrder order, TransferOwner& owner) override {
    return std::make_unique<DirectoryTransfer>(directory_, identity_, later_, rate_, Clock::system(), std::move(order),
                                               owner);
  }

  void run(microseconds longest) override {
    if (!later_.empty()) longest = std::min(longest, rate_.until_some(Clock::system().mono()));
    wait(longest);
    later_.run();
  }
  void wake() override {
    {
      const std::lock_guard lock(mutex_);
      woken_ = true;
    }
    changed_.notify_one();
  }
  void set_rate(int64_t bits_per_s) override {
    rate_.set(bits_per_s);
    wake();
  }

  Result<std::string> presign(const std::string&, seconds) const override {
    return fail(Code::unsupported, "a folder has no URLs");
  }

 private:
  void wait(microseconds longest) {
    std::unique_lock lock(mutex_);
    if (longest > 0us) changed_.wait_for(lock, longest, [this] { return woken_; });
    woken_ = false;
  }

  const std::filesystem::path directory_;
  FolderIdentity identity_;
  Later later_;
  ByteRate rate_;
  std::mutex mutex_;
  std::condition_variable changed_;
  bool woken_ = false;
};

}  // namespace

std::unique_ptr<Target> make_directory_target(std::filesystem::path directory, std::filesystem::path memory) {
  return std::make_unique<DirectoryTarget>(std::move(directory), std::move(memory));
}

}  // namespace vedette
