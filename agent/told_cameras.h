#pragma once

#include <string>
#include <vector>

#include "agent/config.h"
#include "agent/status_board.h"
#include "storage/catalog.h"

namespace vedette {

// ToldCameras knows whose state a broker may retain, over restarts: a camera that went from the file while the agent
// did not run would be shown for ever as it was. Belongs to the main loop; borrows all it uses, which outlives it.
class ToldCameras {
 public:
  ToldCameras(const Config& config, Catalog& catalog, StatusBoard& board)
      : config_(config), catalog_(catalog), board_(board) {}

  // Takes back what the broker has of those that are gone.
  void on_connected();
  // Notes those that are configured now. To be called every second or so.
  void look();
  // Those that were configured before, and are not now.
  const std::vector<std::string>& gone() const { return gone_; }
  // The broker has all that was said: those that are gone need not be told again.
  void settle();

 private:
  void note(std::vector<std::string> configured);

  const Config& config_;
  Catalog& catalog_;
  StatusBoard& board_;
  std::vector<std::string> noted_;  // as configured
  std::vector<std::string> gone_;   // that were before
};

}  // namespace vedette
