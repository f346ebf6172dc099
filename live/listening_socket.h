#pragma once

#include <sys/socket.h>

#include <filesystem>
#include <string>
#include <string_view>

#include "core/file.h"
#include "core/result.h"

namespace vedette {

// "127.0.0.1:38080" or "[::1]:38080" as the system takes it. invalid_argument for everything that is not a number or
// not loopback: what is spoken there is not encrypted, and is for programs of this machine.
struct LoopbackAddress {
  sockaddr_storage storage{};
  socklen_t size = 0;
};
Result<LoopbackAddress> loopback_address(std::string_view text);

// A path that a Unix socket can have: absolute, and short enough for the system.
Status check_socket_path(const std::filesystem::path& path);

// Listening, non-blocking. The Unix socket gets mode 0660, from its first moment on, and takes the place of one that
// was left by a process that is no more; already_exists when somebody answers there, or when it is no socket.
Result<Fd> listen_on_unix(const std::filesystem::path& path);
Result<Fd> listen_on_tcp(const std::string& address);

}  // namespace vedette
