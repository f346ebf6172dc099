#include "agent/config_load.h"

#include <algorithm>

#include "core/redact.h"
#include "core/secret.h"
#include "core/text.h"

namespace vedette {

namespace {

// Where user:password ends in a URL: at the last '@' in front of the path, or of all where a password with a '/' in it
// was not encoded, which shows in that what looks like the port is no number. npos when there is none.
size_t end_of_credentials(const std::string& url, size_t begin) {
  const size_t path = std::min(url.find_first_of("/?#", begin), url.size());
  const size_t at = url.substr(0, path).rfind('@');
  if (at != std::string::npos && at >= begin) return at;
  const size_t colon = url.find(':', begin);
  if (colon >= path || url[begin] == '[') return std::string::npos;
  if (url.find_first_not_of("0123456789", colon + 1) >= path) return std::string::npos;
  return url.rfind('@');
}

}  // namespace

void read_secret(JsonReader& r, const std::string& name, std::string& field, ConfigLoad& load, std::string* file) {
  if (auto reference = r.string(name + "_file", 1)) {
    auto secret = resolve_secret(*reference);
    if (file != nullptr) *file = *reference;
    if (secret)
      field = std::move(*secret);
    else
      r.error(name + "_file", secret.error().message);
  }
  if (auto literal = r.string(name)) {
    load.warn(r.path() + "/" + name, "a secret in the configuration itself; better use " + name + "_file");
    add_secret(*literal);
    if (file != nullptr) file->clear();
    field = std::move(*literal);
  }
}

void take_credentials(const std::string& path, std::string& url, std::string& username, std::string& password,
                      ConfigLoad& load) {
  const size_t begin = url.find("://");
  if (begin == std::string::npos) return;
  const size_t at = end_of_credentials(url, begin + 3);
  if (at == std::string::npos || at < begin + 3) return;
  const std::string credentials = url.substr(begin + 3, at - begin - 3);
  const size_t colon = std::min(credentials.find(':'), credentials.size());
  if (username.empty()) username = percent_decode(credentials.substr(0, colon));
  if (colon < credentials.size()) {
    add_secret(credentials.substr(colon + 1));
    const std::string secret = percent_decode(credentials.substr(colon + 1));
    add_secret(secret);
    if (password.empty()) password = secret;
  }
  url.erase(begin + 3, at - begin - 2);
  load.warn(path, "credentials in the URL; better use username and password_file");
}

}  // namespace vedette
