#include "sources/xml_nodes.h"

namespace vedette::xml {

namespace {

constexpr int kMostDepth = 64;

}  // namespace

std::string_view local_name(const pugi::xml_node& node) {
  const std::string_view name = node.name();
  return name.substr(name.rfind(':') + 1);  // npos + 1 is 0
}

// The first element of that name, in the order of the document.
pugi::xml_node find(const pugi::xml_node& root, std::string_view name) {
  struct Walker : pugi::xml_tree_walker {
    std::string_view wanted;
    pugi::xml_node found;
    bool for_each(pugi::xml_node& node) override {
      if (depth() > kMostDepth) return false;
      if (local_name(node) != wanted) return true;
      found = node;
      return false;
    }
  } walker;
  walker.wanted = name;
  pugi::xml_node(root).traverse(walker);
  return walker.found;
}

std::string text_of(const pugi::xml_node& node) {
  std::string_view text = node.child_value();
  const size_t begin = text.find_first_not_of(" \t\r\n");
  if (begin == std::string_view::npos) return {};
  return std::string(text.substr(begin, text.find_last_not_of(" \t\r\n") - begin + 1));
}

}  // namespace vedette::xml
