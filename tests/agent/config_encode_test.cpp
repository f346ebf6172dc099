// The configuration of what is encoded here, and of plug-ins.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include "sources/plugin/plugin_sources.h"
#include "tests/agent/config_fixture.h"
#include "tests/support/paths.h"

namespace vedette {
namespace {

using test::ConfigTest;
using test::errors_of;
using test::load;
using test::with;
using test::with_camera;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::UnorderedElementsAre;

class ConfigEncodeTest : public ConfigTest {
 protected:
  static std::string camera(const std::string& encode) {
    return with_camera(R"("url": "v4l2:///dev/video0", "encode": {)" + encode + "}");
  }
};

TEST_F(ConfigEncodeTest, DefaultsAreThoseOfTheSettings) {
  EXPECT_FALSE(load(with_camera(R"("url": "v4l2:///dev/video0")")).config.cameras.at("front").encode);
  const auto settings = load(camera("")).config.cameras.at("front").encode;
  ASSERT_TRUE(settings);
  const EncodeSettings defaults;
  EXPECT_EQ(settings->copy, defaults.copy);
  EXPECT_EQ(settings->preset, "veryfast");
  EXPECT_EQ(settings->crf, 23);
  EXPECT_EQ(settings->max_bitrate_bps, 4'000'000);
  EXPECT_EQ(settings->profile, "high");
  EXPECT_EQ(settings->gop, 2s);
  EXPECT_TRUE(settings->hardware);
  EXPECT_EQ(settings->width_px, 0);
  EXPECT_EQ(settings->audio_bitrate_bps, 64'000);
}

TEST_F(ConfigEncodeTest, EverySettingIsRead) {
  const auto settings = load(camera(R"("codec": "copy", "preset": "slow", "crf": 18, "max_bitrate_bps": 900000,
      "profile": "main", "gop_ms": 500, "hardware": "off", "width_px": 640, "audio_bitrate_bps": 192000)"))
                            .config.cameras.at("front")
                            .encode;
  ASSERT_TRUE(settings);
  EXPECT_TRUE(settings->copy);
  EXPECT_EQ(settings->preset, "slow");
  EXPECT_EQ(settings->crf, 18);
  EXPECT_EQ(settings->max_bitrate_bps, 900'000);
  EXPECT_EQ(settings->profile, "main");
  EXPECT_EQ(settings->gop, 500ms);
  EXPECT_FALSE(settings->hardware);
  EXPECT_EQ(settings->width_px, 640);
  EXPECT_EQ(settings->audio_bitrate_bps, 192'000);
}

TEST_F(ConfigEncodeTest, PresetsAreThoseOfTheEncoder) {
  for (const std::string_view preset : EncodeSettings::kPresets)
    EXPECT_THAT(errors_of(camera("\"preset\": \"" + std::string(preset) + "\"")), IsEmpty());
  EXPECT_THAT(errors_of(camera(R"("preset": "placebo")")), ElementsAre(HasSubstr("/cameras/front/encode/preset: ")));
}

TEST_F(ConfigEncodeTest, WhatCannotBeIsAnErrorAtItsPlace) {
  EXPECT_THAT(
      errors_of(camera(R"("crf": 17, "audio_bitrate_bps": 96000, "width_px": 641, "speed": 1)")),
      UnorderedElementsAre(HasSubstr("/cameras/front/encode/crf: "),
                           HasSubstr("/cameras/front/encode/audio_bitrate_bps: must be 64000, 128000 or 192000"),
                           HasSubstr("/cameras/front/encode/width_px: "), HasSubstr("/cameras/front/encode/speed: ")));
  EXPECT_THAT(errors_of(camera(R"("audio_codec": "he_aac")")),
              ElementsAre(HasSubstr("/cameras/front/encode/audio_codec: HE-AAC is not offered")));
}

TEST_F(ConfigEncodeTest, SettingsOfACameraThatEncodesByItselfAreWarnedAbout) {
  const auto loaded = load(with_camera(R"("url": "rtsp://10.0.0.5/1", "encode": {})"));
  EXPECT_THAT(loaded.warnings, ElementsAre(HasSubstr("/cameras/front/encode: has no effect")));
}

TEST_F(ConfigEncodeTest, SlotsAreRead) {
  EXPECT_EQ(load(with("encode", "")).config.encode_slots, 0);
  EXPECT_EQ(load(with("encode", R"("slots": 3)")).config.encode_slots, 3);
  EXPECT_THAT(errors_of(with("encode", R"("slots": 65)")), ElementsAre(HasSubstr("/encode/slots: ")));
}

TEST_F(ConfigEncodeTest, DevicesLieBelowDev) {
  for (const char* url : {"v4l2:///etc/passwd", "v4l2:///dev/../etc/passwd", "v4l2:///dev/", "v4l2:///dev//video0",
                          "v4l2:///dev/video0?size=1x1", "v4l2:///dev/video0?format=rgb", "v4l2:///dev/video 0",
                          "v4l2://dev/video0", "v4l2://"})
    EXPECT_THAT(errors_of(with_camera("\"url\": \"" + std::string(url) + "\"")),
                ElementsAre(HasSubstr("/cameras/front/url: ")))
        << url;
  EXPECT_THAT(errors_of(with_camera(R"("url": "v4l2:///dev/v4l/by-id/usb-046d_C920-video-index0?fps=15&format=nv12")")),
              IsEmpty());
}

class ConfigPluginTest : public ConfigTest {
 protected:
  static std::string library(const std::string& name) { return VEDETTE_BINARY_DIR "/lib/" + name + ".so"; }
  static std::string document(const std::string& scheme, const std::string& path, const std::string& url) {
    return R"({"device_id": "a", "plugins": {")" + scheme + "\": \"" + path + R"("}, "cameras": {"front": {"url": ")" +
           url + "\"}}}";
  }
  std::string copy_of_the_example() const {
    const auto path = dir_.path() / "plugin.so";
    std::filesystem::copy_file(library("annexb_file"), path);
    chmod(path.c_str(), 0755);
    return path.string();
  }
};

TEST_F(ConfigPluginTest, TheirSchemesAreThoseOfCameras) {
  const auto loaded = load(document("acme", library("annexb_file"), "acme:///a.h264"));
  ASSERT_TRUE(loaded.config.plugins);
  EXPECT_THAT(loaded.config.plugins->schemes(), ElementsAre("acme"));
  EXPECT_THAT(loaded.warnings, ElementsAre(HasSubstr("/plugins/acme: annexb_file 1.0 runs inside the agent")));
  EXPECT_THAT(errors_of(document("acme", library("annexb_file"), "acmf:///a.h264")),
              ElementsAre(HasSubstr("/cameras/front/url: the scheme acmf is not supported; known are rtsp,")));
  EXPECT_THAT(errors_of(document("acme", library("annexb_file"), "acmf:///a")), ElementsAre(HasSubstr(", acme")));
}

TEST_F(ConfigPluginTest, WhatCannotBeLoadedIsAnErrorAtItsPlace) {
  const auto error = [&](const std::string& path) {
    const auto errors = errors_of(document("acme", path, "test://pattern"));
    EXPECT_EQ(errors.size(), 1u);
    return errors.empty() ? "" : errors.front();
  };
  EXPECT_THAT(error("/no/such/plugin.so"), HasSubstr("/plugins/acme: /no/such/plugin.so: No such file"));
  EXPECT_THAT(error("plugin.so"), HasSubstr("/plugins/acme: must be an absolute path"));
  EXPECT_THAT(error(file("text.so", "no library")), HasSubstr("/plugins/acme: it cannot be loaded: "));
  EXPECT_THAT(error(library("bad_plugin_abi")),
              HasSubstr("made for version 4711 of the interface, and this agent has 1"));
  EXPECT_THAT(error(library("bad_plugin_entry")), HasSubstr("it has no vedette_source_entry"));
  EXPECT_THAT(error(library("bad_plugin_run")), HasSubstr("functions of it are missing"));
  EXPECT_THAT(errors_of(R"({"device_id": "a", "plugins": {"acme": 1}})"), ElementsAre(HasSubstr("/plugins/acme: ")));
}

TEST_F(ConfigPluginTest, SchemesThatAreBuiltInOrNoneAreRefused) {
  EXPECT_THAT(errors_of(document("rtsp", library("annexb_file"), "test://pattern")),
              ElementsAre("/plugins/rtsp: the scheme rtsp is built in"));
  EXPECT_THAT(errors_of(document("Acme", library("annexb_file"), "test://pattern")),
              ElementsAre(HasSubstr("/plugins/Acme: is no scheme")));
}

TEST_F(ConfigPluginTest, FilesThatOthersCanChangeAreRefused) {
  const std::string path = copy_of_the_example();
  EXPECT_THAT(errors_of(document("acme", path, "acme:///a")), IsEmpty());
  chmod(path.c_str(), 0775);
  EXPECT_THAT(errors_of(document("acme", path, "test://pattern")),
              ElementsAre(HasSubstr("/plugins/acme: " + path + " can be written by others")));
  chmod(path.c_str(), 0755);
  chmod(dir_.path().c_str(), 0777);
  EXPECT_THAT(errors_of(document("acme", path, "test://pattern")),
              ElementsAre(HasSubstr("/plugins/acme: " + dir_.path().string() + " can be written by others")));
  chmod(dir_.path().c_str(), 0700);
  if (chown(path.c_str(), 12345, 12345) != 0) GTEST_SKIP() << "only root can give a file away";
  EXPECT_THAT(errors_of(document("acme", path, "test://pattern")),
              ElementsAre(HasSubstr("/plugins/acme: " + path + " belongs neither to root nor to the agent's user")));
}

}  // namespace
}  // namespace vedette
