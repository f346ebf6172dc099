#pragma once

#include <gtest/gtest.h>

#include <optional>

#include "storage/catalog.h"
#include "tests/storage/store.h"

namespace vedette::test {

// The rows of uploads, in a catalog of their own.
struct UploadQueueTest : testing::Test {
  Store store;
  Catalog& catalog = *store.catalog;

  Upload add(Priority priority = Priority::normal) {
    const Clip clip = make_clip("front", kNow, 10s);
    return catalog.add_upload(make_upload(clip, priority)).value();
  }
  std::optional<Upload> claim(UtcTime now = kNow) { return catalog.claim_upload(now).value(); }
};

}  // namespace vedette::test
