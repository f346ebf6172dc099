#include "ctl/output.h"

#include <unistd.h>

#include <iostream>
#include <nlohmann/json.hpp>

#include "core/redact.h"
#include "ctl/values.h"

namespace vedette::ctl {

int print_reply(const Json& reply, const Options& options) {
  const bool pretty = !options.json && isatty(STDOUT_FILENO);
  std::cout << json_text(reply, pretty) << std::endl;
  const std::string status = text_at(reply, {"status"});
  if (status == "succeeded") return kSucceeded;
  std::cerr << "vedettectl: " << status << ": " << text_at(reply, {"code"}) << ": " << text_at(reply, {"message"})
            << std::endl;
  return kFailed;
}

void print_progress(const Json& reply) {
  std::string more;
  if (const auto result = reply.find("result"); result != reply.end()) more = facts(*result);
  std::cerr << text_at(reply, {"status"}) << (more.empty() ? "" : "  ") << more << std::endl;
}

int print_error(const Error& error) {
  std::cerr << "vedettectl: " << redact(error.message) << std::endl;
  switch (error.code) {
    case Code::timed_out:
      return kTimedOut;
    case Code::invalid_argument:
      return kUsage;
    default:
      return kFailed;
  }
}

}  // namespace vedette::ctl
