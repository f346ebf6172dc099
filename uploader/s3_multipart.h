#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "uploader/s3_store.h"
#include "uploader/target.h"

namespace vedette {

// The requests of one multipart upload and what their answers mean, one at a time but for the parts. To destroy it cuts
// off all that is under way.
class S3Multipart {
 public:
  S3Multipart(S3Store& store, const Upload& upload) : store_(store), upload_(upload) {}

  // Errors of a request: those of getting no answer, and s3_error(); not_found where the store knows no such upload.
  using Created = std::function<void(Result<std::string>)>;  // its id
  void create(Created done);
  using Listed = std::function<void(Result<std::vector<UploadPart>>)>;
  void list(const std::string& upload_id, Listed done);
  // A part that was taken without ETag has an empty one: list() knows it.
  using Sent = std::function<void(Result<UploadPart>)>;
  struct Part {
    int number;
    int fd;
    int64_t offset, size_bytes;
    std::string sha256;
  };
  void send(const std::string& upload_id, const Part& part, Sent done);
  struct Completion {
    Status status;          // conflict: there is an object already
    bool unclear = false;   // whether it is done: a look decides
    bool unusable = false;  // the store does not accept these parts: begin again
    bool unknown = false;   // the store does not know such a request: the condition, perhaps
  };
  using Completed = std::function<void(Completion)>;
  void complete(const std::string& upload_id, const std::map<int, UploadPart>& parts, bool only_if_absent,
                Completed done);
  // The tags once more, on the whole object: not every store takes them from create(). Nothing is asked when there are
  // none.
  void tag(std::function<void(Status)> done);
  // Whatever comes of it: what stays is found by the sweep.
  void abort(const std::string& upload_id, std::function<void()> done);

  int in_flight() const { return static_cast<int>(parts_.size()); }
  // Of the parts in flight.
  int64_t sent_bytes() const;
  void cut_off_parts() { parts_.clear(); }

 private:
  void address(S3Request& request) const;
  void ask(S3Request request, std::function<void(const HttpOutcome&)> done);
  void list_from(const std::string& upload_id, int64_t marker, std::vector<UploadPart> before, Listed done);

  S3Store& store_;
  const Upload& upload_;
  std::unique_ptr<S3Call> call_;
  std::map<int, std::unique_ptr<S3Call>> parts_;
};

}  // namespace vedette
