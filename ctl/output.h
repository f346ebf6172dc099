#pragma once

#include "core/json.h"
#include "core/result.h"
#include "ctl/options.h"

namespace vedette::ctl {

// Prints a final reply to stdout, over several lines on a terminal and as one line elsewhere or with --json; a reply
// that is no success is told on stderr in words as well. Gives the exit status.
int print_reply(const Json& reply, const Options& options);

// A reply before the final one, on stderr.
void print_progress(const Json& reply);

// Tells the error on stderr; gives the exit status.
int print_error(const Error& error);

}  // namespace vedette::ctl
