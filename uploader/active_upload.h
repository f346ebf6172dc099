#pragma once

#include <algorithm>
#include <functional>
#include <memory>
#include <optional>

#include "core/clock.h"
#include "uploader/target.h"
#include "uploader/upload_queue.h"

namespace vedette {

// ActiveUpload is a row whose transfer is under way: it answers the transfer's questions and keeps what comes of it.
class ActiveUpload : public TransferOwner {
 public:
  using MayGoOn = std::function<NextPart(ActiveUpload&, int in_flight)>;

  ActiveUpload(Upload upload, UploadQueue::Source source, Catalog& catalog, MonoTime begun, MayGoOn may_go_on);

  void begin(Target& target, int64_t bits_per_s);
  const Upload& upload() const { return upload_; }
  const std::optional<Result<UploadProof>>& result() const { return result_; }
  int finished_parts() const { return finished_parts_; }
  // It has ended: what it held open is let go, and how long it took is kept.
  void close(MonoTime now);
  microseconds took() const { return took_; }

  // How many requests it has under way.
  int lanes() const { return std::max(1, in_flight_); }
  // It goes in parts, and not all that are left of it are under way: it will take what there is.
  bool wants_more() const;
  int64_t part_size_bytes() const { return part_size_bytes_; }  // 0: it does not go in parts
  // What these requests are about, as long as they are under way.
  int64_t bytes_in_flight() const;
  // What was sent since it was asked last; the parts of an earlier try do not count.
  int64_t take_sent();
  int64_t sent_bytes() const { return transfer_ ? transfer_->sent_bytes() : 0; }
  // Whether its progress is to be told again.
  bool has_news(MonoTime now);

  // Something more urgent wants its place.
  void overtake() { overtaken_ = true; }
  bool overtaken() const { return overtaken_; }

  NextPart next_part(int in_flight) override;
  Status parts_begun(const std::string& upload_id, int64_t part_size_bytes) override;
  Status part_finished(const UploadPart& part) override;
  Status parts_forgotten() override;
  void ended(Result<UploadProof> proof) override { result_ = std::move(proof); }

 private:
  Upload upload_;
  UploadQueue::Source source_;
  Catalog& catalog_;
  const MonoTime begun_;
  const MayGoOn may_go_on_;
  int64_t part_size_bytes_;
  bool has_begun_parts_ = false;
  int in_flight_ = 0;
  int finished_parts_ = 0;
  microseconds took_{};
  int64_t counted_bytes_ = -1;  // by take_sent(); -1: not yet
  MonoTime told_at_;
  int64_t told_bytes_ = 0;
  bool overtaken_ = false;
  std::optional<Result<UploadProof>> result_;
  std::unique_ptr<Transfer> transfer_;
};

}  // namespace vedette
