#pragma once

#include <string>
#include <string_view>

// The ids of traces and spans, as lower-case hex digits. They are derived from ids that there are anyway, so that what
// comes later, also after a restart, names its parent without anybody having kept it.
namespace vedette {

// Of a W3C traceparent: whose trace it is, and which span of theirs asked. Both are empty when the text is none that
// counts (of another form, of version ff, ids of zeros).
struct TraceParent {
  std::string trace_id;
  std::string span_id;
};
TraceParent read_traceparent(std::string_view text);

// A UUID is 128 bits, as a trace id is: the same digits. Of what is no UUID, or the one of zeros, a hash.
std::string trace_id_of(std::string_view id);

// The span of what `device` did about the thing with this id; `what` tells several such spans apart. Many devices may
// be told the same command, so the device is in it.
std::string span_id_of(std::string_view device, std::string_view what, std::string_view id);

}  // namespace vedette
