#include "mp_jpeg.h"

#include <limits.h>
#include <setjmp.h>
#include <stdlib.h>
#include <string.h>
// jpeglib.h needs size_t and FILE to be declared before it.
#include <stdio.h>

#include <jpeglib.h>

#include <jerror.h>

#include "report.h"

/// Bytes of the file.
struct segment {
  const uint8_t *start;
  size_t count;
};

struct mp_jpeg {
  struct jpeg_decompress_struct library;  // first: the callbacks get its address and cast it back
  struct jpeg_error_mgr errors;
  struct jpeg_source_mgr source;
  struct jpeg_progress_mgr progress;
  struct segment *app1;  // in file order
  uint32_t app1_count;
  uint32_t app1_room;
  mp_media_limits limits;
  mp_media_report *report;  // of the entry point that runs
  jmp_buf escape;           // set by the entry point that runs
  char damage[JMSG_LENGTH_MAX];
};

// MARK: Errors

static mp_media_status status_of(int code) {
  switch (code) {
    case JERR_NO_BACKING_STORE:
    case JERR_OUT_OF_MEMORY: return mp_media_too_many_bytes;
    case JERR_ARITH_NOTIMPL:
    case JERR_BAD_PRECISION:
    case JERR_COMPONENT_COUNT:
    case JERR_CONVERSION_NOTIMPL:
    case JERR_FRACT_SAMPLE_NOTIMPL:
    case JERR_CCIR601_NOTIMPL:
    case JERR_IMAGE_TOO_BIG:
    case JERR_SOF_UNSUPPORTED: return mp_media_unsupported;
    default: return mp_media_damaged;
  }
}

static mp_media_status truncated(mp_jpeg *jpeg) {
  return mp_report(jpeg->report, mp_media_truncated, 0, 0, "the data end before the image does");
}

static void fail(j_common_ptr library) {
  mp_jpeg *jpeg = (mp_jpeg *)library;
  if (jpeg->errors.msg_code == JERR_CANT_SUSPEND) {
    // Arithmetic coding wants bytes at once, and there are no more.
    truncated(jpeg);
    longjmp(jpeg->escape, 1);
  }
  char message[JMSG_LENGTH_MAX];
  jpeg->errors.format_message(library, message);
  mp_media_status status = status_of(jpeg->errors.msg_code);
  mp_report(jpeg->report, status, 0, status == mp_media_too_many_bytes ? jpeg->limits.bytes : 0, message);
  longjmp(jpeg->escape, 1);
}

// Pillow ignores warnings: damaged entropy data decodes to wrong pixels, not to an error. The first of those is kept.
static void keep_damage(j_common_ptr library, int level) {
  mp_jpeg *jpeg = (mp_jpeg *)library;
  int code = jpeg->errors.msg_code;
  int is_damage = code == JWRN_HUFF_BAD_CODE || code == JWRN_HIT_MARKER || code == JWRN_ARITH_BAD_CODE ||
      code == JWRN_BOGUS_PROGRESSION || code == JWRN_MUST_RESYNC;
  if (level < 0 && is_damage && !jpeg->damage[0]) jpeg->errors.format_message(library, jpeg->damage);
}

static void ignore_message(j_common_ptr library) { (void)library; }

// MARK: Source

// All bytes are there from the start. Asking for more suspends the library instead of feeding it a made-up
// end of image, so that a truncated file is an error, exactly where it is one for Pillow.

static void no_operation(j_decompress_ptr library) { (void)library; }

static boolean no_more_bytes(j_decompress_ptr library) {
  (void)library;
  return FALSE;
}

static void skip_bytes(j_decompress_ptr library, long count) {
  struct jpeg_source_mgr *source = library->src;
  if (count <= 0) return;
  size_t skipped = (size_t)count < source->bytes_in_buffer ? (size_t)count : source->bytes_in_buffer;
  source->next_input_byte += skipped;
  source->bytes_in_buffer -= skipped;
}

// MARK: Metadata

