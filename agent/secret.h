#pragma once

#include <string>
#include <string_view>

#include "core/result.h"

namespace vedette {

// The secret that a reference stands for: a path, "env:NAME" or "cred:NAME" (systemd's LoadCredential). One line break
// at its end is dropped. It is made known to the redactor. invalid_argument says what is wrong and how to mend it.
Result<std::string> resolve_secret(std::string_view reference);

}  // namespace vedette
