// What the readers take and refuse is what the schemas say: documents, good and spoilt, are made from the schemas by
// corpus.mjs and judged by ajv. Commands have command_schema_test.cpp.
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <functional>
#include <iostream>
#include <map>
#include <nlohmann/json.hpp>
#include <sstream>

#include "agent/cloud_response.h"
#include "agent/config_start.h"
#include "agent/grant_messages.h"
#include "tests/agent/config_fixture.h"
#include "tests/support/paths.h"
#include "uploader/grant_check.h"

namespace vedette {
namespace {

using About = GrantQuestion::About;

class CorpusTest : public testing::Test {
 protected:
  // `refusal` says why the reader does not take a payload; empty: it does. In a process of its own, as readers make
  // known to the redactor what they take for secrets, and the corpus has all kinds of words as passwords.
  static void expect_agreement(const std::string& kind, int least,
                               const std::function<std::string(const Json& entry)>& refusal) {
    const pid_t child = fork();
    if (child == 0) {
      try {
        set_environment();
        compare(kind, least, refusal);
      } catch (const std::exception& e) {
        ADD_FAILURE() << e.what();
      }
      std::cout.flush();
      std::_Exit(HasFailure() ? 1 : 0);
    }
    int status = -1;
    ASSERT_EQ(waitpid(child, &status, 0), child);
    EXPECT_EQ(status, 0) << "see above";
  }

 private:
  static void set_environment() {
    setenv("CORPUS_SECRET", "secret-of-the-corpus", 1);
    setenv("CORPUS_TOKEN", "0123456789abcdef0123456789abcdef", 1);
    setenv("CORPUS_IMPORT_TOKEN", "fedcba9876543210fedcba9876543210", 1);
    setenv("CORPUS_HEADERS", "Authorization: Bearer secret-of-the-corpus", 1);
    setenv("CORPUS_NAMED_TOKEN", "00112233445566778899aabbccddeeff", 1);
    setenv("CORPUS_KEY", test::kSigningKey, 1);
    // A store without keys in the configuration is no error with these.
    for (const char* name : {"AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"}) setenv(name, "key-of-the-corpus", 1);
  }

  static void compare(const std::string& kind, int least,
                      const std::function<std::string(const Json& entry)>& refusal) {
    const std::string tools = VEDETTE_SOURCE_DIR "/tests/support/node";
    ASSERT_TRUE(std::filesystem::exists(tools + "/node_modules/ajv")) << "scripts/setup installs ajv";
    const std::string lines = test::run_or_throw({"node", tools + "/corpus.mjs", VEDETTE_SOURCE_DIR "/schemas", kind});
    std::istringstream in(lines);
    int all = 0, taken = 0;
    std::map<std::string, int> differ;  // by what was changed, as one cause shows in many payloads
    for (std::string line; std::getline(in, line); ++all) {
      const Json entry = Json::parse(line);
      const std::string why = refusal(entry);
      taken += why.empty() ? 1 : 0;
      if (why.empty() != entry["valid"].get<bool>() && ++differ[entry["change"]] == 1)
        ADD_FAILURE() << entry["schema"] << " " << entry["change"] << ": " << entry["payload"]
                      << "\nreader: " << (why.empty() ? "takes it" : why) << "\nschema: " << entry["errors"];
    }
    for (const auto& [change, count] : differ) ADD_FAILURE() << change << ": " << count << " payloads";
    EXPECT_GE(all, least);
    EXPECT_GT(taken, all / 20);
    EXPECT_LT(taken, all * 19 / 20);
  }
};

std::string refusal_of(const Result<CloudResponse>& response, About about, bool in_parts) {
  if (!response) return response.error().message;
  if (response->refusal) return {};  // which is an answer
  GrantQuestion question;
  question.about = about;
  question.part_size_bytes = in_parts ? 8'388'608 : 0;
  const auto answer = grant_messages::read_answer(question, *response, MonoTime(1000s));
  if (!answer) return answer.error().message;
  for (const GrantedUrl& granted : answer->urls)
    if (const auto good = check_granted(granted, {}); !good) return good.error().message;
  return {};
}

TEST_F(CorpusTest, Responses) {
  expect_agreement("response", 5000, [](const Json& entry) {
    mqtt::Message message;
    message.payload = entry["payload"].dump();
    const std::string verb = entry["schema"].get<std::string>().substr(sizeof "response");
    const auto response = decode_response(message, false, verb);
    // What was asked for is not in the answer: it is good when it is an answer to any question.
    if (verb == "upload.grant") {
      const std::string single = refusal_of(response, About::grant, false);
      return single.empty() ? single : refusal_of(response, About::grant, true);
    }
    const bool aborted = response && !response->refusal && response->result->empty();
    return refusal_of(response, aborted ? About::abort : About::complete, false);
  });
}

TEST_F(CorpusTest, ConfigurationFiles) {
  expect_agreement("config", 5000, [](const Json& entry) {
    const auto loaded = read_config(entry["payload"].dump());
    return loaded ? std::string() : summary(loaded.error().errors);
  });
}

// By files that allow what can be allowed, and have what goes together with parts of a section: what one of them takes
// can come over MQTT.
TEST_F(CorpusTest, DesiredConfigurations) {
  std::vector<Document> files;
  for (const std::string keys :
       {"", R"(, "access_key_id_file": "env:CORPUS_SECRET", "secret_access_key_file": "env:CORPUS_SECRET")"})
    files.push_back(std::make_shared<const Json>(Json::parse(R"({"device_id": "edge-01",
      "mqtt": {"cert_file": "/etc/a", "key_file": "/etc/b"},
      "remote_config": {"allow": ["cameras", "recording", "telemetry", "log", "storage", "upload", "mqtt", "encode"],
                        "secrets": ["env:", "/"]},
      "upload": {"target": "none", "endpoint": "https://s3.test", "bucket": "clips", "proxy": "http://proxy.test",
                 "proxy_username": "viewer", "server_side_encryption": "aws:kms")" +
                                                             keys + "}}")));
  expect_agreement("config_desired", 5000, [&](const Json& entry) {
    const DecodedDesired decoded = decode_desired(entry["payload"].dump());
    std::string why = summary(decoded.errors);
    for (const Document& file : files) {
      if (!decoded.desired) break;
      const auto composed = compose({file}, decoded.desired, nullptr);
      why = summary(composed ? composed->refused : composed.error().errors);
      if (why.empty()) break;
    }
    return why;
  });
}

}  // namespace
}  // namespace vedette
