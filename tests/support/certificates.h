#pragma once

#include <filesystem>
#include <string>

namespace vedette::test {

// A certificate authority of its own and what it signed: a server certificate for 127.0.0.1 and localhost, and a client
// certificate for the common name "edge-01". Made by the openssl command in `dir`.
struct Certificates {
  explicit Certificates(const std::filesystem::path& dir);

  // A certificate of the CA for another name, and one for 127.0.0.1 that is over; the keys end in .key.
  std::filesystem::path make_for(const std::string& name) const;
  std::filesystem::path make_expired() const;
  // One for 127.0.0.1 that nobody signed but itself: self.crt, self.key.
  std::filesystem::path make_self_signed() const;

  std::filesystem::path ca;
  std::filesystem::path server_cert;
  std::filesystem::path server_key;
  std::filesystem::path client_cert;
  std::filesystem::path client_key;
};

}  // namespace vedette::test
