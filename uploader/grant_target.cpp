#include "uploader/grant_target.h"

#include "uploader/grant_parts.h"
#include "uploader/grant_put.h"

namespace vedette {

namespace {

class GrantTarget : public Target {
 public:
  GrantTarget(GrantConfig config, GrantSource& source, const Clock& clock, S3Timeouts timeouts)
      : store_(std::move(config), source, timeouts, clock) {}

  std::unique_ptr<Transfer> begin(TransferOrder order, TransferOwner& owner) override {
    const Upload& upload = order.upload;
    if (upload.upload_id.empty() && goes_in_one(upload.size_bytes, store_.config.part_size_bytes, order.bits_per_s))
      return std::make_unique<GrantPut>(store_, order, owner);
    return std::make_unique<GrantParts>(store_, order, owner);
  }

  void run(microseconds longest) override {
    store_.deliver();
    store_.later.run();
    store_.http.run(store_.later.empty() ? longest : 0us);
  }
  void wake() override { store_.http.wake(); }
  void set_rate(int64_t bits_per_s) override {
    store_.rate.set(bits_per_s);
    wake();
  }

  Result<std::string> presign(const std::string&, seconds) const override {
    return fail(
        Code::unsupported,
        "upload.target is grant: this device has no key to sign a URL with; the backend, which has, can give one");
  }

 private:
  GrantStore store_;
};

}  // namespace

std::unique_ptr<Target> make_grant_target(GrantConfig config, GrantSource& source, const Clock& clock,
                                          S3Timeouts timeouts) {
  return std::make_unique<GrantTarget>(std::move(config), source, clock, timeouts);
}

}  // namespace vedette
