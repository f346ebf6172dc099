#include "core/core_dumps.h"

#include <sys/prctl.h>

namespace vedette {

void forbid_core_dumps() {
  ::prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
}

}  // namespace vedette
