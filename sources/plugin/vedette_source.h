/* The C interface of Vedette for kinds of camera that others write: a shared library that the agent loads.
 *
 * docs/integration/plugins.md shows how to write, build and configure one; examples/plugin/ is one. This file needs C99
 * and nothing else, and may be copied into other projects.
 *
 * Version. A library says which version of this interface it was made for (vedette_source_plugin.abi), and is refused
 * unless that is VEDETTE_SOURCE_ABI. Within one version structures only grow at their end: each begins with its size in
 * bytes, set by whoever made it, and neither side reads beyond it.
 *
 * Life. For each session with a camera the agent calls, all from one thread that it starts for the session:
 *   create -> open -> run -> destroy         (after an error of create nothing more; after one of open: destroy)
 * and stop(), at most once, from another thread, at any time between create and destroy. Then open and run must return
 * soon: within 400 ms. One that does not is left behind: its camera is in the state `error` until it returns, and no
 * session of that camera begins meanwhile.
 *
 * Memory. Each side frees what it allocated. What a function is given is valid until it returns, but the host, which is
 * valid from open until destroy returns. The agent copies what is pushed.
 *
 * Threads. push_streams, push_packet, stopping and log may be called from any thread, several at once, between the
 * beginning of open and the end of destroy: threads of a vendor's SDK may call them, and must have ended (or never call
 * again) when destroy returns.
 *
 * Errors. Functions that can fail return a vedette_source_code, and write a reason for people into `error` (text, ended
 * by NUL, at most error_bytes with it). No password belongs in it. C++ exceptions must not leave a function.
 */
#ifndef VEDETTE_SOURCE_H
#define VEDETTE_SOURCE_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define VEDETTE_SOURCE_ABI 1u

/* What came of a call. The agent shows the camera in the state behind it, and tries again after a pause: of about a
 * minute after VEDETTE_SOURCE_FORBIDDEN, so that no account is locked, else of 1 to 30 s. */
typedef enum vedette_source_code {
  VEDETTE_SOURCE_OK = 0,
  VEDETTE_SOURCE_INVALID_ARGUMENT = 1, /* the URL is wrong: error */
  VEDETTE_SOURCE_FORBIDDEN = 2,        /* wrong user or password: auth_failed */
  VEDETTE_SOURCE_NOT_FOUND = 3,        /* no such channel: unreachable */
  VEDETTE_SOURCE_UNAVAILABLE = 4,      /* it does not answer, or hung up: unreachable */
  VEDETTE_SOURCE_UNSUPPORTED = 5,      /* it sends what this plug-in cannot take: error */
  VEDETTE_SOURCE_BUSY = 6,             /* too many are watching: busy */
  VEDETTE_SOURCE_TIMED_OUT = 7,        /* stalled when it had streamed, else unreachable */
  VEDETTE_SOURCE_INTERNAL = 8,         /* error */
  VEDETTE_SOURCE_STOPPED = 9           /* of the host only: return from open or run now */
} vedette_source_code;

typedef enum vedette_source_codec {
  VEDETTE_SOURCE_H264 = 1,  /* Annex B, one access unit a packet, SPS and PPS in front of each keyframe */
  VEDETTE_SOURCE_H265 = 2,  /* the same, with VPS */
  VEDETTE_SOURCE_MJPEG = 3, /* one JPEG a packet */
  VEDETTE_SOURCE_AAC = 65,  /* one frame a packet, without ADTS header; `extradata` is the AudioSpecificConfig */
  VEDETTE_SOURCE_PCMU = 66,
  VEDETTE_SOURCE_PCMA = 67
} vedette_source_codec;

/* How to reach the camera. Texts are UTF-8, never NULL; empty where nothing is configured. */
typedef struct vedette_source_config {
  size_t size;
  const char* camera_id;
  const char* url; /* as configured, "acme://10.0.0.5/1", without credentials; what is behind the scheme is yours */
  const char* username;
  const char* password;
  uint32_t connect_timeout_ms;
  uint32_t stall_timeout_ms; /* the agent stops a session that pushes no picture for so long */
} vedette_source_config;

/* What the packets from here on are. To be pushed before the first packet, and again when it changes. */
typedef struct vedette_source_streams {
  size_t size;
  uint32_t video_codec; /* a vedette_source_codec */
  double video_fps;     /* 0: not known */
  uint32_t audio_codec; /* 0: no audio */
  uint32_t audio_sample_rate_hz;
  uint32_t audio_channels;
  const uint8_t* audio_extradata; /* may be NULL; 64 bytes at most */
  size_t audio_extradata_bytes;
} vedette_source_streams;

#define VEDETTE_SOURCE_AUDIO 1u /* a flag of a packet; without it, it is video */

/* One frame. Whether decoding can begin with it is seen from its bytes. Times are microseconds, counted from anywhere,
 * by one clock for video and audio; dts must grow within each of the two. A clock that steps is followed. */
typedef struct vedette_source_packet {
  size_t size;
  uint32_t flags;
  int64_t pts_us;
  int64_t dts_us; /* the same as pts_us unless the camera makes B-frames */
  const uint8_t* data;
  size_t data_bytes; /* at most 16 MiB of video, 64 KiB of audio */
} vedette_source_packet;

/* What the agent offers. `context` is to be handed back in each call. */
typedef struct vedette_source_host {
  size_t size;
  void* context;
  /* Both: OK; STOPPED (the session ends); INVALID_ARGUMENT (it is dropped; after 100 of them the session is ended).
   * Neither waits: while the agent does not keep up, packets are dropped up to the next keyframe, which is OK. */
  vedette_source_code (*push_streams)(void* context, const vedette_source_streams* streams);
  vedette_source_code (*push_packet)(void* context, const vedette_source_packet* packet);
  /* Not 0: return from open or run. */
  int (*stopping)(void* context);
  /* One line for the agent's log, at level debug; never once a packet. */
  void (*log)(void* context, const char* text);
} vedette_source_host;

/* What a library offers. It must be there for as long as the process runs (static). */
typedef struct vedette_source_plugin {
  uint32_t abi; /* VEDETTE_SOURCE_ABI */
  size_t size;
  const char* name;    /* for logs: "Acme NetSDK" */
  const char* version; /* for logs: "1.4" */

  /* Makes what one session needs; must not wait for the camera. *source is handed to all others. */
  vedette_source_code (*create)(const vedette_source_config* config, void** source, char* error, size_t error_bytes);
  /* Connects and logs in. */
  vedette_source_code (*open)(void* source, const vedette_source_host* host, char* error, size_t error_bytes);
  /* Pushes packets until stop() (OK), or until it cannot go on. */
  vedette_source_code (*run)(void* source, const vedette_source_host* host, char* error, size_t error_bytes);
  /* Makes open and run return. Must itself return at once. */
  void (*stop)(void* source);
  /* Logs out, and frees. */
  void (*destroy)(void* source);
} vedette_source_plugin;

/* The one symbol of the library: gives its vedette_source_plugin. */
#define VEDETTE_SOURCE_ENTRY "vedette_source_entry"
typedef const vedette_source_plugin* (*vedette_source_entry_function)(void);

#ifdef __cplusplus
}
#endif

#endif /* VEDETTE_SOURCE_H */
