#include "tests/support/camera_sim.h"

#include <stdexcept>

#include "tests/support/paths.h"
#include "tests/support/ports.h"
#include "tests/support/wait.h"

namespace vedette::test {

namespace {

constexpr milliseconds kStartLimit{20000};

std::string joined(const std::vector<std::filesystem::path>& paths) {
  std::string out;
  for (const auto& path : paths) out += (out.empty() ? "" : ",") + path.string();
  return out;
}

}  // namespace

CameraSim::CameraSim(CameraSimOptions options) : options_(std::move(options)), port_(free_port()) {
  start();
}

std::string CameraSim::url(int channel, bool sub) const {
  return "rtsp://127.0.0.1:" + std::to_string(port_) + "/Streaming/Channels/" + std::to_string(channel) +
         (sub ? "02" : "01");
}

std::string CameraSim::vendor_url(const std::string& scheme, int channel, bool sub) const {
  return scheme + "://127.0.0.1:" + std::to_string(port_) + "/" + std::to_string(channel) + (sub ? "/sub" : "/main");
}

void CameraSim::freeze() {
  if (!frozen_) process_->kill(SIGUSR1);
  frozen_ = true;
}

void CameraSim::thaw() {
  if (frozen_) process_->kill(SIGUSR1);
  frozen_ = false;
}

void CameraSim::kill() {
  process_->kill(SIGKILL);
  process_->wait(kStartLimit);
}

void CameraSim::start(CameraSimOptions options) {
  options_ = std::move(options);
  start();
}

void CameraSim::start() {
  std::vector<std::string> argv = {VEDETTE_BINARY_DIR "/bin/camera_sim", "--media", joined(options_.media), "--cameras",
                                   std::to_string(options_.cameras),     "--port",  std::to_string(port_)};
  const auto add = [&](const std::string& option, const std::string& value) {
    if (!value.empty()) argv.insert(argv.end(), {option, value});
  };
  add("--sub-media", joined(options_.sub_media));
  add("--user", options_.user);
  add("--password", options_.password);
  add("--auth", options_.user.empty() ? "none" : options_.auth);
  argv.insert(argv.end(), options_.more.begin(), options_.more.end());
  frozen_ = false;
  process_ = std::make_unique<Process>(argv);
  if (!process_->wait_for_output("listening ", kStartLimit))
    throw std::runtime_error("camera_sim does not start: " + process_->output());
}

}  // namespace vedette::test
