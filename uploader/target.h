#pragma once

#include <filesystem>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>

#include "core/clock.h"
#include "core/result.h"
#include "storage/catalog.h"

namespace vedette {

struct UploadProof {
  std::string etag;  // as the target names what it holds
  bool already_there = false;
};

// Target is a place where objects are kept. put() succeeds only when the target has proved that it holds the object
// with this size and SHA-256; an object that is there already with the same content counts, one with other content is
// never overwritten (conflict). Used by the upload thread alone, except presign().
class Target {
 public:
  virtual ~Target() = default;

  // Errors: forbidden (credentials, policy), not_found (bucket or local file), camera_unavailable / timed_out (not
  // reached), busy (503, slow down), no_space, conflict, upload_failed (the proof failed), cancelled.
  virtual Result<UploadProof> put(const Upload& upload, const std::filesystem::path& file,
                                  const std::stop_token& stop) = 0;
  // A URL from which the object can be fetched for `valid`; unsupported when the target has no such thing. Thread-safe.
  virtual Result<std::string> presign(const std::string& object_key, seconds valid) const = 0;
};

struct S3Config {
  std::string endpoint;  // http(s)://host[:port]
  std::string bucket;
  std::string region = "us-east-1";
  bool path_style = true;
  std::string access_key_id;
  std::string secret_access_key;
  std::string session_token;
  std::string ca_file;
  std::string device_id;  // for x-amz-meta-device-id
};

std::unique_ptr<Target> make_s3_target(S3Config config, const Clock& clock = Clock::system());
// A folder, say a mounted NAS: same proofs, atomic rename.
std::unique_ptr<Target> make_directory_target(std::filesystem::path directory);

}  // namespace vedette
