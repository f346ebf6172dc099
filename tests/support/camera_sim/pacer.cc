#include "tests/support/camera_sim/pacer.h"

#include "tests/support/camera_sim/feeder.h"

namespace camera_sim {

namespace {

constexpr GstClockTime kMostLate = 500 * GST_MSECOND;

// Used by the thread that pushes the video.
struct Pacer {
  const GstClockTime pace;
  GstClockTime next = 0;
};

bool is_late(GstPad* pad, GstBuffer* buffer) {
  GstElement* payloader = gst_pad_get_parent_element(pad);
  if (!payloader) return true;
  bool late = true;
  if (GstClock* clock = gst_element_get_clock(payloader)) {
    const GstClockTime running_time = gst_clock_get_time(clock) - gst_element_get_base_time(payloader);
    late = GST_BUFFER_PTS_IS_VALID(buffer) && running_time > GST_BUFFER_PTS(buffer) + kMostLate;
    gst_object_unref(clock);
  }
  gst_object_unref(payloader);
  return late;
}

GstPadProbeReturn wait_for_turn(GstPad* pad, GstPadProbeInfo* info, gpointer user) {
  auto& pacer = *static_cast<Pacer*>(user);
  const GstClockTime before = now();
  if (pacer.next > before && !is_late(pad, GST_PAD_PROBE_INFO_BUFFER(info)))
    g_usleep((pacer.next - before) / GST_USECOND);
  pacer.next = now() + pacer.pace;
  return GST_PAD_PROBE_OK;
}

// The payloader hands out the packets of a frame as a list; each passes wait_for_turn by itself.
GstPadProbeReturn take_apart(GstPad* pad, GstPadProbeInfo* info, gpointer) {
  GstBufferList* list = GST_PAD_PROBE_INFO_BUFFER_LIST(info);
  GstFlowReturn flow = GST_FLOW_OK;
  for (guint i = 0; i < gst_buffer_list_length(list) && flow == GST_FLOW_OK; ++i)
    flow = gst_pad_push(pad, gst_buffer_ref(gst_buffer_list_get(list, i)));
  gst_buffer_list_unref(list);
  GST_PAD_PROBE_INFO_FLOW_RETURN(info) = flow;
  return GST_PAD_PROBE_HANDLED;
}

}  // namespace

void pace_video(GstElement* pipeline, double pace_ms) {
  GstElement* payloader = gst_bin_get_by_name(GST_BIN(pipeline), "pay0");
  if (!payloader) return;
  GstPad* pad = gst_element_get_static_pad(payloader, "src");
  auto* pacer = new Pacer{static_cast<GstClockTime>(pace_ms * GST_MSECOND)};
  gst_pad_add_probe(pad, GST_PAD_PROBE_TYPE_BUFFER, wait_for_turn, pacer,
                    [](gpointer p) { delete static_cast<Pacer*>(p); });
  gst_pad_add_probe(pad, GST_PAD_PROBE_TYPE_BUFFER_LIST, take_apart, nullptr, nullptr);
  gst_object_unref(pad);
  gst_object_unref(payloader);
}

}  // namespace camera_sim
