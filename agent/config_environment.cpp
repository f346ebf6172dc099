#include "agent/config_environment.h"

#include <unistd.h>

#include <algorithm>
#include <cctype>
#include <nlohmann/json.hpp>
#include <tuple>

#include "core/json_pointer.h"
#include "core/text.h"

namespace vedette {

namespace {

// As JsonReader::string() has it; a test holds the two together.
constexpr std::string_view kMustBeString = "must be a string";

std::string lower(std::string text, bool dashes_too) {
  for (char& c : text)
    c = dashes_too && c == '-' ? '_' : static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  return text;
}

// The member that a step of a variable's name means.
std::string member_of(const Json& object, const std::string& step) {
  for (const bool dashes_too : {false, true})
    for (const auto& [key, value] : object.items())
      if (lower(key, dashes_too) == lower(step, dashes_too)) return key;
  return lower(step, false);
}

// The member that says the same in another way: the secret itself, or where it is. Empty: there is none.
std::string rival_of(const std::string& key) {
  constexpr std::string_view kFile = "_file";
  if (is_secret(key)) return key + std::string(kFile);
  const std::string secret = key.ends_with(kFile) ? key.substr(0, key.size() - kFile.size()) : "";
  return is_secret(secret) ? secret : "";
}

// Puts values into a document, one after the other.
class Writer {
 public:
  explicit Writer(Json file) : document_(std::move(file)) {}

  void set(const std::string& variable, const std::vector<std::string>& steps, const std::string& text) {
    const auto fail = [&](const std::string& pointer, const std::string& why) {
      errors_.push_back({pointer.empty() ? "/" : pointer, why + " (" + variable + ")"});
    };
    if (std::any_of(steps.begin(), steps.end(), [](const std::string& step) { return step.empty(); }))
      return fail("", "the name of a variable has a key between each two underscores");
    if (!is_utf8(text)) return fail("", "must be UTF-8");
    Overridden::Place place{"", variable, ""};
    Json* at = &document_;
    for (const std::string& step : steps) {
      if (!at->is_object()) return fail(place.pointer, "is no object, of which a member could be set");
      const std::string key = member_of(*at, step);
      place.pointer += "/" + pointer_step(key);
      if (!at->contains(key) && place.begin.empty()) place.begin = place.pointer;
      const std::string rival = &step == &steps.back() ? rival_of(key) : "";
      if (!rival.empty() && !find(pointer_of(place.pointer, rival))) at->erase(rival);
      at = &at->emplace(key, Json::object()).first.value();
    }
    if (place.begin.empty()) place.begin = place.pointer;
    if (const auto* other = find(place.pointer)) return fail(place.pointer, "is set by " + other->variable + " too");
    *at = value_of(text, place);
    guessed_ = guessed_ || !at->is_string();
    texts_.push_back(text);
    places_.push_back(std::move(place));
  }

  // Where something else was put than a text, and the reader says that one is wanted, it is the text.
  void settle_texts() {
    if (!guessed_) return;
    const Config nothing;  // as if it ran already: no plug-in is loaded for this
    const auto read = read_config(document_, &nothing);
    if (read) return;
    for (size_t i = 0; i < places_.size(); ++i)
      for (const FieldError& error : read.error().errors)
        if (error.path == places_[i].pointer && error.message == kMustBeString)
          document_[Json::json_pointer(places_[i].pointer)] = texts_[i];
  }

  tl::expected<Overridden, ConfigErrors> take() {
    if (!errors_.empty()) return tl::make_unexpected(ConfigErrors{std::move(errors_)});
    if (places_.empty()) return Overridden{std::make_shared<const Json>(std::move(document_))};
    settle_texts();
    // Both together are bounded as a file is.
    auto bounded = parse_config(to_text(document_));
    if (!bounded) {
      for (FieldError& error : bounded.error().errors) error.message += ", with the variables " + all_variables();
      return tl::make_unexpected(std::move(bounded.error()));
    }
    return Overridden{std::make_shared<const Json>(std::move(*bounded)), std::move(places_)};
  }

 private:
  const Overridden::Place* find(const std::string& pointer) const {
    const auto it = std::find_if(places_.begin(), places_.end(), [&](const auto& p) { return p.pointer == pointer; });
    return it == places_.end() ? nullptr : &*it;
  }

  // Of the member that is beside the one of the pointer.
  static std::string pointer_of(const std::string& pointer, const std::string& beside) {
    return pointer.substr(0, pointer.rfind('/') + 1) + beside;
  }

  static Json value_of(const std::string& text, Overridden::Place& place) {
    auto json = parse_json(text, JsonLimits{text.size()});
    if (json && !json->is_string() && !json->is_null()) return std::move(*json);
    if (!json && (text.starts_with('{') || text.starts_with('['))) place.why_text = json.error().message;
    return text;
  }

  std::string all_variables() const {
    std::string out;
    for (const auto& place : places_) out += (out.empty() ? "" : " ") + place.variable;
    return out;
  }

  Json document_;
  std::vector<Overridden::Place> places_;
  std::vector<std::string> texts_;  // of the same
  std::vector<FieldError> errors_;
  bool guessed_ = false;  // that something is no text
};

}  // namespace

std::string Overridden::variables_of(const std::string& pointer) const {
  std::string out;
  for (const Place& place : places)
    if (is_at_or_below(pointer, place.begin)) {
      out += (out.empty() ? "" : ", ") + place.variable;
      if (!place.why_text.empty()) out += ", which is no JSON: " + place.why_text;
    }
  return out.empty() ? out : " (" + out + ")";
}

void Overridden::name_variables(std::vector<FieldError>& errors) const {
  for (FieldError& error : errors) error.message += variables_of(error.path);
}

void Overridden::name_variables(std::vector<std::string>& warnings) const {
  for (std::string& warning : warnings) warning += variables_of(warning.substr(0, warning.find(": ")));
}

ConfigEnvironment::ConfigEnvironment(const std::vector<std::string>& environment) {
  for (const std::string& entry : environment) {
    const size_t equals = entry.find('=');
    if (!entry.starts_with(kPrefix) || equals == std::string::npos) continue;
    Variable variable{entry.substr(0, equals), {}, entry.substr(equals + 1)};
    for (size_t from = kPrefix.size(); from <= equals;) {
      const size_t to = std::min(variable.name.find("__", from), equals);
      variable.steps.push_back(variable.name.substr(from, to - from));
      from = to + 2;
    }
    variables_.push_back(std::move(variable));
  }
  std::sort(variables_.begin(), variables_.end(), [](const Variable& a, const Variable& b) {
    return std::tuple(a.steps.size(), a.name) < std::tuple(b.steps.size(), b.name);
  });
}

ConfigEnvironment ConfigEnvironment::of_process() {
  std::vector<std::string> all;
  for (char** entry = environ; *entry != nullptr; ++entry) all.emplace_back(*entry);
  return ConfigEnvironment(all);
}

tl::expected<Overridden, ConfigErrors> ConfigEnvironment::upon(Json file) const {
  Writer writer(std::move(file));
  for (const Variable& variable : variables_) writer.set(variable.name, variable.steps, variable.text);
  return writer.take();
}

}  // namespace vedette
