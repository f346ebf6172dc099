#include "core/json.h"

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>

#include "core/ids.h"
#include "core/json_pointer.h"

namespace vedette {

namespace {

// Builds the document while checking what nlohmann's own builder lets through.
class StrictBuilder : public nlohmann::json_sax<Json> {
 public:
  explicit StrictBuilder(const JsonLimits& limits) : limits_(limits) {}

  bool null() override { return add(nullptr); }
  bool boolean(bool value) override { return add(value); }
  bool number_integer(number_integer_t value) override { return add(value); }
  bool number_unsigned(number_unsigned_t value) override { return add(value); }
  bool number_float(number_float_t value, const string_t& text) override {
    // Integers beyond 64 bits arrive here as floats: better refused than rounded.
    if (!std::isfinite(value) || text.find_first_of(".eE") == std::string::npos) return refuse("number out of range");
    return add(value);
  }
  bool string(string_t& value) override {
    if (value.find('\0') != std::string::npos) return refuse("a string holds a NUL");
    return add(std::move(value));
  }
  bool binary(binary_t&) override { return refuse("binary"); }

  bool start_object(size_t) override { return open(Json::object()); }
  bool end_object() override { return close(); }
  bool start_array(size_t) override { return open(Json::array()); }
  bool end_array() override { return close(); }
  bool key(string_t& name) override {
    if (name.find('\0') != std::string::npos) return refuse("a name holds a NUL");
    if (open_.back()->contains(name)) return refuse("duplicate name \"" + name.substr(0, 64) + "\"");
    key_ = std::move(name);
    return true;
  }
  bool parse_error(size_t position, const std::string&, const nlohmann::detail::exception&) override {
    return refuse("syntax error at byte " + std::to_string(position));
  }

  Json take() { return std::move(root_); }
  const std::string& reason() const { return reason_; }

 private:
  bool refuse(std::string reason) {
    if (reason_.empty()) reason_ = std::move(reason);
    return false;
  }

  Json* place(Json value) {
    if (open_.empty()) {
      root_ = std::move(value);
      return &root_;
    }
    Json& parent = *open_.back();
    if (parent.is_array()) {
      parent.push_back(std::move(value));
      return &parent.back();
    }
    return &(parent[key_] = std::move(value));
  }
  bool add(Json value) {
    if (++values_ > limits_.most_values) return refuse("more than " + std::to_string(limits_.most_values) + " values");
    place(std::move(value));
    return true;
  }
  bool open(Json value) {
    if (static_cast<int>(open_.size()) >= limits_.most_depth)
      return refuse("nested deeper than " + std::to_string(limits_.most_depth) + " levels");
    if (++values_ > limits_.most_values) return refuse("more than " + std::to_string(limits_.most_values) + " values");
    open_.push_back(place(std::move(value)));
    return true;
  }
  bool close() {
    open_.pop_back();
    return true;
  }

