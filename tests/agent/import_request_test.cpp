#include "agent/import_request.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace vedette {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using testing::StartsWith;

TEST(ImportRequestTest, SaysWhichCameraAndWhen) {
  const auto least = import_request("front", "start=2026-11-20T08:30:00.25%2B01:00");
  ASSERT_TRUE(least) << least.error().message;
  EXPECT_EQ(least->camera_id, "front");
  EXPECT_EQ(to_rfc3339(least->start), "2026-11-20T07:30:00.250Z");
  EXPECT_THAT(least->labels, IsEmpty());
  EXPECT_EQ(least->priority, Priority::normal);
  EXPECT_TRUE(least->upload);
  EXPECT_EQ(import_request("front", "start=2026-11-20T08:30:00.25+01:00")->start, least->start);

  const auto all = import_request(
      "front", "labels=door&priority=low&labels=caf%C3%A9%20%2F1&upload=never&start=2026-11-20T08:30:00Z");
  ASSERT_TRUE(all) << all.error().message;
  EXPECT_THAT(all->labels, ElementsAre("door", "caf\xc3\xa9 /1"));
  EXPECT_EQ(all->priority, Priority::low);
  EXPECT_FALSE(all->upload);
}

TEST(ImportRequestTest, NothingIsPassedOver) {
  const std::string start = "start=2026-11-20T08:30:00Z";
  std::string too_many = start;
  for (int i = 0; i < 17; ++i) too_many += "&labels=x" + std::to_string(i);
  const std::vector<std::pair<std::string, std::string>> bad = {
      {"", "/start: is required"},
      {"priority=low", "/start: is required"},
      {"start=", "/start: "},
      {"start=yesterday", "/start: "},
      {"start=2026-11-20T08:30:00", "/start: "},
      {"start=1969-12-31T23:59:59Z", "/start: lies before 1970"},
      {"start=1732091400", "/start: "},
      {start + "&" + start, "/start: is there twice"},
      {start + "&priority=urgent", "/priority: "},
      {start + "&priority=low&priority=low", "/priority: is there twice"},
      {start + "&upload=true", "/upload: "},
      {start + "&container=ts", "/container: "},
      {start + "&labels=", "/labels/0: "},
      {start + "&labels=" + std::string(65, 'x'), "/labels/0: "},
      {start + "&labels=%FF", "must be UTF-8"},
      {start + "&%FF=1", "must be UTF-8"},
      {too_many, "/labels: "},
      {start + "&end=2026-11-20T08:30:00Z", "/end: "},
      {start + "&Start=x", "/Start: "},
      {start + "&", "must be name=value"},
      {start + "&labels=%0a", "labels: a control"},
  };
  for (const auto& [query, why] : bad) {
    const auto request = import_request("front", query);
    ASSERT_FALSE(request) << query;
    EXPECT_EQ(request.error().code, Code::invalid_argument);
    EXPECT_THAT(request.error().message, StartsWith(why)) << query;
  }
}

TEST(ImportRequestTest, WhatCanBeNoCameraIsNotFound) {
  for (const std::string& id : {std::string(), std::string("a/b"), std::string("../x"), std::string("fr%6Fnt"),
                                std::string("a b"), std::string(300, 'a')}) {
    const auto request = import_request(id, "start=2026-11-20T08:30:00Z");
    ASSERT_FALSE(request) << id;
    EXPECT_EQ(request.error().code, Code::not_found) << id;
  }
}

}  // namespace
}  // namespace vedette
