#include "ctl/arguments.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "core/text.h"

namespace vedette::ctl {

namespace {

struct Word {
  std::string name;
  std::string value;
  bool is_json = false;
  bool is_element = false;
};

bool ends_with(const std::string& text, std::string_view end) {
  return text.size() >= end.size() && text.compare(text.size() - end.size(), end.size(), end) == 0;
}

bool take_end(std::string& text, std::string_view end) {
  if (!ends_with(text, end)) return false;
  text.resize(text.size() - end.size());
  return true;
}

Result<Word> split_word(const std::string& text) {
  const size_t equals = text.find('=');
  if (equals == std::string::npos)
    return fail(Code::invalid_argument, "\"" + text + "\" is not of the form name=value");
  Word word;
  word.name = text.substr(0, equals);
  word.value = text.substr(equals + 1);
  word.is_json = take_end(word.name, ":");
  word.is_element = take_end(word.name, "[]");
  if (word.name.empty()) return fail(Code::invalid_argument, "\"" + text + "\" has no name");
  if (!is_utf8(text)) return fail(Code::invalid_argument, word.name + ": is not UTF-8");
  return word;
}

// An id of digits is still an id.
bool is_always_text(const Word& word) {
  return ends_with(word.name, "_id") || word.name == "cursor" || (word.is_element && ends_with(word.name, "_ids"));
}

Result<Json> to_value(const Word& word) {
  if (!word.is_json && is_always_text(word)) return Json(word.value);
  auto value = parse_json(word.value, JsonLimits{});
  if (value) return *std::move(value);
  if (word.is_json) return fail(Code::invalid_argument, word.name + ": " + value.error().message);
  return Json(word.value);
}

}  // namespace

Result<Json> parse_params(const std::vector<std::string>& words) {
  Json params = Json::object();
  std::vector<std::string> lists;
  for (const std::string& text : words) {
    const auto word = split_word(text);
    if (!word) return word.error_as_is();
    auto value = to_value(*word);
    if (!value) return value.error_as_is();
    const bool known_list = std::find(lists.begin(), lists.end(), word->name) != lists.end();
    if (params.contains(word->name) && !(word->is_element && known_list))
      return fail(Code::invalid_argument, word->name + ": is given twice");
    if (!word->is_element) {
      params[word->name] = *std::move(value);
      continue;
    }
    if (!known_list) lists.push_back(word->name);
    params[word->name].push_back(*std::move(value));
  }
  return params;
}

}  // namespace vedette::ctl
