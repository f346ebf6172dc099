#pragma once

#include <cstdint>
#include <string>

#include "tests/support/process.h"
#include "tests/support/temp_dir.h"

namespace vedette::test {

// range_server.py on a free loopback port, with a folder of its own.
class ObjectStore {
 public:
  ObjectStore();

  void put(const std::string& name, const std::string& content) const { write_text(dir_.path() / name, content); }
  std::string url(const std::string& path) const { return "http://127.0.0.1:" + std::to_string(port_) + "/" + path; }

 private:
  TempDir dir_;
  uint16_t port_;
  Process process_;
};

}  // namespace vedette::test
