#include "ctl/clips.h"

#include <iostream>
#include <nlohmann/json.hpp>

#include "core/ids.h"
#include "ctl/arguments.h"
#include "ctl/client.h"
#include "ctl/download.h"
#include "ctl/output.h"
#include "ctl/progress.h"
#include "ctl/values.h"

namespace vedette::ctl {

namespace {

constexpr const char* kUsageText =
    "clips ls [camera_id=.. from=.. to=.. limit=..], clips url ID [ttl_s=..] or clips get ID [-o FILE] [--manifest]";

// A table has one row per clip, but the upload of a clip has a state of its own.
std::string upload_text(const Json& clip) {
  const std::string state = text_at(clip, {"upload", "state"});
  const std::string error = text_at(clip, {"upload", "last_error"});
  return error.empty() ? state : state + " (" + error + ")";
}

std::string labels_text(const Json& clip) {
  std::string out;
  if (const auto labels = clip.find("labels"); labels != clip.end() && labels->is_array())
    for (const Json& label : *labels)
      if (label.is_string()) out += (out.empty() ? "" : ",") + printable(label.get_ref<const std::string&>());
  return out;
}

// A reply that is not a success is printed as for any other verb.
std::optional<int> unless_succeeded(const Json& reply, const Options& options) {
  if (text_at(reply, {"status"}) == "succeeded") return std::nullopt;
  return print_reply(reply, options);
}

Result<int> list(Client& client, const Options& options, const std::vector<std::string>& words) {
  auto params = parse_params(words);
  if (!params) return params.error_as_is();
  const auto reply = client.command("clip.query", *std::move(params));
  if (!reply) return reply.error_as_is();
  if (const auto status = unless_succeeded(*reply, options)) return *status;
  if (options.json) return print_reply(*reply, options);
  const Json& result = object_at(*reply, {"result"});
  std::cout << clip_table(result.value("clips", Json::array()));
  if (const std::string next = text_at(result, {"next_cursor"}); !next.empty())
    std::cerr << "more with cursor=" << next << "\n";
  return kSucceeded;
}

Result<Json> link(Client& client, const std::string& clip_id, const std::vector<std::string>& words) {
  auto params = parse_params(words);
  if (!params) return params.error_as_is();
  (*params)["clip_id"] = clip_id;
  return client.command("clip.url", *std::move(params));
}

Result<int> url(Client& client, const Options& options, const std::string& clip_id,
                const std::vector<std::string>& words) {
  const auto reply = link(client, clip_id, words);
  if (!reply) return reply.error_as_is();
  if (const auto status = unless_succeeded(*reply, options)) return *status;
  if (options.json) return print_reply(*reply, options);
  std::cout << text_at(*reply, {"result", "url"}) << "\n";
  return kSucceeded;
}

std::filesystem::path target_of(const Options& options, const Json& clip) {
  const std::string container = text_at(clip, {"container"});
  const std::string name = text_at(clip, {"clip_id"}) + "." + (container.empty() ? "mp4" : container);
  if (options.output.empty()) return name;
  const std::filesystem::path output = options.output;
  return std::filesystem::is_directory(output) ? output / name : output;
}

Status fetch(const Download& what, const Options& options) {
  ProgressBar bar(!options.quiet && !options.json);
  const Status status = download(what, [&](int64_t done, int64_t total) { bar.show(done, total); });
  if (status) bar.finish();
  return status;
}

Result<int> get_manifest(const Options& options, const std::filesystem::path& clip, const std::string& url) {
  if (url.empty()) return fail(Code::not_found, "the object store has no manifest of this clip");
  Download what;
  what.url = url;
  what.ca_file = options.http_ca_file;
  what.target = std::filesystem::path(clip).replace_extension(".json");
  if (const Status status = download(what); !status) return status.error_with("manifest");
  std::cout << what.target.string() << "\n";
  return kSucceeded;
}

Result<int> get(Client& client, const Options& options, const std::string& clip_id) {
  const auto clip = client.command("clip.get", {{"clip_id", clip_id}});
  if (!clip) return clip.error_as_is();
  if (const auto status = unless_succeeded(*clip, options)) return *status;
  const auto reply = link(client, clip_id, {});
  if (!reply) return reply.error_as_is();
  if (const auto status = unless_succeeded(*reply, options)) return *status;
  Download what;
  what.url = text_at(*reply, {"result", "url"});
  what.ca_file = options.http_ca_file;
  what.target = target_of(options, object_at(*clip, {"result", "clip"}));
  what.sha256 = text_at(*clip, {"result", "clip", "sha256"});
  const Status status = fetch(what, options);
  if (!status && std::filesystem::exists(part_of(what.target)))
    std::cerr << part_of(what.target).string() << " is what came so far: the same command goes on there\n";
  if (!status) return status.error_with("clip " + clip_id);
  std::cout << what.target.string() << "\n";
  return options.manifest ? get_manifest(options, what.target, text_at(*reply, {"result", "manifest_url"}))
                          : Result<int>(kSucceeded);
}

}  // namespace

std::string clip_table(const Json& clips) {
  Table table({"CLIP", "CAMERA", "START", "LENGTH", "SIZE", "STATE", "UPLOAD", "LABELS"});
  for (const Json& clip : clips)
    table.add({text_at(clip, {"clip_id"}), text_at(clip, {"camera_id"}), local_date_and_time(text_at(clip, {"start"})),
               duration_text(integer_at(clip, {"duration_ms"}).value_or(0)),
               bytes_text(integer_at(clip, {"size_bytes"}).value_or(0)), text_at(clip, {"state"}), upload_text(clip),
               labels_text(clip)});
  return table.text();
}

Result<int> clips(const Options& options, const std::vector<std::string>& words) {
  const std::string verb = words.empty() ? "ls" : words[0];
  const bool needs_id = verb == "url" || verb == "get";
  if (!needs_id && verb != "ls") return fail(Code::invalid_argument, std::string("usage: ") + kUsageText);
  if (needs_id && (words.size() < 2 || !is_uuid(words[1])))
    return fail(Code::invalid_argument, "clips " + verb + " needs the id of a clip, as `clips ls` shows it");
  if (verb == "get" && words.size() > 2) return fail(Code::invalid_argument, std::string("usage: ") + kUsageText);
  auto client = Client::connect(options, {});
  if (!client) return client.error_as_is();
  const std::vector<std::string> rest(words.begin() + std::min<long>(needs_id ? 2 : 1, static_cast<long>(words.size())),
                                      words.end());
  if (verb == "ls") return list(**client, options, rest);
  if (verb == "url") return url(**client, options, words[1], rest);
  return get(**client, options, words[1]);
}

}  // namespace vedette::ctl
