#pragma once

namespace vedette {

// From here on no core of this process is written, whatever limits and pattern the system has: every password would be
// in it. Nor can other processes of the same user read its memory and its environment, or trace it (PR_SET_DUMPABLE in
// prctl(2), ptrace(2)); root still can.
void forbid_core_dumps();

}  // namespace vedette
