#include "tests/ctl/object_store.h"

#include "tests/support/paths.h"
#include "tests/support/ports.h"

namespace vedette::test {

namespace {

constexpr milliseconds kStartLimit{20000};

}  // namespace

ObjectStore::ObjectStore()
    : port_(free_port()),
      process_({"python3", VEDETTE_SOURCE_DIR "/tests/ctl/range_server.py", std::to_string(port_), dir_.path()}) {
  wait_for_port(port_, kStartLimit);
}

}  // namespace vedette::test
