#include "storage/command_journal.h"

#include <algorithm>
#include <cstring>
#include <iterator>
#include <type_traits>
#include <utility>

#include "core/crc32.h"
#include "storage/columns.h"

namespace vedette {

namespace {

constexpr uint8_t kBegun = 1;
constexpr uint8_t kFinished = 2;

std::span<const uint8_t> as_bytes(std::string_view text) {
  return {reinterpret_cast<const uint8_t*>(text.data()), text.size()};
}

template <class Number>
void put(std::string& out, Number value) {
  static_assert(std::is_integral_v<Number>);
  out.append(reinterpret_cast<const char*>(&value), sizeof value);
}

void put(std::string& out, const std::string& text) {
  put(out, static_cast<uint32_t>(text.size()));
  out += text;
}

template <class Number>
std::optional<Number> take_number(std::string_view& from) {
  if (from.size() < sizeof(Number)) return std::nullopt;
  Number value{};
  std::memcpy(&value, from.data(), sizeof value);
  from.remove_prefix(sizeof value);
  return value;
}

bool take(std::string_view& from, std::string& text) {
  const auto size = take_number<uint32_t>(from);
  if (!size || *size > from.size()) return false;
  text = from.substr(0, *size);
  from.remove_prefix(*size);
  return true;
}

bool take(std::string_view& from, int64_t& value) {
  const auto taken = take_number<int64_t>(from);
  if (taken) value = *taken;
  return taken.has_value();
}

std::string begun(const CommandRecord& command) {
  std::string body;
  put(body, kBegun);
  for (const std::string* text : {&command.command_id, &command.verb, &command.actor, &command.reply_topic,
                                  &command.correlation, &command.camera_id})
    put(body, *text);
  put(body, to_us(command.received_at));
  put(body, int64_t{command.only_asks});
  put(body, command.traceparent);
  return body;
}

std::string finished(const std::string& command_id, const CommandOutcome& outcome) {
  std::string body;
  put(body, kFinished);
  for (const std::string* text : {&command_id, &outcome.reply, &outcome.status, &outcome.code, &outcome.message})
    put(body, *text);
  put(body, outcome.took_ms);
  return body;
}

// What a kill leaves of it is a prefix, which its checksum tells from a record.
std::string as_record(std::string_view body) {
  std::string record;
  record.reserve(2 * sizeof(uint32_t) + body.size());
  put(record, static_cast<uint32_t>(body.size()));
  put(record, crc32(0, as_bytes(body)));
  record += body;
  return record;
}

}  // namespace

Status CommandJournal::open() {
  auto file = file::open_read_write(path_);
  if (!file && file.error().code == Code::not_found) file = file::create(path_);
  if (!file) return file.error_as_is();
  const auto size = file::size(file->get());
  if (!size) return size.error_with(path_.string());
  std::string content(static_cast<size_t>(std::min(*size, kMostBytes)), '\0');
  const auto got = file::read_at(file->get(), {reinterpret_cast<uint8_t*>(content.data()), content.size()}, 0);
  if (!got) return got.error_with(path_.string());
  file_ = std::move(*file);
  end_ = 0;
  read(std::string_view(content).substr(0, *got));
  if (end_ == *size) return {};
  return file::truncate(file_.get(), end_).with(path_.string());
}

void CommandJournal::read(std::string_view content) {
  for (std::string_view rest = content;;) {
    const auto size = take_number<uint32_t>(rest);
    const auto crc = take_number<uint32_t>(rest);
    if (!crc || *size > rest.size()) return;
    const std::string_view body = rest.substr(0, *size);
    if (crc32(0, as_bytes(body)) != *crc || !take(body)) return;
    rest.remove_prefix(*size);
    end_ = static_cast<int64_t>(content.size() - rest.size());
  }
}

bool CommandJournal::take(std::string_view body) {
  const auto kind = take_number<uint8_t>(body);
  std::string id;
  if (!kind || !vedette::take(body, id)) return false;
  if (*kind == kBegun) {
    CommandRecord command;
    int64_t received_us = 0;
    int64_t only_asks = 0;
    const bool whole = vedette::take(body, command.verb) && vedette::take(body, command.actor) &&
                       vedette::take(body, command.reply_topic) && vedette::take(body, command.correlation) &&
                       vedette::take(body, command.camera_id) && vedette::take(body, received_us) &&
                       vedette::take(body, only_asks) && vedette::take(body, command.traceparent) && body.empty();
    command.command_id = std::move(id);
    command.received_at = from_us(received_us);
    command.only_asks = only_asks != 0;
    if (!whole) return false;
    begin(command);
    entry_of(command.command_id)->kept = true;
    return true;
  }
  CommandOutcome outcome;
  const bool whole = *kind == kFinished && vedette::take(body, outcome.reply) && vedette::take(body, outcome.status) &&
                     vedette::take(body, outcome.code) && vedette::take(body, outcome.message) &&
                     vedette::take(body, outcome.took_ms) && body.empty();
  if (Entry* entry = entry_of(id); whole && entry) set_outcome(*entry, std::move(outcome));
  return whole;
}

void CommandJournal::begin(CommandRecord command) {
  if (find(command.command_id)) return;
  entries_.push_back({std::move(command)});
  by_id_.emplace(entries_.back().command.command_id, std::prev(entries_.end()));
}

Status CommandJournal::keep(std::string_view command_id) {
  Entry* entry = entry_of(command_id);
  if (!entry || entry->kept) return {};
  auto written = append(as_record(begun(entry->command)));
  entry->kept = written.has_value();
  return written;
}

Status CommandJournal::finish(std::string_view command_id, const CommandOutcome& outcome) {
  Entry* entry = entry_of(command_id);
  if (!entry) return fail(Code::not_found, "command " + std::string(command_id) + " is not in the journal");
  std::string records;
  if (!entry->kept) records = as_record(begun(entry->command));
  records += as_record(finished(entry->command.command_id, outcome));
  auto written = append(records);
  if (!written) return written;
  entry->kept = true;
  set_outcome(*entry, outcome);
  return {};
}

void CommandJournal::forget(std::string_view command_id) {
  const auto found = by_id_.find(command_id);
  if (found == by_id_.end()) return;
  const auto entry = found->second;
  by_id_.erase(found);
  entries_.erase(entry);
}

Status CommandJournal::append(std::string_view records) {
  const auto size = static_cast<int64_t>(records.size());
  if (end_ + size > kMostBytes) return fail(Code::busy, "the journal of commands is full");
  auto written = file::write_at(file_.get(), as_bytes(records), end_);
  if (written) end_ += size;
  return std::move(written).with(path_.string());
}

void CommandJournal::set_outcome(Entry& entry, CommandOutcome outcome) {
  entry.command.reply = outcome.reply;
  entry.outcome = std::move(outcome);
}

CommandJournal::Entry* CommandJournal::entry_of(std::string_view command_id) {
  const auto found = by_id_.find(command_id);
  return found == by_id_.end() ? nullptr : &*found->second;
}

const CommandJournal::Entry* CommandJournal::find(std::string_view command_id) const {
  const auto found = by_id_.find(command_id);
  return found == by_id_.end() ? nullptr : &*found->second;
}

Status CommandJournal::clear() {
  by_id_.clear();
  entries_.clear();
  auto cut = file::truncate(file_.get(), 0);
  if (cut) end_ = 0;
  return std::move(cut).with(path_.string());
}

}  // namespace vedette
