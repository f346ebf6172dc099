#include "agent/upload_config.h"

#include "agent/credentials_config.h"
#include "agent/grant_config.h"
#include "agent/schedule_config.h"

namespace vedette {

namespace {

// Of S3 multipart uploads: 5 MiB to 5 GiB a part.
constexpr int64_t kLeastPartBytes = 5LL << 20, kMostPartBytes = 5LL << 30;

void read_s3(JsonReader& r, Config::Upload& upload, ConfigLoad& load) {
  for (const std::string_view key : {"endpoint", "bucket"}) r.require(key);
  const bool url = upload.endpoint.rfind("http://", 0) == 0 || upload.endpoint.rfind("https://", 0) == 0;
  if (r.has("endpoint") && !url) r.error("endpoint", "must begin with https:// or http://");
  if (upload.endpoint.ends_with('/')) upload.endpoint.pop_back();
  if (upload.endpoint.find('@') != std::string::npos) r.error("endpoint", "must not hold credentials");
  if (url && upload.endpoint[4] == ':') load.warn(r.path() + "/endpoint", "clips travel unencrypted over http://");
  require_credentials(r, upload);
}

}  // namespace

void read_upload(JsonReader r, Config::Upload& upload, const TimeZone& zone, ConfigLoad& load) {
  upload.target = r.has("endpoint") ? Config::UploadTarget::s3 : Config::UploadTarget::directory;
  if (auto target = r.choice("target", {"s3", "directory", "grant", "none"})) {
    upload.target = *target == "s3"      ? Config::UploadTarget::s3
                    : *target == "grant" ? Config::UploadTarget::grant
                    : *target == "none"  ? Config::UploadTarget::none
                                         : Config::UploadTarget::directory;
  }
  set_given(upload.endpoint, r.string("endpoint", 1));
  set_given(upload.bucket, r.string("bucket", 1, 255));
  set_given(upload.region, r.string("region", 1, 64));
  if (auto prefix = r.string("prefix", 0, 200)) {
    const bool bad = prefix->find("..") != std::string::npos || (!prefix->empty() && prefix->front() == '/');
    if (bad) r.error("prefix", "must not begin with '/' or hold '..'");
    upload.prefix = std::move(*prefix);
  }
  set_given(upload.path_style, r.boolean("path_style"));
  set_given(upload.delete_after_upload, r.boolean("delete_after_upload"));
  set_given(upload.manifest, r.boolean("manifest"));
  set_given(upload.poster, r.boolean("poster"));
  read_secret(r, "access_key_id", upload.access_key_id, load, &upload.access_key_id_file);
  read_secret(r, "secret_access_key", upload.secret_access_key, load, &upload.secret_access_key_file);
  read_secret(r, "session_token", upload.session_token, load, &upload.session_token_file);
  read_credentials_endpoint(r, upload);
  set_given(upload.ca_file, r.string("ca_file", 1));
  if (auto directory = r.string("directory", 1)) {
    upload.directory = std::move(*directory);
    if (!upload.directory.is_absolute()) r.error("directory", "must be an absolute path");
  }
  if (upload.target == Config::UploadTarget::s3) read_s3(r, upload, load);
  read_grant_origins(r, upload, load.warnings);
  set_given(upload.part_size_bytes, r.integer("part_size_bytes", kLeastPartBytes, kMostPartBytes));
  set_given(upload.max_bandwidth_bps, r.integer("max_bandwidth_bps", 0, kMostInteger));
  upload.windows = read_schedule(r, zone, "windows");
  r.done();
}

}  // namespace vedette
