#pragma once

#include <condition_variable>
#include <functional>
#include <mutex>
#include <stop_token>
#include <string>
#include <thread>

#include "core/clock.h"

namespace vedette {

// A thread named for /proc and debuggers (15 characters count). Its owner keeps it as a member declared last, so that
// it is stopped and joined before what it uses goes. An exception that reaches the top is our own bug: it is logged
// and ends the process.
std::jthread start_thread(const std::string& name, std::function<void(std::stop_token)> body);

// The calling thread gets the processor when the others do not want it (nice 10); for ever.
void give_way_to_others();

// Waits until the deadline or the stop; true if stopped.
bool wait_until(MonoTime deadline, const std::stop_token& stop);
bool wait_for(microseconds duration, const std::stop_token& stop);

}  // namespace vedette
