// Reading JPEG through libjpeg-turbo, with the results of Pillow's decoder: accurate integer DCT (ISLOW), fancy
// upsampling, conversions as Pillow's convert("RGB"), damaged entropy data tolerated, missing data not.
#pragma once
#include "mp_media.h"

typedef struct mp_jpeg mp_jpeg;

/// Reads the header, up to the first scan, and checks it against `limits`. Null on failure, with `report` filled.
/// `bytes` must stay where they are until mp_jpeg_close. Takes a few KiB and 32 bytes for
/// each APP1 segment at most.
mp_jpeg *mp_jpeg_open(const uint8_t *bytes, size_t count, const mp_media_limits *limits, mp_media_report *report);

uint32_t mp_jpeg_width(const mp_jpeg *jpeg);
uint32_t mp_jpeg_height(const mp_jpeg *jpeg);

/// The APP1 segment of that index in file order, which is where Exif and XMP live, without marker and length.
/// Null past the last one. Part of the file's bytes.
const uint8_t *mp_jpeg_app1(const mp_jpeg *jpeg, uint32_t index, size_t *count);

/// Decodes to `rgb`, (height, width, 3) bytes without padding. Once per handle.
mp_media_status mp_jpeg_decode(mp_jpeg *jpeg, uint8_t *rgb, mp_media_report *report);

/// Frees everything; null is fine.
void mp_jpeg_close(mp_jpeg *jpeg);
