// A bucket as a target: what runs the transfers into it, by the endpoint that can be used.
#include <algorithm>

#include "uploader/endpoint_transfer.h"
#include "uploader/endpoints.h"
#include "uploader/s3_orphans.h"
#include "uploader/s3_parts.h"
#include "uploader/s3_put.h"
#include "uploader/s3_way_back.h"

namespace vedette {

namespace {

std::vector<std::string> all_endpoints(const S3Config& config) {
  std::vector<std::string> all = config.fallback_endpoints;
  all.insert(all.begin(), config.endpoint);
  return all;
}

class S3Target : public Target {
 public:
  S3Target(S3Config config, const std::shared_ptr<CredentialsSource>& credentials, const Clock& clock,
           S3Timeouts timeouts)
      : endpoints_(all_endpoints(config)) {
    for (const std::string& endpoint : all_endpoints(config)) {
      config.endpoint = endpoint;
      stores_.push_back(std::make_unique<S3Store>(config, credentials, timeouts, clock, loop_));
    }
    way_back_.emplace(stores_.front()->client, config.return_after, clock);
  }

  std::unique_ptr<Transfer> begin(TransferOrder order, TransferOwner& owner) override {
    auto transfer = std::make_unique<EndpointTransfer>(endpoints_, store().client, owner);
    transfer->begin(by_endpoint(order, *transfer));
    return transfer;
  }

  void run(microseconds longest) override {
    way_back_->watch(endpoints_.current() != 0, endpoints_.returns_in_vain());
    if (way_back_->is_time()) endpoints_.go_back();
    const microseconds until_look = way_back_->look();
    loop_.later.run();
    loop_.http.run(loop_.later.empty() ? std::min(longest, until_look) : 0us);
  }
  void wake() override { loop_.http.wake(); }
  void set_rate(int64_t bits_per_s) override {
    loop_.rate.set(bits_per_s);
    wake();
  }

  // At all endpoints, as they may lead to copies of the store; again only when the one that is used was not there.
  void sweep(std::function<Result<bool>(const std::string&)> is_known,
             std::function<void(const Error&)> failed) override {
    orphans_.clear();
    for (const auto& one : stores_) {
      if (one->config.own_keys.empty()) return;
      const bool is_used = one.get() == &store();
      orphans_.push_back(std::make_unique<S3Orphans>(
          *one, is_known, is_used ? failed : [](const Error&) {}));
    }
  }
  microseconds clock_behind() const override { return store().client.behind_store(); }
  TargetEndpoints endpoints() const override { return stores_.size() > 1 ? endpoints_.in_use() : TargetEndpoints(); }

  Result<std::string> presign(const std::string& object_key, seconds valid) const override {
    return store().client.presign(object_key, valid);
  }

 private:
  S3Store& store() const { return *stores_[endpoints_.current()]; }
  std::unique_ptr<Transfer> by_endpoint(const TransferOrder& order, TransferOwner& owner) const {
    S3Store& there = store();
    const Upload& upload = order.upload;
    const bool in_parts = !upload.upload_id.empty() || !goes_in_one(upload.size_bytes, there.config.part_size_bytes,
                                                                    there.hides_objects ? 0 : order.bits_per_s);
    if (in_parts) return std::make_unique<S3Parts>(there, order, owner);
    return std::make_unique<S3Put>(there, order, owner);
  }

  S3Loop loop_;
  Endpoints endpoints_;
  std::vector<std::unique_ptr<S3Store>> stores_;  // one by endpoint
  std::optional<S3WayBack> way_back_;
  std::vector<std::unique_ptr<S3Orphans>> orphans_;
};

}  // namespace

std::unique_ptr<Target> make_s3_target(S3Config config, std::shared_ptr<CredentialsSource> credentials,
                                       const Clock& clock, S3Timeouts timeouts) {
  return std::make_unique<S3Target>(std::move(config), std::move(credentials), clock, timeouts);
}

}  // namespace vedette
