#pragma once

#include <functional>

namespace vedette::test {

// Runs `work` in a process of its own, which is killed (SIGKILL) before its change number `change` of the disk, as the
// door in core/file.h counts them from 1 on. False: it came to its end before that. Nothing may be open that a fork
// must not share (a database, say). Failures of the process itself, by _exit with another status than 0, fail the test.
bool killed_before(int change, const std::function<void()>& work);

}  // namespace vedette::test
