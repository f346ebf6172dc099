// Whatever the broker delivers, on whatever topic: only commands of ours get in, and answers stay below B/reply/.
#include <fuzzer/FuzzedDataProvider.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>

#include "agent/command_intake.h"
#include "storage/command_log.h"

namespace {

namespace fs = std::filesystem;
using namespace vedette;

constexpr const char* kBase = "acme/vedette/v1/edge-01";
constexpr const char* kGroup = "acme/vedette/v1/group/north";

void require(bool holds) {
  if (!holds) std::abort();
}

struct Store {
  std::unique_ptr<Database> database;
  std::unique_ptr<CommandLog> log;
};

// In memory: the disk is not what is looked at.
Store make_store() {
  const fs::path folder = fs::path("/dev/shm") / ("vedette-fuzz-" + std::to_string(getpid()));
  fs::create_directories(folder);
  auto database = Database::open(folder / "vedette.db");
  require(database.has_value());
  auto log = CommandLog::open(**database, folder / "commands.journal");
  require(log.has_value());
  fs::remove_all(folder);
  return {std::move(*database), std::move(*log)};
}

const ReplyTo* reply_to(const Event& event) {
  if (const auto* e = std::get_if<CommandArrived>(&event)) return &e->command.reply_to;
  if (const auto* e = std::get_if<CommandRefused>(&event)) return &e->reply_to;
  if (const auto* e = std::get_if<CommandRepeated>(&event)) return &e->reply_to;
  return nullptr;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static const Store store = make_store();
  Inbox<Event> inbox(4);
  CommandIntake intake(kBase, {kGroup}, *store.log, inbox, Clock::system(), [] { return Status(); });

  FuzzedDataProvider input(data, size);
  mqtt::Message message;
  const bool retained = input.ConsumeBool();
  switch (input.ConsumeIntegralInRange(0, 2)) {
    case 0:
      message.topic = std::string(kBase) + "/command/";
      break;
    case 1:
      message.topic = std::string(kGroup) + "/command/";
      break;
    default:
      break;
  }
  message.topic += input.ConsumeRandomLengthString(128);
  if (input.ConsumeBool())
    message.response_topic = std::string(kBase) + "/reply/" + input.ConsumeRandomLengthString(64);
  if (input.ConsumeBool()) message.response_topic = input.ConsumeRandomLengthString(64);
  message.correlation_data = input.ConsumeRandomLengthString(32);
  message.payload = input.ConsumeRemainingBytesAsString();
  intake.on_message(message, retained);

  const bool ours = message.topic.starts_with(std::string(kBase) + "/command/") ||
                    message.topic.starts_with(std::string(kGroup) + "/command/");
  while (const auto event = inbox.pop(Clock::system().mono(), {})) {
    require(ours);
    const ReplyTo* to = reply_to(*event);
    require(to != nullptr);
    require(to->topic.starts_with(std::string(kBase) + "/reply/"));
    require(to->topic.find_first_of("+#") == std::string::npos);
    if (const auto* arrived = std::get_if<CommandArrived>(&*event)) {
      require(!retained);
      require(find_verb(arrived->command.reply_to.verb) != nullptr);
    }
  }
  return 0;
}
