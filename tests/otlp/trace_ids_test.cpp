#include "otlp/trace_ids.h"

#include <gtest/gtest.h>

namespace vedette {
namespace {

constexpr const char* kTrace = "0af7651916cd43dd8448eb211c80319c";
constexpr const char* kSpan = "b7ad6b7169203331";

std::string traceparent(const std::string& version, const std::string& trace, const std::string& span) {
  return version + "-" + trace + "-" + span + "-01";
}

TEST(TraceparentTest, SaysWhoseTraceItIsAndWhoAsked) {
  for (const char* version : {"00", "01", "fe"}) {
    const TraceParent parent = read_traceparent(traceparent(version, kTrace, kSpan));
    EXPECT_EQ(parent.trace_id, kTrace);
    EXPECT_EQ(parent.span_id, kSpan);
  }
}

TEST(TraceparentTest, WhatIsNoneGivesNeither) {
  const std::string good = traceparent("00", kTrace, kSpan);
  for (const std::string& text :
       {std::string(), good + "0", good.substr(1), traceparent("ff", kTrace, kSpan), traceparent("0x", kTrace, kSpan),
        traceparent("00", std::string(32, '0'), kSpan), traceparent("00", kTrace, std::string(16, '0')),
        traceparent("00", std::string(32, 'G'), kSpan), traceparent("00", kTrace, std::string(16, 'A')),
        "00_" + good.substr(3), good.substr(0, 53) + "zz"}) {
    EXPECT_EQ(read_traceparent(text).trace_id, "") << text;
    EXPECT_EQ(read_traceparent(text).span_id, "") << text;
  }
}

TEST(TraceIdTest, IsTheUuidItself) {
  EXPECT_EQ(trace_id_of("019aa053-1c2b-7d10-9a51-3f0b6f3c2a11"), "019aa0531c2b7d109a513f0b6f3c2a11");
}

TEST(TraceIdTest, OfWhatIsNoUsableUuidIsAHash) {
  for (const char* id : {"", "clip", "00000000-0000-0000-0000-000000000000"}) {
    const std::string trace = trace_id_of(id);
    EXPECT_EQ(trace.size(), 32u);
    EXPECT_NE(trace, std::string(32, '0'));
    EXPECT_EQ(trace, trace_id_of(id));
  }
  EXPECT_NE(trace_id_of("a"), trace_id_of("b"));
}

TEST(SpanIdTest, TellsDevicesThingsAndIdsApart) {
  const std::string id = span_id_of("edge-01", "command", "1");
  EXPECT_EQ(id.size(), 16u);
  EXPECT_EQ(id, span_id_of("edge-01", "command", "1"));
  EXPECT_NE(id, span_id_of("edge-02", "command", "1"));
  EXPECT_NE(id, span_id_of("edge-01", "clip", "1"));
  EXPECT_NE(id, span_id_of("edge-01", "command", "2"));
}

}  // namespace
}  // namespace vedette
