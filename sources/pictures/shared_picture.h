#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>

#include "core/clock.h"
#include "core/result.h"

namespace vedette {

// A picture that a camera made.
struct CameraShot {
  std::shared_ptr<const std::string> jpeg;  // the file
  MonoTime asked;
  MonoTime arrived;
};

// SharedPicture lets many who ask for a picture at once have the same one, so that they cost the camera one request,
// and never asks it more often than it bears. Used by one thread, in which those who ask come one after the other.
class SharedPicture {
 public:
  using Fetch = std::function<Result<std::string>(MonoTime deadline, const std::stop_token& stop)>;
  // A picture is as good as a new one for so long.
  static constexpr microseconds kRecent = 1s;

  // `pause`: from one picture to the next request.
  SharedPicture(Fetch fetch, microseconds pause, const Clock& clock)
      : fetch_(std::move(fetch)), pause_(pause), clock_(clock) {}

  struct Wish {
    MonoTime received;   // when somebody asked for it
    bool fresh = false;  // asked for at the camera after that, and not only arrived not long before
    MonoTime deadline;
  };
  // The picture of before, or a new one; the error of the request that was running when somebody asked, or that of a
  // new one.
  Result<CameraShot> get(const Wish& wish, const std::stop_token& stop);
  // What is not recent any more is not held.
  void forget();

 private:
  bool serves(const Wish& wish) const;
  Result<CameraShot> ask(const Wish& wish, const std::stop_token& stop);

  struct Failure {
    Error error;
    MonoTime at;
  };
  const Fetch fetch_;
  const microseconds pause_;
  const Clock& clock_;
  std::optional<CameraShot> newest_;
  std::optional<Failure> failure_;  // of the newest request
  MonoTime next_{};                 // not asked before
};

}  // namespace vedette
