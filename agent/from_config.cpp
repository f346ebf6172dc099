#include "agent/from_config.h"

#include "core/text.h"
#include "uploader/endpoint_credentials.h"
#include "uploader/file_credentials.h"
#include "uploader/grant_target.h"

namespace vedette {

std::string base_topic(const Config& config) {
  return config.mqtt.topic_root + "/v1/" + config.device_id;
}

std::vector<std::string> group_topics(const Config& config) {
  std::vector<std::string> topics;
  for (const std::string& group : config.mqtt.groups) topics.push_back(config.mqtt.topic_root + "/v1/group/" + group);
  return topics;
}

mqtt::SessionConfig session_config(const Config& config, std::vector<std::pair<std::string, int>> subscriptions) {
  mqtt::SessionConfig session;
  session.urls = config.mqtt.urls;
  session.client_id = config.device_id;
  session.version = config.mqtt.version;
  session.keepalive = config.mqtt.keepalive;
  session.username = config.mqtt.username;
  session.password = config.mqtt.password;
  session.ca_file = config.mqtt.ca_file;
  session.cert_file = config.mqtt.cert_file;
  session.key_file = config.mqtt.key_file;
  session.alpn = config.mqtt.alpn;
  session.return_after = config.mqtt.return_after;
  session.subscriptions = std::move(subscriptions);
  return session;
}

Layout layout_of(const Config& config) {
  return {config.storage.path, config.device_id, config.upload.prefix};
}

ManifestIssuer manifest_issuer(const Config& config) {
  return {config.device_id, config.storage.signing_key, config.upload.manifest};
}

bool makes_posters(const Config& config) {
  return config.upload.poster && config.upload.target != Config::UploadTarget::none;
}

namespace {

std::string proxy_of(const Config::Upload& upload) {
  const size_t host = std::string_view("http://").size();
  if (upload.proxy_username.empty()) return upload.proxy;
  return "http://" + percent_encode(upload.proxy_username) + ":" + percent_encode(upload.proxy_password) + "@" +
         upload.proxy.substr(host);
}

// What lies in the storage folder itself is watched with that.
std::filesystem::path folder_memory(const Config& config) {
  const Layout layout = layout_of(config);
  const auto from_there = config.upload.directory.lexically_normal().lexically_relative(layout.root.lexically_normal());
  const bool inside = !from_there.empty() && *from_there.begin() != "..";
  return inside ? std::filesystem::path() : layout.upload_folder_memory();
}

}  // namespace

std::shared_ptr<CredentialsSource> credentials_source(const Config& config) {
  const Config::Upload& upload = config.upload;
  if (upload.credentials_endpoint) {
    const Config::CredentialsEndpoint& from = *upload.credentials_endpoint;
    return endpoint_credentials({from.url, from.ca_file, from.cert_file, from.key_file,
                                 from.thing_name.value_or(config.device_id), proxy_of(upload)});
  }
  return file_credentials({upload.access_key_id, upload.secret_access_key, upload.session_token},
                          {upload.access_key_id_file, upload.secret_access_key_file, upload.session_token_file});
}

std::unique_ptr<Target> make_target(const Config& config, GrantSource& grants) {
  const Config::Upload& upload = config.upload;
  switch (upload.target) {
    case Config::UploadTarget::none:
      return nullptr;
    case Config::UploadTarget::directory:
      return make_directory_target(upload.directory, folder_memory(config));
    case Config::UploadTarget::grant:
      return make_grant_target({upload.grant_origins, upload.ca_file, upload.part_size_bytes, proxy_of(upload)},
                               grants);
    case Config::UploadTarget::s3:
      break;
  }
  S3Config s3;
  s3.endpoint = upload.endpoint;
  s3.fallback_endpoints = upload.fallback_endpoints;
  s3.return_after = upload.return_after;
  s3.bucket = upload.bucket;
  s3.region = upload.region;
  s3.path_style = upload.path_style;
  s3.ca_file = upload.ca_file;
  s3.device_id = config.device_id;
  s3.own_keys = upload.prefix + config.device_id + "/";
  s3.part_size_bytes = upload.part_size_bytes;
  s3.proxy = proxy_of(upload);
  s3.storage_class = upload.storage_class;
  s3.server_side_encryption = upload.server_side_encryption;
  s3.kms_key_id = upload.kms_key_id;
  s3.tags = upload.tags;
  s3.metadata = upload.metadata;
  return make_s3_target(std::move(s3), credentials_source(config));
}

RetentionLimits retention_limits(const Config& config) {
  RetentionLimits limits;
  limits.max_age = config.storage.max_age;
  limits.max_bytes = config.storage.max_bytes;
  limits.min_free_bytes = config.storage.min_free_bytes;
  for (const auto& [id, camera] : config.cameras)
    if (camera.max_bytes > 0) limits.camera_max_bytes[id] = camera.max_bytes;
  limits.delete_uploaded = config.upload.delete_after_upload;
  return limits;
}

FrameServerConfig frame_server_config(const Config::LiveFrames& frames) {
  FrameServerConfig out;
  out.unix_path = frames.unix_path;
  out.tcp_address = frames.listen;
  out.most_streams = frames.max_clients;
  out.peer_timeout = frames.peer_timeout;
  out.limits.most_frame_bytes = frames.max_frame_bytes;
  return out;
}

EventFeedConfig event_feed_config(const std::string& id, const Config::Camera& camera) {
  EventFeedConfig out;
  out.camera_id = id;
  out.url = camera.url;
  out.username = camera.username;
  out.password = camera.password;
  out.http_port = camera.http_port;
  out.http_tls = camera.http_tls;
  out.ca_file = camera.ca_file;
  out.hold = camera.event_hold;
  return out;
}

CameraHttpConfig camera_http_config(const Config::Camera& camera, Config::Profile profile) {
  const bool sub = profile == Config::Profile::sub && camera.sub;
  return {sub ? camera.sub->url : camera.url,
          camera.username,
          camera.password,
          camera.http_port,
          camera.http_tls,
          camera.ca_file};
}

namespace {

CameraConfig profile_config(const Config& config, std::string id, const Config::Camera& camera,
                            Config::Profile profile) {
  CameraConfig out;
  out.source.camera_id = std::move(id);
  out.source.url = profile == Config::Profile::sub ? camera.sub->url : camera.url;
  out.source.username = camera.username;
  out.source.password = camera.password;
  out.source.transport = profile == Config::Profile::sub ? camera.sub->transport : camera.transport;
  out.source.ca_file = camera.ca_file;
  out.source.http_port = camera.http_port;
  out.source.http_tls = camera.http_tls;
  out.source.stall_timeout = camera.stall_timeout;
  out.source.encode = camera.encode;
  out.source.plugins = config.plugins;
  out.ring = {camera.ring, camera.ring_most_bytes};
  out.enabled = camera.enabled;
  return out;
}

}  // namespace

CameraConfig camera_config(const Config& config, const std::string& id) {
  const Config::Camera& camera = config.cameras.at(id);
  return profile_config(config, id, camera, camera.record_profile);
}

CameraConfig second_camera_config(const Config& config, const std::string& id) {
  const Config::Camera& camera = config.cameras.at(id);
  const auto other = camera.record_profile == Config::Profile::main ? Config::Profile::sub : Config::Profile::main;
  CameraConfig out = profile_config(config, id + "/" + std::string(profile_name(other)), camera, other);
  out.ring.duration = 1s;  // nobody asks for its past
  return out;
}

}  // namespace vedette
