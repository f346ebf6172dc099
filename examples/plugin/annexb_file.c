/* A plug-in source for Vedette, to begin from: plays a file of H.264 (Annex B, with access unit delimiters), over and
 * over. URL: {scheme}:///path/to/file.h264?fps=25
 * Make such a file:  ffmpeg -i in.mp4 -c copy -an -bsf:v h264_mp4toannexb,h264_metadata=aud=insert out.h264
 * Build:             cc -std=c11 -fPIC -shared -I sources/plugin -o annexb_file.so examples/plugin/annexb_file.c */
#define _POSIX_C_SOURCE 200809L
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "vedette_source.h"

#define MOST_BYTES (64 * 1024 * 1024)

struct camera {
  char path[1024];
  int fps;
  uint8_t* bytes;
  size_t size;
  atomic_int stopped;
};

static vedette_source_code failed(vedette_source_code code, const char* reason, char* error, size_t error_bytes) {
  snprintf(error, error_bytes, "%s", reason);
  return code;
}

static vedette_source_code camera_create(const vedette_source_config* config, void** source, char* error,
                                         size_t error_bytes) {
  const char* path = strstr(config->url, ":///");
  if (!path || strlen(path) >= sizeof((struct camera*)0)->path)
    return failed(VEDETTE_SOURCE_INVALID_ARGUMENT, "the URL must be {scheme}:///path?fps=25", error, error_bytes);
  struct camera* camera = calloc(1, sizeof *camera);
  if (!camera) return failed(VEDETTE_SOURCE_INTERNAL, "out of memory", error, error_bytes);
  strcpy(camera->path, path + 3);
  camera->fps = 25;
  char* query = strchr(camera->path, '?');
  if (query) {
    *query = 0;
    if (sscanf(query + 1, "fps=%d", &camera->fps) != 1 || camera->fps < 1 || camera->fps > 120) {
      free(camera);
      return failed(VEDETTE_SOURCE_INVALID_ARGUMENT, "fps must be 1 to 120", error, error_bytes);
    }
  }
  *source = camera;
  return VEDETTE_SOURCE_OK;
}

static vedette_source_code camera_open(void* source, const vedette_source_host* host, char* error,
                                       size_t error_bytes) {
  struct camera* camera = source;
  FILE* file = fopen(camera->path, "rb");
  if (!file) return failed(VEDETTE_SOURCE_NOT_FOUND, "the file cannot be opened", error, error_bytes);
  camera->bytes = malloc(MOST_BYTES);
  camera->size = camera->bytes ? fread(camera->bytes, 1, MOST_BYTES, file) : 0;
  fclose(file);
  if (camera->size == 0) return failed(VEDETTE_SOURCE_UNSUPPORTED, "the file is empty", error, error_bytes);
  vedette_source_streams streams = {.size = sizeof streams, .video_codec = VEDETTE_SOURCE_H264};
  streams.video_fps = camera->fps;
  return host->push_streams(host->context, &streams);
}

/* Where the next access unit begins: at the start code of a delimiter (NAL unit type 9). */
static size_t next_unit(const struct camera* camera, size_t from) {
  for (size_t i = from; i + 4 < camera->size; ++i)
    if (camera->bytes[i] == 0 && camera->bytes[i + 1] == 0 && camera->bytes[i + 2] == 0 && camera->bytes[i + 3] == 1 &&
        (camera->bytes[i + 4] & 0x1f) == 9)
      return i;
  return camera->size;
}

static int64_t now_us(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

/* Sleeps at most a tenth of a second at once, so that stop() is seen. */
static void sleep_until(const struct camera* camera, int64_t due_us) {
  for (int64_t left = due_us - now_us(); left > 0 && !atomic_load(&camera->stopped); left = due_us - now_us()) {
    const struct timespec pause = {0, (left < 100000 ? left : 100000) * 1000};
    nanosleep(&pause, NULL);
  }
}

static vedette_source_code camera_run(void* source, const vedette_source_host* host, char* error,
                                      size_t error_bytes) {
  struct camera* camera = source;
  const int64_t start_us = now_us();
  int64_t frame = 0;
  while (!atomic_load(&camera->stopped)) {
    size_t begin = next_unit(camera, 0);
    if (begin == camera->size)
      return failed(VEDETTE_SOURCE_UNSUPPORTED, "the file holds no access unit delimiter", error, error_bytes);
    while (begin < camera->size && !atomic_load(&camera->stopped)) {
      const size_t end = next_unit(camera, begin + 4);
      vedette_source_packet packet = {.size = sizeof packet, .data = camera->bytes + begin, .data_bytes = end - begin};
      packet.pts_us = packet.dts_us = frame++ * 1000000 / camera->fps;
      sleep_until(camera, start_us + packet.pts_us);
      if (host->push_packet(host->context, &packet) == VEDETTE_SOURCE_STOPPED) return VEDETTE_SOURCE_OK;
      begin = end;
    }
  }
  return VEDETTE_SOURCE_OK;
}

static void camera_stop(void* source) { atomic_store(&((struct camera*)source)->stopped, 1); }

static void camera_destroy(void* source) {
  free(((struct camera*)source)->bytes);
  free(source);
}

const vedette_source_plugin* vedette_source_entry(void);
const vedette_source_plugin* vedette_source_entry(void) {
  static const vedette_source_plugin plugin = {VEDETTE_SOURCE_ABI, sizeof plugin, "annexb_file", "1.0",
                                               camera_create,      camera_open,   camera_run,    camera_stop,
                                               camera_destroy};
  return &plugin;
}
