#pragma once

#include <atomic>
#include <string>
#include <vector>

#include "core/result.h"
#include "uploader/target.h"

namespace vedette {

// Endpoints says by which of several endpoints of one store objects go: the first, as long as it can be used; else the
// next one that can. One failure may be chance; after a second in a row an endpoint is left. Have all been left, one
// after the other, then none can be used, and it is begun again with the first.
//
// The upload thread's own, but for in_use().
class Endpoints {
 public:
  explicit Endpoints(std::vector<std::string> urls);

  size_t current() const { return current_; }
  // All of them, and which one is used. Thread-safe.
  TargetEndpoints in_use() const { return {urls_, current_}; }

  // An object, or a part of one, is there by way of this one.
  void succeeded(size_t which);
  // An object did not get there, because of this one. True: it is to go another way, at once. False: later.
  bool failed(size_t which, const Error& error);

  // Back to the first, which answers again.
  void go_back();
  // How often it was left again since, without having taken anything; until it takes something.
  int returns_in_vain() const { return returns_in_vain_; }

 private:
  const std::vector<std::string> urls_;
  std::vector<int> failures_;  // of each, in a row
  size_t left_ = 0;            // how many were, one after the other
  bool has_returned_ = false;  // to the first, which has not taken anything yet
  int returns_in_vain_ = 0;
  std::atomic<size_t> current_ = 0;
};

}  // namespace vedette
