#pragma once

#include <string_view>

#include "agent/event.h"

// Which commands need not stand in line. Pure.
namespace vedette {

// What stops something or makes room: it has a rate and room in the queue of its own, and is taken ahead of others.
bool goes_ahead(std::string_view verb);

// Whether a command that goes ahead may be taken before what arrived earlier: never before one that goes ahead itself,
// nor before one that is about the same recording, camera or clip, which whoever sent both wanted in that order.
bool may_pass(const Command& command, const Event& earlier);

}  // namespace vedette
