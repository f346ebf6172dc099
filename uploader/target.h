#pragma once

#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "core/clock.h"
#include "core/result.h"
#include "storage/catalog.h"

namespace vedette {

struct UploadProof {
  std::string etag;  // as the target names what it holds
  bool already_there = false;
};

// Whether the next part of an object may begin.
enum class NextPart {
  go,
  wait,   // when one of those under way is done, ask again; never said while none is
  leave,  // what is under way is finished, and the transfer ends with Code::cancelled; it will be begun again
};

// What a transfer asks and tells its owner, who outlives it. All in the upload thread, and never from within begin().
class TransferOwner {
 public:
  virtual ~TransferOwner() = default;
  // `in_flight`: of this transfer's parts.
  virtual NextPart next_part(int in_flight) = 0;

  // What must be remembered, so that a finished part is not sent twice. not_found: nobody wants the object any more;
  // the target is to forget it, too.
  virtual Status parts_begun(const std::string& upload_id, int64_t part_size_bytes) = 0;
  virtual Status part_finished(const UploadPart& part) = 0;
  virtual Status parts_forgotten() = 0;

  // The last call. cancelled: left, as next_part() said.
  virtual void ended(Result<UploadProof> proof) = 0;
};

// One object to bring to a target. upload.upload_id and `parts`: what was begun by an earlier try.
struct TransferOrder {
  Upload upload;
  std::filesystem::path file;
  std::vector<UploadPart> parts;
  int64_t bits_per_s = 0;  // what the way to the target lets through, as measured; 0: not known
};

// Transfer is one object on its way. It never blocks for the network, and not for long for the disk: it works inside
// Target::run(). To destroy it cuts off what is under way; then its owner hears nothing more.
class Transfer {
 public:
  virtual ~Transfer() = default;
  // Of the object, what is on its way or there; never more than its size.
  virtual int64_t sent_bytes() const = 0;
  // Whether it will ask for one part after the other. False: it is one request.
  virtual bool goes_in_parts() const { return false; }
};

// By which of several ways to the same store a target sends. Empty: there is only one.
struct TargetEndpoints {
  std::vector<std::string> urls;  // the first is the one that is wanted
  size_t current = 0;

  bool is_fallback() const { return current > 0; }
};

// Target is a place where objects are kept. A transfer succeeds only when the target has proved that it holds the
// object with this size and SHA-256; an object that is there already with the same content counts, one with other
// content is never overwritten (conflict). Used by the upload thread alone, but for what says otherwise.
class Target {
 public:
  virtual ~Target() = default;

  // The owner is told of the end from inside run(), where it may destroy the transfer.
  //
  // Errors: forbidden (credentials, policy), not_found (bucket or local file), camera_unavailable / timed_out (not
  // reached), busy (503, slow down), no_space, conflict, unsupported (an option that the target refuses, a grant that
  // cannot be used), upload_failed (the local file has changed, or the proof failed), internal.
  virtual std::unique_ptr<Transfer> begin(TransferOrder order, TransferOwner& owner) = 0;

  // Works on what was begun, until something happened or for so long.
  virtual void run(microseconds longest) = 0;
  // Ends the run() that is under way, or the next one. Thread-safe.
  virtual void wake() = 0;
  // Of all transfers together; 0: no limit. Thread-safe.
  virtual void set_rate(int64_t bits_per_s) = 0;

  // Looks, inside run(), for what earlier tries began and nobody knows any more, and removes what is old enough.
  // `failed` is called from there when it could not look and should again.
  virtual void sweep(std::function<Result<bool>(const std::string& upload_id)> is_known,
                     std::function<void(const Error&)> failed) {
    static_cast<void>(is_known);
    static_cast<void>(failed);
  }

  // How far our clock is behind the target's (before it, if negative), where that makes a difference. Thread-safe.
  virtual microseconds clock_behind() const { return 0us; }

  // Thread-safe.
  virtual TargetEndpoints endpoints() const { return {}; }

  // A URL from which the object can be fetched for `valid`; unsupported when the target has no such thing. Thread-safe.
  virtual Result<std::string> presign(const std::string& object_key, seconds valid) const = 0;
};

// A folder, say a mounted NAS: same proofs, atomic rename. `memory`: a file that remembers which folder it is (see
// folder_identity.h); empty: any that is there will do.
std::unique_ptr<Target> make_directory_target(std::filesystem::path directory, std::filesystem::path memory = {});

}  // namespace vedette
