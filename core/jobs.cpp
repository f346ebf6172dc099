#include "core/jobs.h"

#include "core/thread.h"

namespace vedette {

Jobs::Jobs(const std::string& thread_name, size_t capacity)
    : inbox_(capacity), thread_(start_thread(thread_name, [this](const std::stop_token& stop) {
        while (!stop.stop_requested())
          if (auto job = inbox_.pop(kNever, stop)) (*job)(stop);
      })) {}

}  // namespace vedette
