#include "mp_team.h"

// The three OpenMP 3.0 functions used here: Debian keeps omp.h in a versioned clang folder that Swift's clang does not
// search.
extern void omp_set_dynamic(int enabled);
extern int omp_get_num_threads(void);
extern int omp_get_thread_num(void);

int32_t mp_team_run(int32_t threads, mp_body body, void *context) {
  if (threads <= 1) {
    body(context, 0, 1);
    return 1;
  }
  int32_t ran = threads;
  // `dynamic` would let the runtime give fewer threads than asked for; the count is a promise to the caller.
  omp_set_dynamic(0);
#pragma omp parallel num_threads(threads) shared(ran)
  {
    int32_t given = omp_get_num_threads();
    if (given == threads)
      body(context, omp_get_thread_num(), threads);
    else if (omp_get_thread_num() == 0)
      ran = 0;
  }
  return ran;
}

void mp_team_barrier(void) {
#pragma omp barrier
}
