#include <sndfile.h>
#include <soxr.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "mp_audio.h"
#include "report.h"

struct mp_audio {
  SNDFILE *library;
  SF_INFO info;
  const uint8_t *bytes;
  sf_count_t count;
  sf_count_t place;
};

// MARK: A file in memory

static sf_count_t length(void *context) { return ((mp_audio *)context)->count; }

static sf_count_t tell(void *context) { return ((mp_audio *)context)->place; }

static sf_count_t seek(sf_count_t offset, int whence, void *context) {
  mp_audio *audio = context;
  sf_count_t base = whence == SEEK_SET ? 0 : whence == SEEK_END ? audio->count : audio->place;
  // Damaged files ask for places far outside.
  if (offset < -base) offset = -base;
  if (offset > audio->count - base) offset = audio->count - base;
  return audio->place = base + offset;
}

static sf_count_t read_bytes(void *target, sf_count_t wanted, void *context) {
  mp_audio *audio = context;
  sf_count_t left = audio->count - audio->place;
  sf_count_t taken = wanted < 0 ? 0 : wanted < left ? wanted : left;
  memcpy(target, audio->bytes + audio->place, (size_t)taken);
  audio->place += taken;
  return taken;
}

static sf_count_t write_bytes(const void *source, sf_count_t wanted, void *context) {
  (void)source;
  (void)wanted;
  (void)context;
  return 0;
}

// MARK: Reading

mp_audio *mp_audio_open(const uint8_t *bytes, size_t count, mp_media_report *report) {
  mp_report(report, mp_media_damaged, 0, 0, "no memory");
  mp_audio *audio = calloc(1, sizeof *audio);
  if (!audio) return NULL;
  audio->bytes = bytes;
  audio->count = (sf_count_t)count;
  SF_VIRTUAL_IO memory = {length, seek, read_bytes, write_bytes, tell};
  audio->library = sf_open_virtual(&memory, SFM_READ, &audio->info, audio);
  if (!audio->library) {
    bool is_known = sf_error(NULL) == SF_ERR_UNSUPPORTED_ENCODING;
    mp_report(report, is_known ? mp_media_unsupported : mp_media_damaged, 0, 0, sf_strerror(NULL));
    free(audio);
    return NULL;
  }
  mp_report(report, mp_media_ok, 0, 0, "");
  return audio;
}

int32_t mp_audio_channels(const mp_audio *audio) { return audio->info.channels; }

int32_t mp_audio_rate(const mp_audio *audio) { return audio->info.samplerate; }

int64_t mp_audio_frames(const mp_audio *audio) {
  return audio->info.frames == SF_COUNT_MAX ? -1 : audio->info.frames;
}

// libsndfile goes on after errors that cost a part of the sound, with zeros or without it.
static int64_t judged(mp_audio *audio, sf_count_t got, mp_media_report *report) {
  int error = sf_error(audio->library);
  if (error != SF_ERR_NO_ERROR) {
    mp_report(report, mp_media_damaged, 0, 0, sf_error_number(error));
  } else {
    mp_report(report, mp_media_ok, 0, 0, "");
  }
  return got < 0 ? 0 : got;
}

int64_t mp_audio_read(mp_audio *audio, float *samples, int64_t frames, mp_media_report *report) {
  return judged(audio, sf_readf_float(audio->library, samples, frames), report);
}

int64_t mp_audio_read_integers(mp_audio *audio, int32_t *samples, int64_t frames, mp_media_report *report) {
  return judged(audio, sf_readf_int(audio->library, samples, frames), report);
}

void mp_audio_close(mp_audio *audio) {
  if (!audio) return;
  sf_close(audio->library);
  free(audio);
}

// MARK: Resampling

size_t mp_audio_resample(
    const float *input, size_t count, double input_rate, double output_rate, float *output, size_t capacity,
    mp_media_report *report) {
  soxr_io_spec_t format = soxr_io_spec(SOXR_FLOAT32_I, SOXR_FLOAT32_I);
  soxr_quality_spec_t quality = soxr_quality_spec(SOXR_HQ, 0);
  soxr_runtime_spec_t runtime = soxr_runtime_spec(1);
  size_t written = 0;
  soxr_error_t error = soxr_oneshot(
      input_rate, output_rate, 1, input, count, NULL, output, capacity, &written, &format, &quality, &runtime);
  mp_report(report, error ? mp_media_unsupported : mp_media_ok, 0, 0, error ? soxr_strerror(error) : "");
  return error ? 0 : written;
}
