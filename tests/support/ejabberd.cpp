#include "tests/support/ejabberd.h"

#include <stdexcept>

#include "tests/support/ports.h"
#include "tests/support/wait.h"

namespace vedette::test {

namespace {

constexpr milliseconds kStartLimit{60000};
constexpr const char* kCookie = "vedette_test";

// The folder of Erlang libraries that ejabberd is in: Debian has it below the one of the architecture.
std::string libraries() {
  for (const char* folder : {"/usr/lib/x86_64-linux-gnu", "/usr/lib/aarch64-linux-gnu", "/usr/lib"})
    if (std::filesystem::exists(folder))
      for (const auto& entry : std::filesystem::directory_iterator(folder))
        if (entry.path().filename().string().starts_with("ejabberd-")) return folder;
  throw std::runtime_error("ejabberd is not installed");
}

}  // namespace

EjabberdCluster::EjabberdCluster() : epmd_port_(std::to_string(free_port())) {
  epmd_ = std::make_unique<Process>(std::vector<std::string>{"epmd", "-port", epmd_port_, "-address", "127.0.0.1"});
  wait_for_port(static_cast<uint16_t>(std::stoi(epmd_port_)), kStartLimit);
  for (int i = 0; i < 2; ++i) {
    Node& node = nodes_.at(i);
    node.name = "vedette" + std::to_string(i) + "@localhost";
    node.port = free_port();
    const auto home = dir_.path() / node.name;
    std::filesystem::create_directories(home / "spool");
    write_text(home / "ejabberd.yml",
               "hosts: [localhost]\nloglevel: info\nlisten:\n  - {port: " + std::to_string(node.port) +
                   ", ip: \"127.0.0.1\", module: mod_mqtt}\n"
                   "auth_method: anonymous\nanonymous_protocol: login_anon\n"
                   "allow_multiple_connections: true\nmodules:\n  mod_mqtt: {}\n");
    start(i);
  }
  if (const Finished joined = control(1, {"join_cluster", nodes_[0].name}); joined.status != 0)
    throw std::runtime_error("ejabberd: join_cluster: " + joined.output + joined.errors + log(1));
  wait_until_it_serves(1);
}

ProcessOptions EjabberdCluster::options(const std::filesystem::path& home) const {
  ProcessOptions out;
  out.env = {{"ERL_EPMD_PORT", epmd_port_},
             {"ERL_EPMD_ADDRESS", "127.0.0.1"},
             {"ERL_LIBS", libraries()},
             {"ERL_CRASH_DUMP", home / "crash"},
             {"EJABBERD_CONFIG_PATH", home / "ejabberd.yml"},
             {"EJABBERD_LOG_PATH", home / "ejabberd.log"},
             {"HOME", home}};
  return out;
}

void EjabberdCluster::start(int node) {
  Node& that = nodes_.at(node);
  const auto home = dir_.path() / that.name;
  ProcessOptions how = options(home);
  how.output = home / "output";
  how.grace = milliseconds(0);  // there is nothing to save
  that.process = std::make_unique<Process>(
      std::vector<std::string>{"erl", "-noinput", "-sname", that.name, "-setcookie", kCookie, "-start_epmd", "false",
                               "-kernel", "inet_dist_use_interface", "{127,0,0,1}", "-mnesia", "dir",
                               "\"" + (home / "spool").string() + "\"", "-s", "ejabberd"},
      how);
  wait_until_it_serves(node);
}

// It listens a little before it can be told anything.
void EjabberdCluster::wait_until_it_serves(int node) const {
  const auto serves = [&] {
    return accepts_connections(port(node)) &&
           control(node, {"status"}).output.find("is running in that node") != std::string::npos;
  };
  if (!eventually(kStartLimit, serves)) throw std::runtime_error("ejabberd does not start:\n" + log(node));
}

void EjabberdCluster::kill9(int node) {
  nodes_.at(node).process->kill(SIGKILL);
  nodes_.at(node).process->wait(kStartLimit);
}

Finished EjabberdCluster::control(int node, const std::vector<std::string>& command) const {
  std::vector<std::string> argv = {"erl",          "-noinput", "-hidden",           "-sname", "control@localhost",
                                   "-setcookie",   kCookie,    "-start_epmd",       "false",  "-s",
                                   "ejabberd_ctl", "-extra",   nodes_.at(node).name};
  argv.insert(argv.end(), command.begin(), command.end());
  return run(argv, kStartLimit, options(dir_.path()));
}

std::string EjabberdCluster::log(int node) const {
  return read_text(dir_.path() / nodes_.at(node).name / "output");
}

}  // namespace vedette::test
