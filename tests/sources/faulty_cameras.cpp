#include "tests/sources/faulty_cameras.h"

#include <utility>

#include "tests/support/black_hole.h"
#include "tests/support/media.h"
#include "tests/support/slow_name.h"

namespace vedette::test {

CameraSimOptions sim_options(std::vector<std::string> more) {
  return {.media = {footage(Footage::h264_aac_1080p25)},
          .user = kFaultyUser,
          .password = kFaultyPassword,
          .more = std::move(more)};
}

FaultyCamera camera_at(const std::string& url) {
  FaultyCamera out;
  out.config.url = url;
  out.config.username = kFaultyUser;
  out.config.password = kFaultyPassword;
  return out;
}

Sim make_sim(std::vector<std::string> more) {
  return std::make_shared<CameraSim>(sim_options(std::move(more)));
}

FaultyCamera with_sim(const Sim& sim, std::function<void(CameraSim&)> fail, std::function<void(CameraSim&)> heal,
                      const std::string& transport) {
  FaultyCamera out = camera_at(sim->url());
  out.config.transport = transport;
  out.fail = [sim, fail = std::move(fail)] { fail(*sim); };
  out.heal = [sim, heal = std::move(heal)] { heal(*sim); };
  return out;
}

FaultyCamera dead(bool dies_later) {
  const Sim sim = make_sim();
  if (!dies_later) sim->kill();
  return with_sim(
      sim, [dies_later](CameraSim& s) { dies_later ? s.kill() : void(); }, [](CameraSim& s) { s.start(); });
}

FaultyCamera dropped() {
  const auto hole = std::make_shared<BlackHole>();
  FaultyCamera out = camera_at("rtsp://127.0.0.1:" + std::to_string(hole->port()) + "/live");
  out.fail = [hole] {};
  return out;
}

FaultyCamera slow_name() {
  const Sim sim = make_sim();
  answer_slow_name(false);
  FaultyCamera out = with_sim(
      sim, [](CameraSim&) { answer_slow_name(false); }, [](CameraSim&) { answer_slow_name(true); });
  out.config.url = "rtsp://" + std::string(kSlowName) + ":" + std::to_string(sim->port()) + "/Streaming/Channels/101";
  return out;
}

FaultyCamera silent() {
  const Sim sim = make_sim();
  sim->pause();
  return with_sim(
      sim, [](CameraSim& s) { s.pause(); }, [](CameraSim& s) { s.resume(); });
}

FaultyCamera frozen(const std::string& transport) {
  return with_sim(
      make_sim(), [](CameraSim& s) { s.freeze(); }, [](CameraSim& s) { s.thaw(); }, transport);
}

FaultyCamera hung() {
  return with_sim(
      make_sim(), [](CameraSim& s) { s.pause(); }, [](CameraSim& s) { s.resume(); });
}

FaultyCamera kicked() {
  return with_sim(
      make_sim({"--kick-every", "1"}), [](CameraSim&) {},
      [](CameraSim& s) {
        s.kill();
        s.start(sim_options());
      });
}

FaultyCamera busy() {
  return with_sim(
      make_sim({"--busy-after-close", "5"}), [](CameraSim& s) { s.kick(); }, [](CameraSim&) {});
}

FaultyCamera without_parameter_sets() {
  return with_sim(
      make_sim({"--no-inband", "--no-sdp-sets"}), [](CameraSim&) {},
      [](CameraSim& s) {
        s.kill();
        s.start(sim_options());
      });
}

FaultyCamera wrong_password() {
  CameraSimOptions other = sim_options();
  other.password = "another-word";
  const auto sim = std::make_shared<CameraSim>(other);
  return with_sim(
      sim, [](CameraSim&) {},
      [](CameraSim& s) {
        s.kill();
        s.start(sim_options());
      });
}

FaultyCamera unknown_path() {
  FaultyCamera out = with_sim(
      make_sim(), [](CameraSim&) {}, [](CameraSim&) {});
  out.config.url.replace(out.config.url.size() - 3, 3, "901");
  return out;
}

}  // namespace vedette::test
