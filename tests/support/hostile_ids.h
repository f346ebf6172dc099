#pragma once

#include <string>
#include <vector>

namespace vedette::test {

// Ids as nobody should send them: that climb, that a shell, a topic or a path takes for something else, that are too
// long.
inline std::vector<std::string> hostile_ids() {
  return {"../x",
          "..",
          ".",
          "",
          "/etc/passwd",
          "a/b",
          "a/../../x",
          "..%2fx",
          "%2e%2e",
          "a\\..\\b",
          "x\n",
          "x y",
          "X",
          "-x",
          "_x",
          "\xc2\xa0x",
          "x\xe2\x80\xae",
          "$(id)",
          "`id`",
          "x;id",
          "+",
          "#",
          "$SYS",
          "x*",
          "~",
          "vedette.db",
          "clips/.work",
          ".work",
          "0199AA53-1C2B-7D10-9A51-3F0B6F3C2A11",
          std::string(64, 'x'),
          std::string(1, '\x01'),
          "..%2f..%2fx"};
}

}  // namespace vedette::test
