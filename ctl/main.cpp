// vedettectl: the operator's command line. See --help, and README.md beside this file.
#include <CLI/CLI.hpp>
#include <cmath>
#include <cstdlib>
#include <filesystem>
#include <iostream>

#include "core/file.h"
#include "core/ids.h"
#include "core/log.h"
#include "ctl/options.h"
#include "ctl/output.h"
#include "ctl/run.h"
#include "mqtt/session.h"

namespace {

using namespace vedette;
using namespace vedette::ctl;

constexpr size_t kMostPasswordBytes = 64 * 1024;
constexpr double kMostTimeoutS = 86400;

constexpr const char* kExamples = R"(
Verbs:
  VERB name=value ...     send a command and print its final reply (JSON)
  watch                   devices, cameras and events as they are; a line for each message when piped, or with --lines
  devices                 the devices that this broker knows
  clips ls [name=value]   a table of clips: camera_id= from= to= limit= cursor=
  clips url CLIP_ID       a link to an uploaded clip
  clips get CLIP_ID       download it and verify its SHA-256; with --manifest, its manifest too
  config get              what is configured, and what became of the newest change
  config diff FILE        what FILE (sections to be set over MQTT) would change
  config set FILE         set it, and wait for what becomes of it
  verify FILE|FOLDER ...  check downloaded clips against their manifests, offline

Values: 10000, true, null, ["a"] and {"x":1} are JSON, anything else is a string, and names that end with _id are always
strings. labels[]=a labels[]=b makes a list. name:=JSON insists on JSON.

Examples:
  vedettectl --broker mqtt://10.0.0.2 devices
  export VEDETTE_BROKER=mqtts://broker.example VEDETTE_DEVICE=edge-01
  vedettectl agent.ping
  vedettectl recording.start camera_id=front pre_roll_ms=5000 duration_ms=10000 labels[]=door
  vedettectl recording.start camera_id=front start=2026-11-20T08:31:29Z duration_ms=60000
  vedettectl --timeout 60 clip.create camera_id=front start=2026-11-20T08:20:00Z end=2026-11-20T08:24:00Z
  vedettectl camera.discover timeout_ms=5000
  vedettectl snapshot.take camera_id=front width_px=640 deliver=upload
  vedettectl clips ls camera_id=front from=2026-11-20T00:00:00+01:00
  vedettectl clips get 0199aa00-1c50-7333-b111-222233334444 -o front.mp4
  vedettectl clips get 0199aa00-1c50-7333-b111-222233334444 --manifest && vedettectl verify 0199aa00*.mp4
  aws s3 sync s3://clips/edge-01 evidence && vedettectl verify evidence --key edge-01.pub.pem
  vedettectl config set site-a.json
  vedettectl watch | grep event

Options that stay the same can stand in a file: FLAGS without dashes, `broker = "mqtts://broker.example"`, one a line, in
~/.config/vedettectl.conf, $XDG_CONFIG_HOME/vedettectl.conf, VEDETTECTL_CONFIG or --config FILE. The environment comes before it, the command line before both.
Passwords: --password-file, or VEDETTE_PASSWORD in the environment; never an argument, which every user of this machine
could see. Without --device (or VEDETTE_DEVICE) the only device of the broker is meant, and `watch` follows all.
Exit status: 0 succeeded (verify: all is as it was recorded), 1 failed or rejected (verify: it is not), 2 wrong usage, 3 no reply in time.)";

struct CommandLine {
  Options options;
  std::string password_file;
  double timeout_s = 10;
  bool verbose = false;
  std::vector<std::string> words;
};

// CLI11 reads the file before it looks at the environment.
std::string default_config() {
  // NOLINTBEGIN(concurrency-mt-unsafe): before any thread
  if (const char* file = std::getenv("VEDETTECTL_CONFIG"); file && *file) return file;
  if (const char* folder = std::getenv("XDG_CONFIG_HOME"); folder && *folder)
    return std::string(folder) + "/vedettectl.conf";
  const char* home = std::getenv("HOME");
  // NOLINTEND(concurrency-mt-unsafe)
  return std::string(home ? home : "") + "/.config/vedettectl.conf";
}

bool is_set(const std::string& variable) {
  const char* value = std::getenv(variable.c_str());  // NOLINT(concurrency-mt-unsafe): before any thread
  return value && *value;
}

// The file without what the environment says: CLI11 would take the file's.
class ConfigBehindEnvironment : public CLI::ConfigBase {
 public:
  explicit ConfigBehindEnvironment(const CLI::App& app) : app_(app) {}

  std::vector<CLI::ConfigItem> from_config(std::istream& input) const override {
    auto all = CLI::ConfigBase::from_config(input);
    std::erase_if(all, [this](const CLI::ConfigItem& item) {
      if (item.name == "password-file") return is_set("VEDETTE_PASSWORD");
      const CLI::Option* option = app_.get_option_no_throw("--" + item.name);
      return option && !option->get_envname().empty() && is_set(option->get_envname());
    });
    return all;
  }

 private:
  const CLI::App& app_;
};

