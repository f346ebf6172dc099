#pragma once

#include <gst/gst.h>

namespace camera_sim {

// Lets the RTP packets of a pipeline's video go out one by one, so many milliseconds apart, as encoders in cameras send
// them, instead of a frame at once. Video that is late by more than half a second goes without waiting: a pace that is
// too slow for the stream spreads packets but builds up no delay.
void pace_video(GstElement* pipeline, double pace_ms);

}  // namespace camera_sim
