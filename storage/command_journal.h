#pragma once

#include <filesystem>
#include <list>
#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "core/file.h"
#include "storage/command_record.h"

namespace vedette {

// CommandJournal holds the commands that only ask from when they come until they are rows of the command log. It is a
// file of records, each written at once and never synced, so that it outlives a kill, though not a power cut; and the
// same in memory, where it is read. A record that a kill cut short ends the file: nobody was told of it.
//
// A command is in memory from begin() on, and in the file from keep() or finish() on, whichever comes first: it is
// carried out meanwhile, and need not wait for the file.
//
//   u32 bytes of the body, u32 CRC-32 of the body, body: u8 kind, then its fields, texts as u32 bytes and the bytes
//   (in the byte order of the machine)
//
// One thread at a time.
class CommandJournal {
 public:
  struct Entry {
    CommandRecord command;  // with its reply, when that is there
    CommandOutcome outcome{};
    bool kept = false;  // in the file
  };

  // Far above what comes within a second: 20 commands with replies of some KB.
  static constexpr int64_t kMostBytes = 1 << 20;

  explicit CommandJournal(std::filesystem::path path) : path_(std::move(path)) {}

  // Opens or makes the file. What it holds joins what is in memory already.
  Status open();

  // Nothing happens when its id is there.
  void begin(CommandRecord command);
  // keep() has nothing to do when the command is in the file already, or no longer here.
  // busy: there is no more room, clear() first.
  Status keep(std::string_view command_id);
  Status finish(std::string_view command_id, const CommandOutcome& outcome);
  // One that cannot be kept.
  void forget(std::string_view command_id);

  const Entry* find(std::string_view command_id) const;
  // In the order in which they came.
  const std::list<Entry>& entries() const { return entries_; }
  bool empty() const { return entries_.empty(); }
  // When all are rows.
  Status clear();

 private:
  Entry* entry_of(std::string_view command_id);
  // In one write.
  Status append(std::string_view records);
  void read(std::string_view content);
  bool take(std::string_view body);
  void set_outcome(Entry& entry, CommandOutcome outcome);

  const std::filesystem::path path_;
  Fd file_;
  int64_t end_ = 0;  // of the file
  std::list<Entry> entries_;
  std::map<std::string_view, std::list<Entry>::iterator> by_id_;  // the ids are those in entries_
};

}  // namespace vedette
