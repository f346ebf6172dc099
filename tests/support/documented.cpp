#include "tests/support/documented.h"

#include <stdexcept>

#include "tests/support/paths.h"
#include "tests/support/process.h"

namespace vedette::test {

std::string documented(const std::string& page, const std::string& name) {
  const std::string text = read_text(VEDETTE_SOURCE_DIR "/docs/" + page);
  const size_t mark = text.find("<!-- run: " + name + " -->\n```");
  if (mark == std::string::npos) throw std::runtime_error("docs/" + page + " has no block to run for " + name);
  const size_t begin = text.find('\n', text.find("```", mark)) + 1;
  return text.substr(begin, text.find("\n```", begin) + 1 - begin);
}

}  // namespace vedette::test
