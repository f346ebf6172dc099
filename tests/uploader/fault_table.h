#pragma once

#include <map>
#include <string>
#include <vector>

namespace vedette::test {

// The table of docs/design/uploads.md below `<!-- table: faults -->`: what each fault comes to at each store. It is
// what the tests expect, so that it is true.
class FaultTable {
 public:
  // `column`: as its head says, "Ceph, https".
  explicit FaultTable(const std::string& column);

  // What stands there. Fails the test for a row that there is not.
  std::string expected(const std::string& fault);
  // Rows that nobody asked for and that are not "-", which means that this store cannot do so.
  std::vector<std::string> not_tried() const;

 private:
  std::map<std::string, std::string> cells_;  // by fault
  std::vector<std::string> tried_;
};

}  // namespace vedette::test
