#pragma once

#include <filesystem>
#include <memory>
#include <string>

#include "core/result.h"

struct vedette_source_plugin;

namespace vedette {

// PluginLibrary is a shared library that holds a kind of source (vedette_source.h). It is code that runs inside the
// agent, with all its rights: nothing but who may write the file stands between it and them. It stays loaded for as
// long as the process runs, as threads of its own may. Immutable.
class PluginLibrary {
 public:
  // forbidden: the file, or a folder above it, could be changed by others than root and the agent's user; not_found;
  // unsupported: it is no library that can be loaded, has no entry, or was made for another version of the interface.
  static Result<std::shared_ptr<const PluginLibrary>> load(const std::filesystem::path& path);

  const vedette_source_plugin& functions() const { return functions_; }
  // "Acme NetSDK 1.4", as it calls itself.
  const std::string& name() const { return name_; }

 private:
  PluginLibrary(const vedette_source_plugin& functions, std::string name)
      : functions_(functions), name_(std::move(name)) {}

  const vedette_source_plugin& functions_;
  const std::string name_;
};

}  // namespace vedette
