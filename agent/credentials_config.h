#pragma once

#include "agent/config.h"
#include "core/json.h"

// The part of the configuration that is about the credentials of the bucket.
namespace vedette {

// `credentials_endpoint` of the section upload. It goes with none of the keys for fixed credentials.
void read_credentials_endpoint(JsonReader& r, Config::Upload& upload);

// For a bucket: an error unless there are credentials. When the section has none at all, those of the environment are
// taken: AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and, if set, AWS_SESSION_TOKEN.
void require_credentials(JsonReader& r, Config::Upload& upload);

}  // namespace vedette
