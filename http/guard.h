#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/result.h"

namespace vedette {

// What a page is about, and so which tokens open it.
enum class HttpScope {
  anyone,  // of no token: everybody who gets a connection has it
  view,    // figures
  record,  // makes clips
  admin,   // all else
};
// "view", "record", "admin".
std::string_view scope_name(HttpScope scope);

struct HttpToken {
  std::string name;   // for the log
  std::string token;  // a secret
  std::vector<HttpScope> scopes;

  bool operator==(const HttpToken&) const = default;
};

// Who asks.
struct HttpCaller {
  std::string name = {};  // of the token that was shown; empty: none was
  std::vector<HttpScope> scopes = {};

  bool known() const { return !scopes.empty(); }
  bool may(HttpScope scope) const;
};

// HttpGuard says who is asking, before anybody looks at what for. Whoever shows a token is known by it, and whoever
// shows another one is refused. With open pages, all of this machine may view and administer without one (the
// configuration sees to it that nobody else gets there), and what is left to keep out are web pages in a browser on
// this machine that had their own name lead here (DNS rebinding): their requests name another host. Immutable.
class HttpGuard {
 public:
  enum class Pages { closed, open };

  // No tokens and open pages.
  HttpGuard() : HttpGuard({}, Pages::open) {}
  HttpGuard(std::vector<HttpToken> tokens, Pages pages);

  enum class Refusal {
    unknown,  // showed a token that is none: 401
    misled,   // was meant for another host: 403
  };
  // The values of the header fields; nothing: there is none.
  tl::expected<HttpCaller, Refusal> look(std::optional<std::string_view> authorization,
                                         std::optional<std::string_view> host) const;

 private:
  const HttpToken* find(std::string_view authorization) const;

  std::vector<HttpToken> tokens_;  // with the digest of each instead
  Pages pages_;
};

}  // namespace vedette
