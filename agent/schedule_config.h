#pragma once

#include <string>
#include <string_view>

#include "agent/schedule.h"
#include "core/json.h"

// The part of the configuration that is about schedules.
namespace vedette {

// "*/30 8-17 * * 1-5": minute, hour, day of the month, month, day of the week (0 or 7 is Sunday), each with lists,
// ranges and steps; months and days of the week also as jan, mon. Nothing of seconds, @daily, L, W and the like.
Result<CronWindow> parse_cron(std::string_view text);

// `time_zone` of a section: the zone of that name, or the one given.
TimeZone read_time_zone(JsonReader& r, const TimeZone& otherwise);

// `schedule` of a camera, or what has its form under another key. Times are those of `zone` where an entry names none
// of its own.
Schedule read_schedule(JsonReader& section, const TimeZone& zone, const std::string& key = "schedule");

}  // namespace vedette
