#pragma once

#include <chrono>
#include <functional>

namespace vedette::test {

// Polls until the condition holds; false after the time limit. The only way that tests wait for something that has no
// event of its own.
bool eventually(std::chrono::milliseconds limit, const std::function<bool()>& condition);

}  // namespace vedette::test
