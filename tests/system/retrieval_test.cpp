// Clips are got back out of the store by those who know nothing of us, in the words of the documentation.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "core/sha256.h"
#include "core/text.h"
#include "tests/support/documented.h"
#include "tests/support/media.h"
#include "tests/support/paths.h"
#include "tests/support/process.h"
#include "tests/system/rig.h"

namespace vedette::test {
namespace {

namespace fs = std::filesystem;
using testing::AllOf;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;
using testing::SizeIs;

constexpr const char* kPage = "integration/objects.md";

class RetrievalTest : public testing::Test {
 protected:
  RetrievalTest() : rig({.s3 = true}) { rig.add_sim({"front", "gate"}, {footage(Footage::h264_aac_1080p25)}); }

  void record(const std::string& camera, const Json& labels = Json::array()) {
    const Started started = rig.start_recording(camera, {{"duration_ms", 500}, {"labels", labels}});
    clips_.push_back(rig.clip(rig.wait_clip_ready(started.recording_id).value("clip_id", "")));
    keys_.push_back(rig.wait_uploaded(clips_.back().value("clip_id", "")).value("object_key", ""));
  }
  std::string sha256(size_t i) const { return clips_[i].at("sha256"); }
  std::string id(size_t i) const { return clips_[i].at("clip_id"); }

  // In a folder of its own, with the environment that the page speaks of.
  Finished run_in(const fs::path& folder, std::vector<std::string> argv) {
    fs::create_directories(folder);
    ProcessOptions options;
    options.working_directory = folder;
    const std::string key = keys_[0];
    const size_t day = key.find('/', std::string("edge-01/").size()) + 1;
    options.env = {{"S3", rig.s3().endpoint()},
                   {"KEY", key},
                   {"DAY", key.substr(day, std::string("2026/11/20").size())},
                   {"HOME", folder.string()},
                   {"AWS_ACCESS_KEY_ID", rig.s3().access_key()},
                   {"AWS_SECRET_ACCESS_KEY", rig.s3().secret_key()},
                   {"AWS_EC2_METADATA_DISABLED", "true"}};
    // Of the machine's own, which rclone does not get along with.
    argv.insert(argv.begin(), {"env", "-u", "AWS_CA_BUNDLE"});
    return run(std::move(argv), Rig::kLimit * 3, options);
  }
  // Gives the folder in which it ran.
  fs::path documented_run(const std::string& name, const std::vector<std::string>& interpreter) {
    const fs::path folder = rig.scratch() / name;
    auto argv = interpreter;
    argv.push_back(documented(kPage, name));
    const Finished done = run_in(folder, argv);
    EXPECT_EQ(done.status, 0) << name << "\n" << done.output << done.errors;
    output_ = done.output;
    return folder;
  }
  std::string shell(const std::string& name, const fs::path& folder) {
    const Finished done = run_in(folder, {"bash", "-euo", "pipefail", "-c", documented(kPage, name)});
    EXPECT_EQ(done.status, 0) << name << "\n" << done.output << done.errors;
    return done.output;
  }
  // A row per element.
  std::vector<Json> sql(const std::string& name, const fs::path& folder) {
    const fs::path file = rig.scratch() / (name + ".sql");
    write_text(file, documented(kPage, "duckdb") + documented(kPage, name));
    const Finished done = run_in(folder, {"node", VEDETTE_SOURCE_DIR "/tests/support/node/duckdb.mjs", file.string()});
    EXPECT_EQ(done.status, 0) << name << "\n" << done.errors;
    std::vector<Json> rows;
    for (const auto& line : split(done.output, '\n'))
      if (!line.empty()) rows.push_back(Json::parse(line));
    return rows;
  }

