#include "tests/support/camera_sim/multicast.h"

#include <linux/filter.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <iterator>

namespace camera_sim {

namespace {

constexpr guint16 kFirstPort = 30000;
constexpr guint16 kLastPort = 30999;

gboolean (*configure_as_usual)(GstRTSPClient*, GstRTSPContext*, GstRTSPTransport*) = nullptr;

// The server takes its ports for itself alone, and the kernel chooses an address of another interface.
void share(GSocket* socket) {
  if (!socket) return;
  const int fd = g_socket_get_fd(socket);
  const int on = 1;
  setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  in_addr loopback{htonl(INADDR_LOOPBACK)};
  setsockopt(fd, IPPROTO_IP, IP_MULTICAST_IF, &loopback, sizeof loopback);
  g_object_unref(socket);
}

// What it sends by the loopback interface comes back to it. It would take its own sender reports for those of another
// sender with its number, take another number and say good-bye.
void hear_no_senders(GSocket* rtcp) {
  if (!rtcp) return;
  constexpr uint32_t kTypeAt = 8 + 1;  // behind the UDP header
  constexpr uint32_t kSenderReport = 200;
  sock_filter steps[] = {BPF_STMT(BPF_LD | BPF_B | BPF_ABS, kTypeAt),
                         BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, kSenderReport, 0, 1), BPF_STMT(BPF_RET | BPF_K, 0),
                         BPF_STMT(BPF_RET | BPF_K, UINT32_MAX)};
  const sock_fprog filter{std::size(steps), steps};
  setsockopt(g_socket_get_fd(rtcp), SOL_SOCKET, SO_ATTACH_FILTER, &filter, sizeof filter);
  g_object_unref(rtcp);
}

// Before the client is answered, and has the ports.
gboolean configure(GstRTSPClient* client, GstRTSPContext* context, GstRTSPTransport* transport) {
  const gboolean done = configure_as_usual(client, context, transport);
  if (done && transport->lower_transport == GST_RTSP_LOWER_TRANS_UDP_MCAST) {
    share(gst_rtsp_stream_get_rtp_multicast_socket(context->stream, G_SOCKET_FAMILY_IPV4));
    share(gst_rtsp_stream_get_rtcp_multicast_socket(context->stream, G_SOCKET_FAMILY_IPV4));
    hear_no_senders(gst_rtsp_stream_get_rtcp_multicast_socket(context->stream, G_SOCKET_FAMILY_IPV4));
  }
  return done;
}

}  // namespace

void allow_multicast(GstRTSPMediaFactory* factory, const Options& options) {
  auto* clients = static_cast<GstRTSPClientClass*>(g_type_class_ref(GST_TYPE_RTSP_CLIENT));
  if (clients->configure_client_transport != configure) {
    configure_as_usual = clients->configure_client_transport;
    clients->configure_client_transport = configure;
  }
  GstRTSPAddressPool* pool = gst_rtsp_address_pool_new();
  const std::string group = options.group();
  gst_rtsp_address_pool_add_range(pool, group.c_str(), group.c_str(), kFirstPort, kLastPort, 1);
  gst_rtsp_media_factory_set_address_pool(factory, pool);
  gst_rtsp_media_factory_set_multicast_iface(factory, "lo");
  g_object_unref(pool);
}

}  // namespace camera_sim
