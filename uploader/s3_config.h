#pragma once

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "uploader/credentials.h"
#include "uploader/target.h"

namespace vedette {

struct S3Config {
  std::string endpoint;  // http(s)://host[:port]; [::1] for IPv6
  // Of the same store: the next one is taken when one cannot be used, and `endpoint` again when it has answered for
  // `return_after` (up to half as long again); 0: never.
  std::vector<std::string> fallback_endpoints;
  microseconds return_after = 5min;
  std::string bucket;
  std::string region = "us-east-1";
  bool path_style = true;
  std::string ca_file;
  std::string proxy;      // http://[user:password@]host[:port]; empty: that of the environment
  std::string device_id;  // for x-amz-meta-device-id
  std::string own_keys;   // what all keys of this device begin with; below it, old parts that nobody knows are removed
  microseconds orphan_age = 24h;  // and so old

  int64_t part_size_bytes = 8LL << 20;  // larger objects go in parts

  // What every object is stored with; empty: as the store does it by itself. A store that refuses one of these does not
  // get the object (unsupported): none is ever left out.
  std::string storage_class;           // STANDARD_IA
  std::string server_side_encryption;  // AES256, aws:kms
  std::string kms_key_id;
  std::vector<std::pair<std::string, std::string>> tags;
  std::vector<std::pair<std::string, std::string>> metadata;  // names without x-amz-meta-
};

struct S3Timeouts {
  microseconds connect = 5s;
  microseconds stall = 30s;
  microseconds answer = 60s;  // a request without a body, as a whole
  microseconds upload = 24h;  // one with: the stall is what ends it
};

std::unique_ptr<Target> make_s3_target(S3Config config, std::shared_ptr<CredentialsSource> credentials,
                                       const Clock& clock = Clock::system(), S3Timeouts timeouts = {});

}  // namespace vedette
