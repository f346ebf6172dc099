#pragma once

#include <map>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

#include "sources/rtsp/auth.h"
#include "sources/rtsp/connection.h"
#include "sources/rtsp/message.h"
#include "sources/rtsp/sdp.h"
#include "sources/rtsp/setup.h"
#include "sources/rtsp/url.h"

namespace vedette::rtsp {

struct ClientOptions {
  std::string url;
  std::string username;
  std::string password;
  MonoTime deadline;  // for the whole of open()
  Transport transport = Transport::tcp;
  std::string ca_file{};  // of rtsps://; empty: the system's
};

// Client opens a session with a camera (RFC 2326): OPTIONS, DESCRIBE, SETUP of the first video and the first audio that
// there is a depacketiser for, by the transport that is wanted, PLAY. Answers 401 (Digest, Basic), follows redirects of
// DESCRIBE and SETUP, three at most; a host other than the URL's does not get the credentials. After that it is what
// keeps the session alive and ends it. Used by one thread at a time.
//
// Errors of open(): forbidden (401, 403), not_found (404), rate_limited (453), busy (503), unsupported (nothing in it
// that can be depacketised, or not by this transport), camera_unavailable, timed_out, cancelled. No error text holds a
// password.
class Client {
 public:
  static Result<std::unique_ptr<Client>> open(const ClientOptions& options, const std::stop_token& stop);
  // The same over a connection that is there already. A redirect is not followed: `redirect` is where it leads.
  static Result<std::unique_ptr<Client>> open_over(std::unique_ptr<Connection> connection, const Url& url,
                                                   const ClientOptions& options, const std::stop_token& stop,
                                                   std::string& redirect);
  ~Client();  // TEARDOWN: sent, not waited for

  Connection& connection() { return *connection_; }
  const std::vector<Track>& tracks() const { return tracks_; }
  Transport transport() const { return transport_; }
  bool uses_datagrams() const { return !is_interleaved(transport_); }
  // What a request and its answer took; of those of the opening, the quickest.
  microseconds rtt() const { return rtt_.value_or(0us); }
  // What came behind the answer to PLAY, or in front of it.
  std::string take_early() { return std::move(early_); }
  // So often the camera wants to hear of us.
  seconds keepalive_interval() const;

  // A request that keeps the session alive. Its answer goes to on_response().
  Status send_keepalive();
  // An answer that came between the frames. forbidden when the camera wants other credentials.
  Status on_response(const Response& response);
  Status on_request(const ServerRequest& request);
  Status send_rtcp(size_t track, std::span<const uint8_t> bytes);

 private:
  struct Wait {
    MonoTime deadline;
    const std::stop_token& stop;
  };
  Client(std::unique_ptr<Connection> connection, const ClientOptions& options, std::string url);
  static Result<std::unique_ptr<Client>> open_at(const Url& url, const ClientOptions& options,
                                                 const std::stop_token& stop, std::string& redirect);

  std::string next_request(std::string_view method, const std::string& url, std::vector<Header> headers);
  Result<Response> exchange(std::string_view method, const std::string& url, const std::vector<Header>& headers,
                            const Wait& wait);
  Result<Response> ask(std::string_view method, const std::string& url, const std::vector<Header>& headers,
                       const Wait& wait);
  Result<Response> next_response(const Wait& wait);
  tl::unexpected<Error> not_done(std::string_view method, const Response& response);
  Status describe(const Wait& wait);
  Status set_up(const Wait& wait);
  Status set_up(const Media& media, const Wait& wait);
  Status play(const Wait& wait);

  const std::unique_ptr<Connection> connection_;
  const Transport transport_;
  Authenticator authenticator_;
  std::string url_;   // that is described
  std::string base_;  // of the streams' control attributes
  Description description_;
  std::vector<Track> tracks_;
  std::string redirect_;
  std::string session_id_;
  seconds timeout_{60};
  std::optional<microseconds> rtt_;
  bool has_get_parameter_ = false;
  bool keepalive_challenged_ = false;
  int cseq_ = 0;
  std::string input_;  // received, not parsed yet
  std::string early_;
};

}  // namespace vedette::rtsp
