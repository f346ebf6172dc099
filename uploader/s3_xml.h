#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

// The little XML that S3 answers with: elements without attributes, of which only a few are looked at. Servers differ
// in what lies between and around them.
namespace vedette::s3_xml {

// Whether the document's outermost element has this name.
bool is(std::string_view xml, std::string_view root);
// The text of the first element of that name, entities resolved; nothing when there is none or it holds other elements.
std::optional<std::string> text(std::string_view xml, std::string_view name);
// The same as a number; nothing for anything but digits that fit.
std::optional<int64_t> number(std::string_view xml, std::string_view name);
// What is inside of each element of that name.
std::vector<std::string_view> all(std::string_view xml, std::string_view name);
// Text as the content of an element.
std::string escaped(std::string_view text);

}  // namespace vedette::s3_xml
