#pragma once

#include <filesystem>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "core/clock.h"
#include "core/result.h"
#include "sources/plugin/library.h"
#include "sources/source.h"

namespace vedette {

// The kinds of source that are no part of the agent, by their schemes: made when the configuration is read, and
// immutable from then on.
class PluginSources {
 public:
  // Loads the library, which then stays loaded for as long as the process runs. invalid_argument: no scheme, one that
  // is built in or taken; else as PluginLibrary::load.
  Status add(const std::string& scheme, const std::filesystem::path& path);

  // Null when there is none.
  std::shared_ptr<const PluginLibrary> find(std::string_view scheme) const;
  std::vector<std::string> schemes() const;

 private:
  std::map<std::string, std::shared_ptr<const PluginLibrary>, std::less<>> libraries_;
};

Result<std::unique_ptr<Source>> make_plugin_source(std::shared_ptr<const PluginLibrary> library,
                                                   const SourceConfig& config, const Clock& clock);

}  // namespace vedette
