#include "sources/plugin/library.h"

#include <dlfcn.h>
#include <sys/stat.h>
#include <unistd.h>

#include <system_error>

#include "core/log.h"
#include "core/text.h"
#include "sources/plugin/vedette_source.h"

namespace vedette {

namespace {

namespace fs = std::filesystem;

constexpr size_t kLongestName = 64;

std::string last_dl_error() {
  const char* text = dlerror();
  return text ? text : "unknown";
}

// Whether only root and we can change what is there. A folder with the sticky bit (/tmp) lets nobody change or replace
// what others own.
Status check_hands_off(const fs::path& path, bool is_file) {
  struct stat status {};
  if (lstat(path.c_str(), &status) != 0) return fail_errno(path.string());
  if (is_file && !S_ISREG(status.st_mode)) return fail(Code::unsupported, path.string() + " is no file");
  if (status.st_uid != 0 && status.st_uid != geteuid())
    return fail(Code::forbidden, path.string() +
                                     " belongs neither to root nor to the agent's user, who could change what runs "
                                     "inside the agent: chown root it");
  const bool writable = (status.st_mode & (S_IWGRP | S_IWOTH)) != 0;
  const bool sticky = !is_file && (status.st_mode & S_ISVTX) != 0;
  if (writable && !sticky)
    return fail(Code::forbidden, path.string() +
                                     " can be written by others, who could change what runs inside the agent: "
                                     "chmod go-w it");
  return {};
}

Status check_path(const fs::path& path) {
  if (auto good = check_hands_off(path, true); !good) return good;
  for (fs::path folder = path.parent_path();; folder = folder.parent_path()) {
    if (auto good = check_hands_off(folder, false); !good) return good;
    if (folder == folder.parent_path()) return {};
  }
}

Status check_functions(const vedette_source_plugin* plugin) {
  if (!plugin) return fail(Code::unsupported, std::string(VEDETTE_SOURCE_ENTRY) + " gives nothing");
  if (plugin->abi != VEDETTE_SOURCE_ABI)
    return fail(Code::unsupported, "it was made for version " + std::to_string(plugin->abi) +
                                       " of the interface, and this agent has " + std::to_string(VEDETTE_SOURCE_ABI));
  if (plugin->size < sizeof(vedette_source_plugin) || !plugin->create || !plugin->open || !plugin->run ||
      !plugin->stop || !plugin->destroy)
    return fail(Code::unsupported, "functions of it are missing");
  return {};
}

std::string text_of(const char* text) {
  std::string out = text ? std::string(text).substr(0, kLongestName) : std::string();
  return is_utf8(out) ? out : std::string();
}

}  // namespace

Result<std::shared_ptr<const PluginLibrary>> PluginLibrary::load(const fs::path& path) {
  if (!path.is_absolute()) return fail(Code::invalid_argument, "must be an absolute path");
  std::error_code error;
  const fs::path real = fs::canonical(path, error);
  if (error) return fail_errno(path.string(), error.value());
  if (auto good = check_path(real); !good) return good.error_as_is();
  void* const handle = dlopen(real.c_str(), RTLD_NOW | RTLD_LOCAL);
  if (!handle) return fail(Code::unsupported, "it cannot be loaded: " + last_dl_error());
  const auto entry = reinterpret_cast<vedette_source_entry_function>(dlsym(handle, VEDETTE_SOURCE_ENTRY));
  if (!entry)
    return fail(Code::unsupported, real.string() + " is no plug-in: it has no " + std::string(VEDETTE_SOURCE_ENTRY));
  const vedette_source_plugin* const plugin = entry();
  if (auto good = check_functions(plugin); !good) return good.error_with(real.string());
  std::string name = text_of(plugin->name) + " " + text_of(plugin->version);
  return std::shared_ptr<const PluginLibrary>(new PluginLibrary(*plugin, std::move(name)));
}

}  // namespace vedette
