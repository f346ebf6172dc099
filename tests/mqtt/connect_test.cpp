#include <fcntl.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/resource.h>
#include <sys/socket.h>

#include <ctime>

#include "tests/mqtt/client.h"
#include "tests/mqtt/odd_broker.h"
#include "tests/support/ports.h"
#include "tests/support/process.h"
#include "tests/support/slow_name.h"
#include "tests/support/wait.h"

namespace vedette::test {

namespace {

// What a stop may take at most, with room for a busy machine.
constexpr milliseconds kStopLimit{1000};
constexpr const char* kNobodyListens = "mqtt://127.0.0.1:1";

milliseconds time_of(const std::function<void()>& work) {
  const auto began = std::chrono::steady_clock::now();
  work();
  return std::chrono::duration_cast<milliseconds>(std::chrono::steady_clock::now() - began);
}

milliseconds cpu_time() {
  timespec used{};
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &used);
  return std::chrono::duration_cast<milliseconds>(seconds(used.tv_sec) + std::chrono::nanoseconds(used.tv_nsec));
}

// The descriptor of this process that is connected to that port of 127.0.0.1; -1: none.
int socket_to(uint16_t port) {
  for (int fd = 0; fd < 1024; ++fd) {
    sockaddr_in peer{};
    socklen_t size = sizeof peer;
    if (getpeername(fd, reinterpret_cast<sockaddr*>(&peer), &size) == 0 && peer.sin_family == AF_INET &&
        ntohs(peer.sin_port) == port)
      return fd;
  }
  return -1;
}

int tcp_option(int fd, int name) {
  int value = -1;
  socklen_t size = sizeof value;
  getsockopt(fd, IPPROTO_TCP, name, &value, &size);
  return value;
}

bool holds(const std::vector<std::string>& lines, const std::string& text) {
  for (const std::string& line : lines)
    if (line.find(text) != std::string::npos) return true;
  return false;
}

// With a broker that is not reached: by its destruction, and by close().
void expect_to_stop_at_once(const std::string& url) {
  auto client = std::make_unique<Client>(quick_config({url}));
  EXPECT_FALSE(client->wait_for_connections(1, 300ms)) << url;
  EXPECT_LT(time_of([&] { client.reset(); }), kStopLimit) << url;
  client = std::make_unique<Client>(quick_config({url}));
  EXPECT_FALSE(client->wait_for_connections(1, 300ms)) << url;
  EXPECT_LT(time_of([&] { client->session().close(std::nullopt, 5s); }), kStopLimit) << url;
}

}  // namespace

TEST(ConnectTest, TriesTheUrlsInTurn) {
  const Mosquitto broker;
  Client client(quick_config({kNobodyListens, broker.url()}));
  EXPECT_TRUE(client.wait_for_connections(1));
  EXPECT_TRUE(holds(client.failures(), "Connection refused"));
}

TEST(ConnectTest, StaysWithOneFailingUrlUntilItAnswers) {
  Mosquitto broker;
  broker.stop();
  Client client(broker);
  EXPECT_TRUE(client.wait_for_failed_tries(3));
  broker.start();
  EXPECT_TRUE(client.wait_for_connections(1));
  EXPECT_TRUE(client.delivers("vedette/x", "1"));
}

TEST(ConnectTest, StopsAtOnceWhileABrokerDoesNotAnswer) {
  OddBroker silent(OddBroker::Manner::silent);
  OddBroker full(OddBroker::Manner::full_backlog);
  for (const std::string& url : {silent.url(), silent.url("mqtts"), full.url(), full.url("mqtts"),
                                 std::string("mqtt://10.255.255.1"), std::string("mqtts://no-such-host.invalid")})
    expect_to_stop_at_once(url);
}

#ifndef __SANITIZE_THREAD__  // under it the names are looked up in the thread that asks
TEST(ConnectTest, ANameServerThatDoesNotAnswerHoldsNothingUp) {
  const Mosquitto broker;
  answer_slow_name(false);
  const std::string port = std::to_string(broker.port());
  for (const std::string scheme : {"mqtt", "mqtts"}) expect_to_stop_at_once(scheme + "://" + kSlowName + ":" + port);
}

// It answered once, and is away when the library would ask it again.
TEST(ConnectTest, ANameIsLookedUpOnceForATry) {
  MosquittoOptions options;
  options.tls = true;
  const Mosquitto plain, tls(options);
  answer_slow_name(true);
  for (const Mosquitto* broker : {&plain, &tls}) {
    std::string url = broker->url();
    mqtt::SessionConfig config = quick_config({url.replace(url.find("127.0.0.1"), 9, kSlowName)});
    if (broker == &tls) config.ca_file = tls.certificates().ca;
    auto client = std::make_unique<Client>(config);
    if (broker == &plain)
      EXPECT_TRUE(client->wait_for_connections(1, 10s)) << url;
    else  // made out for localhost
      EXPECT_TRUE(client->wait_for_failure("hostname mismatch", 10s)) << url;
    EXPECT_LT(time_of([&] { client.reset(); }), kStopLimit) << url;
  }
  answer_slow_name(false);
  EXPECT_EQ(hung_questions(), 0);
}
#endif

