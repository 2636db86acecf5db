// Metadata of a PNG, taken from the file's own bytes: libpng would copy every text chunk, and take the memory that one
// claims to have before it reads it.
#pragma once
#include <stddef.h>
#include <stdint.h>

/// The data of the last eXIf chunk that ends before `end`; null if absent. A part of `bytes`.
const uint8_t *mp_png_find_exif(const uint8_t *bytes, size_t end, size_t *count);

/// The text of the last tEXt, zTXt or iTXt chunk with that keyword that ends before `end` and has the right checksum;
/// null if absent. From malloc.
///
/// `damaged` is set where its compressed text is broken, or more than 64 times (and 1 MiB) as long as it is compressed;
/// it is where the chunk begins.
uint8_t *mp_png_find_text(
    const uint8_t *bytes, size_t end, const char *keyword, size_t *count, size_t *damaged);
