#pragma once

#include <string>

#include "core/result.h"

namespace vedette::ctl {

class Client;

// Whether stdout is a terminal that can be drawn on.
bool is_screen();
// Whether the reader of a pipe has gone (`watch | head`): otherwise noticed only with the next line.
bool stdout_is_gone();

// Draws what the client receives on stdout, a few times a second at most. Ends only when stdout does.
Status watch_on_screen(Client& client, const std::string& topic_root);

}  // namespace vedette::ctl
