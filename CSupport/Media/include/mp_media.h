// What the JPEG, PNG and video shims have in common: limits that are checked before memory is taken, and a report of
// what went wrong. The first two are C because libjpeg and libpng report errors by longjmp, which must not cross a
// Swift frame: every entry point here catches it, frees what it took, and returns.
#pragma once
#include <stddef.h>
#include <stdint.h>

typedef struct {
  uint64_t pixels;  // width times height
  uint64_t bytes;   // memory a decoder may take besides the pixels it hands out
  uint32_t scans;   // passes over a progressive JPEG
} mp_media_limits;

typedef enum {
  mp_media_ok = 0,
  mp_media_damaged,         // not what the format allows; `message` says where
  mp_media_truncated,       // the file ends before the picture does
  mp_media_unsupported,     // well formed, but of a kind that is not read; `message` says which
  mp_media_too_many_pixels,  // `found` and `limit` hold the numbers, here and below
  mp_media_too_many_bytes,  // `found` is 0 where the library does not tell
  mp_media_too_many_scans,
  mp_media_too_many_frames,
  mp_media_no_library,  // `message` says which; nothing was read
  mp_media_no_stream,  // a file of media, but not with what was asked for
  mp_media_cancelled,
  mp_media_end,  // no error: there is no more
} mp_media_status;

typedef struct {
  mp_media_status status;
  uint64_t found;
  uint64_t limit;
  char message[256];  // the library's own words, in English, ended by 0; may be empty
} mp_media_report;

/// Frees what a function documented as "to be freed with mp_media_free" returned; null is fine.
void mp_media_free(void *memory);
