#pragma once

#include <filesystem>
#include <string>
#include <string_view>

#include "core/result.h"

namespace vedette {

// The secret that a reference stands for: a path, "env:NAME" or "cred:NAME" (systemd's LoadCredential). One line break
// at its end is dropped. invalid_argument says what is wrong and how to mend it. The redactor does not know it yet.
Result<std::string> read_secret(std::string_view reference);
// The same, made known to the redactor.
Result<std::string> resolve_secret(std::string_view reference);

// The file that it is read from; empty when it is none.
std::filesystem::path secret_file(std::string_view reference);

}  // namespace vedette
