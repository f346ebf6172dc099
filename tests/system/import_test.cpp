// Clips that are handed in by HTTP, with curl, and what becomes of them.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>

#include "core/sha256.h"
#include "tests/support/media.h"
#include "tests/support/ports.h"
#include "tests/support/raw_client.h"
#include "tests/support/wait.h"
#include "tests/system/clip_check.h"
#include "tests/system/rig.h"

namespace vedette::test {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;
using testing::StartsWith;

const std::string kToken = "0123456789abcdef0123456789abcdef";
const std::string kWriteToken = "write-0123456789abcdef0123456789";
const std::string kStart = "2026-11-20T08:30:00.000Z";

class ImportTest : public testing::Test {
 protected:
  struct Said {
    int status = 0;
    Json body;
  };

  void start(int64_t max_bytes) {
    Json http = {{"listen", "127.0.0.1:" + std::to_string(port_)}, {"token_file", rig_.secret_file("token", kToken)}};
    if (max_bytes > 0)
      http["import"] = {{"max_bytes", max_bytes}, {"token_file", rig_.secret_file("write-token", kWriteToken)}};
    rig_.config()["http"] = http;
    rig_.config()["upload"] = {{"target", "directory"}, {"directory", store().string()}};
    rig_.add_camera("front", "test://pattern?size=320x180&fps=25&gop=25");
    rig_.start();
  }
  Said post(const fs::path& file, const std::string& query = "start=" + kStart, const std::string& camera = "front",
            const std::string& token = kWriteToken, const std::vector<std::string>& more = {}) const {
    const fs::path out = rig_.scratch() / "answer";
    std::vector<std::string> words = {
        "curl",         "--silent",      "--show-error", "--max-time", "60",
        "--request",    "POST",          "--output",     out.string(), "--write-out",
        "%{http_code}", "--upload-file", file.string(),  "--header",   "Authorization: Bearer " + token};
    words.insert(words.end(), more.begin(), more.end());
    words.push_back("http://127.0.0.1:" + std::to_string(port_) + "/upload/" + camera + "?" + query);
    const std::string status = run_or_throw(words);
    return {std::stoi(status), Json::parse(read_text(out), nullptr, false)};
  }
  fs::path written(const std::string& name, const std::string& bytes) const {
    write_text(rig_.scratch() / name, bytes);
    return rig_.scratch() / name;
  }
  fs::path store() const { return rig_.scratch() / "store"; }
  std::string head(size_t bytes) const {
    return "POST /upload/front?start=" + kStart + " HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer " +
           kWriteToken + "\r\nContent-Length: " + std::to_string(bytes) + "\r\n\r\n";
  }
  // All of it, as what is being written has no row.
  std::vector<fs::path> files_of_clips() const {
    std::vector<fs::path> out;
    std::error_code ignored;
    for (fs::recursive_directory_iterator it(rig_.storage() / "clips", ignored), end; it != end; it.increment(ignored))
      if (it->is_regular_file(ignored)) out.push_back(it->path());
    return out;
  }

