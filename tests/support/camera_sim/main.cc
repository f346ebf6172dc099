// Simulated IP cameras for tests, benchmarks and the demo; options.cc holds the usage.
#include <glib-unix.h>
#include <gst/rtp/gstrtcpbuffer.h>
#include <gst/rtsp-server/rtsp-server.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <unistd.h>

#include <atomic>
#include <cstdio>
#include <cstring>
#include <limits>
#include <map>

#include "tests/support/camera_sim/clip.h"
#include "tests/support/camera_sim/feeder.h"
#include "tests/support/camera_sim/mounts.h"
#include "tests/support/camera_sim/multicast.h"
#include "tests/support/camera_sim/options.h"

namespace camera_sim {
namespace {

constexpr guint kSessionCleanup_s = 2;
constexpr char kRole[] = "user";

using SharedClip = std::shared_ptr<const Clip>;

// What a media factory needs to make a Feeder. Lives as long as the process.
struct Stream {
  SharedClip clip;
  const Options& options;
};

// Just before a report goes out.
gboolean set_clock_ahead(GObject*, GstBuffer* reports, gboolean, gpointer user) {
  constexpr double kNtpSecond = 4294967296.0;
  const double offset_s = static_cast<const Options*>(user)->clock_offset_s;
  GstRTCPBuffer rtcp = GST_RTCP_BUFFER_INIT;
  if (!gst_rtcp_buffer_map(reports, GST_MAP_READWRITE, &rtcp)) return TRUE;
  GstRTCPPacket packet;
  for (gboolean more = gst_rtcp_buffer_get_first_packet(&rtcp, &packet); more;
       more = gst_rtcp_packet_move_to_next(&packet)) {
    if (gst_rtcp_packet_get_type(&packet) != GST_RTCP_TYPE_SR) continue;
    guint32 ssrc, rtp_time, packets, bytes;
    guint64 ntp_time;
    gst_rtcp_packet_sr_get_sender_info(&packet, &ssrc, &ntp_time, &rtp_time, &packets, &bytes);
    ntp_time += static_cast<guint64>(static_cast<gint64>(offset_s * kNtpSecond));
    gst_rtcp_packet_sr_set_sender_info(&packet, ssrc, ntp_time, rtp_time, packets, bytes);
  }
  gst_rtcp_buffer_unmap(&rtcp);
  return TRUE;
}

void on_prepared(GstRTSPMedia* media, gpointer options) {
  for (guint i = 0; i < gst_rtsp_media_n_streams(media); ++i) {
    GObject* session = gst_rtsp_stream_get_rtpsession(gst_rtsp_media_get_stream(media, i));
    if (!session) continue;
    g_signal_connect(session, "on-sending-rtcp", G_CALLBACK(set_clock_ahead), options);
    g_object_unref(session);
  }
}

void on_media(GstRTSPMediaFactory*, GstRTSPMedia* media, gpointer user) {
  for (guint i = 0; i < gst_rtsp_media_n_streams(media); ++i)
    gst_rtsp_stream_set_control(gst_rtsp_media_get_stream(media, i), ("trackID=" + std::to_string(i + 1)).c_str());
  const auto* stream = static_cast<const Stream*>(user);
  GstElement* pipeline = gst_rtsp_media_get_element(media);
  auto* feeder = new Feeder(stream->clip, pipeline, stream->options);
  gst_object_unref(pipeline);
  if (stream->options.clock_offset_s != 0)
    g_signal_connect(media, "prepared", G_CALLBACK(on_prepared), const_cast<Options*>(&stream->options));
  g_object_set_data_full(G_OBJECT(media), "feeder", feeder, [](gpointer p) { delete static_cast<Feeder*>(p); });
}

GstRTSPLowerTrans transports_of(const Options& options) {
  int all = GST_RTSP_LOWER_TRANS_UNKNOWN;
  for (const std::string& name : options.transports)
    all |= name == "udp"         ? GST_RTSP_LOWER_TRANS_UDP
           : name == "tcp"       ? GST_RTSP_LOWER_TRANS_TCP
           : name == "multicast" ? GST_RTSP_LOWER_TRANS_UDP_MCAST
                                 : (die("no transport: " + name), GST_RTSP_LOWER_TRANS_UNKNOWN);
  return static_cast<GstRTSPLowerTrans>(all);
}

GstRTSPMediaFactory* new_factory(const SharedClip& clip, const Options& options) {
  GstRTSPMediaFactory* factory = gst_rtsp_media_factory_new();
  gst_rtsp_media_factory_set_launch(factory, clip->launch.c_str());
  gst_rtsp_media_factory_set_shared(factory, TRUE);
  gst_rtsp_media_factory_set_latency(factory, 0);
  gst_rtsp_media_factory_set_protocols(factory, transports_of(options));
  if (transports_of(options) & GST_RTSP_LOWER_TRANS_UDP_MCAST) allow_multicast(factory, options);
  if (options.needs_auth())
    gst_rtsp_media_factory_add_role(factory, kRole, GST_RTSP_PERM_MEDIA_FACTORY_ACCESS, G_TYPE_BOOLEAN, TRUE,
                                    GST_RTSP_PERM_MEDIA_FACTORY_CONSTRUCT, G_TYPE_BOOLEAN, TRUE, nullptr);
  g_signal_connect(factory, "media-constructed", G_CALLBACK(on_media), (new Stream{clip, options}));
  return factory;
}

void add_cameras(GstRTSPServer* server, const Options& options) {
  std::map<std::string, SharedClip> clips;
  GstRTSPMountPoints* mounts = new_mount_points();
  const auto add = [&](int channel, int stream, const std::vector<std::string>& files) {
    if (files.empty()) return;
    const std::string& file = files[static_cast<size_t>(channel - 1) % files.size()];
    SharedClip& clip = clips[file];
    if (!clip) clip = load_clip(file, options);
    GstRTSPMediaFactory* factory = new_factory(clip, options);
    mount(mounts, channel, stream, factory);
    g_object_unref(factory);
  };
  for (int channel = 1; channel <= options.cameras; ++channel) {
    add(channel, 0, options.media);
    add(channel, 1, options.sub_media);
  }
  gst_rtsp_server_set_mount_points(server, mounts);
  g_object_unref(mounts);
}

void set_up_password(GstRTSPAuth* auth, const Options& options) {
  GstRTSPToken* token = gst_rtsp_token_new(GST_RTSP_TOKEN_MEDIA_FACTORY_ROLE, G_TYPE_STRING, kRole, nullptr);
  gst_rtsp_auth_set_realm(auth, options.realm.c_str());
  if (options.auth == "basic") {
    gst_rtsp_auth_set_supported_methods(auth, GST_RTSP_AUTH_BASIC);
    gchar* basic = gst_rtsp_auth_make_basic(options.user.c_str(), options.password.c_str());
    gst_rtsp_auth_add_basic(auth, basic, token);
    g_free(basic);
  } else {
    gst_rtsp_auth_set_supported_methods(auth, GST_RTSP_AUTH_DIGEST);
    gst_rtsp_auth_add_digest(auth, options.user.c_str(), options.password.c_str(), token);
  }
  gst_rtsp_token_unref(token);
}

void set_up_certificate(GstRTSPAuth* auth, const Options& options) {
  GError* error = nullptr;
  GTlsCertificate* certificate =
      g_tls_certificate_new_from_files(options.certificate.c_str(), options.key.c_str(), &error);
  if (!certificate) die(error->message);
  gst_rtsp_auth_set_tls_certificate(auth, certificate);
  g_object_unref(certificate);
}

// Who has no account may do what the role of nobody may.
void let_everybody_in(GstRTSPAuth* auth) {
  GstRTSPToken* token = gst_rtsp_token_new(GST_RTSP_TOKEN_MEDIA_FACTORY_ROLE, G_TYPE_STRING, kRole, nullptr);
  gst_rtsp_auth_set_default_token(auth, token);
  gst_rtsp_token_unref(token);
}

void set_up_auth(GstRTSPServer* server, const Options& options) {
  GstRTSPAuth* auth = gst_rtsp_auth_new();
  options.asks_password() ? set_up_password(auth, options) : let_everybody_in(auth);
  if (options.tls()) set_up_certificate(auth, options);
  gst_rtsp_server_set_auth(server, auth);
  g_object_unref(auth);
}

void on_session(GstRTSPClient*, GstRTSPSession* session, gpointer user) {
  gst_rtsp_session_set_timeout(session, static_cast<guint>(static_cast<const Options*>(user)->session_timeout_s));
}

// When the last session ended; clients belong to several threads.
std::atomic<gint64> g_session_ended_us{std::numeric_limits<gint64>::min()};

void on_teardown(GstRTSPClient*, GstRTSPContext*, gpointer) {
  g_session_ended_us = g_get_monotonic_time();
  fputs("camera_sim: session ended by the client\n", stderr);
}

GstRTSPStatusCode on_describe(GstRTSPClient*, GstRTSPContext*, gpointer user) {
  const double busy_s = static_cast<const Options*>(user)->busy_after_close_s;
  const bool busy = g_get_monotonic_time() < g_session_ended_us + static_cast<gint64>(busy_s * 1e6);
  return busy ? GST_RTSP_STS_SERVICE_UNAVAILABLE : GST_RTSP_STS_OK;
}

// Else TCP would put the packets together again (Nagle).
void send_at_once(GstRTSPClient* client) {
  GSocket* socket = gst_rtsp_connection_get_write_socket(gst_rtsp_client_get_connection(client));
  if (socket) g_socket_set_option(socket, IPPROTO_TCP, TCP_NODELAY, 1, nullptr);
}

void on_client(GstRTSPServer*, GstRTSPClient* client, gpointer user) {
  fputs("camera_sim: client connected\n", stderr);
  if (static_cast<const Options*>(user)->pace_ms > 0) send_at_once(client);
  if (static_cast<const Options*>(user)->busy_after_close_s > 0)
    g_signal_connect(client, "pre-describe-request", G_CALLBACK(on_describe), user);
  g_signal_connect(client, "new-session", G_CALLBACK(on_session), user);
  g_signal_connect(client, "teardown-request", G_CALLBACK(on_teardown), nullptr);
}

gboolean end_old_sessions(gpointer server) {
  GstRTSPSessionPool* pool = gst_rtsp_server_get_session_pool(GST_RTSP_SERVER(server));
  gst_rtsp_session_pool_cleanup(pool);
  g_object_unref(pool);
  return G_SOURCE_CONTINUE;
}

// Only the sockets are shut down: each client is then closed by the thread that it belongs to.
GstRTSPFilterResult shut_down(GstRTSPServer*, GstRTSPClient* client, gpointer) {
  if (GstRTSPConnection* connection = gst_rtsp_client_get_connection(client))
    if (GSocket* socket = gst_rtsp_connection_get_read_socket(connection))
      g_socket_shutdown(socket, TRUE, TRUE, nullptr);
  return GST_RTSP_FILTER_KEEP;
}

gboolean kick(gpointer server) {
  g_session_ended_us = g_get_monotonic_time();
  g_list_free_full(gst_rtsp_server_client_filter(GST_RTSP_SERVER(server), shut_down, nullptr), g_object_unref);
  fputs("camera_sim: clients disconnected\n", stderr);
  return G_SOURCE_CONTINUE;
}

gboolean freeze_or_thaw(gpointer) {
  g_frozen = !g_frozen;
  fprintf(stderr, "camera_sim: %s\n", g_frozen ? "frozen" : "thawed");
  return G_SOURCE_CONTINUE;
}

gboolean quit(gpointer loop) {
  g_main_loop_quit(static_cast<GMainLoop*>(loop));
  return G_SOURCE_CONTINUE;
}

// Of all clients, whose class makes the SDP.
void leave_sets_out_of_sdp() {
  auto* clients = static_cast<GstRTSPClientClass*>(g_type_class_ref(GST_TYPE_RTSP_CLIENT));
  static const auto make_sdp = clients->create_sdp;
  clients->create_sdp = [](GstRTSPClient* client, GstRTSPMedia* media) {
    GstSDPMessage* sdp = make_sdp(client, media);
    for (guint i = 0; sdp && i < gst_sdp_message_medias_len(sdp); ++i) {
      auto* described = const_cast<GstSDPMedia*>(gst_sdp_message_get_media(sdp, i));
      for (guint a = 0; a < gst_sdp_media_attributes_len(described); ++a) {
        const GstSDPAttribute* attribute = gst_sdp_media_get_attribute(described, a);
        if (std::string(attribute->key) != "fmtp" || !strstr(attribute->value, "sprop")) continue;
        GstSDPAttribute bare;
        gst_sdp_attribute_set(&bare, "fmtp", "96 packetization-mode=1");
        gst_sdp_media_replace_attribute(described, a, &bare);
      }
    }
    return sdp;
  };
}

GstRTSPServer* new_server(const Options& options) {
  GstRTSPServer* server = gst_rtsp_server_new();
  gst_rtsp_server_set_address(server, options.bind.c_str());
  gst_rtsp_server_set_service(server, std::to_string(options.port).c_str());
  GstRTSPThreadPool* threads = gst_rtsp_server_get_thread_pool(server);
  gst_rtsp_thread_pool_set_max_threads(threads, options.threads);
  g_object_unref(threads);
  if (options.needs_auth()) set_up_auth(server, options);
  if (!options.parameter_sets_in_sdp) leave_sets_out_of_sdp();
  add_cameras(server, options);
  g_signal_connect(server, "client-connected", G_CALLBACK(on_client), const_cast<Options*>(&options));
  if (!gst_rtsp_server_attach(server, nullptr)) die("cannot listen on port " + std::to_string(options.port));
  return server;
}

void serve(const Options& options) {
  GstRTSPServer* server = new_server(options);
  GMainLoop* loop = g_main_loop_new(nullptr, FALSE);
  g_timeout_add_seconds(kSessionCleanup_s, end_old_sessions, server);
  if (options.kick_every_s > 0) g_timeout_add(static_cast<guint>(options.kick_every_s * 1000), kick, server);
  g_unix_signal_add(SIGINT, quit, loop);
  g_unix_signal_add(SIGTERM, quit, loop);
  g_unix_signal_add(SIGUSR1, freeze_or_thaw, nullptr);
  g_unix_signal_add(SIGUSR2, kick, server);
  printf("listening rtsp%s://%s:%d cameras %d auth %s\n", options.tls() ? "s" : "", options.bind.c_str(),
         gst_rtsp_server_get_bound_port(server), options.cameras,
         options.asks_password() ? options.auth.c_str() : "none");
  fflush(stdout);
  g_main_loop_run(loop);
}

}  // namespace
}  // namespace camera_sim

int main(int argc, char** argv) {
  const camera_sim::Options options = camera_sim::parse_options(argc, argv);
  gst_init(nullptr, nullptr);
  camera_sim::serve(options);
  fflush(nullptr);
  _exit(0);  // streams are running in threads of GStreamer: no orderly end, nothing of value to lose
}
