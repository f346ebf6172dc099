#include "mqtt/tls_context.h"

#include <arpa/inet.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <unistd.h>

namespace vedette::mqtt {

namespace {

constexpr const char* kSystemCertificates = "/etc/ssl/certs";

Status readable(const std::string& path) {
  if (path.empty() || access(path.c_str(), R_OK) == 0) return {};
  return fail_errno("read " + path);
}

tl::unexpected<Error> tls_error(const std::string& doing) {
  const char* reason = ERR_reason_error_string(ERR_peek_last_error());
  ERR_clear_error();
  return fail(Code::internal, doing + ": " + (reason ? reason : "not possible"));
}

// Without it OpenSSL asks at the terminal for the passphrase of an encrypted key.
int no_passphrase(char*, int, int, void*) {
  return 0;
}

bool is_address(const std::string& host) {
  in6_addr ignored{};
  return inet_pton(AF_INET, host.c_str(), &ignored) == 1 || inet_pton(AF_INET6, host.c_str(), &ignored) == 1;
}

}  // namespace

struct TlsContext::Callbacks {
  static TlsContext& of(const SSL* ssl) {
    return *static_cast<TlsContext*>(SSL_CTX_get_app_data(SSL_get_SSL_CTX(ssl)));
  }
  // libmosquitto has asked for the address by SNI, which is for names only (RFC 6066, section 3).
  static void state(const SSL* ssl, int where, int) {
    if ((where & SSL_CB_HANDSHAKE_START) == 0) return;
    const TlsContext& self = of(ssl);
    const char* name = self.is_address_ ? nullptr : self.host_.c_str();
    SSL_set_tlsext_host_name(const_cast<SSL*>(ssl), name);
  }
  static int verify(int is_good, X509_STORE_CTX* store) {
    if (is_good) return is_good;
    const auto* ssl = static_cast<const SSL*>(X509_STORE_CTX_get_ex_data(store, SSL_get_ex_data_X509_STORE_CTX_idx()));
    of(ssl).refusal_ = X509_verify_cert_error_string(X509_STORE_CTX_get_error(store));
    return is_good;
  }
};

void TlsContext::Free::operator()(ssl_ctx_st* context) const {
  SSL_CTX_free(context);
}

TlsContext::TlsContext(std::string host)
    : host_(std::move(host)), is_address_(is_address(host_)), context_(SSL_CTX_new(TLS_client_method())) {}

TlsContext::~TlsContext() = default;

Result<std::unique_ptr<TlsContext>> TlsContext::make(const SessionConfig& config, const std::string& host) {
  std::unique_ptr<TlsContext> made(new TlsContext(host));
  ERR_clear_error();
  if (!made->context_) return tls_error("set up TLS");
  if (auto named = made->set_name(); !named) return named.error_as_is();
  if (auto loaded = made->load(config); !loaded) return loaded.error_as_is();
  return made;
}

Status TlsContext::set_name() {
  SSL_CTX* context = context_.get();
  SSL_CTX_set_app_data(context, this);
  SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION);
  SSL_CTX_set_mode(context, SSL_MODE_RELEASE_BUFFERS);
  SSL_CTX_set_verify(context, SSL_VERIFY_PEER, Callbacks::verify);
  SSL_CTX_set_info_callback(context, Callbacks::state);
  X509_VERIFY_PARAM* wanted = SSL_CTX_get0_param(context);
  const int set = is_address_ ? X509_VERIFY_PARAM_set1_ip_asc(wanted, host_.c_str())
                              : X509_VERIFY_PARAM_set1_host(wanted, host_.c_str(), host_.size());
  if (set != 1) return tls_error("set up TLS for " + host_);
  return {};
}

Status TlsContext::load(const SessionConfig& config) {
  SSL_CTX* context = context_.get();
  for (const std::string* path : {&config.ca_file, &config.cert_file, &config.key_file})
    if (const Status status = readable(*path); !status) return status.error_as_is();
  const char* ca_file = config.ca_file.empty() ? nullptr : config.ca_file.c_str();
  if (SSL_CTX_load_verify_locations(context, ca_file, ca_file ? nullptr : kSystemCertificates) != 1)
    return tls_error("certificates of CAs in " + (ca_file ? config.ca_file : kSystemCertificates));
  if (!config.alpn.empty()) {
    const std::string wire = static_cast<char>(config.alpn.size()) + config.alpn;
    SSL_CTX_set_alpn_protos(context, reinterpret_cast<const unsigned char*>(wire.data()),
                            static_cast<unsigned>(wire.size()));
  }
  if (config.cert_file.empty()) return {};
  SSL_CTX_set_default_passwd_cb(context, no_passphrase);
  if (SSL_CTX_use_certificate_chain_file(context, config.cert_file.c_str()) != 1)
    return tls_error("certificate in " + config.cert_file);
  if (SSL_CTX_use_PrivateKey_file(context, config.key_file.c_str(), SSL_FILETYPE_PEM) != 1)
    return tls_error("key in " + config.key_file);
  return {};
}

}  // namespace vedette::mqtt
