#include "mp_png.h"

#include <stdlib.h>
#include <string.h>

#include <png.h>

#include "png_chunks.h"
#include "report.h"

struct mp_png {
  png_structp library;
  png_infop info;
  const uint8_t *bytes;
  size_t count;
  size_t position;
  int cut;               // a read went past the end
  size_t wanted;         // bytes of the last read
  int is_after_image;   // what is read now is metadata after the pixels
  int is_damaged_there;
  size_t image_end;
  uint8_t *texts[2];  // by `keywords`
  size_t text_counts[2];
  mp_media_limits limits;
  mp_media_report *report;  // of the entry point that runs
  int depth;  // bits of a sample in the file
  int color_type;
  size_t channels;
  uint8_t *row;
  uint8_t colors[256][3];  // of a sample of up to 8 bits: the palette, or greys
};

/// Of texts that may tell the orientation: ImageMagick's Exif data from before PNG had a chunk for them, and XMP.
static const char *const keywords[2] = {"Raw profile type exif", "XML:com.adobe.xmp"};

// MARK: Callbacks

static void fail(png_structp library, png_const_charp message) {
  mp_png *png = png_get_error_ptr(library);
  mp_report(png->report, png->cut ? mp_media_truncated : mp_media_damaged, 0, 0, message);
  png_longjmp(library, 1);
}

static void ignore_warning(png_structp library, png_const_charp message) {
  mp_png *png = png_get_error_ptr(library);
  if (png && png->is_after_image) png->is_damaged_there = 1;
  (void)message;
}

static void read_bytes(png_structp library, png_bytep target, size_t count) {
  mp_png *png = png_get_io_ptr(library);
  png->wanted = count;
  if (count > png->count - png->position) {
    png->cut = 1;
    png_error(library, "the data end before the image does");
  }
  memcpy(target, png->bytes + png->position, count);
  png->position += count;
}

// MARK: Header

static uint32_t big_endian(const uint8_t *bytes) {
  return (uint32_t)bytes[0] << 24 | (uint32_t)bytes[1] << 16 | (uint32_t)bytes[2] << 8 | bytes[3];
}

/// libpng would refuse a large image in words that do not tell why, so its size is looked at first.
static int declared_size_fits(const mp_png *png) {
  if (png->count < 24 || memcmp(png->bytes + 12, "IHDR", 4) != 0) return 1;
  return mp_pixels_fit(big_endian(png->bytes + 16), big_endian(png->bytes + 20), &png->limits, png->report);
}

static void configure(mp_png *png) {
  // Colour management, physical size and transparency change nothing about convert("RGB"): their parsers never run.
  // Exif data and texts are taken from the bytes (png_chunks.h).
  static const png_byte skipped[] =
      "bKGD\0cHRM\0eXIf\0gAMA\0hIST\0iCCP\0iTXt\0oFFs\0pCAL\0pHYs\0sBIT\0sCAL\0sPLT\0sRGB\0sTER\0tEXt\0tIME\0tRNS\0zTXt";
  png_set_keep_unknown_chunks(png->library, PNG_HANDLE_CHUNK_NEVER, skipped, sizeof skipped / 5);
  png_set_user_limits(png->library, PNG_UINT_31_MAX, PNG_UINT_31_MAX);
  png_set_chunk_cache_max(png->library, 256);
  // No chunk is larger than the file.
  png_set_chunk_malloc_max(png->library, png->limits.bytes < png->count ? png->limits.bytes : png->count);
  png_set_crc_action(png->library, PNG_CRC_ERROR_QUIT, PNG_CRC_ERROR_QUIT);
  png_set_read_fn(png->library, png, read_bytes);
}

