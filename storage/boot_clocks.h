#pragma once

// Inside storage/ only.
#include <map>
#include <string>

#include "core/clock.h"
#include "core/result.h"
#include "storage/layout.h"

namespace vedette {

// What the wall clock turned out to be ahead of the monotonic one, for the boots of this machine in which it was set
// while clips were there: {storage.path}/boots.json. The files of the clips say how they were dated when they were made
// and are not changed, so a catalog that is made again from them takes the right dates from here.
using BootClocks = std::map<std::string, microseconds>;  // by boot id

// A file that is missing is no boot; so is one that is damaged, which is logged.
BootClocks load_boot_clocks(const Layout& layout);
// Writes it down, durably. The last kMostBoots are kept.
Status save_boot_clock(const Layout& layout, const std::string& boot_id, microseconds offset);
inline constexpr size_t kMostBoots = 1000;

}  // namespace vedette
