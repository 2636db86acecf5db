#include "png_chunks.h"

#include <stdlib.h>
#include <string.h>

#include <zlib.h>

// A chunk is a length, a name, that many bytes, and a checksum of name and bytes (PNG specification, 5.3).
struct chunk {
  const uint8_t *name;
  const uint8_t *data;
  size_t count;
  size_t place;
};

static uint32_t big_endian(const uint8_t *bytes) {
  return (uint32_t)bytes[0] << 24 | (uint32_t)bytes[1] << 16 | (uint32_t)bytes[2] << 8 | bytes[3];
}

/// The chunk at `*place`, which moves to the next; 0 where none ends before `end`.
static int next_chunk(const uint8_t *bytes, size_t end, size_t *place, struct chunk *chunk) {
  if (*place > end || end - *place < 12) return 0;
  size_t count = big_endian(bytes + *place);
  if (count > end - *place - 12) return 0;
  *chunk = (struct chunk){bytes + *place + 4, bytes + *place + 8, count, *place};
  *place += 12 + count;
  return 1;
}

static int is_named(const struct chunk *chunk, const char *name) { return memcmp(chunk->name, name, 4) == 0; }

static const size_t first_chunk = 8;

const uint8_t *mp_png_find_exif(const uint8_t *bytes, size_t end, size_t *count) {
  const uint8_t *found = NULL;
  struct chunk chunk;
  for (size_t place = first_chunk; next_chunk(bytes, end, &place, &chunk);) {
    if (!is_named(&chunk, "eXIf")) continue;
    found = chunk.data;
    *count = chunk.count;
  }
  return found;
}

// MARK: Texts

/// Where a text lies in its chunk, and whether it is compressed.
struct text {
  const uint8_t *start;
  size_t count;
  int is_compressed;
};

/// The byte after the next 0; null if absent.
static const uint8_t *after_zero(const uint8_t *start, const uint8_t *end) {
  const uint8_t *zero = start < end ? memchr(start, 0, (size_t)(end - start)) : NULL;
  return zero ? zero + 1 : NULL;
}

/// The text that follows a keyword: after a method in zTXt; after a flag, a method, a language and a translation in iTXt.
static int find_text_in(const struct chunk *chunk, size_t keyword, struct text *text) {
  const uint8_t *end = chunk->data + chunk->count;
  const uint8_t *start = chunk->data + keyword + 1;
  int is_compressed = is_named(chunk, "zTXt");
  if (is_compressed) {
    if (start == end || *start != 0) return 0;
    start += 1;
  } else if (is_named(chunk, "iTXt")) {
    if (end - start < 2 || start[0] > 1 || (start[0] == 1 && start[1] != 0)) return 0;
    is_compressed = start[0];
    start = after_zero(start + 2, end);
    start = start ? after_zero(start, end) : NULL;
    if (!start) return 0;
  }
  *text = (struct text){start, (size_t)(end - start), is_compressed};
  return 1;
}

static int has_keyword(const struct chunk *chunk, const char *keyword) {
  if (!is_named(chunk, "tEXt") && !is_named(chunk, "zTXt") && !is_named(chunk, "iTXt")) return 0;
  size_t length = strlen(keyword);
  return chunk->count > length && memcmp(chunk->data, keyword, length + 1) == 0;
}

static uint8_t *inflated(const struct text *text, size_t *count) {
  size_t limit = text->count < 1 << 14 ? 1 << 20 : text->count > 125000 ? 8000000 : 64 * text->count;
  uint8_t *target = malloc(limit);
  if (!target) return NULL;
  uLongf length = limit;
  int code = uncompress(target, &length, text->start, (uLong)text->count);
  if (code != Z_OK) {
    free(target);
    return NULL;
  }
  *count = length;
  return target;
}

static uint8_t *copied(const struct text *text, size_t *count) {
  uint8_t *target = malloc(text->count > 0 ? text->count : 1);
  if (target) memcpy(target, text->start, text->count);
  *count = text->count;
  return target;
}

uint8_t *mp_png_find_text(
    const uint8_t *bytes, size_t end, const char *keyword, size_t *count, size_t *damaged) {
  struct chunk chunk;
  struct chunk last = {0};
  struct text text = {0};
  for (size_t place = first_chunk; next_chunk(bytes, end, &place, &chunk);) {
    struct text found;
    if (!has_keyword(&chunk, keyword) || !find_text_in(&chunk, strlen(keyword), &found)) continue;
    uint32_t sum = (uint32_t)crc32(0, chunk.name, (uInt)(4 + chunk.count));
    if (sum != big_endian(chunk.data + chunk.count)) continue;
    last = chunk;
    text = found;
  }
  if (!last.name) return NULL;
  uint8_t *result = text.is_compressed ? inflated(&text, count) : copied(&text, count);
  if (!result) *damaged = last.place;
  return result;
}
