#include "core/thread.h"

#include <pthread.h>
#include <sys/resource.h>
#include <unistd.h>

#include <cstdlib>
#include <exception>

#include "core/log.h"

namespace vedette {

std::jthread start_thread(const std::string& name, std::function<void(std::stop_token)> body) {
  return std::jthread([name, body = std::move(body)](std::stop_token stop) {
    pthread_setname_np(pthread_self(), name.substr(0, 15).c_str());
    try {
      body(std::move(stop));
    } catch (const std::exception& e) {
      log::error("bug: exception at the top of a thread", {{"thread", name}, {"what", e.what()}});
      std::abort();
    }
  });
}

void give_way_to_others() {
  // Linux keeps the nice value by thread (setpriority(2), notes). May fail, then all is as before.
  static_cast<void>(setpriority(PRIO_PROCESS, static_cast<id_t>(gettid()), 10));
}

bool wait_until(MonoTime deadline, const std::stop_token& stop) {
  std::mutex mutex;
  std::condition_variable_any wake;
  std::unique_lock lock(mutex);
  wake.wait_until(lock, stop, deadline, [] { return false; });
  return stop.stop_requested();
}

bool wait_for(microseconds duration, const std::stop_token& stop) {
  return wait_until(Clock::system().mono() + duration, stop);
}

}  // namespace vedette
