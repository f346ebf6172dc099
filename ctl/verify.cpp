#include "ctl/verify.h"

#include <algorithm>
#include <array>
#include <iostream>
#include <nlohmann/json.hpp>
#include <set>

#include "core/file.h"
#include "core/ids.h"
#include "core/sha256.h"
#include "ctl/values.h"

namespace vedette::ctl {

namespace {

namespace fs = std::filesystem;

constexpr size_t kPieceBytes = 1024 * 1024;
constexpr size_t kMostKeyBytes = 16 * 1024;
constexpr std::array<const char*, 3> kClipExtensions = {".mp4", ".ts", ".flv"};

bool is_clip(const fs::path& file) {
  return std::find(kClipExtensions.begin(), kClipExtensions.end(), file.extension()) != kClipExtensions.end();
}

fs::path manifest_beside(fs::path clip) {
  return clip.replace_extension(".json");
}

// Empty when it is not there.
fs::path clip_beside(fs::path manifest) {
  std::error_code ignored;
  for (const char* extension : kClipExtensions)
    if (fs::exists(manifest.replace_extension(extension), ignored)) return manifest;
  return {};
}

Result<std::string> hash_of(int fd) {
  Sha256 hash;
  std::vector<uint8_t> piece(kPieceBytes);
  for (int64_t at = 0;;) {
    const auto n = file::read_at(fd, piece, at);
    if (!n) return n.error_as_is();
    hash.add(std::span<const uint8_t>(piece.data(), *n));
    at += static_cast<int64_t>(*n);
    if (*n < piece.size()) return hash.hex();
  }
}

class Verifier {
 public:
  explicit Verifier(const Evidence& evidence) : evidence_(evidence) {}

  Result<Verdict> run() {
    for (const std::string& path : evidence_.paths)
      if (auto collected = collect(path); !collected) return collected.error_as_is();
    for (const fs::path& file : manifests_) check_manifest(file);
    for (const fs::path& file : clips_)
      if (!manifests_.count(manifest_beside(file))) problem("no_manifest", file, "there is no manifest beside it");
    verdict_.clips = static_cast<int>(clips_.size());
    verdict_.manifests = static_cast<int>(manifests_.size());
    verdict_.chains = check_chains(std::move(good_), verdict_.problems);
    note_chains();
    if (unchecked_ > 0)
      verdict_.notes.push_back({"signature_not_checked", "",
                                std::to_string(unchecked_) + " signatures were not checked: give the key with --key"});
    return std::move(verdict_);
  }

 private:
  Status collect(const fs::path& path) {
    std::error_code error;
    if (fs::is_directory(path, error)) return collect_folder(path);
    if (!fs::exists(path, error)) return fail(Code::not_found, path.string() + " is not there");
    add(path);
    return {};
  }

  Status collect_folder(const fs::path& folder) {
    complete_ = !evidence_.partial;
    std::error_code error;
    for (fs::recursive_directory_iterator it(folder, error), end; !error && it != end; it.increment(error)) {
      std::error_code ignored;
      if (!it->is_regular_file(ignored)) continue;
      const fs::path& file = it->path();
      const bool manifest =
          file.extension() == ".json" && (is_uuid(file.stem().string()) || !clip_beside(file).empty());
      if (manifest || is_clip(file)) add(file);
    }
    if (error) return fail_errno("read " + folder.string(), error.value());
    return {};
  }

  // A clip and its manifest come together, whichever is named.
  void add(const fs::path& file) {
    std::error_code ignored;
    const fs::path clip = is_clip(file) ? file : clip_beside(file);
    const fs::path manifest = is_clip(file) ? manifest_beside(file) : file;
    if (!clip.empty()) clips_.insert(clip);
    if (fs::exists(manifest, ignored)) manifests_.insert(manifest);
  }

  void check_manifest(const fs::path& file) {
    auto manifest = read_manifest(file);
    if (!manifest) return problem("bad_manifest", file, manifest.error().message);
    const std::string name = file.stem().string();
    if (is_uuid(name) && name != manifest->clip_id)
      problem("other_clip", file, "it is the manifest of clip " + manifest->clip_id);
    check_signature(*manifest);
    if (const fs::path clip = clip_beside(file); !clip.empty()) check_clip(clip, *manifest);
    good_.push_back(std::move(*manifest));
  }

  void check_signature(const Manifest& manifest) {
    const bool claimed = !manifest.key_id.empty();
    if (claimed != manifest.signature.has_value())
      return problem(claimed ? "not_signed" : "bad_signature", manifest.file,
                     claimed ? "its signature was taken away" : "it does not say whose signature that is");
    if (evidence_.keys.empty()) {
      unchecked_ += claimed ? 1 : 0;
      return;
    }
    if (!claimed) return problem("not_signed", manifest.file, "it is not signed");
    const auto key = std::find_if(evidence_.keys.begin(), evidence_.keys.end(),
                                  [&](const VerifyingKey& one) { return one.id() == manifest.key_id; });
    if (key == evidence_.keys.end())
      return problem("other_key", manifest.file, "it is signed by another key, " + manifest.key_id);
    if (!key->verifies(manifest.text, *manifest.signature))
      return problem("bad_signature", manifest.file, "it is not what was signed");
    ++verdict_.signatures;
  }

