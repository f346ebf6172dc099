#include "otlp/exporter.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <nlohmann/json.hpp>

#include "core/ids.h"
#include "core/log.h"
#include "otlp/trace_ids.h"
#include "tests/support/certificates.h"
#include "tests/support/http_script.h"
#include "tests/support/otlp_collector.h"
#include "tests/support/wait.h"

namespace vedette {
namespace {

using test::Certificates;
using test::eventually;
using test::HttpScript;
using test::OtlpCollector;
using testing::HasSubstr;
using testing::IsEmpty;

constexpr milliseconds kLimit{20000};

OtlpSettings settings(const std::string& endpoint) {
  return {endpoint, {{"Authorization", "Bearer example"}}, "", {"1.2.3", "edge-01"}};
}

TraceSpan span(const std::string& name = "agent.ping") {
  TraceSpan out;
  const std::string id = new_id();
  out.name = name;
  out.trace_id = trace_id_of(id);
  out.span_id = span_id_of("edge-01", "command", id);
  out.start = Clock::system().utc();
  out.end = out.start + 5ms;
  return out;
}

MetricSnapshot metrics(int64_t value) {
  const UtcTime now = Clock::system().utc();
  MetricSnapshot snapshot{{}, now - 1s, now};
  snapshot.families.counter("things_total", "Things.");
  snapshot.families.sample(value, {{"kind", "a"}});
  return snapshot;
}

TEST(ExporterTest, BringsSpansAndMetricsAsOpenTelemetryDefinesThem) {
  const OtlpCollector collector;
  Exporter exporter(settings(collector.endpoint()));
  exporter.add(span());
  exporter.add(span());
  EXPECT_EQ(exporter.figures().waiting, 2u) << "they wait for the next export";
  exporter.export_now(metrics(5));
  ASSERT_TRUE(eventually(kLimit, [&] { return exporter.figures().sent == 2; }));
  EXPECT_THAT(collector.faults(), IsEmpty());
  EXPECT_EQ(collector.spans().size(), 2u);
  EXPECT_EQ(collector.value("things_total", {{"kind", "a"}}), 5);
  for (const Json& request : collector.requests()) {
    EXPECT_EQ(request["headers"]["authorization"], "Bearer example");
    EXPECT_EQ(request["headers"]["content-encoding"], "gzip");
  }
  exporter.add(span());
  exporter.export_now();
  ASSERT_TRUE(eventually(kLimit, [&] { return exporter.figures().sent == 3; }));
  EXPECT_EQ(collector.spans().size(), 3u);
  EXPECT_EQ(collector.requests().size(), 3u) << "without metrics only spans go";
  EXPECT_EQ(exporter.figures().waiting, 0u);
  EXPECT_EQ(exporter.figures().failures, 0u);
}

TEST(ExporterTest, AWholeBatchDoesNotWait) {
  const OtlpCollector collector;
  Exporter exporter(settings(collector.endpoint()));
  for (size_t i = 0; i < Exporter::kBatch; ++i) exporter.add(span());
  EXPECT_TRUE(eventually(kLimit, [&] { return collector.spans().size() == Exporter::kBatch; }));
  EXPECT_THAT(collector.faults(), IsEmpty());
}

TEST(ExporterTest, KeepsTheNewestWhileTheCollectorIsAwayAndGoesOnByItself) {
  OtlpCollector collector;
  collector.stop();
  Exporter exporter(settings(collector.endpoint()));
  const size_t room = Exporter::kMostWaiting + Exporter::kBatch;
  for (size_t i = 0; i < Exporter::kBatch; ++i) exporter.add(span("first"));
  ASSERT_TRUE(eventually(kLimit, [&] { return exporter.figures().failures > 0; }));
  for (size_t i = 0; i < 100; ++i) exporter.add(span("too old"));
  for (size_t i = 0; i < Exporter::kMostWaiting; ++i) exporter.add(span("new"));
  EXPECT_EQ(exporter.figures().waiting, room) << "a batch is under way, and as many as may wait";
  EXPECT_EQ(exporter.figures().dropped, 100u);
  collector.start();
  ASSERT_TRUE(eventually(kLimit, [&] { return exporter.figures().sent == room; }));
  std::map<std::string, size_t> names;
  for (const Json& one : collector.spans()) ++names[one.at("name")];
  EXPECT_EQ(names, (std::map<std::string, size_t>{{"first", Exporter::kBatch}, {"new", Exporter::kMostWaiting}}));
  EXPECT_THAT(collector.faults(), IsEmpty());
}

TEST(ExporterTest, WaitsAsLongAsTheCollectorAsks) {
  std::vector<MonoTime> came;
  std::atomic<size_t> count = 0;
  const HttpScript server([&](const HttpScript::Request&) -> HttpScript::Answer {
    came.push_back(Clock::system().mono());
    ++count;
    if (came.size() == 1) return {429, {{"Retry-After", "3"}}, "{}"};
    return {200, {}, "{}"};
  });
  Exporter exporter(settings(server.endpoint()));
  exporter.add(span());
  exporter.export_now();
  ASSERT_TRUE(eventually(kLimit, [&] { return count == 2; }));
  EXPECT_GE(came[1] - came[0], 3s);
  ASSERT_TRUE(eventually(kLimit, [&] { return exporter.figures().sent == 1; }));
  EXPECT_EQ(exporter.figures().failures, 1u);
}

TEST(ExporterTest, WhatIsRefusedIsNotSentAgain) {
  std::atomic<int> traces = 0;
  const HttpScript server([&](const HttpScript::Request& request) -> HttpScript::Answer {
    if (!request.has("/v1/traces")) return {404, {}, "not here"};
    ++traces;
    if (traces == 1) return {400, {}, R"({"message": "no"})"};
    if (traces == 2) return {200, {}, R"({"partialSuccess": {"rejectedSpans": "1", "errorMessage": "too old"}})"};
    return {200, {}, "{}"};
  });
  const uint64_t warnings = log::lines_total(log::Level::warn);
  Exporter exporter(settings(server.endpoint()));
  for (int round = 1; round <= 4; ++round) {
    exporter.add(span());
    exporter.add(span());
    exporter.export_now(metrics(round));
    ASSERT_TRUE(eventually(kLimit, [&] { return traces == round && exporter.figures().waiting == 0; }));
  }
  const OtlpFigures figures = exporter.figures();
  EXPECT_EQ(figures.refused, 3u);
  EXPECT_EQ(figures.sent, 5u);
  EXPECT_EQ(figures.failures, 1u + 4u) << "a collector of traces alone does not take the metrics";
  EXPECT_EQ(log::lines_total(log::Level::warn) - warnings, 3u) << "of each trouble once";
}

TEST(ExporterTest, VerifiesTheCollector) {
  const test::TempDir dir;
  const Certificates certificates(dir.path());
  const OtlpCollector collector(&certificates);
  Exporter stranger(settings(collector.endpoint()));
  stranger.add(span());
  stranger.export_now();
  ASSERT_TRUE(eventually(kLimit, [&] { return stranger.figures().failures > 0; }));
  EXPECT_THAT(collector.requests(), IsEmpty()) << "nothing was said to it, no header either";

  OtlpSettings trusting = settings(collector.endpoint());
  trusting.ca_file = certificates.ca;
  Exporter exporter(trusting);
  exporter.add(span());
  exporter.export_now();
  EXPECT_TRUE(eventually(kLimit, [&] { return collector.spans().size() == 1; }));
}

TEST(ExporterTest, SaysItsLastWordsInTheEnd) {
  const OtlpCollector collector;
  {
    Exporter exporter(settings(collector.endpoint()));
    for (int i = 0; i < 3; ++i) exporter.add(span());
  }
  EXPECT_EQ(collector.spans().size(), 3u);
}

TEST(ExporterTest, EndsInTimeWhateverTheCollectorDoes) {
  OtlpCollector silent;
  silent.answer({{"silent", true}});
  for (const bool busy : {false, true}) {
    auto exporter = std::make_unique<Exporter>(settings(silent.endpoint()));
    exporter->add(span());
    const size_t before = silent.requests().size();
    if (busy) exporter->export_now(metrics(1));
    ASSERT_TRUE(!busy || eventually(kLimit, [&] { return silent.requests().size() > before; }));
    const MonoTime begun = Clock::system().mono();
    exporter.reset();
    EXPECT_LT(Clock::system().mono() - begun, Exporter::kLastFlush + 3s) << "it waits for no answer";
  }
}

TEST(ExporterTest, NobodyWaitsForIt) {
  OtlpCollector silent;
  silent.answer({{"silent", true}});
  Exporter exporter(settings(silent.endpoint()));
  exporter.export_now(metrics(1));
  ASSERT_TRUE(eventually(kLimit, [&] { return silent.requests().size() == 1; }));
  for (size_t i = 0; i < 3 * Exporter::kMostWaiting; ++i) exporter.add(span());
  EXPECT_EQ(exporter.figures().dropped, 2 * Exporter::kMostWaiting) << "while the request is still under way";
}

}  // namespace
}  // namespace vedette
