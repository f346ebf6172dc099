#pragma once

#include <netdb.h>

namespace vedette::test {

// A host name for which nobody answers, as with a name server that is away: in a program that calls a function of this
// file, the C library's getaddrinfo_a() is told so.
inline constexpr const char* kSlowName = "slow.test";

// The newest question for it, on which the C library seems to work; null when there was none.
gaicb* slow_question();
// From now on it is another name of localhost, or not.
void answer_slow_name(bool answered);

}  // namespace vedette::test
