#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "agent/config.h"
#include "core/json.h"

// What the readers of all sections of the configuration share while a document is read.
namespace vedette {

// What every JSON reader keeps exactly.
inline constexpr int64_t kMostInteger = (1LL << 53) - 1;
// Older than all that is kept: above it there is no difference.
inline constexpr int64_t kMostAgeSeconds = 100LL * 366 * 86'400;

// One reading of a document. It is of the thread that reads, and gone when that is done.
struct ConfigLoad {
  std::vector<FieldError> errors;
  std::vector<std::string> warnings;
  const Config* running = nullptr;  // what is in force already; null: nothing
  std::shared_ptr<const PluginSources> plugins;

  void warn(const std::string& path, const std::string& text) { warnings.push_back(path + ": " + text); }
};

// The field keeps its default where nothing was given.
template <class T>
void set_given(T& field, std::optional<T> value) {
  if (value) field = std::move(*value);
}

// `{name}_file` (a reference), or `{name}` (the secret itself: taken, but warned about). `file` gets the reference of
// the former.
void read_secret(JsonReader& r, const std::string& name, std::string& field, ConfigLoad& load,
                 std::string* file = nullptr);

// Takes user:password@ out of a URL into the fields, unless they hold something already. `path` is where the URL
// stands in the document, for the warning.
void take_credentials(const std::string& path, std::string& url, std::string& username, std::string& password,
                      ConfigLoad& load);

}  // namespace vedette
