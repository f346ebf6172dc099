#include <filesystem>

#include "tests/sources/faulty_cameras.h"
#include "tests/support/http_camera.h"
#include "tests/support/media.h"
#include "tests/support/ports.h"
#include "tests/support/pusher.h"
#include "tests/support/rtmp_server.h"
#include "tests/support/temp_dir.h"

namespace vedette::test {

namespace {

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

}  // namespace

FaultyCamera over_http(const std::string& path) {
  const auto http = std::make_shared<HttpCamera>(HttpCameraOptions{
      .media = {footage(Footage::h264_aac_1080p25)}, .user = kFaultyUser, .password = kFaultyPassword});
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

}  // namespace vedette::test
