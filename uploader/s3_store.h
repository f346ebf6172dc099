#pragma once

#include "net/http_multi.h"
#include "uploader/later.h"
#include "uploader/put_trust.h"
#include "uploader/s3_client.h"

namespace vedette {

// What all transfers into one bucket share, and what was learnt about it. The upload thread's own, but for presigning.
struct S3Store {
  S3Store(const S3Config& the_config, std::shared_ptr<CredentialsSource> credentials, S3Timeouts timeouts,
          const Clock& the_clock)
      : config(the_config),
        clock(the_clock),
        http(&rate),
        client(the_config, std::move(credentials), timeouts, the_clock, http, later) {}

  const S3Config config;
  const Clock& clock;
  ByteRate rate;
  HttpMulti http;
  Later later;
  S3Client client;
  // It writes only what is not there (If-None-Match). Not all do: then it is looked before.
  bool writes_conditionally = true;
  // The policy allows no look at what is not there, and so, perhaps, at nothing: what can goes in one request.
  bool hides_objects = false;
  PutTrust put_trust{client};
};

}  // namespace vedette
