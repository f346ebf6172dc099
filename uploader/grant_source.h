#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "core/clock.h"
#include "core/result.h"
#include "storage/catalog.h"

// What a box without a key asks its backend about an upload, whatever the two talk over.
namespace vedette {

// A part that is to be sent, or (with its ETag) one that was.
struct GrantPart {
  int number = 0;  // from 1
  int64_t size_bytes = 0;
  std::string sha256;
  std::string etag;
};

struct GrantQuestion {
  enum class About {
    grant,     // URLs to send to: for the whole object, or for these parts
    complete,  // all was sent: whether the store has it; of parts, make the object first
    abort,     // the parts are of no use any more; the answer is of no interest
  };
  About about = About::grant;
  Upload upload;                // its upload_id and part_size_bytes are not looked at
  std::string upload_id;        // as the store names an object in parts; empty: none is begun, or it is not one
  int64_t part_size_bytes = 0;  // 0: in one request
  std::vector<GrantPart> parts;
};

// Where to PUT, and what with. The URL is as good as a key, for what it names and for as long as it works.
struct GrantedUrl {
  int number = 0;  // of the part; 0: the whole object
  std::string url;
  std::vector<std::pair<std::string, std::string>> headers;
};

struct GrantAnswer {
  // The store has the object; these were seen of it.
  bool is_there = false;
  std::string etag;
  int64_t size_bytes = 0;
  std::string sha256;  // empty: not known

  // Else:
  std::string upload_id;
  std::vector<GrantedUrl> urls;
  MonoTime granted{};  // when it was asked for, which is before the life of the URLs began
  microseconds life{};
};

using GrantDone = std::function<void(Result<GrantAnswer>)>;

// GrantSource carries questions to the backend and brings back its answers, however long that takes.
class GrantSource {
 public:
  virtual ~GrantSource() = default;

  // Called in the upload thread; does not wait. `done` is called once, from any thread, unless whoever asks is gone:
  // the owner of both sees to that.
  //
  // Errors: not_found, only when the store knows no such upload_id or not these parts; conflict, when it holds other
  // content under the key; timed_out, when nobody answers; else why the backend does not grant it, as Target::begin().
  virtual void ask(GrantQuestion question, GrantDone done) = 0;
};

}  // namespace vedette
