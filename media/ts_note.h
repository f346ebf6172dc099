#pragma once

// Inside media/ only: text in the null packets at the end of a transport stream. Every reader skips packets with the
// PID of null packets (ISO/IEC 13818-1, table 2-3), so that it is a transport stream like any other.
#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "core/result.h"

namespace vedette {

// The packets, to be written behind the last of the stream.
std::vector<uint8_t> ts_note(std::string_view text);
// The text that they hold; not_found when there are none of ours.
Result<std::string> read_ts_note(const std::filesystem::path& path);

}  // namespace vedette
