#pragma once

#include <string>
#include <vector>

#include "core/clock.h"

namespace vedette {

// A thread of this process as the kernel shows it (proc(5), /proc/[pid]/task/[tid]/stat).
struct ThreadFigures {
  int id = 0;
  std::string name;
  std::string state;  // running, sleeping, disk, stopped, idle, other
  milliseconds user{0};
  milliseconds system{0};

  milliseconds cpu() const { return user + system; }
};

// All of them, those that took most of the processor first. Some files of /proc for each thread and no lock: any thread
// may ask. One that ends meanwhile is left out.
std::vector<ThreadFigures> list_threads();

}  // namespace vedette
