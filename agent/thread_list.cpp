#include "agent/thread_list.h"

#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <optional>
#include <sstream>

namespace vedette {

namespace {

std::string state_in_words(char state) {
  switch (state) {
    case 'R':
      return "running";
    case 'S':
      return "sleeping";
    case 'D':
      return "disk";
    case 'T':
    case 't':
      return "stopped";
    case 'I':
      return "idle";
    default:
      return "other";
  }
}

// id (name) state, and the 14th and 15th field in ticks. A name may hold blanks and parentheses.
std::optional<ThreadFigures> parse_stat(const std::string& stat) {
  const size_t begin = stat.find('('), end = stat.rfind(')');
  if (begin == std::string::npos || end == std::string::npos) return std::nullopt;
  std::istringstream rest(stat.substr(end + 1));
  const std::vector<std::string> fields(std::istream_iterator<std::string>(rest), {});
  constexpr size_t kState = 0, kUser = 11, kSystem = 12;  // behind the name
  if (fields.size() <= kSystem || fields[kState].empty()) return std::nullopt;
  const auto from_ticks = [](const std::string& ticks) {
    return milliseconds(std::strtoll(ticks.c_str(), nullptr, 10) * 1000 / sysconf(_SC_CLK_TCK));
  };
  return ThreadFigures{std::atoi(stat.c_str()), stat.substr(begin + 1, end - begin - 1),
                       state_in_words(fields[kState].front()), from_ticks(fields[kUser]), from_ticks(fields[kSystem])};
}

}  // namespace

std::vector<ThreadFigures> list_threads() {
  std::vector<ThreadFigures> out;
  std::error_code none;
  for (const auto& task : std::filesystem::directory_iterator("/proc/self/task", none)) {
    std::ifstream in(task.path() / "stat");
    std::string stat;
    std::getline(in, stat, '\0');
    if (auto thread = parse_stat(stat)) out.push_back(std::move(*thread));
  }
  std::stable_sort(out.begin(), out.end(), [](const auto& a, const auto& b) { return a.cpu() > b.cpu(); });
  return out;
}

}  // namespace vedette
