#pragma once

#include "core/clock.h"
#include "core/result.h"

namespace vedette {

// The program begins again in the place of this process, with its arguments, environment and id: for what only a start
// can mend (a catalog that is damaged), which nobody may be there to give it. Not more often than every ten minutes, so
// that a disk that damages all that is written does not keep it from everything else.
bool may_start_anew(MonoTime now);
// Comes back only when it could not be done. Nothing of the process may be in use any more.
Error start_anew(char** argv, MonoTime now);

}  // namespace vedette
