#include "tests/support/rtmp_server.h"

#include <stdexcept>

#include "tests/support/ports.h"
#include "tests/support/pusher.h"
#include "tests/support/wait.h"

namespace vedette::test {

namespace {

constexpr milliseconds kStartLimit{20000};

std::string configuration(uint16_t rtmp, uint16_t http) {
  return R"(load_module /usr/lib/nginx/modules/ngx_rtmp_module.so;
worker_processes 1;
daemon off;
user root;
pid nginx.pid;
error_log stderr warn;
events { worker_connections 256; }
rtmp { server {
  listen 127.0.0.1:)" +
         std::to_string(rtmp) + R"(;
  application live { live on; wait_key on; idle_streams off; }
} }
http {
  access_log off;
  client_body_temp_path c; proxy_temp_path p; fastcgi_temp_path f; uwsgi_temp_path u; scgi_temp_path s;
  server { listen 127.0.0.1:)" +
         std::to_string(http) + R"(; location /stat { rtmp_stat all; } }
}
)";
}

}  // namespace

RtmpServer::RtmpServer(const std::filesystem::path& media) : port_(free_ports(2)) {
  const uint16_t http = port_ + 1;
  write_text(dir_.path() / "nginx.conf", configuration(port_, http));
  ProcessOptions in_folder;
  in_folder.working_directory = dir_.path();
  server_.emplace(std::vector<std::string>{"/usr/sbin/nginx", "-p", dir_.path().string(), "-e", "stderr", "-c",
                                           (dir_.path() / "nginx.conf").string()},
                  in_folder);
  wait_for_port(port_, kStartLimit);
  wait_for_port(http, kStartLimit);
  publisher_.emplace(push_command(media, "flv", url()));
  const std::string stat = "http://127.0.0.1:" + std::to_string(http) + "/stat";
  const bool published = eventually(kStartLimit, [&] {
    return run({"curl", "-s", stat}).output.find("<publishing/>") != std::string::npos;
  });
  if (!published) throw std::runtime_error("nothing is published: " + publisher_->output() + server_->output());
}

std::string RtmpServer::url() const {
  return "rtmp://127.0.0.1:" + std::to_string(port_) + "/live/camera";
}

}  // namespace vedette::test
