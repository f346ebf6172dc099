#include <filesystem>

#include "tests/sources/faulty_cameras.h"
#include "tests/support/certificates.h"
#include "tests/support/http_camera.h"
#include "tests/support/media.h"
#include "tests/support/temp_dir.h"

namespace vedette::test {

namespace {

// Certificates in a folder that lives as long.
struct Trust {
  TempDir dir;
  Certificates certificates{dir.path()};
};

std::vector<std::string> tls_options(std::filesystem::path certificate) {
  std::vector<std::string> out{"--certificate", certificate.string(), "--key"};
  out.push_back(certificate.replace_extension(".key").string());
  return out;
}

FaultyCamera over_tls(const std::function<std::filesystem::path(const Trust&)>& certificate, bool trusted) {
  const auto trust = std::make_shared<Trust>();
  const Sim sim = make_sim(tls_options(certificate(*trust)));
  const std::string other_ca = trusted ? "" : Certificates(trust->dir.path() / "others").ca.string();
  FaultyCamera out = with_sim(
      sim, [](CameraSim&) {},
      [trust, other_ca](CameraSim& s) {
        // A CA that is trusted in the end: what the agent reads is the file of its own configuration.
        if (!other_ca.empty())
          std::filesystem::copy_file(trust->certificates.ca, other_ca,
                                     std::filesystem::copy_options::overwrite_existing);
        s.kill();
        s.start(sim_options(tls_options(trust->certificates.server_cert)));
      });
  out.config.url.replace(0, 4, "rtsps");
  out.config.ca_file = trusted ? trust->certificates.ca.string() : other_ca;
  return out;
}

}  // namespace

FaultyCamera tls_unknown_ca() {
  return over_tls([](const Trust& t) { return t.certificates.server_cert; }, false);
}

FaultyCamera tls_wrong_name() {
  return over_tls([](const Trust& t) { return t.certificates.make_for("camera.example"); }, true);
}

FaultyCamera tls_expired() {
  return over_tls([](const Trust& t) { return t.certificates.make_expired(); }, true);
}

FaultyCamera https_unknown_ca() {
  const auto trust = std::make_shared<Trust>();
  const auto http = std::make_shared<HttpCamera>(HttpCameraOptions{.media = {footage(Footage::h264_aac_1080p25)},
                                                                   .user = kFaultyUser,
                                                                   .password = kFaultyPassword,
                                                                   .cert = trust->certificates.server_cert,
                                                                   .key = trust->certificates.server_key});
  FaultyCamera out = camera_at(http->url("/live/1.flv"));
  const std::filesystem::path ca = Certificates(trust->dir.path() / "others").ca;
  out.config.ca_file = ca.string();
  out.heal = [http, trust, ca] {
    std::filesystem::copy_file(trust->certificates.ca, ca, std::filesystem::copy_options::overwrite_existing);
  };
  return out;
}

}  // namespace vedette::test
