#pragma once

#include <string>
#include <vector>

#include "core/ed25519.h"
#include "core/json.h"
#include "ctl/chain.h"
#include "ctl/options.h"

namespace vedette::ctl {

// What is to be verified, and against what. No network is used.
struct Evidence {
  // Clips (their manifest lies beside them, named alike), manifests (their clip is looked for beside them), and
  // folders, which are searched for both.
  std::vector<std::string> paths;
  std::vector<VerifyingKey> keys;  // of the devices; none: signatures are not checked
  bool partial = false;            // also in folders, manifests may be missing
};

struct Verdict {
  int clips = 0;
  int manifests = 0;
  int signatures = 0;  // that were checked and are good
  std::vector<Chain> chains;
  std::vector<Finding> problems;  // none: verified
  std::vector<Finding> notes;     // worth knowing

  bool verified() const { return problems.empty(); }
};

// not_found when a path is not there.
Result<Verdict> verify(const Evidence& evidence);

std::string to_text(const Verdict& verdict);
Json to_json(const Verdict& verdict);

// `vedettectl verify ...`, given the words behind it. Prints to stdout; gives the exit status.
Result<int> verify(const Options& options, const std::vector<std::string>& words);

}  // namespace vedette::ctl
