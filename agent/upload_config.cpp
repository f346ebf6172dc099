#include "agent/upload_config.h"

#include "agent/credentials_config.h"
#include "agent/grant_config.h"
#include "agent/object_config.h"
#include "agent/schedule_config.h"
#include "uploader/directory_file.h"
#include "uploader/grant_check.h"

namespace vedette {

namespace {

// Of S3 multipart uploads: 5 MiB to 5 GiB a part.
constexpr int64_t kLeastPartBytes = 5LL << 20, kMostPartBytes = 5LL << 30;

constexpr size_t kMostFallbacks = 8, kMostUrlBytes = 1024;
constexpr int64_t kMostReturnAfter = 86400;

void warn_if_plain(const std::string& endpoint, const std::string& path, ConfigLoad& load) {
  if (endpoint.starts_with("http:")) load.warn(path, "clips travel unencrypted over http://");
}

void read_s3(JsonReader& r, Config::Upload& upload, ConfigLoad& load) {
  for (const std::string_view key : {"endpoint", "bucket"}) r.require(key);
  warn_if_plain(upload.endpoint, r.path() + "/endpoint", load);
  for (size_t i = 0; i < upload.fallback_endpoints.size(); ++i)
    warn_if_plain(upload.fallback_endpoints[i], r.path() + "/fallback_endpoints/" + std::to_string(i), load);
  require_credentials(r, upload);
}

std::string checked_endpoint(JsonReader& r, const std::string& path, std::string given) {
  const size_t host = given.find("://") + 3;
  const bool url = (given.starts_with("http://") || given.starts_with("https://")) && given.size() > host;
  if (!url) r.errors().push_back({path, "must begin with https:// or http://"});
  if (given.find('@') != std::string::npos) r.errors().push_back({path, "must not hold credentials"});
  if (given.ends_with('/')) given.pop_back();
  return given;
}

// Looked at whatever the target is: over MQTT another one may come later.
void read_endpoints(JsonReader& r, Config::Upload& upload, ConfigLoad& load) {
  if (auto given = r.string("endpoint", 1, kMostUrlBytes))
    upload.endpoint = checked_endpoint(r, r.path() + "/endpoint", std::move(*given));
  const std::string path = r.path() + "/fallback_endpoints";
  if (auto more = r.strings("fallback_endpoints", kMostFallbacks, 1, kMostUrlBytes))
    for (std::string& one : *more) {
      const std::string place = path + "/" + std::to_string(&one - more->data());
      upload.fallback_endpoints.push_back(checked_endpoint(r, place, std::move(one)));
    }
  if (!upload.fallback_endpoints.empty() && upload.target != Config::UploadTarget::s3)
    load.warn(path, "has no effect without target: s3");
  if (auto after = r.integer("return_after_s", 0, kMostReturnAfter)) upload.return_after = seconds(*after);
}

void read_proxy(JsonReader& r, Config::Upload& upload, ConfigLoad& load) {
  set_given(upload.proxy, r.string("proxy", 1));
  set_given(upload.proxy_username, r.string("proxy_username", 1));
  read_secret(r, "proxy_password", upload.proxy_password, load);
  take_credentials(r.path() + "/proxy", upload.proxy, upload.proxy_username, upload.proxy_password, load);
  if (upload.proxy.ends_with('/')) upload.proxy.pop_back();
  if (r.has("proxy") && (!upload.proxy.starts_with("http://") || !is_origin(upload.proxy)))
    r.error("proxy", "must be http://host[:port]; name user and password beside it");
  if (upload.proxy.empty() && !upload.proxy_username.empty()) r.error("proxy_username", "needs proxy");
  if (upload.proxy_username.empty() && !upload.proxy_password.empty()) r.error("proxy_username", "is required");
  const bool by_http = upload.target == Config::UploadTarget::s3 || upload.target == Config::UploadTarget::grant;
  if (r.has("proxy") && !by_http) load.warn(r.path() + "/proxy", "has no effect without target: s3 or grant");
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
  read_endpoints(r, upload, load);
  set_given(upload.bucket, r.string("bucket", 1, 255));
  set_given(upload.region, r.string("region", 1, 64));
  if (auto prefix = r.string("prefix", 0, 200)) {
    const bool bad = prefix->find("..") != std::string::npos || prefix->starts_with('/') ||
                     prefix->find_first_of("\r\n") != std::string::npos;
    if (bad) r.error("prefix", "must not begin with '/' or hold '..' or a line break");
    if (!bad && upload.target == Config::UploadTarget::directory && !stays_inside(*prefix + "x"))
      r.error("prefix", "is a path with target directory: it must not hold '//' or a part '.'");
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
  read_proxy(r, upload, load);
  read_object_options(r, upload, load);
  read_grant_origins(r, upload, load.warnings);
  set_given(upload.part_size_bytes, r.integer("part_size_bytes", kLeastPartBytes, kMostPartBytes));
  set_given(upload.max_bandwidth_bps, r.integer("max_bandwidth_bps", 0, kMostInteger));
  upload.windows = read_schedule(r, zone, "windows");
  r.done();
}

}  // namespace vedette
