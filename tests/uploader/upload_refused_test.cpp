// A store (Ceph) whose bucket has a policy against some keys: what others get through meanwhile. The engine goes by a
// clock that is advanced.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "tests/support/s3_server.h"
#include "tests/uploader/upload_engine_fixture.h"
#include "uploader/s3_config.h"

namespace vedette {
namespace {

using test::eventually;
using test::kLimit;
using test::S3Server;

class UploadRefusedTest : public test::UploadEngineTest {
 protected:
  UploadRefusedTest() {
    s3_.create_bucket("clips");
    const Json statement = {{"Effect", "Deny"},
                            {"Principal", "*"},
                            {"Action", "s3:PutObject"},
                            {"Resource", "arn:aws:s3:::clips/edge-01/back/*"}};
    s3_.aws({"s3api", "put-bucket-policy", "--bucket", "clips", "--policy",
             Json{{"Version", "2012-10-17"}, {"Statement", {statement}}}.dump()});
    S3Config config;
    config.endpoint = s3_.endpoint();
    config.bucket = "clips";
    next_target_ = make_s3_target(config, constant_credentials({s3_.access_key(), s3_.secret_key(), ""}));
  }
  Upload add_of(const std::string& camera) {
    Upload upload = test::make_upload(dir_.path(), "content of " + camera);
    upload.object_key = "edge-01/" + camera + "/" + upload.subject_id + ".mp4";
    upload.queued_at = clock_.utc();
    return *catalog_->add_upload(upload);
  }

  const S3Server s3_;
};

TEST_F(UploadRefusedTest, WhatThePolicyRefusesTakesNotEveryProbe) {
  const Upload refused = add_of("back");
  start();
  for (size_t i = 1; i <= 5; ++i) {
    ASSERT_TRUE(wait_for_reports(i));
    EXPECT_EQ(reports().back().error.code, Code::forbidden) << reports().back().error.message;
    if (i < 5) advance(16s);
  }
  ASSERT_TRUE(eventually(kLimit, [&] { return engine_->activity().breaker == BreakerState::open; }));
  for (int i = 0; i < 3; ++i) add_of("front");
  // In steps of a probe: each either delivers, or fails and is reported.
  for (int probes = 0; probes < 4 && waiting_rows() > 1; ++probes) {
    const size_t before = reports().size();
    advance(66s);
    ASSERT_TRUE(wait_for_reports(before + 1));
  }
  ASSERT_TRUE(eventually(kLimit, [&] { return waiting_rows() == 1; })) << waiting_rows() << " wait";
  for (const UploadReport& report : reports()) EXPECT_EQ(report.done, report.upload.row != refused.row);
}

}  // namespace
}  // namespace vedette
