#pragma once

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "agent/config.h"
#include "live/frame_server.h"
#include "mqtt/session.h"
#include "sources/camera.h"
#include "sources/camera_http.h"
#include "sources/events/event_feed.h"
#include "storage/catalog.h"
#include "storage/layout.h"
#include "storage/retention.h"
#include "uploader/credentials.h"
#include "uploader/grant_source.h"
#include "uploader/s3_config.h"

// What the folders below are to be given, made of the configuration.
namespace vedette {

// B of the contract: {topic_root}/v1/{device_id}.
std::string base_topic(const Config& config);
// {topic_root}/v1/group/{group}, of each group the device is in.
std::vector<std::string> group_topics(const Config& config);
mqtt::SessionConfig session_config(const Config& config, std::vector<std::pair<std::string, int>> subscriptions);
Layout layout_of(const Config& config);
ManifestIssuer manifest_issuer(const Config& config);
// Those of the bucket, from wherever they are renewed; an endpoint is asked from then on.
std::shared_ptr<CredentialsSource> credentials_source(const Config& config);
// Whether clips get a picture beside them.
bool makes_posters(const Config& config);
// Null when upload.target is none. `grants` is asked when it is grant.
std::unique_ptr<Target> make_target(const Config& config, GrantSource& grants);
RetentionLimits retention_limits(const Config& config);
FrameServerConfig frame_server_config(const Config::LiveFrames& frames);
EventFeedConfig event_feed_config(const std::string& id, const Config::Camera& camera);
// Its HTTP side; of main, where there is no sub.
CameraHttpConfig camera_http_config(const Config::Camera& camera, Config::Profile profile);
// Of the profile that is recorded, and of the other one, which there is.
CameraConfig camera_config(const Config& config, const std::string& camera_id);
CameraConfig second_camera_config(const Config& config, const std::string& camera_id);

}  // namespace vedette
