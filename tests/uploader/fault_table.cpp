#include "tests/uploader/fault_table.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <sstream>

#include "tests/support/paths.h"
#include "tests/support/process.h"

namespace vedette::test {

namespace {

// "| a | b |" -> a, b
std::vector<std::string> cells_of(const std::string& line) {
  std::vector<std::string> cells;
  std::istringstream in(line);
  std::string cell;
  std::getline(in, cell, '|');
  while (std::getline(in, cell, '|')) {
    const size_t begin = cell.find_first_not_of(' ');
    const size_t end = cell.find_last_not_of(' ');
    cells.push_back(begin == std::string::npos ? "" : cell.substr(begin, end + 1 - begin));
  }
  return cells;
}

}  // namespace

FaultTable::FaultTable(const std::string& column) {
  const std::string page = read_text(VEDETTE_SOURCE_DIR "/docs/design/uploads.md");
  std::istringstream lines(page.substr(std::min(page.size(), page.find("<!-- table: faults -->"))));
  std::string line;
  std::getline(lines, line);
  std::getline(lines, line);
  const auto head = cells_of(line);
  const auto at = static_cast<size_t>(std::find(head.begin(), head.end(), column) - head.begin());
  EXPECT_LT(at, head.size()) << "the table has no column " << column;
  std::getline(lines, line);  // |---|
  while (std::getline(lines, line) && line.starts_with("|")) {
    const auto cells = cells_of(line);
    if (at < cells.size()) cells_[cells[0]] = cells[at];
  }
}

std::string FaultTable::expected(const std::string& fault) {
  tried_.push_back(fault);
  const auto found = cells_.find(fault);
  if (found != cells_.end()) return found->second;
  ADD_FAILURE() << "docs/design/uploads.md has no fault \"" << fault << "\"";
  return {};
}

std::vector<std::string> FaultTable::not_tried() const {
  std::vector<std::string> out;
  for (const auto& [fault, cell] : cells_)
    if (cell != "-" && std::find(tried_.begin(), tried_.end(), fault) == tried_.end()) out.push_back(fault);
  return out;
}

}  // namespace vedette::test