  void expect_got(const fs::path& folder, const std::string& day) {
    SCOPED_TRACE(folder.string());
    EXPECT_EQ(sha256_hex(read_text(folder / "clip.mp4")), sha256(0));
    for (const std::string& key : keys_)
      EXPECT_TRUE(fs::exists(folder / "manifests" / fs::path(key).replace_extension(".json"))) << key;
    if (day.empty()) return;
    EXPECT_EQ(sha256_hex(read_text(folder / day / fs::path(keys_[0]).filename())), sha256(0));
    EXPECT_EQ(sha256_hex(read_text(folder / day / fs::path(keys_[1]).filename())), sha256(1));
  }
  void expect_queries_tell_the_same(const fs::path& folder) {
    const std::string listed = shell("jq-clips", folder);
    EXPECT_THAT(listed, AllOf(HasSubstr(id(0)), HasSubstr(id(1)), HasSubstr("door,night"), Not(HasSubstr(id(2)))));
    const auto rows = sql("duckdb-clips", folder);
    ASSERT_THAT(rows, SizeIs(2));
    EXPECT_EQ(rows[0].at("clip_id"), id(0));
    EXPECT_EQ(rows[1].at("labels"), Json::array({"door", "night"}));

    const std::string covered = shell("jq-coverage", folder);
    const auto coverage = sql("duckdb-coverage", folder);
    int clips = 0;
    for (const Json& row : coverage) {
      clips += row.at("clips").get<int>();
      std::string line = row.at("device_id").get<std::string>() + "\t" + row.at("camera_id").get<std::string>() + "\t" +
                         row.at("day").get<std::string>() + "\t" + std::to_string(row.at("clips").get<int>()) +
                         " clips\t";
      EXPECT_THAT(covered, HasSubstr(line));
      EXPECT_GE(row.at("seconds").get<double>(), 0.4);
    }
    EXPECT_EQ(clips, 3) << covered;
    EXPECT_EQ(static_cast<size_t>(std::count(covered.begin(), covered.end(), '\n')), coverage.size());

    EXPECT_THAT(shell("jq-chain", folder), IsEmpty());
    EXPECT_THAT(sql("duckdb-chain", folder), IsEmpty());
  }
  // One that was changed, and one that is gone.
  void expect_broken_chains_are_found(const fs::path& folder) {
    const fs::path first = folder / "manifests" / fs::path(keys_[0]).replace_extension(".json");
    const std::string text = read_text(first);
    write_text(first, text + " ");
    EXPECT_THAT(shell("jq-chain", folder), HasSubstr(" 2 does not follow the one before it\n"));
    auto rows = sql("duckdb-chain", folder);
    ASSERT_THAT(rows, SizeIs(1));
    EXPECT_EQ(rows[0].at("clip_id"), id(1));
    EXPECT_EQ(rows[0].at("problem"), "does not follow the one before it");
    write_text(first, text);

    fs::remove(folder / "manifests" / fs::path(keys_[1]).replace_extension(".json"));
    EXPECT_THAT(shell("jq-chain", folder), HasSubstr(" 2-2 missing\n"));
    rows = sql("duckdb-chain", folder);
    ASSERT_THAT(rows, SizeIs(1));
    EXPECT_EQ(rows[0].at("clip_id"), id(2));
    EXPECT_EQ(rows[0].at("problem"), "the one before it is missing");
  }

  Rig rig;
  std::vector<Json> clips_;
  std::vector<std::string> keys_;
  std::string output_;
};

TEST_F(RetrievalTest, DocumentedCommandsGetClipsBackAndQueriesTellWhatThereIs) {
  rig.start();
  record("front");
  record("front", {"door", "night"});
  record("gate");
  rig.vedette->sigterm();

  const std::vector<std::string> bash = {"bash", "-euo", "pipefail", "-c"};
  const fs::path by_aws = documented_run("awscli", bash);
  expect_got(by_aws, "day");
  EXPECT_EQ(sha256_hex(read_text(by_aws / "linked.mp4")), sha256(0));
  for (const std::string client : {"rclone", "s3cmd"}) {
    expect_got(documented_run(client, bash), "day");
    EXPECT_THAT(output_, HasSubstr(sha256(0) + "\n")) << client << " shows the metadata";
  }
  expect_got(documented_run("boto3", {"/usr/bin/python3", "-c"}), "");
  EXPECT_THAT(output_, HasSubstr("front " + clips_[0].at("start").get<std::string>()));

  expect_queries_tell_the_same(by_aws);
  expect_broken_chains_are_found(by_aws);
}

}  // namespace
}  // namespace vedette::test