TEST(ConnectTest, WaitsForTheTlsHandshakeWithoutBurningCpu) {
  OddBroker silent(OddBroker::Manner::silent);
  Client client(quick_config({silent.url("mqtts")}));
  ASSERT_TRUE(eventually(10s, [&] { return silent.accepted() == 1; }));
  const milliseconds before = cpu_time();
  EXPECT_FALSE(client.wait_for_failed_tries(1, 1000ms));
  EXPECT_LT(cpu_time() - before, 400ms);
}

TEST(ConnectTest, WaitsLongerAfterEachTryAlsoWhenTheBrokerAcceptsFirst) {
  OddBroker flapping(OddBroker::Manner::drops);
  Client client(quick_config({flapping.url()}));
  ASSERT_TRUE(eventually(20s, [&] { return flapping.accepted() >= 1; }));
  const auto began = std::chrono::steady_clock::now();
  ASSERT_TRUE(eventually(30s, [&] { return flapping.accepted() >= 9; }));
  // The lower halves of 50, 100, 200, 400 ms and so on.
  EXPECT_GE(std::chrono::steady_clock::now() - began, 1100ms);
}

TEST(ConnectTest, ACorrectedPasswordConnects) {
  const TempDir dir;
  const std::string passwords = dir.path() / "passwords";
  write_text(passwords, "");
  run_or_throw({"mosquitto_passwd", "-b", passwords, "edge-01", "the other one"});
  MosquittoOptions options;
  options.more = "allow_anonymous false\npassword_file " + passwords;
  Mosquitto broker(options);
  mqtt::SessionConfig config = quick_config({broker.url()});
  config.username = "edge-01";
  config.password = "canary-4711";
  for (const int version : {4, 5}) {
    run_or_throw({"mosquitto_passwd", "-b", passwords, "edge-01", "the other one"});
    broker.stop();
    broker.start();
    config.version = version;
    Client client(config);
    EXPECT_TRUE(client.wait_for_failure("refused by the broker")) << version;
    EXPECT_TRUE(client.wait_for_failed_tries(2)) << version;
    EXPECT_FALSE(holds(client.failures(), config.password));
    run_or_throw({"mosquitto_passwd", "-b", passwords, "edge-01", config.password});
    broker.stop();
    broker.start();
    EXPECT_TRUE(client.wait_for_connections(1)) << version;
  }
}

TEST(ConnectTest, UsesTheCredentialsOfTheUrl) {
  MosquittoOptions options;
  options.users = {{"edge-01", "s3cret/word"}};
  const Mosquitto broker(options);
  Client client(quick_config({"mqtt://edge-01:s3cret%2Fword@127.0.0.1:" + std::to_string(broker.port())}));
  EXPECT_TRUE(client.wait_for_connections(1));
}

TEST(ConnectTest, VerifiesTheBrokerAndShowsItsOwnCertificate) {
  MosquittoOptions options;
  options.client_certificates = true;
  const Mosquitto broker(options);
  mqtt::SessionConfig config = quick_config({broker.url()});
  config.ca_file = broker.certificates().ca;
  config.cert_file = broker.certificates().client_cert;
  config.key_file = broker.certificates().client_key;
  Client client(config);
  EXPECT_TRUE(client.wait_for_connections(1));
  EXPECT_TRUE(client.delivers("vedette/x", std::string(100000, 'x')));
}

TEST(ConnectTest, KeepsTryingWhenTheBrokerIsNotTrusted) {
  MosquittoOptions options;
  options.tls = true;
  const Mosquitto broker(options);
  const TempDir dir;
  const Certificates others(dir.path() / "others");
  mqtt::SessionConfig config = quick_config({broker.url()});
  config.ca_file = others.ca;
  Client wrong_ca(config);
  EXPECT_TRUE(wrong_ca.wait_for_failure("certificate verify failed"));
  EXPECT_TRUE(wrong_ca.wait_for_failed_tries(3));
  EXPECT_EQ(wrong_ca.connections(), 0);

  config.ca_file = dir.path() / "absent";
  Client no_ca(config);
  EXPECT_TRUE(no_ca.wait_for_failure("No such file"));
  EXPECT_TRUE(no_ca.wait_for_failed_tries(2));

  config.ca_file.clear();
  Client system_ca(config);
  EXPECT_TRUE(system_ca.wait_for_failure("certificate verify failed"));
}

TEST(ConnectTest, RefusesACertificateForAnotherName) {
  MosquittoOptions options;
  options.tls = true;
  const Mosquitto broker(options);
  // Another way to write 127.0.0.1, which is not what stands in the certificate.
  mqtt::SessionConfig config = quick_config({"mqtts://127.1:" + std::to_string(broker.port())});
  config.ca_file = broker.certificates().ca;
  Client client(config);
  EXPECT_TRUE(client.wait_for_failure("certificate verify failed (hostname mismatch)"));
}

