#include "tests/uploader/credentials_server.h"

#include <filesystem>
#include <sstream>
#include <stdexcept>

#include "tests/support/paths.h"
#include "tests/support/ports.h"

namespace vedette::test {

namespace {
constexpr milliseconds kStartLimit{20000};
}  // namespace

CredentialsServer::CredentialsServer(const std::string& script) : certificates_(dir_.path()), port_(free_port()) {
  answer(script);
  start();
}

void CredentialsServer::answer(const std::string& script) {
  write_text(dir_.path() / "next", script);
  std::filesystem::rename(dir_.path() / "next", dir_.path() / "script");
}

void CredentialsServer::start() {
  process_.emplace(std::vector<std::string>{"python3", VEDETTE_SOURCE_DIR "/tests/uploader/credentials_server.py",
                                            std::to_string(port_), certificates_.server_cert.string(),
                                            certificates_.server_key.string(), certificates_.ca.string(),
                                            (dir_.path() / "script").string(), (dir_.path() / "log").string()});
  if (!process_->wait_for_output("ready", kStartLimit))
    throw std::runtime_error("the credentials server does not start: " + process_->output());
}

CredentialsEndpoint CredentialsServer::endpoint() const {
  return {"https://localhost:" + std::to_string(port_) + "/role-aliases/clips/credentials", certificates_.ca.string(),
          certificates_.client_cert.string(), certificates_.client_key.string(), "edge-01"};
}

std::vector<std::string> CredentialsServer::requests() const {
  std::vector<std::string> out;
  std::istringstream log(read_text(dir_.path() / "log"));
  for (std::string line; std::getline(log, line);) out.push_back(line);
  return out;
}

}  // namespace vedette::test
