#include "ctl/chain.h"

#include <algorithm>
#include <tuple>

namespace vedette::ctl {

namespace {

// Ids of chains are UUIDv7: in the order of time.
auto place(const Manifest& manifest) {
  return std::tie(manifest.device_id, manifest.chain_id, manifest.sequence);
}

bool same_chain(const Chain& chain, const Manifest& manifest) {
  return chain.device_id == manifest.device_id && chain.chain_id == manifest.chain_id;
}

void check_link(const Manifest& before, const Manifest& after, std::vector<Finding>& problems) {
  const std::string number = std::to_string(after.sequence);
  if (before.sequence == after.sequence && before.sha256 != after.sha256)
    problems.push_back({"fork", after.file.string(),
                        "there are two manifests with sequence " + number + "; the other is " + before.file.string()});
  if (before.sequence + 1 == after.sequence && after.previous_sha256 != before.sha256)
    problems.push_back({"broken_link", after.file.string(),
                        "manifest " + number + " follows one with SHA-256 " + after.previous_sha256 + ", but " +
                            before.file.string() + " has " + before.sha256});
}

}  // namespace

std::vector<Chain> check_chains(std::vector<Manifest> manifests, std::vector<Finding>& problems) {
  std::sort(manifests.begin(), manifests.end(),
            [](const Manifest& a, const Manifest& b) { return place(a) < place(b); });
  std::vector<Chain> chains;
  const Manifest* before = nullptr;
  for (const Manifest& manifest : manifests) {
    const bool begins = chains.empty() || !same_chain(chains.back(), manifest);
    if (begins) chains.push_back({manifest.device_id, manifest.chain_id, manifest.sequence, 0, {}, false});
    Chain& chain = chains.back();
    if (!begins) check_link(*before, manifest, problems);
    if (manifest.sequence > chain.last + 1) chain.missing.emplace_back(chain.last + 1, manifest.sequence - 1);
    chain.last = manifest.sequence;
    chain.restarted |= manifest.chain_restarted;
    before = &manifest;
  }
  return chains;
}

}  // namespace vedette::ctl
