#pragma once

#include <cstdint>
#include <functional>
#include <memory>

#include "net/byte_rate.h"
#include "net/http_client.h"

namespace vedette {

// What came of a request that ran beside others.
struct HttpOutcome {
  Result<HttpResponse> response;  // errors as those of HttpClient; never cancelled
  int64_t sent_bytes = 0;         // of the body, whatever came of it: when that is all of it, it may have arrived
};

// HttpMulti carries out many requests at once in the one thread that uses it, keeping connections open in between;
// security, stall watch and errors are those of HttpClient. After one that got no answer, names are looked up again
// until one gets one. Nothing happens but in run().
class HttpMulti {
 public:
  using Id = uint64_t;
  using Done = std::function<void(HttpOutcome)>;

  // What is sent of all bodies together is taken from `rate`, which outlives it.
  explicit HttpMulti(ByteRate* rate = nullptr);
  ~HttpMulti();  // cancels what is under way

  // `done` is called from run(), once, and may start and cancel others. A file of the request stays open until then.
  Id start(HttpRequest request, Done done);
  // It is cut off, and its `done` not called. Nothing happens when it is over.
  void cancel(Id id);
  size_t running() const;
  // Of the body of one that is running; 0 for others.
  int64_t sent_bytes(Id id) const;

  // Works until something is done, or for so long; with 0, one turn.
  void run(microseconds longest);
  // Ends the run() that is under way, or the next one. From any thread.
  void wake();

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace vedette
