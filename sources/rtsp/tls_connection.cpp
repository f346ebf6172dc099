#include "sources/rtsp/tls_connection.h"

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <poll.h>

#include <algorithm>
#include <climits>

#include "sources/rtsp/address.h"

namespace vedette::rtsp {

namespace {

template <auto free>
struct Free {
  template <class T>
  void operator()(T* p) const {
    free(p);
  }
};
using ContextPtr = std::unique_ptr<SSL_CTX, Free<SSL_CTX_free>>;
using SslPtr = std::unique_ptr<SSL, Free<SSL_free>>;
using MethodPtr = std::unique_ptr<BIO_METHOD, Free<BIO_meth_free>>;

tl::unexpected<Error> tls_error(std::string_view doing) {
  const char* reason = ERR_reason_error_string(ERR_get_error());
  ERR_clear_error();
  return fail(Code::camera_unavailable, std::string(doing) + ": " + (reason ? reason : "the camera broke off"));
}

// OpenSSL's own sockets would raise SIGPIPE; and what is below need not be a socket.
int write_below(BIO* bio, const char* bytes, int size) {
  BIO_clear_retry_flags(bio);
  auto* below = static_cast<Connection*>(BIO_get_data(bio));
  const auto sent = below->send_some({reinterpret_cast<const uint8_t*>(bytes), static_cast<size_t>(size)});
  if (sent && *sent == 0) BIO_set_retry_write(bio);
  return sent && *sent > 0 ? static_cast<int>(*sent) : -1;
}
int read_below(BIO* bio, char* into, int size) {
  BIO_clear_retry_flags(bio);
  auto* below = static_cast<Connection*>(BIO_get_data(bio));
  const auto got = below->receive_now({reinterpret_cast<uint8_t*>(into), static_cast<size_t>(size)});
  if (got && *got == 0) BIO_set_retry_read(bio);
  return got && *got > 0 ? static_cast<int>(*got) : -1;
}
long control(BIO*, int what, long, void*) {
  return what == BIO_CTRL_FLUSH ? 1 : 0;
}
int create(BIO* bio) {
  BIO_set_init(bio, 1);
  return 1;
}

BIO* bio_over(Connection& below) {
  static const MethodPtr method = [] {
    MethodPtr made(BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "camera"));
    BIO_meth_set_write(made.get(), write_below);
    BIO_meth_set_read(made.get(), read_below);
    BIO_meth_set_ctrl(made.get(), control);
    BIO_meth_set_create(made.get(), create);
    return made;
  }();
  BIO* bio = BIO_new(method.get());
  if (bio) BIO_set_data(bio, &below);
  return bio;
}

std::string remedy(long verified, const std::string& host) {
  switch (verified) {
    case X509_V_ERR_CERT_HAS_EXPIRED:
      return "it has expired: renew it on the camera, or set the clock of this machine";
    case X509_V_ERR_CERT_NOT_YET_VALID:
      return "it is not valid yet: set the clock of the camera or of this machine";
    case X509_V_ERR_HOSTNAME_MISMATCH:
    case X509_V_ERR_IP_ADDRESS_MISMATCH:
      return "it is not made out for " + host + ": put the name that it is made out for into the URL";
    case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT:
    case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY:
    case X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE:
    case X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT:
    case X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN:
      return "it is not signed by a CA that is trusted: put its CA, or the certificate itself, into the camera's "
             "ca_file";
    default:
      return X509_verify_cert_error_string(verified);
  }
}

// A certificate from the future is no matter of trust: the clock of a machine that has none of its own is right a
// moment after it has the network.
Code code_of(long verified) {
  return verified == X509_V_ERR_CERT_NOT_YET_VALID ? Code::camera_unavailable : Code::forbidden;
}

class TlsConnection : public Connection {
 public:
  TlsConnection(std::unique_ptr<Connection> below, ContextPtr context, SslPtr ssl)
      : below_(std::move(below)), context_(std::move(context)), ssl_(std::move(ssl)) {}

  int fd() const override { return below_->fd(); }

