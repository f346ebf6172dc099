#include "core/log.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <thread>
#include <vector>

#include "core/clock.h"
#include "core/json.h"
#include "core/redact.h"
#include "core/text.h"

namespace vedette {
namespace {

class LogTest : public testing::Test {
 protected:
  ~LogTest() override { log::set_up(log::Level::info, log::Format::text); }

  template <class Write>
  std::vector<std::string> lines(log::Format format, Write write, log::Level level = log::Level::info) {
    log::set_up(level, format);
    testing::internal::CaptureStderr();
    write();
    const std::string text = testing::internal::GetCapturedStderr();
    std::vector<std::string> out;
    for (const std::string_view line : split(text, '\n'))
      if (!line.empty()) out.emplace_back(line);
    return out;
  }
};

TEST_F(LogTest, WritesOneTextLineForEachFact) {
  const auto got = lines(log::Format::text, [] {
    log::info("clip ready", {{"camera", "front"}, {"bytes", 5}, {"fps", 12.5}, {"audio", true}});
  });
  ASSERT_EQ(got.size(), 1u);
  EXPECT_TRUE(from_rfc3339(got[0].substr(0, 24)));
  EXPECT_EQ(got[0].substr(24), " info clip ready camera=front bytes=5 fps=12.5 audio=true");
}

TEST_F(LogTest, KeepsItsNewestLinesRedacted) {
  add_secret("recent-canary");
  const uint64_t before = log::lines_total(log::Level::warn);
  lines(log::Format::text, [] {
    log::warn("one with recent-canary");
    log::debug("not written");
    for (int i = 0; i < 20; ++i) log::info(std::string(log::kMostRecentBytes / 16, 'x'));
    log::warn("the newest");
  });
  const std::string recent = log::recent();
  EXPECT_LE(recent.size(), log::kMostRecentBytes);
  EXPECT_GT(recent.size(), log::kMostRecentBytes / 2);
  EXPECT_TRUE(recent.ends_with("warn the newest\n"));
  EXPECT_EQ(recent.find("one with"), std::string::npos) << "went for newer ones";
  EXPECT_EQ(log::lines_total(log::Level::warn), before + 2);
  lines(log::Format::json, [] { log::warn("a", {{"b", "recent-canary"}}); });
  EXPECT_EQ(log::recent().find("recent-canary"), std::string::npos);
}

TEST_F(LogTest, ChangesItsLevelWhileOthersWrite) {
  const auto got = lines(log::Format::json, [] {
    std::jthread other([](const std::stop_token& stop) {
      while (!stop.stop_requested()) log::debug("other");
    });
    for (int i = 0; i < 100; ++i) {
      log::set_level(i % 2 ? log::Level::debug : log::Level::error);
      EXPECT_EQ(log::level(), i % 2 ? log::Level::debug : log::Level::error);
    }
  });
  for (const std::string& line : got) EXPECT_TRUE(parse_json(line, {})) << line;
}

TEST_F(LogTest, QuotesTextThatCouldBeMistakenForTheNextField) {
  const auto got = lines(log::Format::text, [] { log::info("x", {{"a", "b c=d"}, {"e", ""}, {"f", "line\nbreak"}}); });
  ASSERT_EQ(got.size(), 1u);
  EXPECT_EQ(got[0].substr(24), R"( info x a="b c=d" e="" f="line\nbreak")");
}

TEST_F(LogTest, WritesJsonThatParses) {
  const auto got = lines(log::Format::json, [] {
    log::warn("bad \"quotes\"\n", {{"camera", "front"}, {"bytes", int64_t{1} << 40}, {"not_utf8", "\xff"}});
  });
  ASSERT_EQ(got.size(), 1u);
  const auto json = parse_json(got[0], {});
  ASSERT_TRUE(json) << got[0];
  EXPECT_EQ((*json)["level"], "warn");
  EXPECT_EQ((*json)["message"], "bad \"quotes\"\n");
  EXPECT_EQ((*json)["camera"], "front");
  EXPECT_EQ((*json)["bytes"], int64_t{1} << 40);
  EXPECT_TRUE(from_rfc3339((*json)["ts"].get<std::string>()));
}

TEST_F(LogTest, LeavesOutWhatIsBelowTheLevel) {
  const auto write = [] {
    log::debug("d");
    log::info("i");
    log::error("e");
  };
  EXPECT_EQ(lines(log::Format::text, write, log::Level::debug).size(), 3u);
  EXPECT_EQ(lines(log::Format::text, write, log::Level::warn).size(), 1u);
  EXPECT_TRUE(log::enabled(log::Level::warn));
  EXPECT_FALSE(log::enabled(log::Level::info));
}

TEST_F(LogTest, MasksSecretsInEveryPlaceAndFormat) {
  const std::string secret = "log-canary \"quoted\" \\ \n end";
  add_secret(secret);
  for (const auto format : {log::Format::text, log::Format::json}) {
    const auto got = lines(format, [&] {
      log::info("message " + secret, {{"field", secret}, {"url", "rtsp://u:log-url-canary@h/"}});
    });
    ASSERT_EQ(got.size(), 1u);
    EXPECT_EQ(got[0].find("canary"), std::string::npos) << got[0];
    EXPECT_NE(got[0].find("***"), std::string::npos) << got[0];
  }
}

TEST_F(LogTest, NeverMixesLinesOfThreads) {
  constexpr int kThreads = 4;
  constexpr int kEach = 200;
  const auto got = lines(log::Format::json, [] {
    std::vector<std::jthread> threads;
    for (int i = 0; i < kThreads; ++i)
      threads.emplace_back([i] {
        for (int k = 0; k < kEach; ++k) log::info("line", {{"thread", i}, {"text", std::string(300, 'x')}});
      });
  });
  EXPECT_EQ(got.size(), static_cast<size_t>(kThreads * kEach));
  for (const std::string& line : got) ASSERT_TRUE(parse_json(line, {})) << line;
}

TEST(ParseLevelTest, KnowsItsWords) {
  log::Level level = log::Level::info;
  EXPECT_TRUE(log::parse_level("trace", level));
  EXPECT_EQ(level, log::Level::trace);
  EXPECT_TRUE(log::parse_level("error", level));
  EXPECT_EQ(level, log::Level::error);
  EXPECT_FALSE(log::parse_level("Error", level));
  EXPECT_FALSE(log::parse_level("", level));
  EXPECT_EQ(level, log::Level::error);
}

}  // namespace
}  // namespace vedette
