// Reading video through FFmpeg's libavformat, libavcodec and libswscale: one stream, frame after frame, as RGB.
// Containers, decoders and protocols are those of the lists in video.c and no others, whatever the libraries can do.
#pragma once
#include "mp_media.h"

typedef struct mp_video mp_video;

typedef struct {
  uint64_t pixels;       // of a frame; the decoder itself refuses more
  uint64_t frames;       // of the file
  uint64_t probe_bytes;  // looked at before the file's kind is known
  uint32_t streams;
} mp_video_limits;

/// Asked again and again while something long goes on: nonzero ends it with mp_media_cancelled.
typedef int (*mp_video_cancelled)(void *);

/// Opens the file and its best video stream. Null on failure, with `report` filled. Decodes only on the calling thread.
mp_video *mp_video_open(
    const char *path, const mp_video_limits *limits, mp_video_cancelled cancelled, mp_media_report *report);

/// Counts the frames by reading all packets and decoding none; then the reader is at its end. What is no frame of its
/// own in some formats (a packet that is never shown) is counted.
/// Truncated where the last frame is cut, or where an MP4's tables promise more than the file holds.
mp_media_status mp_video_count(mp_video *video, uint64_t *frames, mp_media_report *report);

/// Decodes the next frame in order of display; mp_media_end after the last one.
mp_media_status mp_video_next(mp_video *video, mp_media_report *report);

/// Size of the frame that mp_video_next decoded, as stored.
uint32_t mp_video_width(const mp_video *video);
uint32_t mp_video_height(const mp_video *video);

/// How frames have to be turned to be upright: 1...8 as in Exif, from the stream's display matrix.
int mp_video_orientation(const mp_video *video);

/// Writes the frame as (height, width, 3) bytes without padding. Colours follow the stream's matrix and range; where it
/// names none, BT.601 and studio range. The same bytes as PyAV and OpenCV give.
mp_media_status mp_video_rgb(mp_video *video, uint8_t *rgb, mp_media_report *report);

/// Frees everything; null is fine.
void mp_video_close(mp_video *video);
