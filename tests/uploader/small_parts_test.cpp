// The small parts of the engine: plans, hashes, lanes, breaker, XML.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/file.h"
#include "core/file_hash.h"
#include "tests/support/temp_dir.h"
#include "tests/uploader/upload_fixture.h"
#include "uploader/breaker.h"
#include "uploader/lanes.h"
#include "uploader/later.h"
#include "uploader/part_hasher.h"
#include "uploader/part_plan.h"
#include "uploader/s3_xml.h"
#include "uploader/throughput.h"

namespace vedette {
namespace {

using ::testing::ElementsAre;

constexpr int64_t kMiB = 1 << 20;
constexpr MonoTime kNow{1000s};

TEST(PartPlanTest, PartsCoverTheObjectExactly) {
  for (const int64_t total : std::vector<int64_t>{1, 5 * kMiB, 5 * kMiB + 1, 21 * kMiB, 5'000'000'000'000}) {
    const PartPlan plan = plan_parts(total, 8 * kMiB, 0);
    EXPECT_LE(plan.parts(), kMostParts) << total;
    EXPECT_EQ(plan.offset(1), 0);
    EXPECT_EQ(plan.offset(plan.parts()) + plan.size(plan.parts()), total);
    EXPECT_GT(plan.size(plan.parts()), 0);
  }
}

TEST(PartPlanTest, APartTakesAMinuteAtMostUnlessS3ForbidsIt) {
  EXPECT_EQ(plan_parts(100 * kMiB, 16 * kMiB, 0).part_size_bytes, 16 * kMiB);
  EXPECT_EQ(plan_parts(100 * kMiB, 16 * kMiB, 1'000'000'000).part_size_bytes, 16 * kMiB);
  EXPECT_EQ(plan_parts(100 * kMiB, 16 * kMiB, 1'000'000).part_size_bytes, 7 * kMiB);
  EXPECT_EQ(plan_parts(100 * kMiB, 16 * kMiB, 64'000).part_size_bytes, kLeastPartBytes);
  EXPECT_EQ(plan_parts(100'000 * kMiB, 16 * kMiB, 64'000).part_size_bytes, 10 * kMiB) << "10,000 parts";
}

TEST(PartHasherTest, HashesEachPartAndTheWhole) {
  const test::TempDir dir;
  const std::string content = test::some_content(12'000'000);
  test::write_text(dir.path() / "file", content);
  const auto fd = file::open_read(dir.path() / "file");
  PartHasher hasher({12'000'000, 5 * kMiB});
  std::vector<std::string> hashes;
  while (!hasher.at_end()) {
    const auto whole = hasher.read_slice(fd->get());
    ASSERT_TRUE(whole);
    if (*whole) hashes.push_back(hasher.part_sha256());
  }
  EXPECT_THAT(hashes,
              ElementsAre(sha256_hex(content.substr(0, 5 * kMiB)), sha256_hex(content.substr(5 * kMiB, 5 * kMiB)),
                          sha256_hex(content.substr(10 * kMiB))));
  EXPECT_EQ(hasher.whole_sha256(), sha256_hex(content));
}

TEST(PartHasherTest, ReadsNothingWhenItIsToldTheHashesOfThoseParts) {
  const std::string first(64, 'a'), second(64, 'b');
  PartHasher told({12'000'000, kHashedPartBytes}, first + second);
  ASSERT_TRUE(told.is_told());
  constexpr int kNoFile = -1;
  ASSERT_TRUE(told.read_slice(kNoFile).value());
  EXPECT_EQ(told.part_sha256(), first);
  ASSERT_TRUE(told.read_slice(kNoFile).value());
  EXPECT_EQ(told.part_sha256(), second);
  EXPECT_TRUE(told.at_end());

  EXPECT_FALSE(PartHasher({12'000'000, 5 * kMiB}, first + second).is_told()) << "of other parts";
  EXPECT_FALSE(PartHasher({20'000'000, kHashedPartBytes}, first + second).is_told()) << "of another file";
  EXPECT_FALSE(PartHasher({12'000'000, kHashedPartBytes}).is_told());
}

TEST(BreakerTest, PausesDoubleAndTheFifthFailureOpensIt) {
  Breaker breaker;
  MonoTime now = kNow;
  for (int i = 0; i < Breaker::kFailures; ++i) {
    EXPECT_TRUE(breaker.allows(0, now));
    EXPECT_EQ(breaker.state(0), BreakerState::closed);
    breaker.failed(now);
    const microseconds most = i + 1 < Breaker::kFailures ? microseconds(1s) * (1 << i) : microseconds(66s);
    EXPECT_FALSE(breaker.allows(0, now + most / 2 - 1ms));
    now += most;
  }
  EXPECT_EQ(breaker.state(0), BreakerState::open);
  EXPECT_TRUE(breaker.allows(0, now));
  EXPECT_FALSE(breaker.allows(1, now)) << "one probe";
  EXPECT_EQ(breaker.state(1), BreakerState::half_open);
  breaker.failed(now);
  EXPECT_FALSE(breaker.allows(0, now + 59s));
  breaker.succeeded();
  EXPECT_EQ(breaker.state(0), BreakerState::closed);
  EXPECT_TRUE(breaker.allows(3, now));
}

TEST(BreakerTest, ThoseThatFailTogetherCountOnce) {
  Breaker breaker;
  for (int i = 0; i < 10; ++i) breaker.failed(kNow);
  EXPECT_EQ(breaker.failures(), 1);
}

// How many lanes a way is given that lets through so much with 1, 2... of them.
int lanes_for(const std::vector<int64_t>& bytes_per_s, Lanes& lanes, MonoTime& now, seconds span) {
  int64_t sent = 0;
  for (int i = 0; i < span.count(); ++i) {
    lanes.measure(sent, lanes.allowed(), now);
    sent += bytes_per_s[static_cast<size_t>(lanes.allowed() - 1)];
    now += 1s;
  }
  return lanes.allowed();
}

TEST(LanesTest, AreAsManyAsBringMore) {
  MonoTime now = kNow;
  Lanes growing, flat, two;
  EXPECT_EQ(lanes_for({100, 200, 300, 400}, growing, now, 30s), 4);
  EXPECT_EQ(lanes_for({100, 100, 100, 100}, flat, now, 30s), 2);
  EXPECT_EQ(lanes_for({100, 180, 185, 185}, two, now, 30s), 2);
}

TEST(LanesTest, AreHalvedWhenTheStoreAsksForLess) {
  MonoTime now = kNow;
  Lanes lanes;
  ASSERT_EQ(lanes_for({100, 200, 300, 400}, lanes, now, 30s), 4);
  lanes.congested(now);
  EXPECT_EQ(lanes.allowed(), 2);
  EXPECT_EQ(lanes_for({100, 200, 300, 400}, lanes, now, 50s), 2) << "for a minute";
  EXPECT_EQ(lanes_for({100, 200, 300, 400}, lanes, now, 60s), 4);
  for (int i = 0; i < 3; ++i) lanes.congested(now);
  EXPECT_EQ(lanes.allowed(), 1);
  EXPECT_EQ(lanes_for({100, 100, 100, 100}, lanes, now, 100s), 1) << "a second one brings nothing";
  EXPECT_EQ(lanes_for({100, 200, 200, 200}, lanes, now, 100s), 2);
}

TEST(LanesTest, AreSoonAllWhereMuchComesThrough) {
  MonoTime now = kNow;
  int64_t sent = 0;
  Lanes lanes;
  const auto lanes_after = [&](milliseconds passed, int64_t bytes_per_s) {
    for (int i = 0; i < passed / 10ms; ++i) {
      now += 10ms;
      sent += bytes_per_s / 100;
      lanes.measure(sent, lanes.allowed(), now);
    }
    return lanes.allowed();
  };
  EXPECT_EQ(lanes_after(1900ms, Lanes::kMuch - 1000), 2);
  EXPECT_EQ(lanes_after(300ms, Lanes::kMuch * 2), 4);
  lanes.congested(now);
  EXPECT_EQ(lanes_after(50s, Lanes::kMuch * 2), 2) << "for a minute";
  EXPECT_EQ(lanes_after(11s, Lanes::kMuch * 2), 4);
  lanes = Lanes();
  EXPECT_EQ(lanes_after(110ms, Lanes::kMuch), 3);
  EXPECT_EQ(lanes_after(100ms, Lanes::kMuch), 4);
}

TEST(LanesTest, DoNotGrowWhenThereIsNothingToSend) {
  Lanes lanes;
  for (int i = 0; i < 60; ++i) lanes.measure(i, 1, kNow + i * 1s);
  EXPECT_EQ(lanes.allowed(), 2);
}

TEST(ThroughputTest, IsThatOfTheLastTenSecondsInWhichSomethingWasSent) {
  Throughput throughput;
  int64_t sent = 0;
  for (int i = 0; i < 30; ++i) throughput.sample(sent += 1'000'000, true, kNow + i * 1s);
  EXPECT_EQ(throughput.bits_per_s(), 8'000'000);
  for (int i = 30; i < 45; ++i) throughput.sample(sent += 500'000, true, kNow + i * 1s);
  EXPECT_EQ(throughput.bits_per_s(), 4'000'000);
  throughput.sample(sent, false, kNow + 45s);
  EXPECT_EQ(throughput.bits_per_s(), 0);
  EXPECT_EQ(throughput.last_bits_per_s(), 4'000'000);
}

TEST(LaterTest, RunsATurnAtATimeAndForgetsWhoGoes) {
  Later later;
  std::vector<int> done;
  const int owner = 0;
  later.add(&done, [&] {
    done.push_back(1);
    later.add(&done, [&] { done.push_back(3); });
    later.forget(&owner);
  });
  later.add(&owner, [&] { done.push_back(99); });
  later.add(&done, [&] { done.push_back(2); });
  later.run();
  EXPECT_THAT(done, ElementsAre(1, 2));
  later.run();
  EXPECT_THAT(done, ElementsAre(1, 2, 3));
  later.run();
  EXPECT_TRUE(later.empty());
}

TEST(S3XmlTest, FindsElementsWhateverLiesAround) {
  const std::string xml =
      "<?xml version='1.0'?>\n<List xmlns=\"x\"><IsTruncated>true</IsTruncated>\n"
      "<Part><N>1</N><ETag>&quot;a&quot;</ETag></Part> <Part>\n<N>2</N><ETag>&#34;b&#x22;</ETag></Part></List>";
  EXPECT_TRUE(s3_xml::is(xml, "List"));
  EXPECT_FALSE(s3_xml::is(xml, "Lis"));
  EXPECT_FALSE(s3_xml::is("", "List"));
  EXPECT_FALSE(s3_xml::is("<?xml", "List"));
  EXPECT_TRUE(s3_xml::is("\n\n  <Error><Code>x</Code></Error>", "Error"));
  const auto parts = s3_xml::all(xml, "Part");
  ASSERT_EQ(parts.size(), 2u);
  EXPECT_EQ(s3_xml::text(parts[0], "ETag"), "\"a\"");
  EXPECT_EQ(s3_xml::text(parts[1], "ETag"), "\"b\"");
  EXPECT_EQ(s3_xml::number(parts[1], "N"), 2);
  EXPECT_EQ(s3_xml::text(xml, "IsTruncated"), "true");
}

TEST(S3XmlTest, TakesNothingThatIsNotWhole) {
  for (const std::string xml : {"<A>1", "<A>1</B>", "1</A>", "<A><B>1</B></A>", "<A/>", ""})
    EXPECT_FALSE(s3_xml::text(xml, "A")) << xml;
  for (const std::string xml : {"<A></A>", "<A>-1</A>", "<A>1x</A>", "<A>99999999999999999999</A>", "<A> 1</A>"})
    EXPECT_FALSE(s3_xml::number(xml, "A")) << xml;
  EXPECT_EQ(s3_xml::text("<A>&unknown;&#0;&</A>", "A"), "&unknown;&#0;&");
  EXPECT_EQ(s3_xml::escaped("a<b>&\"c\"'"), "a&lt;b&gt;&amp;&quot;c&quot;&apos;");
}

}  // namespace
}  // namespace vedette