  const uint16_t port_ = free_port();
  const fs::path file_ = footage(Footage::h264_aac_1080p25);
  const int64_t size_ = static_cast<int64_t>(fs::file_size(file_));
  Rig rig_;
};

TEST_F(ImportTest, WhatIsHandedInIsAClipLikeAnyOther) {
  start(size_);
  const Said said = post(file_, "start=" + kStart + "&labels=handed%20in&priority=high");
  ASSERT_EQ(said.status, 201) << said.body;
  rig_.note("http_import", said.body);
  EXPECT_EQ(said.body.at("sha256"), sha256_of(file_));
  EXPECT_EQ(said.body.at("size_bytes"), size_);
  EXPECT_EQ(said.body.at("start"), kStart);
  const std::string clip_id = said.body.at("clip_id");

  const Json ready = rig_.event("clip.ready", "clip_id", clip_id);
  EXPECT_EQ(ready.at("camera_id"), "front");
  EXPECT_EQ(ready.at("data").at("trigger"), "import");
  EXPECT_EQ(ready.at("data").at("end"), said.body.at("end"));
  EXPECT_EQ(sha256_of(rig_.file_of(clip_id)), sha256_of(file_)) << "not one byte is another";
  EXPECT_EQ(decode(rig_.file_of(clip_id)).errors, "");

  const Json uploaded = rig_.wait_uploaded(clip_id);
  const fs::path object = store() / uploaded.at("object_key").get<std::string>();
  EXPECT_EQ(sha256_of(object), sha256_of(file_));
  const Json manifest = Json::parse(read_text(fs::path(object).replace_extension(".json")), nullptr, false);
  EXPECT_EQ(manifest.value("sha256", ""), said.body.at("sha256"));
  EXPECT_EQ(manifest.value("trigger", ""), "import");
  EXPECT_TRUE(fs::exists(fs::path(object).replace_extension(".jpg"))) << "its poster";

  const Json found = rig_.result("clip.query", {{"camera_id", "front"}, {"labels", {"handed in"}}}).at("clips");
  ASSERT_EQ(found.size(), 1u);
  EXPECT_EQ(found[0].at("clip_id"), clip_id);
  EXPECT_EQ(found[0].at("trigger"), "import");
  EXPECT_EQ(found[0].at("codec"), "h264");
  EXPECT_EQ(found[0].at("audio"), "aac");

  const Said again = post(file_, "start=" + kStart + "&labels=another");
  EXPECT_EQ(again.status, 200);
  EXPECT_EQ(again.body, said.body);
  EXPECT_EQ(rig_.events("clip.ready").size(), 1u);

  EXPECT_EQ(rig_.command("clip.delete", {{"clip_ids", {clip_id}}}).value("status", ""), "succeeded");
  EXPECT_TRUE(files_of_clips().empty());
  rig_.expect_messages_follow_schemas();
}

TEST_F(ImportTest, OneByteMoreThanMayBeIsRefusedBeforeItComes) {
  start(size_ - 1);
  const Said said = post(file_);
  EXPECT_EQ(said.status, 413);
  EXPECT_EQ(said.body.value("error_code", ""), "007");
  EXPECT_TRUE(files_of_clips().empty());
}

TEST_F(ImportTest, WhatIsNotRightIsRefusedWithAReason) {
  start(size_);
  EXPECT_EQ(post(file_, "start=" + kStart, "front", kToken).status, 403) << "who may look may not write";
  EXPECT_EQ(post(file_, "start=" + kStart, "front", "another-token-of-24-bytes").status, 401);
  EXPECT_EQ(post(file_, "start=" + kStart, "nobody").status, 404);
  EXPECT_EQ(post(file_, "start=" + kStart, "front/../front", kWriteToken, {"--path-as-is"}).status, 404);
  EXPECT_EQ(post(file_, "").status, 400);
  EXPECT_THAT(post(file_, "start=" + kStart + "&color=red").body.value("error", ""), StartsWith("/color: "));
  EXPECT_EQ(post(file_, "start=" + kStart, "front", kWriteToken, {"--header", "Transfer-Encoding: chunked"}).status,
            411);
  const Said text = post(written("text", "this is no clip"));
  EXPECT_EQ(text.status, 422);
  EXPECT_EQ(text.body.value("error_code", ""), "011");
  const std::string bytes = read_text(file_);
  EXPECT_EQ(post(written("half.mp4", bytes.substr(0, bytes.size() / 2))).status, 422);
  EXPECT_TRUE(files_of_clips().empty());
  EXPECT_TRUE(rig_.events("clip.ready").empty());
}

TEST_F(ImportTest, WithoutTheSectionThereIsNoSuchPage) {
  start(0);
  EXPECT_EQ(post(file_, "start=" + kStart, "front", kToken).status, 404);
  EXPECT_TRUE(files_of_clips().empty());
}

TEST_F(ImportTest, WithoutRoomOnTheDiskItIsRefusedBeforeItComes) {
  rig_.config()["storage"]["min_free_bytes"] = int64_t{1} << 52;
  start(size_);
  const Said said = post(file_);
  EXPECT_EQ(said.status, 507);
  EXPECT_EQ(said.body.value("error_code", ""), "012");
}

TEST_F(ImportTest, MoreThanTwoAtOnceHaveToWaitAndALostConnectionLeavesNothing) {
  start(size_);
  const std::string bytes = read_text(file_);
  auto one = std::make_unique<RawClient>(port_), two = std::make_unique<RawClient>(port_);
  one->send(head(bytes.size()) + bytes.substr(0, bytes.size() / 2));
  two->send(head(bytes.size()) + bytes.substr(0, bytes.size() / 2));
  ASSERT_TRUE(eventually(Rig::kLimit, [&] { return files_of_clips().size() == 2; }));
  for (const fs::path& file : files_of_clips())
    EXPECT_EQ(fs::status(file).permissions(), fs::perms::owner_read | fs::perms::owner_write);
  const Said third = post(file_);
  EXPECT_EQ(third.status, 503);
  EXPECT_EQ(third.body.value("error_code", ""), "008");
  one.reset();
  EXPECT_TRUE(eventually(Rig::kLimit, [&] { return files_of_clips().size() == 1; })) << "lost, and nothing is left";
  EXPECT_EQ(post(file_).status, 201);
  two->send(bytes.substr(bytes.size() / 2));
  EXPECT_THAT(two->read_until("}"), StartsWith("HTTP/1.1 200 ")) << "it was there before";
}

TEST_F(ImportTest, KilledInTheMiddleNothingIsLeftAndItCanBeSentAgain) {
  start(size_);
  const std::string bytes = read_text(file_);
  RawClient client(port_);
  client.send(head(bytes.size()) + bytes.substr(0, bytes.size() / 2));
  ASSERT_TRUE(eventually(Rig::kLimit, [&] {
    const auto files = files_of_clips();
    std::error_code ignored;
    return files.size() == 1 && fs::file_size(files[0], ignored) > 100'000;
  }));
  rig_.vedette->kill9();
  EXPECT_EQ(files_of_clips().size(), 1u);
  rig_.start();
  EXPECT_TRUE(files_of_clips().empty());
  EXPECT_TRUE(rig_.files(".part").empty());
  EXPECT_EQ(rig_.result("loss.query", Json::object()).at("losses").size(), 0u);
  EXPECT_EQ(post(file_).status, 201);
}

TEST_F(ImportTest, StopsInTheMiddleOfAnImport) {
  start(size_);
  RawClient client(port_);
  client.send(head(static_cast<size_t>(size_)) + "the beginning");
  ASSERT_TRUE(eventually(Rig::kLimit, [&] { return files_of_clips().size() == 1; }));
  EXPECT_EQ(rig_.vedette->sigterm(), 0);
  EXPECT_EQ(client.read_to_the_end(), "");
  EXPECT_TRUE(files_of_clips().empty());
}

}  // namespace
}  // namespace vedette::test
