#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>

#include "agent/cloud_response.h"
#include "core/backoff.h"
#include "core/clock.h"
#include "core/json.h"
#include "core/result.h"

namespace vedette {

// A request as it goes out on B/request/{verb}.
struct CloudRequest {
  std::string verb;
  std::string id;                    // the same each time it is asked
  std::shared_ptr<const Json> body;  // without the envelope
  seconds expires_in{0};
};

// CloudRequests asks the backend, by messages, and waits for its answers: each request is asked again, with a jittered
// pause that doubles, until it is answered or its time is over. While there is no connection nothing is asked and no
// time passes. An answer to nothing that is waiting (late, again, or not ours) is counted and ignored.
//
// Belongs to the main loop, which never waits for it.
class CloudRequests {
 public:
  // How long an answer is waited for altogether: a backend that is started anew is there again by then.
  static constexpr seconds kPatience{120};
  static constexpr milliseconds kFirstPause{5000}, kMostPause{60000};
  static constexpr size_t kMostWaiting = 64;

  // False: not possible now.
  using Send = std::function<bool(const CloudRequest&)>;
  CloudRequests(Send send, const Clock& clock) : send_(std::move(send)), clock_(clock) {}

  // The answer (or refusal); timed_out; busy when too many are waiting already. `asked` is when it went out first.
  using Done = std::function<void(const Result<CloudResponse>& response, MonoTime asked)>;
  void ask(std::string verb, const Json& body, Done done);

  // Whoever asked is gone: none of its requests is asked again, or answered.
  void forget() { waiting_.clear(); }

  void on_connected();
  void on_disconnected();
  void on_response(const Result<CloudResponse>& response);
  // To be called about once a second.
  void tick();

  size_t waiting() const { return waiting_.size(); }
  uint64_t ignored_total() const { return ignored_; }

 private:
  struct Waiting {
    std::string verb;
    std::shared_ptr<const Json> body;
    Done done;
    MonoTime asked{};        // first; epoch: not yet
    microseconds waited{0};  // connected, up to `since`
    MonoTime since{};
    MonoTime next_try{};
    Backoff pause{kFirstPause, kMostPause};
  };
  using Requests = std::map<std::string, Waiting>;  // by id

  void send(const std::string& id, Waiting& waiting);
  void ignore(const std::string& why);

  const Send send_;
  const Clock& clock_;
  bool connected_ = false;
  Requests waiting_;
  uint64_t ignored_ = 0;
};

}  // namespace vedette
