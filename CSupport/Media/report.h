// Filling a report; internal to the shims.
#pragma once
#include <stdio.h>

#include "mp_media.h"

static inline mp_media_status mp_report(
    mp_media_report *report, mp_media_status status, uint64_t found, uint64_t limit, const char *message) {
  report->status = status;
  report->found = found;
  report->limit = limit;
  snprintf(report->message, sizeof report->message, "%s", message);
  return status;
}

/// The product of two 32-bit extents cannot overflow 64 bits.
static inline int mp_pixels_fit(
    uint32_t width, uint32_t height, const mp_media_limits *limits, mp_media_report *report) {
  uint64_t pixels = (uint64_t)width * height;
  if (pixels <= limits->pixels) return 1;
  char message[64];
  snprintf(message, sizeof message, "%u x %u", height, width);
  mp_report(report, mp_media_too_many_pixels, pixels, limits->pixels, message);
  return 0;
}
