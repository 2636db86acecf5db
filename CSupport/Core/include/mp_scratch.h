// Memory that a thread has for itself.
#pragma once

#if defined(__clang__)
#pragma clang assume_nonnull begin
#endif

/// Floats of `mp_tile_scratch`: 12 rows of 64 words of two bfloat16.
enum { mp_tile_scratch_count = 12 * 64 * 2 };

/// For what one register tile widens of A; aligned to a cache line, and in the first-level cache once it is used.
float *mp_tile_scratch(void);

#if defined(__clang__)
#pragma clang assume_nonnull end
#endif
