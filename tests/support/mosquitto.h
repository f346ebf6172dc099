#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>

#include "tests/support/certificates.h"
#include "tests/support/process.h"
#include "tests/support/temp_dir.h"

namespace vedette::test {

struct MosquittoOptions {
  std::map<std::string, std::string> users{};  // name -> password; empty: anybody
  std::string acl{};                           // content of the ACL file; empty: everything is allowed
  // Subscribing to exactly this filter is refused, by the plug-in for dynamic security: an ACL file grants each
  // SUBSCRIBE and only lets no message through.
  std::string refused_filter{};
  bool tls = false;
  bool client_certificates = false;  // TLS with client certificates, whose common name is the user
  bool persistence = false;          // sessions and retained messages survive stop() and kill9()
  int max_inflight = 20;             // per client and direction
  std::string more{};                // further lines of mosquitto.conf
};

// Mosquitto is a real broker on a free loopback port, which stays the same across stop() and start(). Runs when made.
class Mosquitto {
 public:
  explicit Mosquitto(MosquittoOptions options = {});

  uint16_t port() const { return port_; }
  // mqtt:// or mqtts://
  std::string url() const;
  // Only with TLS.
  const Certificates& certificates() const { return *certificates_; }

  // Returns when it accepts connections.
  void start();
  void stop();
  void kill9();
  // Returns when it is in force; connections stay. Only where there was an ACL from the beginning.
  void set_acl(const std::string& acl) const;
  // Empty: none is refused any more. Counts from the next start(); only where one was from the beginning.
  void set_refused_filter(const std::string& filter) const;
  // SIGSTOP: connections stay open, nobody answers. resume() ends it.
  void pause() const { process_->kill(SIGSTOP); }
  void resume() const { process_->kill(SIGCONT); }

  // Whether the file of persistence holds the text. The broker acknowledges a message shortly before it saves it.
  bool has_saved(const std::string& text) const;
  std::string log() const;

 private:
  void write_config() const;

  MosquittoOptions options_;
  TempDir dir_;
  uint16_t port_;
  std::optional<Certificates> certificates_;
  std::unique_ptr<Process> process_;
};

}  // namespace vedette::test
