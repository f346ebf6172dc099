#include "agent/spans.h"

#include <gtest/gtest.h>

#include <map>
#include <nlohmann/json.hpp>

#include "otlp/trace_ids.h"

namespace vedette {
namespace {

constexpr const char* kDevice = "edge-01";
constexpr const char* kCommand = "019aa053-1c2b-7d10-9a51-3f0b6f3c2a11";
constexpr const char* kClip = "019aa053-2941-7a00-8000-00000000003a";
constexpr const char* kTrace = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
constexpr UtcTime kNow{1'700'000'000'000'000us};

ReplyTo command(const std::string& traceparent = {}) {
  ReplyTo to;
  to.command_id = kCommand;
  to.verb = "recording.start";
  to.traceparent = traceparent;
  to.actor = "alice@acme";
  to.camera_id = "front";
  return to;
}
TraceSpan of_command(const ReplyTo& to, const messages::Answer& answer = messages::succeeded(Json::object())) {
  return spans::of_command(kDevice, to, answer, kNow, 4ms);
}
Clip clip(const std::string& command_id, const std::string& traceparent = {}) {
  Clip out;
  out.clip_id = kClip;
  out.recording_id = "r";
  out.camera_id = "front";
  out.start = kNow;
  out.end = kNow + 10s;
  out.command_id = command_id;
  out.traceparent = traceparent;
  return out;
}
UploadReport report(const std::string& kind, const std::string& command_id) {
  UploadReport out;
  out.upload.kind = kind;
  out.upload.subject_id = kClip;
  out.upload.camera_id = "front";
  out.upload.object_key = "edge-01/" + kind;
  out.upload.command_id = command_id;
  out.upload.attempts = 1;
  out.done = true;
  out.took = 3s;
  return out;
}
std::string text(const TraceSpan& span, std::string_view name) {
  for (const auto& [key, value] : span.attributes)
    if (key == name) return std::get<std::string>(value);
  return {};
}

TEST(CommandSpanTest, BelongsToTheTraceOfWhoAsked) {
  const TraceSpan span = of_command(command(kTrace));
  EXPECT_EQ(span.trace_id, "0af7651916cd43dd8448eb211c80319c");
  EXPECT_EQ(span.parent_id, "b7ad6b7169203331");
  EXPECT_TRUE(span.parent_is_remote);
  EXPECT_EQ(span.name, "recording.start");
  EXPECT_EQ(span.start, kNow);
  EXPECT_EQ(span.end, kNow + 4ms);
  const std::map<std::string_view, std::string> expected = {{"verb", "recording.start"}, {"command_id", kCommand},
                                                            {"camera", "front"},         {"actor", "alice@acme"},
                                                            {"status", "succeeded"},     {"code", "ok"}};
  EXPECT_EQ(span.attributes.size(), expected.size());
  for (const auto& [name, value] : expected) EXPECT_EQ(text(span, name), value) << name;
  EXPECT_FALSE(span.failed);
}

TEST(CommandSpanTest, WithoutATraceItsIdIsTheTrace) {
  for (const char* none : {"", "00-00000000000000000000000000000000-b7ad6b7169203331-01"}) {
    const TraceSpan span = of_command(command(none));
    EXPECT_EQ(span.trace_id, "019aa0531c2b7d109a513f0b6f3c2a11");
    EXPECT_EQ(span.parent_id, "");
    EXPECT_FALSE(span.parent_is_remote);
  }
}

TEST(CommandSpanTest, OfAGroupEachDeviceHasASpanOfItsOwn) {
  const TraceSpan one = of_command(command()),
                  other = spans::of_command("edge-02", command(), messages::succeeded(Json::object()), kNow, 4ms);
  EXPECT_EQ(one.trace_id, other.trace_id);
  EXPECT_NE(one.span_id, other.span_id);
}

TEST(CommandSpanTest, WhatWentWrongIsAnErrorAndWhatWasCancelledIsNot) {
  for (const auto& answer : {messages::failed({Code::internal, "why"}), messages::rejected({Code::not_found, "why"}),
                             messages::expired("why")}) {
    const TraceSpan span = of_command(command(), answer);
    EXPECT_TRUE(span.failed) << answer.status;
    EXPECT_EQ(span.message, "why");
    EXPECT_EQ(text(span, "code"), code_name(answer.error.code));
  }
  messages::Answer cancelled = messages::failed({Code::cancelled, "why"});
  cancelled.status = "cancelled";
  EXPECT_FALSE(of_command(command(), cancelled).failed);
}

TEST(CommandSpanTest, WithoutAUsableIdOrVerbItIsASpanAllTheSame) {
  ReplyTo to = command();
  to.command_id.clear();
  to.verb = "made.up";
  const TraceSpan span = of_command(to, messages::rejected({Code::invalid_json, "why"}));
  EXPECT_EQ(span.name, "command") << "names are few";
  EXPECT_EQ(text(span, "verb"), "made.up");
  EXPECT_EQ(span.trace_id.size(), 32u);
  EXPECT_NE(span.trace_id, of_command(to).trace_id);
}

TEST(ClipSpanTest, IsAChildOfTheCommandInItsTrace) {
  for (const char* trace : {"", kTrace}) {
    const TraceSpan parent = of_command(command(trace)), span = spans::of_clip(kDevice, clip(kCommand, trace));
    EXPECT_EQ(span.trace_id, parent.trace_id);
    EXPECT_EQ(span.parent_id, parent.span_id);
    EXPECT_FALSE(span.parent_is_remote);
    EXPECT_EQ(span.end - span.start, 10s);
    EXPECT_EQ(text(span, "clip_id"), kClip);
  }
}

TEST(UploadSpanTest, IsAChildOfTheCommandOrOfTheClip) {
  const TraceSpan own = spans::of_clip(kDevice, clip(""));
  EXPECT_EQ(own.trace_id, trace_id_of(kClip));
  EXPECT_EQ(own.parent_id, "");
  for (const char* kind : {"clip", "manifest", "poster"}) {
    const TraceSpan child = spans::of_upload(kDevice, report(kind, ""), kNow);
    EXPECT_EQ(child.trace_id, own.trace_id);
    EXPECT_EQ(child.parent_id, own.span_id);
    EXPECT_EQ(child.start, kNow - 3s);
    EXPECT_EQ(child.end, kNow);
    EXPECT_EQ(spans::of_upload(kDevice, report(kind, kCommand), kNow).parent_id, of_command(command()).span_id);
  }
  const TraceSpan snapshot = spans::of_upload(kDevice, report("snapshot", ""), kNow);
  EXPECT_EQ(snapshot.parent_id, "");
  EXPECT_EQ(text(snapshot, "clip_id"), "");
}

TEST(UploadSpanTest, EachTryIsASpan) {
  UploadReport tried = report("clip", kCommand);
  const TraceSpan first = spans::of_upload(kDevice, tried, kNow);
  tried.done = false;
  tried.error = {Code::timed_out, "no answer"};
  ++tried.upload.attempts;
  const TraceSpan second = spans::of_upload(kDevice, tried, kNow);
  EXPECT_NE(first.span_id, second.span_id);
  EXPECT_FALSE(first.failed);
  EXPECT_TRUE(second.failed);
  EXPECT_EQ(text(second, "code"), "timed_out");
}

}  // namespace
}  // namespace vedette
