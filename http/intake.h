#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <variant>

#include "http/route.h"

namespace vedette {

// HttpSink is where the body of one request goes, piece by piece. The server asks for one thing at a time, in its own
// thread, and waits for `done` before it goes on: whoever takes the body does the work elsewhere, and calls `done` from
// any thread, once. Destroyed without finish(), or before finish() is done, when the sender is gone or too slow.
class HttpSink {
 public:
  // Nothing: go on. An answer ends the request: before the body has come, the connection too.
  using Done = std::function<void(std::optional<HttpAnswer>)>;

  virtual ~HttpSink() = default;
  // Before the first piece, and before a client that asks (Expect: 100-continue) is told to send.
  virtual void open(Done done) = 0;
  virtual void take(std::string bytes, Done done) = 0;
  // All has come. Must end with an answer.
  virtual void finish(Done done) = 0;
};

// What is asked before the body comes.
struct HttpPost {
  std::string by;     // name of the token that was shown
  std::string rest;   // of the path, behind the prefix, as it was sent
  std::string query;  // behind the first '?', as it was sent
  uint64_t size_bytes = 0;
};

// Where bodies may be sent to by POST: all paths that begin with `prefix`. Its scope has no default, as of a route.
// begin() runs in the server's thread and must not wait: it gives a sink, or says why not.
struct HttpIntake {
  using Begun = std::variant<HttpAnswer, std::shared_ptr<HttpSink>>;
  using Begin = std::function<Begun(const HttpPost&)>;
  HttpIntake(std::string p, HttpScope s, uint64_t most, Begin b)
      : prefix(std::move(p)), scope(s), most_bytes(most), begin(std::move(b)) {}

  std::string prefix;
  HttpScope scope;
  uint64_t most_bytes;
  Begin begin;
};

}  // namespace vedette