  // OpenSSL gives a record at most at a time, and the socket does not tell of those that it holds already.
  Result<size_t> receive_now(std::span<uint8_t> into) override {
    size_t all = 0;
    while (all < into.size()) {
      ERR_clear_error();
      size_t got = 0;
      const int done = SSL_read_ex(ssl_.get(), into.data() + all, into.size() - all, &got);
      if (done <= 0) {
        const int error = SSL_get_error(ssl_.get(), done);
        if (error == SSL_ERROR_WANT_READ || error == SSL_ERROR_WANT_WRITE || all > 0) break;
        if (error == SSL_ERROR_ZERO_RETURN) return fail(Code::camera_unavailable, "the camera ended the stream");
        return tls_error("receiving");
      }
      all += got;
    }
    return all;
  }

  Result<size_t> send_some(std::span<const uint8_t> bytes) override {
    ERR_clear_error();
    size_t sent = 0;
    const int done = SSL_write_ex(ssl_.get(), bytes.data(), bytes.size(), &sent);
    if (done > 0) return sent;
    const int error = SSL_get_error(ssl_.get(), done);
    if (error == SSL_ERROR_WANT_READ || error == SSL_ERROR_WANT_WRITE) return size_t{0};
    return tls_error("sending");
  }

 private:
  const std::unique_ptr<Connection> below_;
  const ContextPtr context_;
  const SslPtr ssl_;
};

Result<ContextPtr> make_context(const std::string& ca_file) {
  ContextPtr context(SSL_CTX_new(TLS_client_method()));
  if (!context) return tls_error("TLS");
  SSL_CTX_set_min_proto_version(context.get(), TLS1_2_VERSION);
  SSL_CTX_set_verify(context.get(), SSL_VERIFY_PEER, nullptr);
  SSL_CTX_set_mode(context.get(), SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
  // The camera's own certificate is enough of a chain where it is what is trusted.
  X509_VERIFY_PARAM_set_flags(SSL_CTX_get0_param(context.get()), X509_V_FLAG_PARTIAL_CHAIN);
  if (ca_file.empty()) {
    SSL_CTX_set_default_verify_paths(context.get());
  } else if (SSL_CTX_load_verify_locations(context.get(), ca_file.c_str(), nullptr) != 1) {
    ERR_clear_error();
    return fail(Code::invalid_argument, "ca_file " + ca_file + " cannot be read, or holds no certificate (PEM)");
  }
  return context;
}

}  // namespace

Result<std::unique_ptr<Connection>> secure(std::unique_ptr<Connection> connection, const std::string& host,
                                           const std::string& ca_file, MonoTime deadline, const std::stop_token& stop) {
  auto context = make_context(ca_file);
  if (!context) return context.error_as_is();
  SslPtr ssl(SSL_new(context->get()));
  BIO* bio = bio_over(*connection);
  if (!ssl || !bio) return tls_error("TLS");
  SSL_set_bio(ssl.get(), bio, bio);
  if (Address::numeric(host, 0)) {
    X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(ssl.get()), host.c_str());
  } else {
    SSL_set1_host(ssl.get(), host.c_str());
    SSL_set_tlsext_host_name(ssl.get(), host.c_str());
  }
  for (;;) {
    ERR_clear_error();
    const int done = SSL_connect(ssl.get());
    if (done == 1) break;
    const int error = SSL_get_error(ssl.get(), done);
    if (error == SSL_ERROR_WANT_READ || error == SSL_ERROR_WANT_WRITE) {
      const short events = error == SSL_ERROR_WANT_READ ? POLLIN : POLLOUT;
      if (auto ready = wait_until_ready(connection->fd(), events, "TLS", deadline, stop); !ready)
        return ready.error_as_is();
      continue;
    }
    const long verified = SSL_get_verify_result(ssl.get());
    if (verified != X509_V_OK)
      return fail(code_of(verified), "the camera's certificate is refused: " + remedy(verified, host));
    return tls_error("TLS (does the camera speak it on this port?)");
  }
  return std::make_unique<TlsConnection>(std::move(connection), std::move(*context), std::move(ssl));
}

}  // namespace vedette::rtsp
