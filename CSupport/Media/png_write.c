#include <png.h>
#include <stdlib.h>
#include <string.h>

#include "mp_png.h"
#include "report.h"

typedef struct {
  png_structp library;
  png_infop info;
  uint8_t *bytes;
  size_t count;
  size_t capacity;
  mp_media_report *report;
} mp_png_writer;

static void fail(png_structp library, png_const_charp message) {
  mp_png_writer *writer = png_get_error_ptr(library);
  mp_report(writer->report, mp_media_damaged, 0, 0, message);
  png_longjmp(library, 1);
}

static void ignore_warning(png_structp library, png_const_charp message) {
  (void)library;
  (void)message;
}

static void append(png_structp library, png_bytep bytes, size_t count) {
  mp_png_writer *writer = png_get_io_ptr(library);
  if (count > writer->capacity - writer->count) {
    size_t capacity = 2 * writer->capacity + count;
    uint8_t *grown = realloc(writer->bytes, capacity);
    if (!grown) png_error(library, "no memory");
    writer->bytes = grown;
    writer->capacity = capacity;
  }
  memcpy(writer->bytes + writer->count, bytes, count);
  writer->count += count;
}

static void no_flush(png_structp library) { (void)library; }

static void encode(mp_png_writer *writer, const uint8_t *rgb, uint32_t width, uint32_t height) {
  png_set_write_fn(writer->library, writer, append, no_flush);
  png_set_user_limits(writer->library, PNG_UINT_31_MAX, PNG_UINT_31_MAX);
  png_set_IHDR(
      writer->library, writer->info, width, height, 8, PNG_COLOR_TYPE_RGB, PNG_INTERLACE_NONE,
      PNG_COMPRESSION_TYPE_DEFAULT, PNG_FILTER_TYPE_DEFAULT);
  // Says what made it: the tool replaces pictures of its own.
  png_text software = {.compression = PNG_TEXT_COMPRESSION_NONE, .key = "Software", .text = "m2pt"};
  png_set_text(writer->library, writer->info, &software, 1);
  png_write_info(writer->library, writer->info);
  for (size_t y = 0; y < height; y++) png_write_row(writer->library, rgb + 3 * (size_t)width * y);
  png_write_end(writer->library, writer->info);
}

uint8_t *mp_png_encode(const uint8_t *rgb, uint32_t width, uint32_t height, size_t *count, mp_media_report *report) {
  mp_report(report, mp_media_damaged, 0, 0, "libpng does not start");
  mp_png_writer *writer = calloc(1, sizeof *writer);
  if (!writer) return NULL;
  uint8_t *result = NULL;
  writer->report = report;
  writer->library = png_create_write_struct(PNG_LIBPNG_VER_STRING, writer, fail, ignore_warning);
  writer->info = writer->library ? png_create_info_struct(writer->library) : NULL;
  if (writer->info && !setjmp(png_jmpbuf(writer->library))) {
    encode(writer, rgb, width, height);
    mp_report(report, mp_media_ok, 0, 0, "");
  }
  if (report->status == mp_media_ok) {
    result = writer->bytes;
    *count = writer->count;
  } else {
    free(writer->bytes);
  }
  png_destroy_write_struct(&writer->library, &writer->info);
  free(writer);
  return result;
}
