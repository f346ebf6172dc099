#pragma once

#include <pugixml.hpp>
#include <string>
#include <string_view>

// Private to sources/: the one header that includes pugixml, for what reads XML that a camera wrote. pugixml resolves
// no entities but XML's own five. Elements are told by their local names, whatever prefix a camera gives them.
namespace vedette::xml {

std::string_view local_name(const pugi::xml_node& node);
// The first element of that name, in the order of the document; those deeper than 64 levels are not looked at.
pugi::xml_node find(const pugi::xml_node& root, std::string_view name);
// What stands in it, without blanks around it.
std::string text_of(const pugi::xml_node& node);

}  // namespace vedette::xml
