#include "tests/support/camera_sim/mounts.h"

#include <algorithm>
#include <string>

namespace camera_sim {

namespace {

constexpr char kIsapi[] = "/isapi";
constexpr char kHikvision[] = "/streaming/channels";
constexpr char kDahua[] = "/cam/realmonitor";

std::string lower(std::string text) {
  std::transform(text.begin(), text.end(), text.begin(), [](char c) { return g_ascii_tolower(c); });
  return text;
}

bool starts_with(const std::string& text, const std::string& start) {
  return text.compare(0, start.size(), start) == 0;
}

int number_after(const std::string& text, const std::string& name, int otherwise) {
  const size_t at = text.find(name);
  return at == std::string::npos ? otherwise : std::atoi(text.c_str() + at + name.size());
}

std::string dahua_path(int channel, int stream) {
  return std::string(kDahua) + "?channel=" + std::to_string(channel) + "&subtype=" + std::to_string(stream);
}

// The mount point that a URL means, with what a client appends to address one track ("/trackID=1").
std::string path_of(const GstRTSPUrl& url) {
  std::string path = url.abspath && *url.abspath ? url.abspath : "/";
  std::string query = url.query ? url.query : "";
  std::string track;
  if (const size_t at = query.find('/'); at != std::string::npos) {
    track = query.substr(at);
    query.resize(at);
  }
  if (starts_with(lower(path), std::string(kIsapi) + kHikvision)) path.erase(0, sizeof kIsapi - 1);
  if (starts_with(lower(path), kHikvision)) path.replace(0, sizeof kHikvision - 1, "/Streaming/Channels");
  if (starts_with(lower(path), kDahua)) {
    const std::string after = path.substr(sizeof kDahua - 1);
    // A client that escapes nothing leaves the query in the path.
    if (const size_t mark = after.find('?'); mark != std::string::npos) {
      track = after.substr(std::min(after.find('/', mark), after.size())) + track;
      query = after.substr(mark + 1);
    } else {
      track = after + track;
    }
    path = dahua_path(number_after(query, "channel=", 1), number_after(query, "subtype=", 0));
  }
  path += track;
  if (path.size() > 1 && path.back() == '/') path.pop_back();  // the aggregate URL, as Content-Base gives it
  return path;
}

gchar* make_path(const GstRTSPUrl* url) {
  return g_strdup(path_of(*url).c_str());
}

}  // namespace

// The names that GObject wants.
struct Mounts {
  GstRTSPMountPoints parent;
};
struct MountsClass {
  GstRTSPMountPointsClass parent;
};
G_DEFINE_TYPE(Mounts, mounts, GST_TYPE_RTSP_MOUNT_POINTS)

static void mounts_class_init(MountsClass* type) {
  type->parent.make_path = [](GstRTSPMountPoints*, const GstRTSPUrl* url) { return make_path(url); };
}

static void mounts_init(Mounts*) {}

GstRTSPMountPoints* new_mount_points() {
  auto* clients = static_cast<GstRTSPClientClass*>(g_type_class_ref(GST_TYPE_RTSP_CLIENT));
  clients->make_path_from_uri = [](GstRTSPClient*, const GstRTSPUrl* url) { return make_path(url); };
  return GST_RTSP_MOUNT_POINTS(g_object_new(mounts_get_type(), nullptr));
}

void mount(GstRTSPMountPoints* mounts, int channel, int stream, GstRTSPMediaFactory* factory) {
  const std::string number = std::to_string(channel);
  const std::string paths[] = {"/Streaming/Channels/" + number + "0" + std::to_string(stream + 1),
                               dahua_path(channel, stream), "/cam" + number + (stream == 0 ? "/main" : "/sub")};
  for (const std::string& path : paths)
    gst_rtsp_mount_points_add_factory(mounts, path.c_str(), GST_RTSP_MEDIA_FACTORY(g_object_ref(factory)));
}

}  // namespace camera_sim
