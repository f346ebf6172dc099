#pragma once

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <string>
#include <utility>
#include <vector>

#include "tests/ctl/fake_device.h"
#include "tests/support/mosquitto.h"
#include "tests/support/paths.h"
#include "tests/support/process.h"

namespace vedette::test {

inline const std::string kProgram = VEDETTE_BINARY_DIR "/bin/vedettectl";

inline Json succeeded(Json result) {
  return {{"status", "succeeded"}, {"code", "ok"}, {"result", std::move(result)}, {"took_ms", 1}};
}

class ProgramTest : public testing::Test {
 protected:
  Finished ctl(std::vector<std::string> words, ProcessOptions options = {}) const {
    words.insert(words.begin(), {kProgram, "--broker", broker_.url(), "--timeout", "20"});
    return run(std::move(words), 60s, std::move(options));
  }

  Mosquitto broker_;
};

}  // namespace vedette::test
