// Whatever a journal of commands holds after a power cut, each record with its checksum so that more than that is
// looked at: it is read without harm, and what is entered from then on is there the next time.
#include <fuzzer/FuzzedDataProvider.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "core/crc32.h"
#include "storage/command_journal.h"

namespace {

using namespace vedette;

void require(bool holds) {
  if (!holds) std::abort();
}

void put(std::string& out, uint32_t number) {
  out.append(reinterpret_cast<const char*>(&number), sizeof number);
}

std::string records(FuzzedDataProvider& input) {
  std::string out;
  while (input.remaining_bytes() > 0) {
    const bool is_right = input.ConsumeIntegralInRange(0, 15) > 0;
    const std::string body = input.ConsumeRandomLengthString();
    put(out, static_cast<uint32_t>(body.size()));
    put(out, crc32(is_right ? 0 : 1, {reinterpret_cast<const uint8_t*>(body.data()), body.size()}));
    out += body;
  }
  return out;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static const std::filesystem::path path = "/dev/shm/vedette-fuzz-journal-" + std::to_string(getpid());
  FuzzedDataProvider input(data, size);
  std::ofstream(path, std::ios::trunc | std::ios::binary) << records(input);
  const std::string id = "an id that no input happens to have";
  size_t there = 0;
  {
    CommandJournal journal(path);
    require(journal.open().has_value());
    there = journal.entries().size();
    for (const auto& entry : journal.entries()) require(journal.find(entry.command.command_id) == &entry);
    if (journal.find(id)) return 0;
    journal.begin({id, "agent.ping", "", "", "", UtcTime(), {}, {}, true});
    require(journal.finish(id, {"the reply", "succeeded", "ok"}).has_value());
  }
  CommandJournal later(path);
  require(later.open().has_value());
  require(later.entries().size() == there + 1);
  require(later.find(id) && later.find(id)->command.reply == "the reply");
  std::filesystem::remove(path);
  return 0;
}
