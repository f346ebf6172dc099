#include "tests/support/camera_sim/feeder.h"

#include <gst/app/gstappsrc.h>
#include <gst/rtp/gstrtpbuffer.h>

#include <chrono>

#include "tests/support/camera_sim/pacer.h"

namespace camera_sim {

std::atomic<bool> g_frozen{false};

namespace {

constexpr guint64 kQueueBytes = guint64{8} << 20;
constexpr int kLeakyDownstream = 2;  // of appsrc: the oldest goes when the queue is full
constexpr int kSpoiltBytes = 20;
constexpr GstClockTime kPollPlaying = 2 * GST_MSECOND;

// The cameras have been running since the process began.
const GstClockTime g_process_start = now();

GstClockTime from_seconds(double s) {
  return static_cast<GstClockTime>(s * 1e9);
}

void set_up_source(GstElement* source, GstCaps* caps) {
  g_object_set(source, "is-live", TRUE, "format", GST_FORMAT_TIME, "do-timestamp", FALSE, "block", FALSE, "max-bytes",
               kQueueBytes, "leaky-type", kLeakyDownstream, "caps", caps, nullptr);
}

int clock_rate_of(GstPad* pad) {
  int rate = 90000;
  if (GstCaps* caps = gst_pad_get_current_caps(pad)) {
    gst_structure_get_int(gst_caps_get_structure(caps, 0), "clock-rate", &rate);
    gst_caps_unref(caps);
  }
  return rate;
}

void add_to_rtp_timestamp(GstBuffer* buffer, int64_t ticks) {
  GstRTPBuffer rtp = GST_RTP_BUFFER_INIT;
  if (!gst_rtp_buffer_map(buffer, GST_MAP_READWRITE, &rtp)) return;
  gst_rtp_buffer_set_timestamp(&rtp, static_cast<guint32>(gst_rtp_buffer_get_timestamp(&rtp) + ticks));
  gst_rtp_buffer_unmap(&rtp);
}

}  // namespace

GstClockTime now() {
  return static_cast<GstClockTime>(g_get_monotonic_time()) * 1000;
}

Feeder::Feeder(std::shared_ptr<const Clip> clip, GstElement* pipeline, const Options& options)
    : clip_(std::move(clip)), options_(options) {
  video_ = gst_bin_get_by_name_recurse_up(GST_BIN(pipeline), "vsrc");
  set_up_source(video_, clip_->video_caps);
  if (clip_->audio_caps) {
    audio_ = gst_bin_get_by_name_recurse_up(GST_BIN(pipeline), "asrc");
    set_up_source(audio_, clip_->audio_caps);
  }
  if (options_.jump_every_s > 0) add_timestamp_jumps(pipeline);
  if (options_.pace_ms > 0) pace_video(pipeline, options_.pace_ms);
  thread_ = std::thread([this] { run(); });
}

Feeder::~Feeder() {
  {
    const std::lock_guard lock(mutex_);
    stop_ = true;
  }
  wake_.notify_all();
  thread_.join();
  gst_object_unref(video_);
  if (audio_) gst_object_unref(audio_);
}

// Jumps are made in the RTP header: a buffer whose time lies in the future would only be held back.
void Feeder::add_timestamp_jumps(GstElement* pipeline) {
  for (const char* name : {"pay0", "pay1"}) {
    GstElement* payloader = gst_bin_get_by_name(GST_BIN(pipeline), name);
    if (!payloader) continue;
    GstPad* pad = gst_element_get_static_pad(payloader, "src");
    const auto both = static_cast<GstPadProbeType>(GST_PAD_PROBE_TYPE_BUFFER | GST_PAD_PROBE_TYPE_BUFFER_LIST);
    gst_pad_add_probe(pad, both, shift_timestamps, this, nullptr);
    gst_object_unref(pad);
    gst_object_unref(payloader);
  }
}

GstPadProbeReturn Feeder::shift_timestamps(GstPad* pad, GstPadProbeInfo* info, gpointer self) {
  const int64_t ticks = static_cast<Feeder*>(self)->jumped_ms_ * clock_rate_of(pad) / 1000;
  if (ticks == 0) return GST_PAD_PROBE_OK;
  if (info->type & GST_PAD_PROBE_TYPE_BUFFER_LIST) {
    if (static_cast<Feeder*>(self)->options_.pace_ms > 0) return GST_PAD_PROBE_OK;  // they pass one by one too
    GstBufferList* list = gst_buffer_list_make_writable(GST_PAD_PROBE_INFO_BUFFER_LIST(info));
    for (guint i = 0; i < gst_buffer_list_length(list); ++i)
      add_to_rtp_timestamp(gst_buffer_list_get_writable(list, i), ticks);
    GST_PAD_PROBE_INFO_DATA(info) = list;
  } else {
    GstBuffer* buffer = gst_buffer_make_writable(GST_PAD_PROBE_INFO_BUFFER(info));
    add_to_rtp_timestamp(buffer, ticks);
    GST_PAD_PROBE_INFO_DATA(info) = buffer;
  }
  return GST_PAD_PROBE_OK;
}

bool Feeder::wait_until(GstClockTime when) {
  std::unique_lock lock(mutex_);
  while (!stop_) {
    const GstClockTime current = now();
    if (current >= when) return true;
    wake_.wait_for(lock, std::chrono::nanoseconds(when - current));
  }
  return false;
}

// There is a running time only in PLAYING.
bool Feeder::wait_for_playing() {
  while (GST_STATE(video_) != GST_STATE_PLAYING)
    if (!wait_until(now() + kPollPlaying)) return false;
  return true;
}

Feeder::Position Feeder::position_of(GstClockTime when) const {
  const GstClockTime into_the_turn = (when - g_process_start) % clip_->length;
  Position at{0, when - into_the_turn};
  while (at.index < clip_->units.size() && clip_->units[at.index].dts < into_the_turn) ++at.index;
  return at;
}

void Feeder::run() {
  if (!wait_for_playing()) return;
  GstClock* clock = gst_element_get_clock(video_);
  if (!clock) return;
  const GstClockTime begin = now();
  const GstClockTime running_time = gst_clock_get_time(clock) - gst_element_get_base_time(video_);
  gst_object_unref(clock);
  play(position_of(begin), begin, running_time);
}

void Feeder::play(Position at, GstClockTime begin, GstClockTime running_time) {
  bool started = !options_.join_at_key_frame;
  GstClockTime next_jump = begin + from_seconds(options_.jump_every_s);
  for (;; ++at.index) {
    if (at.index >= clip_->units.size()) at = {0, at.turn + clip_->length};
    const Unit& unit = clip_->units[at.index];
    if (!started) {
      if (!unit.is_video || !unit.is_key) continue;
      started = true;
      at.turn = now() - unit.dts;  // the file is shifted so that a key frame is due now
    }
    GstClockTime due = at.turn + unit.dts + clip_->delay;
    if (options_.jitter_ms > 0) due += from_seconds(random() * options_.jitter_ms / 1000);
    if (!wait_until(due)) return;
    if (options_.jump_every_s > 0 && now() >= next_jump) {
      jumped_ms_ += static_cast<int64_t>(options_.jump_by_s * 1000);
      next_jump += from_seconds(options_.jump_every_s);
    }
    // The sum may pass zero for the first, partial turn; unsigned arithmetic comes out right.
    if (!is_to_be_left_out(unit, begin)) push(unit, running_time + (at.turn - begin));
  }
}

bool Feeder::is_to_be_left_out(const Unit& unit, GstClockTime begin) {
  if (g_frozen) return true;
  if (options_.freeze_after_s > 0 && now() - begin > from_seconds(options_.freeze_after_s)) return true;
  const GstClockTime passed = now() - begin;
  const bool silent = options_.audio_until_s > 0 && passed > from_seconds(options_.audio_until_s) &&
                      (options_.audio_from_s <= 0 || passed < from_seconds(options_.audio_from_s));
  if (!unit.is_video && silent) return true;
  return unit.is_video && !unit.is_key && options_.drop > 0 && random() < options_.drop;
}

// The last third, so that neither the lengths in front of the units nor the parameter sets are hit: the payloader would
// not send those.
GstBuffer* Feeder::spoilt_copy(GstBuffer* from) {
  GstBuffer* buffer = gst_buffer_copy_deep(from);
  GstMapInfo map;
  if (!gst_buffer_map(buffer, &map, GST_MAP_WRITE)) return buffer;
  const auto begin = static_cast<double>(map.size) * 2 / 3;
  for (int i = 0; i < kSpoiltBytes; ++i)
    map.data[static_cast<size_t>(begin + random() * (static_cast<double>(map.size) - begin - 1))] ^= 0xff;
  gst_buffer_unmap(buffer, &map);
  return buffer;
}

void Feeder::push(const Unit& unit, GstClockTime base) {
  GstElement* to = unit.is_video ? video_ : audio_;
  if (!to) return;
  const bool spoilt = unit.is_video && options_.corrupt > 0 && random() < options_.corrupt;
  GstBuffer* buffer = spoilt ? spoilt_copy(unit.data) : gst_buffer_copy(unit.data);  // the latter shares the bytes
  GST_BUFFER_PTS(buffer) = base + unit.pts;
  GST_BUFFER_DTS(buffer) = base + unit.dts;
  if (unit.duration) GST_BUFFER_DURATION(buffer) = unit.duration;
  if (!unit.is_key) GST_BUFFER_FLAG_SET(buffer, GST_BUFFER_FLAG_DELTA_UNIT);
  gst_app_src_push_buffer(GST_APP_SRC(to), buffer);  // takes the buffer, also when it refuses it
}

}  // namespace camera_sim
