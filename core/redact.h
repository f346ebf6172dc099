#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace vedette {

// The one redactor in front of every output: logs, replies, events, errors. It knows the secrets that were read from
// the configuration, and the shapes in which others appear: credentials in URLs, in front of the host or by their name
// in path and query, signatures of presigned URLs, and Authorization headers. Thread-safe.

// Makes known a secret, as it is, percent-encoded and escaped as in JSON. Secrets under 4 characters cannot be told
// from other text and are only caught by shape.
void add_secret(std::string_view secret);
// The same for one of those that are renewed again and again: the newest 64 of all these are known, so that years of
// them cost no memory and no time.
void add_passing_secret(std::string_view secret);

// What a URL names a secret in its path or query: the values of password=, token= and the like, as they stand there.
std::vector<std::string> secrets_in_url(std::string_view url);

// The text with every secret replaced by "***".
std::string redact(std::string_view text);

}  // namespace vedette
