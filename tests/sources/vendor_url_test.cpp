#include "sources/vendor_url.h"

#include <gtest/gtest.h>

#include "sources/source.h"
#include "tests/sources/source_run.h"
#include "tests/support/camera_sim.h"
#include "tests/support/media.h"
#include "tests/support/wait.h"

namespace vedette {
namespace {

using test::CameraSim;
using test::Footage;
using test::footage;
using test::SourceRun;

struct Row {
  const char* url;
  const char* authority;
  int channel;
  std::vector<int> streams;
  const char* username;
  const char* password;
};

TEST(VendorUrlTest, ReadsBothForms) {
  for (const Row& row : std::vector<Row>{
           {"hik://10.0.0.5/1/main", "10.0.0.5", 1, {1}, "", ""},
           {"hik://10.0.0.5:8554/2/sub", "10.0.0.5:8554", 2, {2}, "", ""},
           {"dahua://cam.example/999/third", "cam.example", 999, {3}, "", ""},
           {"hik://[fe80::1]:554/1/main", "[fe80::1]:554", 1, {1}, "", ""},
           {"hik://admin:12345@10.0.0.5/1/main,sub,third", "10.0.0.5", 1, {1, 2, 3}, "admin", "12345"},
           {"hik://ad%3Amin:p%40s%2Fs@h/1/sub,main", "h", 1, {2, 1}, "ad:min", "p@s/s"},
           {"hik://admin:p@s/s@h/1/sub", "h", 1, {2}, "admin", "p@s/s"},
           {"hik://admin@h/1/main", "h", 1, {1}, "admin", ""},
           {"hik://10.0.0.5:554/admin:12345@main,sub", "10.0.0.5:554", 1, {1, 2}, "admin", "12345"},
           {"dahua://10.0.0.5/admin:12345@sub", "10.0.0.5", 1, {2}, "admin", "12345"},
           {"hik://h/admin:p@s/s%25:x@main", "h", 1, {1}, "admin", "p@s/s%:x"},
           {"hik://h/admin@third", "h", 1, {3}, "admin", ""},
           {"hik://admin:pw@main/1/main", "main", 1, {1}, "admin", "pw"},
       }) {
    SCOPED_TRACE(row.url);
    const auto url = parse_vendor_url(row.url);
    ASSERT_TRUE(url) << url.error().message;
    EXPECT_EQ(url->authority, row.authority);
    EXPECT_EQ(url->channel, row.channel);
    EXPECT_EQ(url->streams, row.streams);
    EXPECT_EQ(url->username, row.username);
    EXPECT_EQ(url->password, row.password);
  }
}

TEST(VendorUrlTest, AnythingElseIsRefusedWithoutShowingIt) {
  for (const char* url : {"hik://",
                          "hik://h",
                          "hik://h/",
                          "hik://h/1",
                          "hik://h/1/",
                          "hik://h/0/main",
                          "hik://h/1000/main",
                          "hik://h/-1/main",
                          "hik://h/+1/main",
                          "hik://h/1x/main",
                          "hik://h/1/Main",
                          "hik://h/1/fourth",
                          "hik://h/1/main,",
                          "hik://h/1/main,main",
                          "hik://h/1/main/",
                          "hik://h/1/main?x",
                          "hik:///1/main",
                          "hik://u:hidden@/1/main",
                          "hik://h/u:hidden@man",
                          "hik://h/u:hidden@main,",
                          "hik://u:hidden@main",
                          "hik://u:hid/den@h/1"}) {
    SCOPED_TRACE(url);
    const auto parsed = parse_vendor_url(url);
    ASSERT_FALSE(parsed);
    EXPECT_EQ(parsed.error().code, Code::invalid_argument);
    EXPECT_EQ(parsed.error().message.find("hid"), std::string::npos) << parsed.error().message;
  }
}

TEST(VendorUrlTest, SecondFormBecomesTheFirst) {
  EXPECT_EQ(with_credentials_in_front("hik://h:80/u:p@s%2Fs@main,sub"), "hik://u:p%40s%2Fs@h:80/1/main,sub");
  for (const char* same : {"hik://h/1/main", "hik://u:p@h/1/main", "hik://u:p@main/1/main", "rtsp://h/u:p@main",
                           "@main", "", "hik://", "hik://u@h/x@main"})
    EXPECT_EQ(with_credentials_in_front(same), same);
}

SourceConfig config_for(std::string url) {
  SourceConfig config;
  config.url = std::move(url);
  config.connect_timeout = 5s;
  return config;
}

TEST(VendorSourceTest, WhatIsWrongIsSaidBeforeAnythingIsConnected) {
  for (const char* url :
       {"hik://h/1/fourth", "hik://h:port/1/main", "dahua://h:0/1/main", "dahua://a b/1/main", "hik://[::1/1/main"}) {
    const auto made = make_source(config_for(url));
    ASSERT_FALSE(made) << url;
    EXPECT_EQ(made.error().code, Code::invalid_argument);
  }
}

// The height of the stream's picture, which tells which one came. A server that still holds the session before may
// refuse the next one for a moment.
int height_px(const SourceConfig& config) {
  int height = 0;
  test::eventually(SourceRun::kLimit, [&] {
    SourceRun run(config);
    if (run.wait_for_video(1)) height = run.packets().front().info->video.height_px;
    return height > 0;
  });
  return height;
}

TEST(VendorSourceTest, ProfileAndChannelChooseTheStream) {
  const CameraSim cameras({.media = {footage(Footage::h264_aac_1080p25), footage(Footage::h264_bframes_aac)},
                           .sub_media = {footage(Footage::h264_pcmu)},
                           .cameras = 2});
  for (const std::string scheme : {"hik", "dahua"})
    for (const auto& [channel, sub, wanted_px] :
         {std::tuple{1, false, 1080}, std::tuple{2, false, 720}, std::tuple{1, true, 360}}) {
      EXPECT_EQ(height_px(config_for(cameras.vendor_url(scheme, channel, sub))), wanted_px) << scheme << channel;
    }
}

TEST(VendorSourceTest, FirstProfileOfTheListIsTheStreamAndTheUrlMayHoldCredentials) {
  const CameraSim cameras({.media = {footage(Footage::h264_bframes_aac)},
                           .sub_media = {footage(Footage::h264_pcmu)},
                           .user = "viewer",
                           .password = "p@s/s:1"});
  const std::string authority = "127.0.0.1:" + std::to_string(cameras.port());
  for (const std::string& url :
       {"hik://" + authority + "/viewer:p@s/s:1@sub,main", "hik://viewer:p%40s%2Fs%3A1@" + authority + "/1/sub,main"})
    EXPECT_EQ(height_px(config_for(url)), 360) << url;
}

TEST(VendorSourceTest, WrongPasswordIsForbidden) {
  const CameraSim cameras({.media = {footage(Footage::h264_no_audio)}, .user = "viewer", .password = "right"});
  for (const std::string scheme : {"hik", "dahua"}) {
    auto config = config_for(cameras.vendor_url(scheme));
    config.username = "viewer";
    config.password = "wrong-secret";
    SourceRun run(config);
    const auto ended = run.wait_for_end();
    ASSERT_TRUE(ended && !*ended);
    EXPECT_EQ(ended->error().code, Code::forbidden) << ended->error().message;
    EXPECT_EQ(ended->error().message.find("wrong-secret"), std::string::npos);
  }
}

}  // namespace
}  // namespace vedette
