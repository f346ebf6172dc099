#include "tests/support/http_camera.h"

#include <nlohmann/json.hpp>
#include <stdexcept>

#include "tests/support/media.h"
#include "tests/support/paths.h"
#include "tests/support/ports.h"

namespace vedette::test {

namespace {

constexpr milliseconds kStartLimit{20000};

}  // namespace

HttpCamera::HttpCamera(HttpCameraOptions options)
    : port_(options.port != 0 ? options.port : free_port()), scheme_(options.cert.empty() ? "http" : "https") {
  std::string media;
  for (const auto& path : options.media) media += (media.empty() ? "" : ",") + path.string();
  std::vector<std::string> argv = {VEDETTE_SOURCE_DIR "/tests/support/camera_sim_http.py",
                                   "--port",
                                   std::to_string(port_),
                                   "--mjpeg",
                                   footage(Footage::mjpeg).string(),
                                   "--media",
                                   media,
                                   "--user",
                                   options.user,
                                   "--password",
                                   options.password,
                                   "--cert",
                                   options.cert.string(),
                                   "--key",
                                   options.key.string()};
  argv.insert(argv.end(), options.more.begin(), options.more.end());
  process_.emplace(argv);
  if (!process_->wait_for_output("Listening", kStartLimit))
    throw std::runtime_error("the HTTP camera does not start: " + process_->output());
}

std::string HttpCamera::simulate(const std::string& what) const {
  return run_or_throw({"curl", "--silent", "--show-error", "--fail", "--insecure", url("/sim/" + what)}, kStartLimit);
}

HttpCamera::Pictures HttpCamera::pictures(const std::string& what) const {
  const auto json = nlohmann::json::parse(simulate("pictures" + (what.empty() ? "" : "?" + what)));
  return {json.at("asked"), json.at("wrong"), json.at("at_once"), json.at("gap_ms")};
}

}  // namespace vedette::test
