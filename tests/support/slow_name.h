#pragma once

#include <netdb.h>

namespace vedette::test {

// A host name for which nobody answers, as with a name server that is away: in a program that calls a function of this
// file, the C library's getaddrinfo_a() is told so, and its getaddrinfo() hangs.
inline constexpr const char* kSlowName = "slow.test";

// The newest question for it, on which the C library seems to work; null when there was none.
gaicb* slow_question();
// From now on getaddrinfo_a() knows it as another name of localhost, or not.
void answer_slow_name(bool answered);
// How often getaddrinfo() was called for it, and hung.
int hung_questions();

}  // namespace vedette::test
