// A bucket as a target: what runs the transfers into it.
#include "uploader/s3_orphans.h"
#include "uploader/s3_parts.h"
#include "uploader/s3_put.h"

namespace vedette {

namespace {

class S3Target : public Target {
 public:
  S3Target(const S3Config& config, std::shared_ptr<CredentialsSource> credentials, const Clock& clock,
           S3Timeouts timeouts)
      : store_(config, std::move(credentials), timeouts, clock) {}

  std::unique_ptr<Transfer> begin(TransferOrder order, TransferOwner& owner) override {
    const Upload& upload = order.upload;
    const bool in_parts = !upload.upload_id.empty() || !goes_in_one(upload.size_bytes, store_.config.part_size_bytes,
                                                                    store_.hides_objects ? 0 : order.bits_per_s);
    if (in_parts) return std::make_unique<S3Parts>(store_, order, owner);
    return std::make_unique<S3Put>(store_, order, owner);
  }

  void run(microseconds longest) override {
    store_.later.run();
    store_.http.run(store_.later.empty() ? longest : 0us);
  }
  void wake() override { store_.http.wake(); }
  void set_rate(int64_t bits_per_s) override {
    store_.rate.set(bits_per_s);
    wake();
  }

  void sweep(std::function<Result<bool>(const std::string&)> is_known,
             std::function<void(const Error&)> failed) override {
    if (!store_.config.own_keys.empty())
      orphans_ = std::make_unique<S3Orphans>(store_, std::move(is_known), std::move(failed));
  }
  microseconds clock_behind() const override { return store_.client.behind_store(); }

  Result<std::string> presign(const std::string& object_key, seconds valid) const override {
    return store_.client.presign(object_key, valid);
  }

 private:
  S3Store store_;
  std::unique_ptr<S3Orphans> orphans_;
};

}  // namespace

std::unique_ptr<Target> make_s3_target(S3Config config, std::shared_ptr<CredentialsSource> credentials,
                                       const Clock& clock, S3Timeouts timeouts) {
  return std::make_unique<S3Target>(config, std::move(credentials), clock, timeouts);
}

}  // namespace vedette
