#pragma once

#include <string>

namespace vedette::test {

// What stands in a page of docs/ in the fenced block below the line `<!-- run: NAME -->`, as it stands there. Throws
// when there is no such block.
std::string documented(const std::string& page, const std::string& name);

}  // namespace vedette::test
