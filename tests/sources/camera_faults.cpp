#include "tests/sources/camera_faults.h"

#include <filesystem>
#include <utility>

#include "tests/support/black_hole.h"
#include "tests/support/camera_sim.h"
#include "tests/support/certificates.h"
#include "tests/support/http_camera.h"
#include "tests/support/media.h"
#include "tests/support/ports.h"
#include "tests/support/pusher.h"
#include "tests/support/rtmp_server.h"
#include "tests/support/slow_name.h"
#include "tests/support/temp_dir.h"

namespace vedette::test {

namespace {

using From = CameraFault::From;
using Heals = CameraFault::Heals;

constexpr const char* kPassword = "right-word";

CameraSimOptions sim_options(std::vector<std::string> more = {}) {
  return {
      .media = {footage(Footage::h264_aac_1080p25)}, .user = "viewer", .password = kPassword, .more = std::move(more)};
}

FaultyCamera camera_at(const std::string& url) {
  FaultyCamera out;
  out.config.url = url;
  out.config.username = "viewer";
  out.config.password = kPassword;
  return out;
}

using Sim = std::shared_ptr<CameraSim>;

Sim make_sim(std::vector<std::string> more = {}) {
  return std::make_shared<CameraSim>(sim_options(std::move(more)));
}

// What is done to a simulated camera, and how it is made good.
FaultyCamera with_sim(const Sim& sim, std::function<void(CameraSim&)> fail, std::function<void(CameraSim&)> heal,
                      const std::string& transport = "tcp") {
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

FaultyCamera of_options(const std::vector<std::string>& more) {
  return with_sim(
      make_sim(more), [](CameraSim&) {},
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

FaultyCamera https_unknown_ca() {
  const auto trust = std::make_shared<Trust>();
  const auto http = std::make_shared<HttpCamera>(HttpCameraOptions{.media = {footage(Footage::h264_aac_1080p25)},
                                                                   .user = "viewer",
                                                                   .password = kPassword,
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

FaultyCamera over_http(const std::string& path, std::vector<std::string> more = {}) {
  const auto http = std::make_shared<HttpCamera>(HttpCameraOptions{
      .media = {footage(Footage::h264_aac_1080p25)}, .user = "viewer", .password = kPassword, .more = std::move(more)});
  FaultyCamera out = camera_at(http->url(path));
  out.fail = [http] { http->pause(); };
  out.heal = [http] { http->resume(); };
  return out;
}

FaultyCamera over_rtmp() {
  const auto server = std::make_shared<RtmpServer>(footage(Footage::h264_aac_1080p25));
  FaultyCamera out = camera_at(server->url());
  out.fail = [server] { server->pause_publishing(); };
  out.heal = [server] { server->resume_publishing(); };
  return out;
}

// A program that sends; stopped with its connection open, and replaced by another in the end.
FaultyCamera with_sender(const std::string& url, const std::string& password, const std::string& format,
                         const std::string& sends_to) {
  struct Sender {
    std::unique_ptr<Process> first, second;
  };
  const auto sender = std::make_shared<Sender>();
  const auto media = footage(Footage::h264_aac_1080p25);
  sender->first.reset(new Process(pusher(media, format, sends_to)));
  FaultyCamera out;
  out.config.url = url;
  out.config.password = password;
  out.fail = [sender] { sender->first->kill_group(SIGSTOP); };
  out.heal = [sender, media, format, sends_to] {
    sender->first.reset();
    sender->second.reset(new Process(pusher(media, format, sends_to)));
  };
  return out;
}

FaultyCamera over_srt(bool listens) {
  const std::string authority = "127.0.0.1:" + std::to_string(free_port());
  return with_sender((listens ? "srt-listen://" : "srt://") + authority, "passphrase-1", "mpegts",
                     "srt://" + authority + "?passphrase=passphrase-1&mode=" + (listens ? "caller" : "listener"));
}

FaultyCamera over_rtmp_listen() {
  const std::string authority = "127.0.0.1:" + std::to_string(free_port());
  return with_sender("rtmp-listen://" + authority + "/live", "key-of-1", "flv",
                     "rtmp://" + authority + "/live/key-of-1");
}

FaultyCamera nobody_calls() {
  FaultyCamera out;
  out.config.url = "rtmp-listen://127.0.0.1:" + std::to_string(free_port()) + "/live";
  out.config.password = "key-of-1";
  return out;
}

FaultyCamera file_that_is_missing() {
  const auto dir = std::make_shared<TempDir>();
  FaultyCamera out;
  out.config.url = "file://" + (dir->path() / "camera.mp4").string();
  out.heal = [dir] { std::filesystem::copy_file(footage(Footage::h264_aac_1080p25), dir->path() / "camera.mp4"); };
  return out;
}

std::vector<CameraFault> make_all() {
  const auto unreachable = CameraState::unreachable;
  const auto stalled = CameraState::stalled;
  const auto refused = CameraState::auth_failed;
  return {
      {"Unroutable",
       "no way to its address",
       {unreachable},
       "(no answer|unreachable|No route|refused).*address, port",
       From::start,
       Heals::no,
       [] { return camera_at("rtsp://192.0.2.1/live"); }},  // nobody's (RFC 5737)
      {"BlackHole",
       "what is sent to it is dropped",
       {unreachable},
       "no answer in time .*address, port",
       From::start,
       Heals::no,
       dropped},
      {"Refused",
       "its port is closed",
       {unreachable},
       "refused .*address, port",
       From::start,
       Heals::by_itself,
       [] { return dead(false); }},
      {"Killed",
       "dies while it streams",
       {unreachable},
       "ended|reset|refused",
       From::streaming,
       Heals::by_itself,
       [] { return dead(true); }},
      {"NameUnknown",
       "its name is not known (DNS)",
       {unreachable},
       "resolve no-such-camera.*name server",
       From::start,
       Heals::no,
       [] { return camera_at("rtsp://no-such-camera.invalid/live"); }},
#ifndef __SANITIZE_THREAD__  // under which a question cannot be given up
      {"NameSlow",
       "the name server does not answer",
       {unreachable},
       "resolve slow.test: no answer.*name server",
       From::start,
       Heals::by_itself,
       slow_name},
#endif
      {"Silent",
       "takes the connection and says nothing",
       {unreachable},
       "no answer in time .*address, port",
       From::start,
       Heals::by_itself,
       silent},
      {"Frozen",
       "RTP stops, RTCP goes on (TCP)",
       {stalled},
       "no video for .*restart the camera",
       From::streaming,
       Heals::by_itself,
       [] { return frozen("tcp"); }},
      {"FrozenUdp",
       "RTP stops, RTCP goes on (UDP)",
       {stalled},
       "no video for .*restart the camera",
       From::streaming,
       Heals::by_itself,
       [] { return frozen("udp"); }},
      {"Hung",
       "the whole camera hangs while it streams",
       {stalled},
       "no video for .*restart the camera",
       From::streaming,
       Heals::by_itself,
       [] {
         return with_sim(
             make_sim(), [](CameraSim& s) { s.pause(); }, [](CameraSim& s) { s.resume(); });
       }},
      {"Kicked",
       "ends every connection after a second",
       {unreachable},
       "ended the stream|reset",
       From::start,
       Heals::by_itself,
       kicked},
      {"BusyAfterClose",
       "answers 503 for 5 s after a session",
       {CameraState::busy},
       "503.*close other viewers",
       From::streaming,
       Heals::by_itself,
       busy},
      {"WrongPassword",
       "another password, later the right one",
       {refused},
       "user name or password",
       From::start,
       Heals::on_restart,
       wrong_password},
      {"UnknownPath", "404", {unreachable}, "404.*path of the URL", From::start, Heals::no, unknown_path},
      {"NoParameterSets",
       "no SPS and PPS, in band or in the SDP",
       {CameraState::error},
       "SPS",
       From::start,
       Heals::by_itself,
       [] {
         return of_options({"--no-inband", "--no-sdp-sets"});
       }},
      {"TlsUnknownCa",
       "rtsps, signed by a CA that is not known",
       {refused},
       "ca_file",
       From::start,
       Heals::on_restart,
       [] { return over_tls([](const Trust& t) { return t.certificates.server_cert; }, false); }},
      {"TlsWrongName",
       "rtsps, certificate for another name",
       {refused},
       "not made out for 127.0.0.1",
       From::start,
       Heals::on_restart,
       [] { return over_tls([](const Trust& t) { return t.certificates.make_for("camera.example"); }, true); }},
      {"TlsExpired",
       "rtsps, certificate that is over",
       {refused},
       "expired",
       From::start,
       Heals::on_restart,
       [] { return over_tls([](const Trust& t) { return t.certificates.make_expired(); }, true); }},
      {"HttpsUnknownCa",
       "https, signed by a CA that is not known",
       {refused},
       "ca_file",
       From::start,
       Heals::on_restart,
       https_unknown_ca},
      {"HttpTsHung",
       "MPEG-TS over HTTP, the camera hangs",
       {stalled},
       "timed out|no video",
       From::streaming,
       Heals::by_itself,
       [] { return over_http("/live/1.ts"); }},
      {"RtmpHung",
       "RTMP, the publisher hangs",
       {stalled},
       "timed out|no video",
       From::streaming,
       Heals::by_itself,
       over_rtmp},
      {"SrtHung",
       "SRT, the camera hangs",
       {stalled, unreachable},
       "timed out|in time|closed",
       From::streaming,
       Heals::by_itself,
       [] { return over_srt(false); }},
      {"SrtListenHung",
       "srt-listen, the camera hangs",
       {stalled, unreachable},
       "timed out|in time|closed",
       From::streaming,
       Heals::by_itself,
       [] { return over_srt(true); }},
      {"RtmpListenHung",
       "rtmp-listen, the camera hangs",
       {stalled},
       "timed out|in time",
       From::streaming,
       Heals::by_itself,
       over_rtmp_listen},
      {"NobodyCalls",
       "rtmp-listen, no camera comes",
       {unreachable},
       "no camera has connected",
       From::start,
       Heals::no,
       nobody_calls},
      {"FileMissing",
       "the file is not there",
       {unreachable},
       "[Nn]o such file",
       From::start,
       Heals::by_itself,
       file_that_is_missing},
  };
}

}  // namespace

const std::vector<CameraFault>& camera_faults() {
  static const std::vector<CameraFault> all = make_all();
  return all;
}

}  // namespace vedette::test