static int remember_app1(mp_jpeg *jpeg, struct segment segment) {
  if (jpeg->app1_count == jpeg->app1_room) {
    uint32_t room = jpeg->app1_room ? 2 * jpeg->app1_room : 8;
    struct segment *larger = realloc(jpeg->app1, room * sizeof *larger);
    if (!larger) return 0;
    jpeg->app1 = larger;
    jpeg->app1_room = room;
  }
  jpeg->app1[jpeg->app1_count++] = segment;
  return 1;
}

/// Notes where an APP1 segment is. The library's own list of markers is walked from its start for each, which takes a
/// minute for 64,000 of them, and has copies of all.
static boolean take_app1(j_decompress_ptr library) {
  mp_jpeg *jpeg = (mp_jpeg *)library;
  struct jpeg_source_mgr *source = library->src;
  if (source->bytes_in_buffer < 2) return FALSE;
  size_t length = (size_t)source->next_input_byte[0] << 8 | source->next_input_byte[1];
  size_t whole = length > 2 ? length : 2;
  // Suspending tells that the file is cut.
  if (source->bytes_in_buffer < whole) return FALSE;
  if (length >= 2 && !remember_app1(jpeg, (struct segment){source->next_input_byte + 2, length - 2})) {
    library->err->msg_code = JERR_OUT_OF_MEMORY;
    library->err->msg_parm.i[0] = 0;
    fail((j_common_ptr)library);
  }
  source->next_input_byte += whole;
  source->bytes_in_buffer -= whole;
  return TRUE;
}

// Each scan of a progressive file costs a pass over the whole image, so a small file can ask for hours of work.
static void limit_scans(j_common_ptr library) {
  mp_jpeg *jpeg = (mp_jpeg *)library;
  if (jpeg->library.input_scan_number < 0 || (uint32_t)jpeg->library.input_scan_number <= jpeg->limits.scans) return;
  mp_report(
      jpeg->report, mp_media_too_many_scans, (uint64_t)jpeg->library.input_scan_number, jpeg->limits.scans, "");
  longjmp(jpeg->escape, 1);
}

// MARK: Header

/// The number of components decides how Pillow reads a file; others it refuses.
static int prepare(mp_jpeg *jpeg) {
  struct jpeg_decompress_struct *library = &jpeg->library;
  switch (library->num_components) {
    case 1: library->out_color_space = JCS_GRAYSCALE; break;
    case 3: library->out_color_space = JCS_RGB; break;
    case 4: library->out_color_space = JCS_CMYK; break;
    default: mp_report(jpeg->report, mp_media_unsupported, 0, 0, "neither 1, 3 nor 4 components"); return 0;
  }
  library->dct_method = JDCT_ISLOW;
  library->do_fancy_upsampling = TRUE;
  return 1;
}

static int read_header(mp_jpeg *jpeg) {
  int found;
  do {
    found = jpeg_read_header(&jpeg->library, FALSE);
  } while (found == JPEG_HEADER_TABLES_ONLY);
  if (found == JPEG_SUSPENDED) {
    truncated(jpeg);
    return 0;
  }
  if (!mp_pixels_fit(jpeg->library.image_width, jpeg->library.image_height, &jpeg->limits, jpeg->report)) return 0;
  return prepare(jpeg);
}

mp_jpeg *mp_jpeg_open(const uint8_t *bytes, size_t count, const mp_media_limits *limits, mp_media_report *report) {
  mp_jpeg *jpeg = calloc(1, sizeof *jpeg);
  if (!jpeg) {
    mp_report(report, mp_media_too_many_bytes, sizeof *jpeg, 0, "no memory");
    return NULL;
  }
  jpeg->limits = *limits;
  jpeg->report = report;
  jpeg->library.err = jpeg_std_error(&jpeg->errors);
  jpeg->errors.error_exit = fail;
  jpeg->errors.output_message = ignore_message;
  jpeg->errors.emit_message = keep_damage;
  if (setjmp(jpeg->escape)) {
    mp_jpeg_close(jpeg);
    return NULL;
  }
  jpeg_create_decompress(&jpeg->library);
  jpeg->library.mem->max_memory_to_use = limits->bytes > LONG_MAX ? LONG_MAX : (long)limits->bytes;
  jpeg->source = (struct jpeg_source_mgr){
      .next_input_byte = bytes,
      .bytes_in_buffer = count,
      .init_source = no_operation,
      .fill_input_buffer = no_more_bytes,
      .skip_input_data = skip_bytes,
      .resync_to_restart = jpeg_resync_to_restart,
      .term_source = no_operation,
  };
  jpeg->library.src = &jpeg->source;
  jpeg->progress.progress_monitor = limit_scans;
  jpeg->library.progress = &jpeg->progress;
  jpeg_set_marker_processor(&jpeg->library, JPEG_APP0 + 1, take_app1);
  if (!read_header(jpeg)) {
    mp_jpeg_close(jpeg);
    return NULL;
  }
  mp_report(report, mp_media_ok, 0, 0, "");
  return jpeg;
}

