#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "tests/support/process.h"

namespace vedette::test {

// The command by which ffmpeg sends a file in real time, for ever and without transcoding. `format` is "flv" or
// "mpegts".
std::vector<std::string> push_command(const std::filesystem::path& media, const std::string& format,
                                      const std::string& url);
// A camera that sends to (or is called at) this URL, and begins again 100 ms after it was refused or cut off.
Process pusher(const std::filesystem::path& media, const std::string& format, const std::string& url);

}  // namespace vedette::test
