// Reading sound through libsndfile and resampling it through libsoxr. C because libsndfile reads memory through five
// callbacks, which would each be a C function pointer in Swift too.
#pragma once
#include "mp_media.h"

typedef struct mp_audio mp_audio;

/// Reads the header of a sound file in memory. Null on failure, with `report` filled.
/// `bytes` must stay where they are until mp_audio_close.
mp_audio *mp_audio_open(const uint8_t *bytes, size_t count, mp_media_report *report);

int32_t mp_audio_channels(const mp_audio *audio);
int32_t mp_audio_rate(const mp_audio *audio);

/// Frames (samples of all channels at one time) that the header promises; negative where it does not tell.
int64_t mp_audio_frames(const mp_audio *audio);

/// Reads up to `frames` frames, interleaved, full scale 1. Fewer than asked for: the end, or an error in `report`,
/// which then has another status than mp_media_ok.
int64_t mp_audio_read(mp_audio *audio, float *samples, int64_t frames, mp_media_report *report);

/// The same as whole numbers of 32 bits, of which samples of fewer bits have the upper ones.
int64_t mp_audio_read_integers(mp_audio *audio, int32_t *samples, int64_t frames, mp_media_report *report);

/// Frees everything; null is fine.
void mp_audio_close(mp_audio *audio);

/// Resamples one channel at high quality on one thread: `capacity` samples at most to `output`. Returns how many were
/// written; on failure 0, with `report` filled.
size_t mp_audio_resample(
    const float *input, size_t count, double input_rate, double output_rate, float *output, size_t capacity,
    mp_media_report *report);
