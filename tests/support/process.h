#pragma once

#include <sys/types.h>

#include <csignal>
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "core/clock.h"
#include "tests/support/temp_dir.h"

namespace vedette::test {

struct ProcessOptions {
  std::map<std::string, std::string> env{};   // in addition to ours
  std::filesystem::path working_directory{};  // empty: ours
  std::filesystem::path output{};             // stdout and stderr are appended; empty: a file of its own
  bool separate_errors = false;               // stderr to a file of its own instead
  milliseconds grace{5000};                   // between SIGTERM and SIGKILL at the end
  // What the process gets when the thread that started it ends without having ended it, be it killed.
  int death_signal = SIGKILL;
};

// Process is a child process in a process group of its own, which ends with its owner: SIGTERM, then SIGKILL for what
// is left of the group. Make it on a thread that outlives it (death_signal). Throws when the program cannot be started.
class Process {
 public:
  explicit Process(std::vector<std::string> argv, ProcessOptions options = {});
  ~Process();
  Process(const Process&) = delete;
  Process& operator=(const Process&) = delete;

  pid_t pid() const { return pid_; }
  bool running() { return !wait(milliseconds(0)); }
  void kill(int signal) const;
  // It and all that it started.
  void kill_group(int signal) const;
  // The exit status, 128 + signal when it was killed; nothing when it still runs after the limit.
  std::optional<int> wait(milliseconds limit);
  // SIGTERM, the grace period, SIGKILL; the exit status.
  int end();

  std::string output() const;
  std::string errors() const;
  // Whether the output holds the text before the limit, or before the process ends.
  bool wait_for_output(const std::string& text, milliseconds limit);

 private:
  void start(const std::vector<std::string>& argv);

  ProcessOptions options_;
  TempDir dir_;
  std::filesystem::path errors_path_;
  pid_t pid_ = -1;
  std::optional<int> status_;
};

struct Finished {
  int status = -1;
  std::string output;
  std::string errors;
};

// Runs a command to its end, stdout and stderr apart. Throws when it is not done within the limit.
Finished run(std::vector<std::string> argv, milliseconds limit = milliseconds(60000), ProcessOptions options = {});
// The same; throws, with its messages, when its exit status is not 0.
std::string run_or_throw(std::vector<std::string> argv, milliseconds limit = milliseconds(60000),
                         ProcessOptions options = {});

// A whole file; empty when there is none.
std::string read_text(const std::filesystem::path& path);
void write_text(const std::filesystem::path& path, const std::string& text);

}  // namespace vedette::test
