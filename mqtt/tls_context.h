#pragma once

#include <memory>
#include <string>

#include "core/result.h"
#include "mqtt/session.h"

struct ssl_ctx_st;

namespace vedette::mqtt {

// TlsContext is how one connection speaks TLS: 1.2 or later, whom it trusts, who we are, and that the broker's
// certificate is made out for the host of the URL. libmosquitto would compare the certificate with what it connects to,
// and ask for that by SNI; it is given an address, so that it looks no name up (see Connection), and this context,
// which knows the name. Private to mqtt/. Used by one thread; outlives the handle that it is given to.
class TlsContext {
 public:
  // Reads the files of the configuration. Errors name the file.
  static Result<std::unique_ptr<TlsContext>> make(const SessionConfig& config, const std::string& host);
  ~TlsContext();
  TlsContext(const TlsContext&) = delete;
  TlsContext& operator=(const TlsContext&) = delete;

  // For MOSQ_OPT_SSL_CTX; the library counts itself among the owners.
  ssl_ctx_st* handle() const { return context_.get(); }
  // Why the broker's certificate was refused; empty: it was not.
  const std::string& refusal() const { return refusal_; }

 private:
  struct Callbacks;
  struct Free {
    void operator()(ssl_ctx_st* context) const;
  };

  explicit TlsContext(std::string host);
  Status set_name();
  Status load(const SessionConfig& config);

  const std::string host_;
  bool is_address_ = false;
  std::string refusal_;
  std::unique_ptr<ssl_ctx_st, Free> context_;
};

}  // namespace vedette::mqtt
