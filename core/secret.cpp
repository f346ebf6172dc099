#include "core/secret.h"

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

Result<std::filesystem::path> credential_path(std::string_view name) {
  const char* folder = std::getenv("CREDENTIALS_DIRECTORY");  // NOLINT(concurrency-mt-unsafe): nobody sets it
  if (!folder)
    return fail(Code::invalid_argument, "there are no systemd credentials here; add LoadCredential=" +
                                            std::string(name) + ":/path to the unit");
  if (name.empty() || name.find('/') != std::string_view::npos)
    return fail(Code::invalid_argument, "the name of a credential holds no slash");
  return std::filesystem::path(folder) / name;
}

Result<std::string> from_credential(std::string_view name) {
  const auto path = credential_path(name);
  if (!path) return path.error_as_is();
  return from_file(*path);
}

}  // namespace

Result<std::string> read_secret(std::string_view reference) {
  if (reference.starts_with("env:")) return from_environment(std::string(reference.substr(4)));
  if (reference.starts_with("cred:")) return from_credential(reference.substr(5));
  return from_file(std::filesystem::path(reference));
}

Result<std::string> resolve_secret(std::string_view reference) {
  auto secret = read_secret(reference);
  if (secret) add_secret(*secret);
  return secret;
}

std::filesystem::path secret_file(std::string_view reference) {
  if (reference.starts_with("env:")) return {};
  if (!reference.starts_with("cred:")) return reference;
  const auto path = credential_path(reference.substr(5));
  return path ? *path : std::filesystem::path();
}

}  // namespace vedette