uint32_t mp_jpeg_width(const mp_jpeg *jpeg) { return jpeg->library.image_width; }

uint32_t mp_jpeg_height(const mp_jpeg *jpeg) { return jpeg->library.image_height; }

const uint8_t *mp_jpeg_app1(const mp_jpeg *jpeg, uint32_t index, size_t *count) {
  if (index >= jpeg->app1_count) return NULL;
  *count = jpeg->app1[index].count;
  return jpeg->app1[index].start;
}

// MARK: Pixels

static void grey_to_rgb(const uint8_t *grey, uint8_t *rgb, size_t count) {
  for (size_t i = 0; i < count; i++) rgb[3 * i] = rgb[3 * i + 1] = rgb[3 * i + 2] = grey[i];
}

/// a * b / 255, rounded to nearest, for bytes.
static inline unsigned multiply_bytes(unsigned a, unsigned b) {
  unsigned product = a * b + 128;
  return ((product >> 8) + product) >> 8;
}

/// Pillow takes every four-component JPEG for inverted, as Adobe writes them, with or without Adobe's marker: the
/// stored value is the light that passes. Then its CMYK -> RGB: red = clip(light(K) - ink(C) * light(K) / 255).
static void inverted_cmyk_to_rgb(const uint8_t *cmyk, uint8_t *rgb, size_t count) {
  for (size_t i = 0; i < count; i++) {
    unsigned light = cmyk[4 * i + 3];
    for (size_t c = 0; c < 3; c++) {
      // Never negative: the product of two bytes over 255 is at most either byte.
      rgb[3 * i + c] = (uint8_t)(light - multiply_bytes(255u - cmyk[4 * i + c], light));
    }
  }
}

mp_media_status mp_jpeg_decode(mp_jpeg *jpeg, uint8_t *rgb, mp_media_report *report) {
  struct jpeg_decompress_struct *library = &jpeg->library;
  jpeg->report = report;
  if (setjmp(jpeg->escape)) return report->status;
  if (!jpeg_start_decompress(library)) return truncated(jpeg);

  size_t width = library->output_width;
  JSAMPARRAY row = library->mem->alloc_sarray(
      (j_common_ptr)library, JPOOL_IMAGE, (JDIMENSION)(width * (size_t)library->output_components), 1);
  while (library->output_scanline < library->output_height) {
    uint8_t *target = rgb + (size_t)library->output_scanline * width * 3;
    if (library->output_components == 3) {
      JSAMPROW direct = target;
      if (jpeg_read_scanlines(library, &direct, 1) != 1) return truncated(jpeg);
      continue;
    }
    if (jpeg_read_scanlines(library, row, 1) != 1) return truncated(jpeg);
    if (library->output_components == 1) {
      grey_to_rgb(row[0], target, width);
    } else {
      inverted_cmyk_to_rgb(row[0], target, width);
    }
  }
  // Reading on to the end of the image finds errors in what follows the last row. That the end is missing is none.
  jpeg_finish_decompress(library);
  return mp_report(report, mp_media_ok, 0, 0, jpeg->damage);
}

void mp_jpeg_close(mp_jpeg *jpeg) {
  if (!jpeg) return;
  jpeg_destroy_decompress(&jpeg->library);
  free(jpeg->app1);
  free(jpeg);
}
