// vedette: the agent. See --help, and docs/operations.
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <atomic>
#include <condition_variable>
#include <csignal>
#include <filesystem>
#include <iostream>
#include <mutex>

#include "agent/agent.h"
#include "agent/config_start.h"
#include "agent/from_config.h"
#include "agent/start_anew.h"
#include "core/core_dumps.h"
#include "core/heap.h"
#include "core/log.h"
#include "core/redact.h"
#include "core/thread.h"
#include "storage/database.h"
#include "storage/reindex.h"
#include "storage/volume.h"

namespace {

constexpr int kRuntimeFailure = 1;
constexpr int kBadConfiguration = 2;  // and bad usage
// From SIGTERM on; 5 s are promised.
constexpr std::chrono::milliseconds kLongestEnd{4700};

constexpr const char* kExamples = R"(
Examples:
  vedette --config /etc/vedette/vedette.json           run until SIGTERM
  vedette --config /etc/vedette/vedette.json --check   only check the configuration
  vedette --config /etc/vedette/vedette.json --reindex the catalog is lost or wrong: make it again from the clips

The smallest configuration that works:
  { "cameras": { "front": { "url": "test://pattern" } } }

VEDETTE__MQTT__URL in the environment comes before /mqtt/url of the file, and so on for every key.
Logs go to stderr. Exit status: 0 stopped in order, 1 failed at run time, 2 bad configuration or usage.)";

// SIGTERM, SIGINT and SIGHUP are taken by a thread that waits for them; every thread started later has them blocked.
sigset_t block_signals() {
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, SIGTERM);
  sigaddset(&set, SIGINT);
  sigaddset(&set, SIGHUP);
  pthread_sigmask(SIG_BLOCK, &set, nullptr);
  std::signal(SIGPIPE, SIG_IGN);
  return set;
}

// Makes the catalog again, from the clips alone.
int reindex(const vedette::Config& config) {
  const vedette::Clock& clock = vedette::Clock::system();
  const vedette::MonoTime began = clock.mono();
  const auto layout = vedette::layout_of(config);
  const auto volume = vedette::Volume::open(layout);
  const auto done = volume ? vedette::reindex(layout, vedette::manifest_issuer(config), clock, makes_posters(config))
                           : volume.error_as_is();
  if (!done) {
    std::cerr << "vedette: cannot reindex: " << done.error().message << "\n";
    return kRuntimeFailure;
  }
  std::cerr << "vedette: " << done->indexed << " closed clips indexed, " << done->recovered << " open ones recovered, "
            << done->quarantined << " damaged files moved to " << layout.quarantine().string() << ", in "
            << vedette::to_ms(clock.mono() - began) << " ms; the old catalog is there as well\n";
  return 0;
}

// What hangs (a disk that takes seconds for each write, say) does not keep the process: what is not closed by then is
// recovered at the next start, as after a kill.
void end_late(const std::stop_token& in_time) {
  std::mutex mutex;
  std::condition_variable_any wake;
  std::unique_lock lock(mutex);
  wake.wait_for(lock, in_time, kLongestEnd, [] { return false; });
  if (in_time.stop_requested()) return;
  vedette::log::error("the end takes too long; what is open is recovered at the next start");
  _exit(kRuntimeFailure);
}

// Whether the catalog was found damaged, which the next start mends.
bool is_to_be_mended(const vedette::Layout& layout) {
  std::error_code ignored;
  return std::filesystem::exists(vedette::Database::damage_mark(layout.database()), ignored);
}

struct Ended {
  int status = 0;
  bool asked = false;  // by a signal
};

Ended run(vedette::ConfigStart start, const sigset_t& signals) {
  auto agent = vedette::Agent::create(std::move(start));
  if (!agent) {
    vedette::log::error("cannot start", {{"reason", agent.error().message}});
    return {kRuntimeFailure};
  }
  std::atomic<bool> asked = false;
  {
    const auto signal_thread = vedette::start_thread("signals", [&](const std::stop_token& stop) {
      const timespec poll{0, 200'000'000};
      while (!stop.stop_requested()) {
        const int signal = sigtimedwait(&signals, nullptr, &poll);
        if (signal == SIGHUP) (*agent)->request_reload();
        if (signal <= 0 || signal == SIGHUP) continue;
        asked = true;
        (*agent)->request_shutdown("signal");
        end_late(stop);
        return;
      }
    });
    (*agent)->run();
    agent->reset();
  }
  return {0, asked};
}

}  // namespace

int main(int argc, char** argv) {
  vedette::set_up_heap();
  CLI::App app("Vedette: records cameras on an edge box, commanded over MQTT.");
  app.footer(kExamples);
  std::string path;
  bool check = false;
  bool reindex_only = false;
  app.add_option("--config", path, "configuration file (JSON with comments)")->required();
  app.add_flag("--check", check, "check the configuration and exit");
  app.add_flag("--reindex", reindex_only, "make the catalog again from the clips alone and exit");
  bool core_dumps = false;
  app.add_flag("--core-dumps", core_dumps, "a crash may leave a core, which holds every password");
  app.set_version_flag("--version", VEDETTE_VERSION);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& e) {
    return app.exit(e) == 0 ? 0 : kBadConfiguration;
  }

  if (!core_dumps) vedette::forbid_core_dumps();
  auto loaded = vedette::open_config(path);
  if (!loaded) {
    for (const auto& error : loaded.error().errors)
      std::cerr << "vedette: " << vedette::redact(path + ": " + error.path + ": " + error.message) << "\n";
    return kBadConfiguration;
  }
  const vedette::Config& config = loaded->composed.state.config;
  vedette::log::set_up(config.log_level, config.log_format);
  for (const auto& place : loaded->local.places)
    vedette::log::info("set by the environment", {{"variable", place.variable}, {"path", place.pointer}});
  for (const std::string& warning : loaded->composed.warnings)
    vedette::log::warn("configuration", {{"warning", warning}});
  if (check) {
    std::cerr << "vedette: " << path << " is good: " << config.cameras.size() << " cameras\n";
    return 0;
  }
  if (reindex_only) return reindex(config);
  const sigset_t signals = block_signals();
  const vedette::Layout layout = vedette::layout_of(config);
  const Ended ended = run(std::move(*loaded), signals);
  const vedette::MonoTime now = vedette::Clock::system().mono();
  if (ended.asked || !is_to_be_mended(layout) || !vedette::may_start_anew(now)) return ended.status;
  vedette::log::warn("starting anew, to make the catalog again from the clips");
  vedette::log::error("cannot start anew", {{"reason", vedette::start_anew(argv, now).message}});
  return kRuntimeFailure;
}