void declare(CLI::App& app, CommandLine& line) {
  Options& o = line.options;
  app.config_formatter(std::make_shared<ConfigBehindEnvironment>(app));
  app.footer(kExamples);
  app.set_version_flag("--version", VEDETTE_VERSION);
  // The last one counts, so that an alias can be overruled.
  app.option_defaults()->multi_option_policy(CLI::MultiOptionPolicy::TakeLast);
  app.set_config("--config", default_config(),
                 "options in a file, one a line: broker = \"mqtts://...\" (Env:VEDETTECTL_CONFIG)");
  app.allow_config_extras(CLI::config_extras_mode::error);  // a typing error is not a default
  app.add_option("--broker", o.brokers, "mqtt://host[:port] or mqtts://...; may be given several times")
      ->envname("VEDETTE_BROKER")
      ->take_all()
      ->expected(1)
      ->allow_extra_args(false)
      ->delimiter(',');
  app.add_option("--device", o.device, "device id")->envname("VEDETTE_DEVICE");
  app.add_option("--topic-root", o.topic_root, "first levels of the topics")
      ->envname("VEDETTE_TOPIC_ROOT")
      ->capture_default_str();
  app.add_option("--username", o.username, "user name for the broker")->envname("VEDETTE_USERNAME");
  app.add_option(
         "--reply-to", o.reply_to,
         "last level of the topic that replies come on; as it comes the user name, which a broker's rules can allow")
      ->envname("VEDETTE_REPLY_TO");
  app.add_option("--password-file", line.password_file, "file with the password (or VEDETTE_PASSWORD)");
  app.add_option("--ca-file", o.ca_file, "CA certificate of the broker, instead of the system's")
      ->envname("VEDETTE_CA_FILE");
  app.add_option("--cert-file", o.cert_file, "client certificate")->envname("VEDETTE_CERT_FILE");
  app.add_option("--key-file", o.key_file, "its key")->envname("VEDETTE_KEY_FILE");
  app.add_option("--http-ca-file", o.http_ca_file, "CA certificate of the object store, for clips get")
      ->envname("VEDETTE_HTTP_CA_FILE");
  app.add_option("--mqtt-version", o.mqtt_version, "5, or 4 for MQTT 3.1.1")
      ->check(CLI::IsMember({4, 5}))
      ->capture_default_str();
  app.add_option("--timeout", line.timeout_s,
                 "seconds to wait for the broker, and for the first reply; a device that has accepted may take as long "
                 "again after each "
                 "reply (at least 15 s, and timeout_ms of the command on top)")
      ->check(CLI::Range(0.1, kMostTimeoutS))
      ->capture_default_str();
  app.add_option("-o,--output", o.output, "where clips get writes to");
  app.add_flag("--manifest", o.manifest, "clips get: the manifest as well, beside the clip");
  app.add_option("--key", o.verify_keys, "verify: public key of a device (PEM); may be given several times")
      ->take_all()
      ->expected(1)
      ->allow_extra_args(false);
  app.add_flag("--partial", o.partial, "verify: a folder need not hold all manifests of a chain");
  app.add_flag("--json", o.json, "JSON in one line, also on a terminal and for tables and watch");
  app.add_flag("-q,--quiet", o.quiet, "no progress on stderr, neither bars nor replies before the final one");
  app.add_flag("--lines", o.lines, "watch: a line for each message, also on a terminal");
  app.add_flag("-v,--verbose", line.verbose, "log what happens on the connection");
  app.add_option("verb", line.words, "what to do, and name=value ...")->required()->take_all();
}

Result<std::string> read_password(const std::string& file) {
  if (file.empty()) {
    const char* password = std::getenv("VEDETTE_PASSWORD");  // NOLINT(concurrency-mt-unsafe): before any thread
    return std::string(password ? password : "");
  }
  auto content = file::read(file, kMostPasswordBytes);
  if (!content) return content.error_with("password file");
  while (!content->empty() && (content->back() == '\n' || content->back() == '\r')) content->pop_back();
  return content;
}

// Where it is --config that names a file which is not there, CLI11 says so.
Status check_config(const std::string& file) {
  const char* named = std::getenv("VEDETTECTL_CONFIG");  // NOLINT(concurrency-mt-unsafe): before any thread
  if (!named || file != named || file.empty()) return {};
  std::error_code ignored;
  if (std::filesystem::is_regular_file(file, ignored)) return {};
  return fail(Code::invalid_argument, "VEDETTECTL_CONFIG: there is no file " + file);
}

Status complete(CommandLine& line) {
  Options& o = line.options;
  if (std::isnan(line.timeout_s)) return fail(Code::invalid_argument, "--timeout: is not a number");
  if (o.brokers.empty()) o.brokers = {"mqtt://127.0.0.1"};
  for (const std::string& url : o.brokers)
    if (const Status status = mqtt::check_url(url); !status) return status.error_as_is();
  if (!o.device.empty() && !is_name(o.device))
    return fail(Code::invalid_argument, "--device: an id has lower-case letters, digits, - and _");
  auto password = read_password(line.password_file);
  if (!password) return password.error_as_is();
  o.password = *std::move(password);
  o.timeout = milliseconds(static_cast<int64_t>(line.timeout_s * 1000));
  return {};
}

}  // namespace

int main(int argc, char** argv) {
  CLI::App app("vedettectl: sends commands to Vedette devices and shows what they say.");
  CommandLine line;
  declare(app, line);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& e) {
    return app.exit(e) == 0 ? kSucceeded : kUsage;
  }
  log::set_up(line.verbose ? log::Level::debug : log::Level::error, log::Format::text);
  if (const Status status = check_config(app.get_config_ptr()->as<std::string>()); !status)
    return print_error(status.error());
  if (const Status status = complete(line); !status) return print_error(status.error());
  const auto status = run(line.options, line.words);
  if (!status) return print_error(status.error());
  if (!std::cout.flush()) return print_error({Code::internal, "the output cannot be written"});
  return *status;
}
