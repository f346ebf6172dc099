#include "tests/support/s3_server.h"

#include <stdexcept>

#include "tests/support/paths.h"
#include "tests/support/ports.h"
#include "tests/support/wait.h"

namespace vedette::test {

namespace {

constexpr milliseconds kStartLimit{180000};
constexpr milliseconds kStopLimit{30000};
constexpr int kTries = 3;
constexpr int kPorts = 20;      // as support/ceph_rgw/start.sh says
constexpr int kTlsOffset = 19;  // the same; Swift serves TLS on its first port

std::string script(const std::string& name) {
  return VEDETTE_SOURCE_DIR "/tests/support/ceph_rgw/" + name;
}

}  // namespace

S3Server::S3Server(S3ServerOptions options) : options_(options), data_(dir_.path() / "data") {
  ProcessOptions process;
  process.env["S3_STORE"] = options_.bluestore ? "bluestore" : "memstore";
  process.env["S3_READY_S"] = std::to_string(kStartLimit.count() / 1000);
  if (options_.tls) {
    certificates_.emplace(dir_.path() / "certificates");
    process.env["S3_TLS_CERT"] = certificates_->server_cert.string();
    process.env["S3_TLS_KEY"] = certificates_->server_key.string();
  }
  process.death_signal = SIGTERM;  // the script cleans up
  process.grace = kStopLimit;
  // Another process may have taken one of the ports between the look and the use.
  std::string why;
  for (int tries = 0; tries < kTries; ++tries) {
    port_ = free_ports(kPorts);
    keeper_ = std::make_unique<Process>(
        std::vector<std::string>{VEDETTE_SOURCE_DIR "/tests/support/serve_s3.sh", options_.swift ? "swift" : "ceph_rgw",
                                 data_.string(), std::to_string(port_)},
        process);
    if (keeper_->wait_for_output("ready: ", kStartLimit)) return;
    why = keeper_->output();
    keeper_.reset();
    std::filesystem::remove_all(data_);
  }
  throw std::runtime_error("S3 server does not start: " + why);
}

std::string S3Server::endpoint() const {
  return endpoint_for("127.0.0.1");
}

std::string S3Server::endpoint_for(const std::string& host) const {
  if (options_.tls) return "https://" + host + ":" + std::to_string(port_ + (options_.swift ? 0 : kTlsOffset));
  return "http://" + host + ":" + std::to_string(port_);
}

S3Server::Keys S3Server::reader_of(const std::string& bucket) const {
  if (options_.swift) return {"READERACCESSKEY", "readersecretkey"};
  const std::string policy = R"({"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"AWS":)"
                             R"(["arn:aws:iam:::user/other"]},"Action":["s3:GetObject"],"Resource":["arn:aws:s3:::)" +
                             bucket + R"(/*"]}]})";
  const Answer answer = request("PUT", "/" + bucket + "?policy=", {"--data-binary", policy});
  if (answer.status / 100 != 2) throw std::runtime_error("policy of " + bucket + ": " + answer.body);
  return {other_access_key(), other_secret_key()};
}

void S3Server::create_bucket(const std::string& name) const {
  const Answer answer = request("PUT", "/" + name);
  if (answer.status != 200) throw std::runtime_error("bucket " + name + ": " + answer.body);
}

std::string S3Server::aws(std::vector<std::string> words) const {
  ProcessOptions options;
  options.env = {{"AWS_ACCESS_KEY_ID", access_key()},
                 {"AWS_SECRET_ACCESS_KEY", secret_key()},
                 {"AWS_DEFAULT_REGION", region()},
                 {"AWS_EC2_METADATA_DISABLED", "true"},
                 {"PYTHONUTF8", "1"}};
  words.insert(words.begin(), {"aws", "--endpoint-url", endpoint(), "--output", "json"});
  return run_or_throw(std::move(words), kStopLimit + kStopLimit, options);
}

void S3Server::admin(std::vector<std::string> words) const {
  const std::string conf = (data_ / "ceph.conf").string();
  words.insert(words.begin(), {"radosgw-admin", "-c", conf, "-n", "client.rgw", "--admin-socket="});
  run_or_throw(std::move(words), kStopLimit);
}