  const JsonLimits& limits_;
  Json root_;
  std::vector<Json*> open_;  // parents of what comes next; growing a parent happens only while it is the last
  std::string key_;
  size_t values_ = 0;
  std::string reason_;
};

// Code points, as JSON Schema counts the length of a string.
size_t length_of(const std::string& text) {
  return static_cast<size_t>(
      std::count_if(text.begin(), text.end(), [](char c) { return (static_cast<unsigned char>(c) & 0xc0) != 0x80; }));
}

std::optional<int64_t> as_integer(const Json& value) {
  if (value.is_number_unsigned()) {
    const auto number = value.get<uint64_t>();
    if (number > static_cast<uint64_t>(INT64_MAX)) return std::nullopt;
    return static_cast<int64_t>(number);
  }
  if (value.is_number_integer()) return value.get<int64_t>();
  if (!value.is_number_float()) return std::nullopt;
  const double number = value.get<double>();
  if (std::trunc(number) != number || std::abs(number) > 9007199254740992.0) return std::nullopt;
  return static_cast<int64_t>(number);
}

std::string list(std::initializer_list<std::string_view> choices) {
  std::string out;
  for (const std::string_view choice : choices) out.append(out.empty() ? "" : ", ").append(choice);
  return out;
}

}  // namespace

Result<Json> parse_json(std::string_view text, const JsonLimits& limits) {
  if (text.size() > limits.most_bytes)
    return fail(Code::payload_too_large,
                std::to_string(text.size()) + " bytes are more than " + std::to_string(limits.most_bytes));
  if (text.find('\0') != std::string_view::npos) return fail(Code::invalid_json, "the text holds a NUL");
  StrictBuilder builder(limits);
  if (!Json::sax_parse(text, &builder, Json::input_format_t::json, true, limits.allow_comments))
    return fail(Code::invalid_json, builder.reason());
  return builder.take();
}

std::string to_text(const Json& json) {
  return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

std::string summary(const std::vector<FieldError>& errors) {
  if (errors.empty()) return {};
  std::string out = (errors.front().path.empty() ? "/" : errors.front().path) + ": " + errors.front().message;
  if (errors.size() > 1) out += " (and " + std::to_string(errors.size() - 1) + " more)";
  return out;
}

JsonReader::JsonReader(const Json& value, std::string path, std::vector<FieldError>& errors)
    : path_(std::move(path)), errors_(&errors) {
  if (value.is_object())
    object_ = &value;
  else
    errors_->push_back({path_, "must be an object"});
}

bool JsonReader::has(std::string_view key) const {
  return object_ && object_->contains(key);
}

JsonReader& JsonReader::require(std::string_view key) {
  if (object_ && !has(key)) error(key, "is required");
  return *this;
}

std::optional<std::string> JsonReader::string(std::string_view key, size_t least_length, size_t most_length) {
  const Json* value = take(key);
  if (!value) return std::nullopt;
  if (!value->is_string()) {
    error(key, "must be a string");
    return std::nullopt;
  }
  const auto& text = value->get_ref<const std::string&>();
  const size_t length = length_of(text);
  if (length < least_length) {
    error(key, least_length == 1 ? "must not be empty"
                                 : "must have at least " + std::to_string(least_length) + " characters");
    return std::nullopt;
  }
  if (length > most_length) {
    error(key, "must have at most " + std::to_string(most_length) + " characters");
    return std::nullopt;
  }
  return text;
}

std::optional<std::string> JsonReader::name(std::string_view key) {
  auto text = string(key);
  if (text && !is_name(*text)) {
    error(key, "must match ^[a-z0-9][a-z0-9_-]{0,62}$");
    return std::nullopt;
  }
  return text;
}

std::optional<std::string> JsonReader::uuid(std::string_view key) {
  auto text = string(key);
  if (text && !is_uuid(*text)) {
    error(key, "must be a UUID in lower case");
    return std::nullopt;
  }
  return text;
}

std::optional<std::string> JsonReader::choice(std::string_view key, std::initializer_list<std::string_view> choices) {
  const Json* value = take(key);
  if (!value) return std::nullopt;
  if (value->is_string() &&
      std::find(choices.begin(), choices.end(), value->get_ref<const std::string&>()) != choices.end())
    return value->get<std::string>();
  error(key, "must be one of: " + list(choices));
  return std::nullopt;
}

std::optional<int64_t> JsonReader::integer(std::string_view key, int64_t least, int64_t most) {
  const Json* value = take(key);
  if (!value) return std::nullopt;
  const auto number = as_integer(*value);
  if (!number) {
    error(key, "must be an integer");
    return std::nullopt;
  }
  if (*number < least || *number > most) {
    error(key, std::to_string(*number) + (*number < least ? " is less than " + std::to_string(least)
                                                          : " is more than " + std::to_string(most)));
    return std::nullopt;
  }
  return number;
}

std::optional<bool> JsonReader::boolean(std::string_view key) {
  const Json* value = take(key);
  if (!value) return std::nullopt;
  if (!value->is_boolean()) {
    error(key, "must be true or false");
    return std::nullopt;
  }
  return value->get<bool>();
}

std::optional<UtcTime> JsonReader::time(std::string_view key) {
  const auto text = string(key);
  if (!text) return std::nullopt;
  const auto time = from_rfc3339(*text);
  if (!time) error(key, "must be an RFC 3339 time, such as 2026-11-20T08:31:29.123Z");
  return time;
}

std::optional<std::vector<std::string>> JsonReader::strings(std::string_view key, size_t most_items,
                                                            size_t least_length, size_t most_length) {
  const Json* value = take(key);
  if (!value) return std::nullopt;
  if (!value->is_array()) {
    error(key, "must be an array of strings");
    return std::nullopt;
  }
  if (value->size() > most_items) {
    error(key, "must have at most " + std::to_string(most_items) + " items");
    return std::nullopt;
  }
  std::vector<std::string> out;
  for (size_t i = 0; i < value->size(); ++i) {
    const Json& item = (*value)[i];
    if (item.is_string() && length_of(item.get_ref<const std::string&>()) >= least_length &&
        length_of(item.get_ref<const std::string&>()) <= most_length) {
      out.push_back(item.get<std::string>());
    } else {
      errors_->push_back({pointer_to(key) + "/" + std::to_string(i), "must be a string of " +
                                                                         std::to_string(least_length) + " to " +
                                                                         std::to_string(most_length) + " characters"});
    }
  }
  return out;
}

std::optional<JsonReader> JsonReader::object(std::string_view key) {
  const Json* value = take(key);
  if (!value) return std::nullopt;
  return JsonReader(*value, pointer_to(key), *errors_);
}

const Json* JsonReader::any(std::string_view key) {
  return take(key);
}

std::vector<std::pair<std::string, const Json*>> JsonReader::members() {
  std::vector<std::pair<std::string, const Json*>> out;
  if (!object_) return out;
  for (auto it = object_->begin(); it != object_->end(); ++it) {
    out.emplace_back(it.key(), &it.value());
    asked_.push_back(it.key());
  }
  return out;
}

void JsonReader::done() {
  if (!object_) return;
  for (auto it = object_->begin(); it != object_->end(); ++it)
    if (std::find(asked_.begin(), asked_.end(), it.key()) == asked_.end()) error(it.key(), "is not known");
}

void JsonReader::error(std::string_view key, std::string message) {
  errors_->push_back({pointer_to(key), std::move(message)});
}

const Json* JsonReader::take(std::string_view key) {
  if (!object_) return nullptr;
  const auto it = object_->find(std::string(key));
  if (it == object_->end()) return nullptr;
  asked_.push_back(it.key());
  return &it.value();
}

std::string JsonReader::pointer_to(std::string_view key) const {
  return path_ + "/" + pointer_step(key);
}

}  // namespace vedette
