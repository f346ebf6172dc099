#include "sources/plugin/plugin_sources.h"

#include <algorithm>

namespace vedette {

namespace {

constexpr size_t kLongestScheme = 32;

// RFC 3986, section 3.1, in lower case.
bool is_scheme(std::string_view text) {
  const auto letter = [](char c) { return c >= 'a' && c <= 'z'; };
  const auto good = [&](char c) { return letter(c) || (c >= '0' && c <= '9') || c == '+' || c == '-' || c == '.'; };
  return !text.empty() && text.size() <= kLongestScheme && letter(text.front()) &&
         std::all_of(text.begin(), text.end(), good);
}

}  // namespace

Status PluginSources::add(const std::string& scheme, const std::filesystem::path& path) {
  if (!is_scheme(scheme)) return fail(Code::invalid_argument, "is no scheme: must match ^[a-z][a-z0-9+.-]{0,31}$");
  const auto built_in = source_schemes();
  if (std::find(built_in.begin(), built_in.end(), scheme) != built_in.end())
    return fail(Code::invalid_argument, "the scheme " + scheme + " is built in");
  auto library = PluginLibrary::load(path);
  if (!library) return library.error_as_is();
  libraries_[scheme] = std::move(*library);
  return {};
}

std::shared_ptr<const PluginLibrary> PluginSources::find(std::string_view scheme) const {
  const auto it = libraries_.find(scheme);
  return it == libraries_.end() ? nullptr : it->second;
}

std::vector<std::string> PluginSources::schemes() const {
  std::vector<std::string> out;
  for (const auto& [scheme, library] : libraries_) out.push_back(scheme);
  return out;
}

}  // namespace vedette
