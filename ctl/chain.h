#pragma once

#include <string>
#include <utility>
#include <vector>

#include "ctl/manifest.h"

namespace vedette::ctl {

// Something that verifying found: `code` for programs, the rest for people.
struct Finding {
  std::string code;
  std::string file;  // empty: it is about no file
  std::string message;
};

// The manifests of one chain that are there, and how they hang together.
struct Chain {
  std::string device_id;
  std::string chain_id;
  int64_t first = 0;
  int64_t last = 0;
  std::vector<std::pair<int64_t, int64_t>> missing;  // first and last of each stretch, from 1 on
  bool restarted = false;                            // it says itself that a chain before it was lost
};

// By device, then in the order of their beginning. Links that do not hold are added to `problems`: broken_link and
// fork. What is missing is not one by itself: it is for the caller to say what should be there.
std::vector<Chain> check_chains(std::vector<Manifest> manifests, std::vector<Finding>& problems);

}  // namespace vedette::ctl
