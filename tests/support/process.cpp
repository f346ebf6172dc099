#include "tests/support/process.h"

#include <fcntl.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <fstream>
#include <sstream>
#include <stdexcept>

#include "core/file.h"
#include "tests/support/wait.h"

namespace vedette::test {

namespace {

std::vector<char*> pointers(std::vector<std::string>& texts) {
  std::vector<char*> out;
  for (std::string& text : texts) out.push_back(text.data());
  out.push_back(nullptr);
  return out;
}

std::vector<std::string> environment(const std::map<std::string, std::string>& additions) {
  std::vector<std::string> out;
  for (char** entry = environ; *entry; ++entry) {
    const std::string text = *entry;
    if (!additions.count(text.substr(0, text.find('=')))) out.push_back(text);
  }
  for (const auto& [name, value] : additions) out.push_back(name + "=" + value);
  return out;
}

Fd open_output(const std::filesystem::path& path) {
  Fd fd(open(path.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644));
  if (!fd) throw std::runtime_error("cannot write " + path.string());
  return fd;
}

// Everything that the child needs, made before fork(): between fork() and exec() nothing may allocate.
struct Child {
  std::vector<char*> argv;
  std::vector<char*> env;
  const char* working_directory;
  int out;
  int err;
  int error_pipe;
  int death_signal;
  pid_t parent;

  [[noreturn]] void exec() const {
    setpgid(0, 0);
    prctl(PR_SET_PDEATHSIG, death_signal);
    if (getppid() != parent) _exit(127);  // it ended before the line above
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, nullptr);
    signal(SIGPIPE, SIG_DFL);
    const int null = open("/dev/null", O_RDONLY);
    dup2(null, STDIN_FILENO);
    dup2(out, STDOUT_FILENO);
    dup2(err, STDERR_FILENO);
    close_range(STDERR_FILENO + 1, ~0u, CLOSE_RANGE_CLOEXEC);
    if (*working_directory == '\0' || chdir(working_directory) == 0) execvpe(argv[0], argv.data(), env.data());
    const int reason = errno;
    [[maybe_unused]] const ssize_t written = write(error_pipe, &reason, sizeof reason);
    _exit(127);
  }
};

}  // namespace

Process::Process(std::vector<std::string> argv, ProcessOptions options) : options_(std::move(options)) {
  if (options_.output.empty()) options_.output = dir_.path() / "output";
  errors_path_ = options_.separate_errors ? dir_.path() / "errors" : options_.output;
  start(argv);
}

Process::~Process() {
  end();
}

void Process::start(const std::vector<std::string>& argv) {
  std::vector<std::string> args = argv;
  std::vector<std::string> env = environment(options_.env);
  const std::string working_directory = options_.working_directory.string();
  const Fd out = open_output(options_.output);
  const Fd err = open_output(errors_path_);
  int ends[2];
  if (pipe2(ends, O_CLOEXEC) != 0) throw std::runtime_error("pipe2");
  const Fd read_end(ends[0]);
  Fd write_end(ends[1]);
  const Child child{pointers(args), pointers(env),   working_directory.c_str(), out.get(),
                    err.get(),      write_end.get(), options_.death_signal,     getpid()};
  pid_ = fork();
  if (pid_ == 0) child.exec();
  if (pid_ < 0) throw std::runtime_error("fork");
  setpgid(pid_, pid_);  // here too: whoever comes first, the group exists from here on
  write_end.reset();
  int reason = 0;
  if (read(read_end.get(), &reason, sizeof reason) == sizeof reason) {
    waitpid(pid_, nullptr, 0);
    status_ = 127;
    throw std::runtime_error("cannot start " + argv.front() + ": " + std::strerror(reason));
  }
}

void Process::kill(int signal) const {
  if (!status_) ::kill(pid_, signal);
}

void Process::kill_group(int signal) const {
  if (!status_) ::kill(-pid_, signal);
}

std::optional<int> Process::wait(milliseconds limit) {
  if (status_) return status_;
  int raw = 0;
  if (!eventually(limit, [&] { return waitpid(pid_, &raw, WNOHANG) == pid_; })) return std::nullopt;
  status_ = WIFEXITED(raw) ? WEXITSTATUS(raw) : 128 + WTERMSIG(raw);
  ::kill(-pid_, SIGKILL);  // what it left in its group
  return status_;
}

int Process::end() {
  if (!status_) {
    kill(SIGTERM);
    kill(SIGCONT);  // a stopped process takes no other signal
    if (!wait(options_.grace)) {
      ::kill(-pid_, SIGKILL);
      wait(milliseconds(60000));
    }
  }
  return status_.value_or(-1);
}

std::string Process::output() const {
  return read_text(options_.output);
}

std::string Process::errors() const {
  return read_text(errors_path_);
}

bool Process::wait_for_output(const std::string& text, milliseconds limit) {
  const auto found = [&] { return output().find(text) != std::string::npos; };
  eventually(limit, [&] { return found() || !running(); });
  return found();
}

Finished run(std::vector<std::string> argv, milliseconds limit, ProcessOptions options) {
  const std::string name = argv.front();
  options.separate_errors = true;
  Process process(std::move(argv), std::move(options));
  const auto status = process.wait(limit);
  if (!status) throw std::runtime_error(name + " is not done in time: " + process.errors());
  return {*status, process.output(), process.errors()};
}

std::string run_or_throw(std::vector<std::string> argv, milliseconds limit, ProcessOptions options) {
  const std::string name = argv.front();
  Finished finished = run(std::move(argv), limit, std::move(options));
  if (finished.status == 0) return finished.output;
  throw std::runtime_error(name + " ended with " + std::to_string(finished.status) + ": " + finished.errors);
}

std::string read_text(const std::filesystem::path& path) {
  std::ostringstream out;
  out << std::ifstream(path, std::ios::binary).rdbuf();
  return out.str();
}

void write_text(const std::filesystem::path& path, const std::string& text) {
  std::ofstream file(path, std::ios::binary | std::ios::trunc);
  file << text;
  if (!file.flush()) throw std::runtime_error("cannot write " + path.string());
}

}  // namespace vedette::test
