#include "sources/rtsp/http_tunnel.h"

#include <algorithm>
#include <array>
#include <utility>

#include "core/ids.h"
#include "core/text.h"
#include "sources/rtsp/auth.h"
#include "sources/rtsp/message.h"
#include "sources/rtsp/refusal.h"

namespace vedette::rtsp {

namespace {

constexpr int kMostChallenges = 3;
constexpr const char* kKind = "application/x-rtsp-tunnelled";
// Of a body that has no end. HTTP wants a number; all say this one since QuickTime did, and servers do not look.
constexpr const char* kBodyBytes = "32767";
constexpr size_t kReadBytes = 4096;
// What is encoded at a time; requests are far smaller.
constexpr size_t kMostAtOnce = 16 * 1024;

std::string request(std::string_view method, const TunnelOptions& options, const std::string& cookie,
                    Authenticator& authenticator) {
  std::string text(method);
  text += " " + options.path + " HTTP/1.0\r\nHost: " + options.host +
          "\r\nUser-Agent: Vedette\r\nx-sessioncookie: " + cookie + "\r\n" +
          (method == "GET" ? "Accept: " : "Content-Type: ") + kKind +
          "\r\nPragma: no-cache\r\nCache-Control: no-cache\r\n";
  if (method == "POST") text += std::string("Content-Length: ") + kBodyBytes + "\r\n";
  if (const auto header = authenticator.authorization(method, options.path))
    text += header->name + ": " + header->value + "\r\n";
  return text + "\r\n";
}

// Some servers keep 23 bytes of it only: all of these are random, which the beginning of an id is not.
std::string new_cookie() {
  std::string id = new_id();
  id.erase(std::remove(id.begin(), id.end(), '-'), id.end());
  std::string another = new_id();
  return id.substr(id.size() - 10) + another.substr(another.size() - 12);
}

class HttpTunnel : public Connection {
 public:
  HttpTunnel(std::unique_ptr<Connection> get, std::unique_ptr<Connection> post, std::string early)
      : get_(std::move(get)), post_(std::move(post)), early_(std::move(early)) {}

  int fd() const override { return get_->fd(); }
  int send_fd() const override { return post_->fd(); }

  Result<size_t> receive_now(std::span<uint8_t> into) override {
    const size_t early = std::min(into.size(), early_.size());
    std::copy_n(early_.begin(), early, into.begin());
    early_.erase(0, early);
    if (early == into.size()) return early;
    const auto got = get_->receive_now(into.subspan(early));
    if (early > 0) return early + got.value_or(0);  // an error comes again
    if (!got || *got > 0) return got;
    if (auto fine = look_at_post(); !fine) return fine.error_as_is();
    return got;
  }

  // Each piece is padded for itself: servers decode what they have at every pause.
  Result<size_t> send_some(std::span<const uint8_t> bytes) override {
    if (unsent_.empty()) {
      bytes = bytes.first(std::min(bytes.size(), kMostAtOnce));
      unsent_ = to_base64({reinterpret_cast<const char*>(bytes.data()), bytes.size()});
      unsent_means_ = bytes.size();
    }
    while (!unsent_.empty()) {
      const auto sent = post_->send_some({reinterpret_cast<const uint8_t*>(unsent_.data()), unsent_.size()});
      if (!sent || *sent == 0) return sent;
      unsent_.erase(0, *sent);
    }
    return std::min(bytes.size(), std::exchange(unsent_means_, 0));
  }

 private:
  // Takes what the server says on that side, so that the socket is not readable for ever.
  Status look_at_post() {
    std::array<uint8_t, kReadBytes> buffer;
    for (;;) {
      const auto got = post_->receive_now(buffer);
      if (!got) return got.error_with("the tunnel's POST");
      if (*got == 0) return {};
      if (post_answered_) continue;
      answer_.append(reinterpret_cast<const char*>(buffer.data()), *got);
      const auto answer = parse_http_answer(answer_);
      if (!answer) return answer.error_with("the tunnel's POST");
      if (answer->bytes == 0) continue;
      if (answer->response.status >= 300) return refused("the tunnel's POST", answer->response);
      post_answered_ = answer->response.status >= 200;
      answer_.clear();
    }
  }

  const std::unique_ptr<Connection> get_, post_;
  std::string early_;   // came with the answer to the GET
  std::string unsent_;  // base64
  size_t unsent_means_ = 0;
  std::string answer_;  // to the POST, as far as it has come
  bool post_answered_ = false;
};

// The answer to the GET; what came behind it is left in `input`.
Result<Response> receive_answer(Connection& connection, std::string& input, MonoTime deadline,
                                const std::stop_token& stop) {
  std::array<uint8_t, kReadBytes> buffer;
  for (;;) {
    const auto got = connection.receive(buffer, deadline, stop);
    if (!got) return got.error_as_is();
    input.append(reinterpret_cast<const char*>(buffer.data()), *got);
    auto answer = parse_http_answer(input);
    if (!answer) return answer.error_as_is();
    if (answer->bytes == 0) continue;
    input.erase(0, answer->bytes);
    return std::move(answer->response);
  }
}

}  // namespace

Result<std::unique_ptr<Connection>> open_http_tunnel(const Connect& connect, const TunnelOptions& options,
                                                     MonoTime deadline, const std::stop_token& stop) {
  Authenticator authenticator(options.username, options.password);
  const std::string cookie = new_cookie();
  for (int tries = 1;; ++tries) {
    auto get = connect();
    if (!get) return get.error_as_is();
    if (auto sent = (*get)->send(request("GET", options, cookie, authenticator), deadline, stop); !sent)
      return sent.error_as_is();
    std::string early;
    const auto answer = receive_answer(**get, early, deadline, stop);
    if (!answer) return answer.error_with("the tunnel's GET");
    if (answer->status == 401 && tries < kMostChallenges && authenticator.challenged(*answer)) continue;
    if (answer->status != 200) return refused("the tunnel's GET", *answer);
    if (answer->header("Content-Type").value_or("").starts_with("text/"))
      return fail(Code::invalid_argument, "the tunnel's GET: what answers on this port is a web page");
    auto post = connect();
    if (!post) return post.error_as_is();
    if (auto sent = (*post)->send(request("POST", options, cookie, authenticator), deadline, stop); !sent)
      return sent.error_as_is();
    return std::make_unique<HttpTunnel>(std::move(*get), std::move(*post), std::move(early));
  }
}

}  // namespace vedette::rtsp
