#pragma once

#include <filesystem>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "tests/support/process.h"
#include "tests/support/temp_dir.h"

namespace vedette::test {

// VedetteProcess is the agent as it is shipped, with a configuration file written for the test. It runs from start()
// on, and not when made.
class VedetteProcess {
 public:
  explicit VedetteProcess(const std::string& config_text);

  const std::filesystem::path& config_path() const { return config_path_; }
  void write_config(const std::string& config_text) const;

  // For the runs that start from here on.
  void set_environment(std::map<std::string, std::string> additions) { environment_ = std::move(additions); }
  void start(const std::vector<std::string>& more_arguments = {});
  pid_t pid() const { return process_->pid(); }
  bool running() { return process_ && process_->running(); }
  void kill(int signal) const { process_->kill(signal); }
  // SIGTERM and the exit status, 137 when it had to be killed after the limit.
  int sigterm(milliseconds limit = milliseconds(10000));
  void kill9();
  std::optional<int> wait(milliseconds limit) { return process_->wait(limit); }

  // Of all runs together.
  std::string log() const { return read_text(log_path_); }
  bool wait_for_log(const std::string& text, milliseconds limit);

  static std::filesystem::path program();

 private:
  TempDir dir_;
  std::filesystem::path config_path_;
  std::filesystem::path log_path_;
  std::map<std::string, std::string> environment_;
  std::unique_ptr<Process> process_;
};

}  // namespace vedette::test
