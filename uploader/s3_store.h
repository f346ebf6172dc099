#pragma once

#include <utility>

#include "core/log.h"
#include "net/http_multi.h"
#include "uploader/later.h"
#include "uploader/put_trust.h"
#include "uploader/s3_client.h"

namespace vedette {

// What runs the requests of a target, whichever endpoint they go to.
struct S3Loop {
  ByteRate rate;
  HttpMulti http{&rate};
  Later later;
};

// What all transfers into one bucket by way of one endpoint share, and what was learnt about it there. The upload
// thread's own, but for presigning. The loop outlives it.
struct S3Store {
  S3Store(const S3Config& the_config, std::shared_ptr<CredentialsSource> credentials, S3Timeouts timeouts,
          const Clock& the_clock, S3Loop& loop)
      : config(the_config),
        clock(the_clock),
        later(loop.later),
        client(the_config, std::move(credentials), timeouts, the_clock, loop.http, loop.later) {}

  // It took without a condition what it did not with one.
  void knows_no_conditions() {
    if (std::exchange(writes_conditionally, false))
      log::info("the store knows no conditional writes (If-None-Match): it is looked at before each object");
  }

  const S3Config config;
  const Clock& clock;
  Later& later;
  S3Client client;
  // It writes only what is not there (If-None-Match). Not all do: then it is looked before.
  bool writes_conditionally = true;
  // The policy allows no look at what is not there, and so, perhaps, at nothing: what can goes in one request.
  bool hides_objects = false;
  PutTrust put_trust{client};
};

}  // namespace vedette