S3Server::Keys S3Server::make_key(const std::string& access_key) const {
  Keys keys{access_key, "secret-of-" + access_key};
  admin({"key", "create", "--uid=test", "--key-type=s3", "--access-key=" + keys.access_key,
         "--secret-key=" + keys.secret_key});
  return keys;
}

void S3Server::withdraw_key(const std::string& access_key) const {
  admin({"key", "rm", "--uid=test", "--key-type=s3", "--access-key=" + access_key});
}

void S3Server::add_storage_class(const std::string& name) const {
  const std::string placement = "--placement-id=default-placement", storage_class = "--storage-class=" + name;
  admin({"zonegroup", "placement", "add", "--rgw-zonegroup=default", placement, storage_class});
  admin({"zone", "placement", "add", "--rgw-zone=default", placement, storage_class,
         "--data-pool=default.rgw.buckets.data"});
  stop();  // what it knows it reads when it begins
  start();
}

void S3Server::stop() const {
  gateway("stop");
}

void S3Server::start() const {
  gateway("start");
}

std::string S3Server::start_second() const {
  const std::string url = "http://127.0.0.1:" + std::to_string(free_port());
  gateway("second", {url});
  return url;
}

void S3Server::kill() const {
  gateway("kill");
}

void S3Server::gateway(const std::string& what, const std::vector<std::string>& more) const {
  std::vector<std::string> words = {script("gateway.sh"), data_.string(), what};
  words.insert(words.end(), more.begin(), more.end());
  run_or_throw(std::move(words), kStartLimit);
}

void S3Server::pause() const {
  ::kill(pid_of(options_.swift ? "object-server" : "osd"), SIGSTOP);
}

void S3Server::resume() const {
  ::kill(pid_of(options_.swift ? "object-server" : "osd"), SIGCONT);
}

void S3Server::end_storage() const {
  ::kill(pid_of("object-server"), SIGKILL);
}

void S3Server::tell(const std::string& daemon, std::vector<std::string> words) const {
  words.insert(words.begin(), {"ceph", "--admin-daemon", (data_ / "run" / (daemon + ".asok")).string()});
  run_or_throw(std::move(words), kStopLimit);
}

void S3Server::set_most_requests(int n) const {
  tell("client.rgw", {"config", "set", "rgw_max_concurrent_requests", std::to_string(n)});
}

void S3Server::set_full(bool yes) const {
  tell("osd.0", {"injectfull", yes ? "full" : "none", yes ? "1000000000" : "0"});
  const bool so_it_is = eventually(kStartLimit, [&] {
    const auto done = run({"ceph", "-c", (data_ / "ceph.conf").string(), "osd", "dump"}, kStopLimit);
    const bool is_full = done.output.find("hashpspool,full") != std::string::npos;
    return done.status == 0 && is_full == yes;
  });
  if (!so_it_is) throw std::runtime_error("the store does not come to be full, or to be no more");
}

pid_t S3Server::pid_of(const std::string& daemon) const {
  return std::stoi(read_text(data_ / "run" / (daemon + ".pid")));
}

S3Server::Answer S3Server::request(const std::string& method, const std::string& path,
                                   const std::vector<std::string>& more) const {
  const TempDir scratch;
  const auto headers = scratch.path() / "headers";
  const auto body = scratch.path() / "body";
  std::vector<std::string> argv = {"curl", "--silent", "--show-error", "--max-time", "60", "--aws-sigv4",
                                   "aws:amz:" + region() + ":s3", "--user", access_key() + ":" + secret_key(),
                                   // curl 7.88 does not hash the body of an upload itself
                                   "--header", "x-amz-content-sha256: UNSIGNED-PAYLOAD", "--dump-header",
                                   headers.string(), "--output", body.string(), "--write-out", "%{http_code}"};
  if (options_.tls) argv.insert(argv.end(), {"--cacert", certificates_->ca.string()});
  if (method == "HEAD")
    argv.emplace_back("--head");
  else
    argv.insert(argv.end(), {"--request", method});
  argv.insert(argv.end(), more.begin(), more.end());
  argv.push_back(endpoint() + path);
  Answer answer;
  answer.status = std::stoi(run_or_throw(argv, kStopLimit + kStopLimit));
  answer.headers = read_text(headers);
  answer.body = read_text(body);
  return answer;
}

}  // namespace vedette::test
