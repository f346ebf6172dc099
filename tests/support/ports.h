#pragma once

#include <cstdint>

#include "core/clock.h"

namespace vedette::test {

// TCP ports of 127.0.0.1 that nobody listens on, below the range that the kernel gives to outgoing connections, and
// never the same one twice in a process. Throws when there are none.
uint16_t free_port();
// The first of `count` consecutive free ports.
uint16_t free_ports(int count);

// Whether somebody accepts connections there now.
bool accepts_connections(uint16_t port);
// Throws when nobody does within the limit.
void wait_for_port(uint16_t port, milliseconds limit);

}  // namespace vedette::test