  void check_clip(const fs::path& file, const Manifest& manifest) {
    const auto fd = file::open_read(file);
    const auto size = fd ? file::size(fd->get()) : fd.error_as_is();
    if (!size) return problem("unreadable", file, size.error().message);
    if (*size != manifest.clip_bytes)
      return problem("clip_changed", file,
                     "it has " + std::to_string(*size) + " bytes instead of " + std::to_string(manifest.clip_bytes));
    const auto hash = hash_of(fd->get());
    if (!hash) return problem("unreadable", file, hash.error().message);
    if (*hash != manifest.clip_sha256)
      problem("clip_changed", file, "its SHA-256 is " + *hash + " instead of " + manifest.clip_sha256);
  }

  void note_chains() {
    for (size_t i = 0; i < verdict_.chains.size(); ++i) {
      const Chain& chain = verdict_.chains[i];
      const std::string name = "chain " + chain.chain_id + " of " + chain.device_id;
      for (const auto& [first, last] : chain.missing) {
        std::string message = name + ": not here: manifest " + std::to_string(first);
        if (last != first) message.append(" to ").append(std::to_string(last));
        (complete_ ? verdict_.problems : verdict_.notes).push_back({"manifest_missing", "", std::move(message)});
      }
      const bool second = i > 0 && verdict_.chains[i - 1].device_id == chain.device_id;
      if (chain.restarted || second)
        verdict_.notes.push_back({"chain_restarted", "", name + ": it begins anew, the chain before it was lost"});
    }
  }

  void problem(const char* code, const fs::path& file, std::string message) {
    verdict_.problems.push_back({code, file.string(), std::move(message)});
  }

  const Evidence& evidence_;
  bool complete_ = false;  // nothing may be missing
  std::set<fs::path> clips_, manifests_;
  std::vector<Manifest> good_;
  int unchecked_ = 0;
  Verdict verdict_;
};

Json to_json(const std::vector<Finding>& findings) {
  Json out = Json::array();
  for (const Finding& finding : findings) {
    Json one = {{"code", finding.code}, {"message", finding.message}};
    if (!finding.file.empty()) one["file"] = finding.file;
    out.push_back(std::move(one));
  }
  return out;
}

std::string line(const Finding& finding) {
  return (finding.file.empty() ? "" : finding.file + ": ") + finding.code + ": " + finding.message;
}

Result<std::vector<VerifyingKey>> read_keys(const std::vector<std::string>& files) {
  std::vector<VerifyingKey> keys;
  for (const std::string& file : files) {
    const auto pem = file::read(file, kMostKeyBytes);
    if (!pem) return fail(Code::invalid_argument, "--key: " + pem.error().message);
    auto key = VerifyingKey::from_pem(*pem);
    if (!key) return fail(Code::invalid_argument, "--key: " + file + " " + key.error().message);
    keys.push_back(std::move(*key));
  }
  return keys;
}

}  // namespace

Result<Verdict> verify(const Evidence& evidence) {
  return Verifier(evidence).run();
}

std::string to_text(const Verdict& verdict) {
  std::string out;
  const auto add = [&](const std::string& text) { out += printable(text) + "\n"; };
  for (const Finding& note : verdict.notes) add("note: " + line(note));
  for (const Finding& problem : verdict.problems) add(line(problem));
  for (const Chain& chain : verdict.chains)
    add("chain " + chain.chain_id + " of " + chain.device_id + ": manifests " + std::to_string(chain.first) + " to " +
        std::to_string(chain.last));
  add(std::to_string(verdict.clips) + " clips, " + std::to_string(verdict.manifests) + " manifests, " +
      std::to_string(verdict.signatures) + " good signatures: " +
      (verdict.verified() ? "verified" : "NOT VERIFIED, " + std::to_string(verdict.problems.size()) + " problems"));
  return out;
}

Json to_json(const Verdict& verdict) {
  Json chains = Json::array();
  for (const Chain& chain : verdict.chains) {
    Json missing = Json::array();
    for (const auto& [first, last] : chain.missing) missing.push_back(Json::array({first, last}));
    chains.push_back({{"device_id", chain.device_id},
                      {"chain_id", chain.chain_id},
                      {"first", chain.first},
                      {"last", chain.last},
                      {"missing", std::move(missing)},
                      {"restarted", chain.restarted}});
  }
  return {{"verified", verdict.verified()},   {"clips", verdict.clips},      {"manifests", verdict.manifests},
          {"signatures", verdict.signatures}, {"chains", std::move(chains)}, {"problems", to_json(verdict.problems)},
          {"notes", to_json(verdict.notes)}};
}

Result<int> verify(const Options& options, const std::vector<std::string>& words) {
  if (words.empty()) return fail(Code::invalid_argument, "usage: verify FILE.mp4|FOLDER ... [--key PUBLIC.pem]");
  auto keys = read_keys(options.verify_keys);
  if (!keys) return keys.error_as_is();
  const auto verdict = verify(Evidence{words, std::move(*keys), options.partial});
  if (!verdict) return verdict.error_as_is();
  std::cout << (options.json ? vedette::to_text(to_json(*verdict)) + "\n" : to_text(*verdict));
  return verdict->verified() ? kSucceeded : kFailed;
}

}  // namespace vedette::ctl
