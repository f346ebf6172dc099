#pragma once

#include <cstdint>
#include <memory>
#include <stop_token>
#include <string>
#include <string_view>

#include "core/clock.h"
#include "core/result.h"
#include "net/http_client.h"
#include "sources/network_url.h"

namespace vedette {

struct CameraHttpConfig {
  std::string url;  // of the camera: hik://, dahua:// or onvif://
  std::string username;
  std::string password;
  uint16_t http_port = 80;  // of onvif:// only where the URL names none
  bool tls = false;         // HTTPS, its certificate verified
  std::string ca_file{};    // whom to trust; empty: the system's CAs
};

enum class CameraMaker { hik, dahua, onvif };

// Whether cameras of such a URL can be asked over HTTP at all.
bool has_camera_http(std::string_view url);

// CameraHttp is the HTTP side of one camera: where it is, who asks (Digest, or Basic where the camera wants it), and
// which of its pictures the URL means. What it sends goes to the configured host only. Used by one thread at a time.
class CameraHttp {
 public:
  // unsupported: there is no such side of that URL; invalid_argument: what is wrong with it.
  static Result<CameraHttp> of(const CameraHttpConfig& config);

  CameraMaker maker() const { return maker_; }
  int channel() const { return channel_; }                 // hik and dahua, from 1
  int stream() const { return stream_; }                   // the same; 1 main, 2 sub, 3 third
  const std::string& profile() const { return profile_; }  // onvif: token or name; empty: the first
  const NetworkUrl& address() const { return address_; }
  const std::string& username() const { return username_; }
  const std::string& password() const { return password_; }
  bool tls() const { return address_.scheme == "https"; }
  const std::string& ca_file() const { return ca_file_; }

  struct Limits {
    size_t most_bytes = 0;
    MonoTime deadline;
  };
  // GET of "/path?query". Any status is an answer; errors are those of HttpClient, and timed_out after the deadline.
  Result<HttpResponse> get(const std::string& target, const Limits& limits, const std::stop_token& stop);
  // The same of a URL that the camera named: its scheme (http or https; with TLS https only), port and target, at the
  // configured host.
  Result<HttpResponse> get_named(std::string_view url, const Limits& limits, const std::stop_token& stop);

 private:
  Result<HttpResponse> perform(const NetworkUrl& where, const std::string& target, const Limits& limits,
                               const std::stop_token& stop);

  CameraMaker maker_ = CameraMaker::hik;
  int channel_ = 1;
  int stream_ = 1;
  std::string profile_;
  NetworkUrl address_;  // http(s)://host:port
  std::string username_;
  std::string password_;
  std::string ca_file_;
  std::unique_ptr<HttpClient> http_ = std::make_unique<HttpClient>();
};

// The error that a status other than 2xx is, in words: forbidden, not_found, busy or camera_unavailable.
Error error_of_answer(int status);

}  // namespace vedette