/// One row of the file, unpacked to one byte a sample below 8 bits.
static int take_row(mp_png *png) {
  uint64_t bytes = png_get_rowbytes(png->library, png->info);
  // libpng holds two rows of its own.
  if (bytes > png->limits.bytes / 3) {
    mp_report(png->report, mp_media_too_many_bytes, 3 * bytes, png->limits.bytes, "rows too long");
    return 0;
  }
  png->row = malloc(bytes > 0 ? (size_t)bytes : 1);
  if (png->row) return 1;
  mp_report(png->report, mp_media_too_many_bytes, bytes, png->limits.bytes, "no memory");
  return 0;
}

/// The meaning of a sample of one byte. Grey below 8 bits spreads over 0...255: times 255, 85, 17. Palette entries
/// that the file does not set are black, as in Pillow.
static void take_colors(mp_png *png) {
  if (png->color_type == PNG_COLOR_TYPE_GRAY) {
    int spread = png->depth < 8 ? 255 / ((1 << png->depth) - 1) : 1;
    for (int i = 0; i < 256; i++) memset(png->colors[i], (uint8_t)(i * spread), 3);
  }
  if (png->color_type != PNG_COLOR_TYPE_PALETTE) return;
  png_colorp palette = NULL;
  int count = 0;
  if (!png_get_PLTE(png->library, png->info, &palette, &count)) return;
  for (int i = 0; i < count && i < 256; i++) {
    png->colors[i][0] = palette[i].red;
    png->colors[i][1] = palette[i].green;
    png->colors[i][2] = palette[i].blue;
  }
}

mp_png *mp_png_open(const uint8_t *bytes, size_t count, const mp_media_limits *limits, mp_media_report *report) {
  mp_png *png = calloc(1, sizeof *png);
  if (!png) {
    mp_report(report, mp_media_too_many_bytes, sizeof *png, 0, "no memory");
    return NULL;
  }
  png->bytes = bytes;
  png->count = count;
  png->limits = *limits;
  png->report = report;
  mp_report(report, mp_media_damaged, 0, 0, "libpng does not start");
  if (!declared_size_fits(png)) goto failed;
  png->library = png_create_read_struct(PNG_LIBPNG_VER_STRING, png, fail, ignore_warning);
  if (!png->library) goto failed;
  png->info = png_create_info_struct(png->library);
  if (!png->info) goto failed;
  if (setjmp(png_jmpbuf(png->library))) goto failed;
  configure(png);
  png_read_info(png->library, png->info);
  if (!mp_pixels_fit(mp_png_width(png), mp_png_height(png), limits, report)) goto failed;
  png->depth = png_get_bit_depth(png->library, png->info);
  png->color_type = png_get_color_type(png->library, png->info);
  png->channels = png_get_channels(png->library, png->info);
  take_colors(png);
  png_set_packing(png->library);
  png_read_update_info(png->library, png->info);
  if (!take_row(png)) goto failed;
  mp_report(report, mp_media_ok, 0, 0, "");
  return png;
failed:
  mp_png_close(png);
  return NULL;
}

uint32_t mp_png_width(const mp_png *png) { return png_get_image_width(png->library, png->info); }

uint32_t mp_png_height(const mp_png *png) { return png_get_image_height(png->library, png->info); }

// MARK: Pixels

/// Writes `count` pixels of the row, `step` pixels apart: alpha is dropped, and of two bytes of a sample the high one
/// stays. Pillow's convert("RGB") does so too, except of plain grey, which it clips to 255.
static void convert_row(const mp_png *png, uint8_t *rgb, size_t count, size_t step) {
  const uint8_t *row = png->row;
  size_t sample = png->depth == 16 ? 2 : 1;  // bytes, the high one first
  if (png->channels == 1 && sample == 1) {
    for (size_t i = 0; i < count; i++, rgb += 3 * step) memcpy(rgb, png->colors[row[i]], 3);
  } else if (png->channels <= 2) {
    for (size_t i = 0; i < count; i++, rgb += 3 * step) memset(rgb, row[png->channels * sample * i], 3);
  } else {
    for (size_t i = 0; i < count; i++, rgb += 3 * step) {
      const uint8_t *pixel = row + png->channels * sample * i;
      rgb[0] = pixel[0];
      rgb[1] = pixel[sample];
      rgb[2] = pixel[2 * sample];
    }
  }
}

