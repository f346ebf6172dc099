#include "agent/secret.h"

#include <cstdlib>
#include <filesystem>

#include "core/file.h"
#include "core/redact.h"

namespace vedette {

namespace {

constexpr size_t kMostSecretBytes = 16 * 1024;

Result<std::string> from_environment(const std::string& name) {
  const char* value = std::getenv(name.c_str());  // NOLINT(concurrency-mt-unsafe): nobody sets it
  if (!value) return fail(Code::invalid_argument, "the environment variable " + name + " is not set");
  if (*value == '\0') return fail(Code::invalid_argument, "the environment variable " + name + " is empty");
  return std::string(value);
}

Result<std::string> from_file(const std::filesystem::path& path) {
  auto content = file::read(path, kMostSecretBytes);
  if (!content) return fail(Code::invalid_argument, "cannot be read: " + content.error().message);
  if (content->ends_with('\n')) content->pop_back();
  if (content->ends_with('\r')) content->pop_back();
  if (content->empty()) return fail(Code::invalid_argument, path.string() + " is empty");
  return content;
}

Result<std::string> from_credential(const std::string& name) {
  const char* folder = std::getenv("CREDENTIALS_DIRECTORY");  // NOLINT(concurrency-mt-unsafe): nobody sets it
  if (!folder)
    return fail(Code::invalid_argument,
                "there are no systemd credentials here; add LoadCredential=" + name + ":/path to the unit");
  if (name.empty() || name.find('/') != std::string::npos)
    return fail(Code::invalid_argument, "the name of a credential holds no slash");
  return from_file(std::filesystem::path(folder) / name);
}

}  // namespace

Result<std::string> resolve_secret(std::string_view reference) {
  auto secret = reference.substr(0, 4) == "env:"    ? from_environment(std::string(reference.substr(4)))
                : reference.substr(0, 5) == "cred:" ? from_credential(std::string(reference.substr(5)))
                                                    : from_file(std::filesystem::path(reference));
  if (secret) add_secret(*secret);
  return secret;
}

}  // namespace vedette
