#include "ctl/run.h"

#include <nlohmann/json.hpp>

#include "ctl/arguments.h"
#include "ctl/client.h"
#include "ctl/clips.h"
#include "ctl/config.h"
#include "ctl/output.h"
#include "ctl/verify.h"
#include "ctl/watch.h"

namespace vedette::ctl {

namespace {

bool is_verb(const std::string& word) {
  return word.find('.') != std::string::npos &&
         word.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789._") == std::string::npos;
}

Result<int> send(const Options& options, const std::string& verb, const std::vector<std::string>& words) {
  auto params = parse_params(words);
  if (!params) return params.error_as_is();
  auto client = Client::connect(options, {});
  if (!client) return client.error_as_is();
  const auto progress = options.quiet ? std::function<void(const Json&)>() : print_progress;
  const auto reply = (*client)->command(verb, *std::move(params), progress);
  if (!reply) return reply.error_as_is();
  return print_reply(*reply, options);
}

}  // namespace

Result<int> run(Options options, const std::vector<std::string>& words) {
  const std::string& verb = words[0];
  const std::vector<std::string> rest(words.begin() + 1, words.end());
  if (verb == "watch" || verb == "devices") {
    if (!rest.empty()) return fail(Code::invalid_argument, verb + " takes no arguments");
    const Status status = verb == "watch" ? watch(options) : list_devices(options);
    if (!status) return status.error_as_is();
    return kSucceeded;
  }
  if (verb == "verify") return verify(options, rest);
  if (verb != "clips" && verb != "config" && !is_verb(verb))
    return fail(Code::invalid_argument, "\"" + verb + "\" is no verb: they look like agent.ping. See --help");
  if (options.device.empty()) {
    const auto device = find_only_device(options);
    if (!device) return device.error_as_is();
    options.device = *device;
  }
  if (verb == "config") return config(options, rest);
  return verb == "clips" ? clips(options, rest) : send(options, verb, rest);
}

}  // namespace vedette::ctl