static void read_rows(mp_png *png, uint8_t *rgb) {
  size_t width = mp_png_width(png);
  size_t height = mp_png_height(png);
  if (png_get_interlace_type(png->library, png->info) == PNG_INTERLACE_NONE) {
    for (size_t y = 0; y < height; y++) {
      png_read_row(png->library, png->row, NULL);
      convert_row(png, rgb + 3 * width * y, width, 1);
    }
    return;
  }
  // Without libpng's interlace handling, each pass hands out its own short rows.
  for (int pass = 0; pass < PNG_INTERLACE_ADAM7_PASSES; pass++) {
    size_t columns = PNG_PASS_COLS(width, pass);
    size_t rows = PNG_PASS_ROWS(height, pass);
    if (columns == 0) continue;
    for (size_t y = 0; y < rows; y++) {
      png_read_row(png->library, png->row, NULL);
      size_t target_y = PNG_ROW_FROM_PASS_ROW(y, pass);
      size_t target_x = PNG_COL_FROM_PASS_COL(0, pass);
      convert_row(png, rgb + 3 * (width * target_y + target_x), columns, (size_t)1 << PNG_PASS_COL_SHIFT(pass));
    }
  }
}

/// Reads the metadata after the image. Damage there costs only the metadata, and the end chunk may be missing; but a
/// file that is cut inside a chunk is taken for truncated. Pillow draws the line at nearly the same place: it forgives
/// a cut inside a checksum too.
static mp_media_status read_end(mp_png *png) {
  static const size_t chunk_header = 8;
  if (setjmp(png_jmpbuf(png->library))) {
    png->is_damaged_there |= !png->cut;
    return png->cut && png->wanted != chunk_header ? mp_media_truncated : mp_media_ok;
  }
  png->is_after_image = 1;
  png->image_end = png->position;
  png_set_crc_action(png->library, PNG_CRC_DEFAULT, PNG_CRC_DEFAULT);
  png_read_end(png->library, png->info);
  return mp_media_ok;
}

static void take_texts(mp_png *png) {
  for (int i = 0; i < 2; i++) {
    size_t damaged = 0;
    png->texts[i] = mp_png_find_text(png->bytes, png->position, keywords[i], &png->text_counts[i], &damaged);
    // libpng may have read the header of the chunk already.
    png->is_damaged_there |= damaged > 0 && damaged + 12 > png->image_end;
  }
}

mp_media_status mp_png_decode(mp_png *png, uint8_t *rgb, mp_media_report *report) {
  png->report = report;
  if (setjmp(png_jmpbuf(png->library))) return report->status;
  read_rows(png, rgb);
  mp_media_status status = read_end(png);
  take_texts(png);
  const char *damage = png->is_damaged_there
      ? "a chunk after the pixels is damaged and left out, with what it may say of their orientation" : "";
  return mp_report(
      report, status, 0, 0, status == mp_media_ok ? damage : "the data end inside a chunk after the image");
}

// MARK: Metadata

const uint8_t *mp_png_exif(mp_png *png, size_t *count) {
  return mp_png_find_exif(png->bytes, png->position, count);
}

const uint8_t *mp_png_text(mp_png *png, const char *keyword, size_t *count) {
  for (int i = 0; i < 2; i++) {
    if (!png->texts[i] || strcmp(keywords[i], keyword) != 0) continue;
    *count = png->text_counts[i];
    return png->texts[i];
  }
  return NULL;
}

void mp_png_close(mp_png *png) {
  if (!png) return;
  if (png->library) png_destroy_read_struct(&png->library, &png->info, NULL);
  for (int i = 0; i < 2; i++) free(png->texts[i]);
  free(png->row);
  free(png);
}
