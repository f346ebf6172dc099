#include "tests/support/vedette_process.h"

#include "tests/support/paths.h"
#include "tests/support/wait.h"

namespace vedette::test {

VedetteProcess::VedetteProcess(const std::string& config_text)
    : config_path_(dir_.path() / "vedette.json"), log_path_(dir_.path() / "log") {
  write_config(config_text);
}

std::filesystem::path VedetteProcess::program() {
  return VEDETTE_BINARY_DIR "/bin/vedette";
}

void VedetteProcess::write_config(const std::string& config_text) const {
  write_text(config_path_, config_text);
}

void VedetteProcess::start(const std::vector<std::string>& more_arguments) {
  std::vector<std::string> argv = {program().string(), "--config", config_path_.string()};
  argv.insert(argv.end(), more_arguments.begin(), more_arguments.end());
  ProcessOptions options;
  options.output = log_path_;
  options.env = environment_;
  process_ = std::make_unique<Process>(argv, options);
}

int VedetteProcess::sigterm(milliseconds limit) {
  process_->kill(SIGTERM);
  if (const auto status = process_->wait(limit)) return *status;
  kill9();
  return 128 + SIGKILL;
}

void VedetteProcess::kill9() {
  process_->kill(SIGKILL);
  process_->wait(milliseconds(60000));
}

bool VedetteProcess::wait_for_log(const std::string& text, milliseconds limit) {
  return eventually(limit, [&] { return log().find(text) != std::string::npos; });
}

}  // namespace vedette::test