TEST(ConnectTest, SurvivesTlsToAPlainPortAndPlainToATlsPort) {
  MosquittoOptions options;
  options.tls = true;
  const Mosquitto tls(options);
  const Mosquitto plain;
  Client to_plain(quick_config({"mqtts://127.0.0.1:" + std::to_string(plain.port())}));
  Client to_tls(quick_config({"mqtt://127.0.0.1:" + std::to_string(tls.port())}));
  EXPECT_TRUE(to_plain.wait_for_failed_tries(2));
  EXPECT_TRUE(to_tls.wait_for_failed_tries(2));
}

TEST(ConnectTest, WorksWithMoreThan1024OpenFiles) {
  rlimit limit{};
  ASSERT_EQ(getrlimit(RLIMIT_NOFILE, &limit), 0);
  const rlimit before = limit;
  limit.rlim_cur = std::max<rlim_t>(limit.rlim_cur, std::min<rlim_t>(limit.rlim_max, 4096));
  setrlimit(RLIMIT_NOFILE, &limit);
  if (limit.rlim_cur < 2048) GTEST_SKIP() << "no more than " << limit.rlim_cur << " open files are allowed here";
  const Mosquitto broker;
  std::vector<Fd> files;
  while (files.empty() || files.back().get() < 1100) {
    files.emplace_back(open("/dev/null", O_RDONLY | O_CLOEXEC));
    ASSERT_TRUE(files.back());
  }
  mqtt::SessionConfig config = quick_config({broker.url()});
  config.subscriptions = {{"vedette/#", 1}};
  Client client(config);
  ASSERT_TRUE(client.wait_for_connections(1));
  EXPECT_TRUE(client.delivers("vedette/x", "1"));
  EXPECT_TRUE(client.wait_for_message("vedette/x"));
  client.drop();
  files.clear();
  setrlimit(RLIMIT_NOFILE, &before);
}

// The library alone finds it after two intervals.
TEST(ConnectTest, FindsAFrozenBrokerWithin15KeepaliveIntervals) {
  const Mosquitto broker;
  mqtt::SessionConfig config = quick_config({broker.url()});
  config.keepalive = 10s;
  Client client(config);
  ASSERT_TRUE(client.wait_for_connections(1));
  broker.pause();
  constexpr milliseconds kTick{1000}, kSlack{1500};
  EXPECT_TRUE(client.wait_for_losses(1, config.keepalive * 3 / 2 + kTick + kSlack));
  broker.resume();
  EXPECT_TRUE(client.wait_for_connections(2));
}

TEST(ConnectTest, TheSocketSendsAtOnceAndGivesADeadNetworkUp) {
  const Mosquitto broker;
  mqtt::SessionConfig config = quick_config({broker.url()});
  config.keepalive = 30s;
  Client client(config);
  ASSERT_TRUE(client.wait_for_connections(1));
  const int socket = socket_to(broker.port());
  ASSERT_GE(socket, 0);
  EXPECT_EQ(tcp_option(socket, TCP_NODELAY), 1);
  EXPECT_EQ(tcp_option(socket, TCP_USER_TIMEOUT), 15'000);  // half of the keepalive
}

// Mosquitto's file of ACLs grants every subscription; its plug-in does not.
TEST(ConnectTest, SaysWhichSubscriptionsTheBrokerRefuses) {
  MosquittoOptions options;
  options.refused_filter = "vedette/secret/#";
  const Mosquitto broker(options);
  for (const auto& [version, reason] : {std::pair(5, 0x87), std::pair(4, 0x80)}) {
    mqtt::SessionConfig config = quick_config({broker.url()});
    config.version = version;
    config.subscriptions = {{"vedette/open/#", 1}, {"vedette/secret/#", 1}};
    Client client(config);
    ASSERT_TRUE(client.wait_for_connections(1));
    const auto refused = client.refused();
    ASSERT_EQ(refused.size(), 1u) << version;
    EXPECT_EQ(refused[0].filter, "vedette/secret/#");
    EXPECT_EQ(refused[0].reason, reason);
    EXPECT_TRUE(client.delivers("vedette/open/x", "1"));
    EXPECT_TRUE(client.wait_for_message("vedette/open/x"));
  }
}

TEST(ConnectTest, DropsAConnectionThatAcknowledgesNothing) {
  OddBroker deaf(OddBroker::Manner::deaf);
  mqtt::SessionConfig config = quick_config({deaf.url()});
  config.puback_limit = 1s;
  Client client(config);
  ASSERT_TRUE(client.wait_for_connections(1));
  mqtt::Message message;
  message.topic = "vedette/x";
  ASSERT_TRUE(client.session().publish(message, 1));
  EXPECT_TRUE(client.wait_for_losses(1));
}

}  // namespace vedette::test
