#include "tests/support/mosquitto.h"

#include <nlohmann/json.hpp>
#include <sstream>

#include "core/json.h"
#include "tests/support/ports.h"
#include "tests/support/wait.h"

namespace vedette::test {

namespace {

constexpr milliseconds kStartLimit{20000};

// Debian keeps the daemons out of the PATH of users.
std::string program() {
  return std::filesystem::exists("/usr/sbin/mosquitto") ? "/usr/sbin/mosquitto" : "mosquitto";
}

std::string security_plugin() {
  for (const auto& folder : std::filesystem::directory_iterator("/usr/lib"))
    if (auto path = folder.path() / "mosquitto_dynamic_security.so"; std::filesystem::exists(path)) return path;
  throw std::runtime_error("mosquitto_dynamic_security.so is not below /usr/lib");
}

}  // namespace

Mosquitto::Mosquitto(MosquittoOptions options) : options_(std::move(options)), port_(free_port()) {
  if (options_.client_certificates) options_.tls = true;
  if (options_.tls) certificates_.emplace(dir_.path() / "certificates");
  const std::string passwords = (dir_.path() / "passwords").string();
  if (!options_.users.empty()) write_text(passwords, "");
  for (const auto& [name, password] : options_.users)
    run_or_throw({"mosquitto_passwd", "-b", passwords, name, password});
  if (!options_.acl.empty()) write_text(dir_.path() / "acl", options_.acl);
  if (!options_.refused_filter.empty()) set_refused_filter(options_.refused_filter);
  write_config();
  start();
}

std::string Mosquitto::url() const {
  return (options_.tls ? "mqtts://127.0.0.1:" : "mqtt://127.0.0.1:") + std::to_string(port_);
}

void Mosquitto::write_config() const {
  const std::string dir = dir_.path().string();
  std::ostringstream conf;
  conf << "listener " << port_ << " 127.0.0.1\n"
       << "user root\n"  // when started by root: stay it, the files here are root's
       << "set_tcp_nodelay true\n"
       << "max_inflight_messages " << options_.max_inflight << "\n"
       << "log_type all\n"
       << "connection_messages true\n"
       << "allow_anonymous " << (options_.users.empty() && !options_.client_certificates ? "true" : "false") << "\n";
  if (!options_.users.empty()) conf << "password_file " << dir << "/passwords\n";
  if (!options_.acl.empty()) conf << "acl_file " << dir << "/acl\n";
  if (!options_.refused_filter.empty())
    conf << "plugin " << security_plugin() << "\nplugin_opt_config_file " << dir << "/security.json\n";
  if (options_.tls)
    conf << "cafile " << certificates_->ca.string() << "\ncertfile " << certificates_->server_cert.string()
         << "\nkeyfile " << certificates_->server_key.string() << "\n";
  if (options_.client_certificates) conf << "require_certificate true\nuse_identity_as_username true\n";
  if (options_.persistence)
    conf << "persistence true\npersistence_location " << dir
         << "/\nautosave_on_changes true\nautosave_interval 1\n";  // saved soon after every change
  conf << options_.more << "\n";
  write_text(dir_.path() / "mosquitto.conf", conf.str());
}

void Mosquitto::start() {
  ProcessOptions options;
  options.output = dir_.path() / "log";
  process_ = std::make_unique<Process>(
      std::vector<std::string>{program(), "-c", (dir_.path() / "mosquitto.conf").string()}, options);
  try {
    wait_for_port(port_, kStartLimit);
  } catch (const std::runtime_error& e) {
    throw std::runtime_error(std::string("mosquitto: ") + e.what() + "\n" + log());
  }
}

void Mosquitto::stop() {
  if (process_) process_->end();
}

void Mosquitto::kill9() {
  process_->kill(SIGKILL);
  process_->wait(kStartLimit);
}

void Mosquitto::set_acl(const std::string& acl) const {
  const auto reloads = [this] {
    size_t count = 0;
    const std::string lines = log();
    for (size_t at = lines.find("Reloading config"); at != std::string::npos;
         at = lines.find("Reloading config", at + 1))
      ++count;
    return count;
  };
  const size_t before = reloads();
  write_text(dir_.path() / "acl", acl);
  process_->kill(SIGHUP);
  if (!eventually(kStartLimit, [&] { return reloads() > before; }))
    throw std::runtime_error("mosquitto does not load its ACL\n" + log());
}

void Mosquitto::set_refused_filter(const std::string& filter) const {
  const Json acls = filter.empty()
                        ? Json::array()
                        : Json::array({{{"acltype", "subscribeLiteral"}, {"topic", filter}, {"allow", false}}});
  const Json security = {
      {"defaultACLAccess",
       {{"publishClientSend", true}, {"publishClientReceive", true}, {"subscribe", true}, {"unsubscribe", true}}},
      {"anonymousGroup", "all"},
      {"clients", Json::array()},
      {"groups", Json::array({{{"groupname", "all"}, {"roles", Json::array({{{"rolename", "r"}}})}}})},
      {"roles", Json::array({{{"rolename", "r"}, {"acls", acls}}})}};
  write_text(dir_.path() / "security.json", security.dump());
}

bool Mosquitto::has_saved(const std::string& text) const {
  return read_text(dir_.path() / "mosquitto.db").find(text) != std::string::npos;
}

std::string Mosquitto::log() const {
  return read_text(dir_.path() / "log");
}

}  // namespace vedette::test
