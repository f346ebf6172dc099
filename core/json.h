#pragma once

#include <initializer_list>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/clock.h"
#include "core/result.h"

// Strict JSON in, safe JSON out. Only .cpp files that build or walk JSON include <nlohmann/json.hpp>.
namespace vedette {

using Json = nlohmann::ordered_json;

struct JsonLimits {
  size_t most_bytes = 64 * 1024;
  int most_depth = 16;
  size_t most_values = 4096;    // members and elements, all together
  bool allow_comments = false;  // "//" and "/* */", for configuration files
};

// Parses what came from outside. payload_too_large above most_bytes; invalid_json for bad syntax, bad UTF-8, a NUL,
// duplicate keys, numbers that do not fit, and too deep or too many values.
Result<Json> parse_json(std::string_view text, const JsonLimits& limits);

// Compact text; bytes that are not UTF-8 are replaced, so it never throws.
std::string to_text(const Json& json);

// An error in a document, at a JSON Pointer (RFC 6901).
struct FieldError {
  std::string path;
  std::string message;
};

// "/params/duration_ms: 0 is less than 1", and how many more there are.
std::string summary(const std::vector<FieldError>& errors);

// JsonReader reads one object of a document into typed values and collects every error, not only the first: absent
// optional members give nothing, wrong ones give nothing and an error, and done() makes each member that was never
// asked for an error. The rules are those of the JSON Schemas in schemas/, where 1.0 is an integer too.
// Borrows the document and the error list, which must outlive it.
class JsonReader {
 public:
  // An error at `path` when `value` is no object; then all members count as absent.
  JsonReader(const Json& value, std::string path, std::vector<FieldError>& errors);

  bool has(std::string_view key) const;
  // An error when the member is absent.
  JsonReader& require(std::string_view key);

  std::optional<std::string> string(std::string_view key, size_t least_length = 0, size_t most_length = 1024);
  // A device or camera id (core/ids.h).
  std::optional<std::string> name(std::string_view key);
  std::optional<std::string> uuid(std::string_view key);
  std::optional<std::string> choice(std::string_view key, std::initializer_list<std::string_view> choices);
  std::optional<int64_t> integer(std::string_view key, int64_t least, int64_t most);
  std::optional<bool> boolean(std::string_view key);
  std::optional<UtcTime> time(std::string_view key);
  std::optional<std::vector<std::string>> strings(std::string_view key, size_t most_items, size_t least_length,
                                                  size_t most_length);
  std::optional<JsonReader> object(std::string_view key);
  // The member as it is, counted as asked for.
  const Json* any(std::string_view key);
  // Every member in order; all count as asked for.
  std::vector<std::pair<std::string, const Json*>> members();

  void done();

  void error(std::string_view key, std::string message);
  const std::string& path() const { return path_; }
  std::vector<FieldError>& errors() { return *errors_; }

 private:
  const Json* take(std::string_view key);
  std::string pointer_to(std::string_view key) const;

  const Json* object_ = nullptr;  // null: it was no object
  std::string path_;
  std::vector<FieldError>* errors_;
  std::vector<std::string_view> asked_;
};

}  // namespace vedette
