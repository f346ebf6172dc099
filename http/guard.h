#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace vedette {

// HttpGuard says who is asking, before anybody looks at what for. With a token, whoever shows it is known, and whoever
// shows another one is refused. Without one, the listener is for programs on this machine (the configuration sees to
// it), and what is left to keep out are web pages in a browser on this machine that had their own name lead here (DNS
// rebinding): their requests name another host. Immutable.
class HttpGuard {
 public:
  // Empty: none.
  explicit HttpGuard(std::string_view token);

  enum class Verdict {
    known,      // may have everything
    anonymous,  // may have what anyone may
    refused,    // showed a wrong token: 401
    misled,     // was meant for another host: 403
  };
  // The values of the header fields; nothing: there is none.
  Verdict look(std::optional<std::string_view> authorization, std::optional<std::string_view> host) const;

 private:
  std::string digest_;  // of the token; empty: there is none
};

}  // namespace vedette
