// Reading and writing PNG through libpng. Samples come out as Pillow's convert("RGB") gives them, but for 16-bit grey,
// which keeps its high bytes as other 16-bit samples do (Pillow clips it to 255). Rows are taken raw and converted here.
#pragma once
#include "mp_media.h"

typedef struct mp_png mp_png;

/// Reads the header, up to the first image data, and checks it against `limits`. Null on failure, with `report` filled.
/// `bytes` must stay where they are until mp_png_close.
mp_png *mp_png_open(const uint8_t *bytes, size_t count, const mp_media_limits *limits, mp_media_report *report);

uint32_t mp_png_width(const mp_png *png);
uint32_t mp_png_height(const mp_png *png);

/// Decodes to `rgb`, (height, width, 3) bytes without padding, then reads the metadata after the image. Once per
/// handle.
mp_media_status mp_png_decode(mp_png *png, uint8_t *rgb, mp_media_report *report);

/// The data of the last eXIf chunk, unchecked; null if absent. Complete after mp_png_decode. Owned by `png`.
const uint8_t *mp_png_exif(mp_png *png, size_t *count);

/// The text of the last tEXt, zTXt or iTXt chunk with that keyword, one of those that can tell an orientation, not ended
/// by 0; null if absent. Complete after mp_png_decode. Owned by `png`.
const uint8_t *mp_png_text(mp_png *png, const char *keyword, size_t *count);

/// Frees everything; null is fine.
void mp_png_close(mp_png *png);

/// Encodes `rgb`, (height, width, 3) bytes, as an 8-bit RGB file in memory: same pixels, same bytes.
/// To be freed with mp_media_free; null on failure, with `report` filled.
uint8_t *mp_png_encode(const uint8_t *rgb, uint32_t width, uint32_t height, size_t *count, mp_media_report *report);
