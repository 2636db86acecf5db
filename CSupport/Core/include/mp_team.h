// A team of OpenMP threads that runs one parallel region, and the two things it needs inside.
#pragma once
#include <stdatomic.h>
#include <stdint.h>

/// The largest team.
#define MP_TEAM_LIMIT 1024

typedef void (*mp_body)(void *context, int32_t member, int32_t count);

/// Runs `body(context, 0...threads-1, threads)` on exactly `threads` threads and waits for all.
/// One thread: a plain call, no OpenMP and so no spinning. Returns the number of threads that ran; 0 where the
/// system or the runtime does not give that many, in which case `body` was not called.
int32_t mp_team_run(int32_t threads, mp_body body, void *context);

/// Waits until every member of the innermost team got here. Outside a team, or in a team of one: nothing.
void mp_team_barrier(void);

/// Takes the next `step` items from a shared counter; the value is where they begin.
static inline __attribute__((always_inline)) int64_t mp_take(int64_t *counter, int64_t step) {
  return __atomic_fetch_add(counter, step, __ATOMIC_RELAXED);
}
