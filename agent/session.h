#pragma once

#include <memory>

#include "agent/command_intake.h"
#include "agent/config.h"
#include "agent/event.h"
#include "agent/home_assistant.h"
#include "core/inbox.h"
#include "mqtt/session.h"

namespace vedette {

// Connects to the broker, with a will that names the connection: commands go to the intake, those of Home Assistant
// too, everything else into the inbox, all from the session's thread. What is borrowed outlives the session.
// `number` tells its events from those of other sessions.
Result<std::unique_ptr<mqtt::Session>> start_session(const Config& config, CommandIntake& intake,
                                                     const HomeAssistant& bridge, Inbox<Event>& inbox,
                                                     const Clock& clock, int number);

}  // namespace vedette
