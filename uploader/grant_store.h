#pragma once

#include <functional>
#include <map>
#include <optional>

#include "core/inbox.h"
#include "net/http_multi.h"
#include "uploader/grant_target.h"
#include "uploader/later.h"

namespace vedette {

// What all transfers of a grant target share. The upload thread's own.
class GrantStore {
 public:
  GrantStore(GrantConfig the_config, GrantSource& source, S3Timeouts the_timeouts, const Clock& the_clock);

  // `then` is called from deliver(), unless its owner has forgotten it. The URLs of an answer are checked.
  void ask(const void* owner, GrantQuestion question, GrantDone then);
  // As one that is not waited for.
  void tell(GrantQuestion question) { ask(nullptr, std::move(question), {}); }
  void forget(const void* owner);
  // Passes on the answers that have come.
  void deliver();

  const GrantConfig config;
  const S3Timeouts timeouts;
  const Clock& clock;
  ByteRate rate;
  HttpMulti http;
  Later later;

 private:
  struct Arrived {
    uint64_t id;
    Result<GrantAnswer> answer;
  };
  struct Asked {
    const void* owner;
    GrantDone then;
  };
  Result<GrantAnswer> checked(Result<GrantAnswer> answer) const;

  GrantSource& source_;
  Inbox<Arrived> arrived_{64};  // pushed without a limit: one for each question
  std::map<uint64_t, Asked> asked_;
  uint64_t next_id_ = 1;
};

// Whether what the backend has seen of the object is what was to be sent: its size, its SHA-256 and, when the store
// gave one for it, its ETag. The proof, or why it is none.
Result<UploadProof> proof_of(const GrantAnswer& seen, const Upload& upload, const std::string& etag_given);

// One request by a URL that was granted; to destroy it cuts it off. Errors: forbidden when the store refuses the URL
// (it may have expired), conflict when there is an object already; those of getting no answer, and of s3_error().
class GrantedPut {
 public:
  struct Content {
    int fd;
    int64_t offset, size_bytes;
  };
  struct Outcome {
    Result<std::string> etag;       // may be empty
    bool may_have_arrived = false;  // all was sent, but the answer was lost
    bool unknown_upload = false;    // the store knows no such upload in parts
  };
  using Done = std::function<void(Outcome)>;

  GrantedPut(GrantStore& store, const GrantedUrl& granted, const std::string& traceparent, const Content& content,
             Done done);
  ~GrantedPut() { store_.http.cancel(id_); }
  GrantedPut(const GrantedPut&) = delete;
  GrantedPut& operator=(const GrantedPut&) = delete;
  int64_t sent_bytes() const { return store_.http.sent_bytes(id_); }

 private:
  void answered(const HttpOutcome& outcome);

  GrantStore& store_;
  const std::string doing_;  // "put", "part 3"
  const int64_t size_bytes_;
  Done done_;
  HttpMulti::Id id_ = 0;
};

}  // namespace vedette
