#include "mp_team.h"
#include <pthread.h>
#include <stdlib.h>
#include <sys/mman.h>

// The three OpenMP 3.0 functions used here: Debian keeps omp.h in a versioned clang folder that Swift's clang does not
// search.
extern void omp_set_dynamic(int enabled);
extern int omp_get_num_threads(void);
extern int omp_get_thread_num(void);

// The OpenMP runtime aborts the process where a thread cannot be created. So the threads are created here first, where
// failure is an answer.

/// Holds a probe's threads until all of them exist. Each allocates, as the runtime's will: the allocator reserves
/// address space for every thread that does.
static void *wait_for_gate(void *gate) {
  void *volatile block = malloc(64);
  free(block);
  pthread_mutex_lock(gate);
  pthread_mutex_unlock(gate);
  return 0;
}

/// Whether `count` more threads exist at once after asking for them, next to what the runtime and the allocator take for
/// themselves. The threads end before this returns. Their stacks are of the default size, twice that of the runtime's.
static int can_create(int32_t count) {
  const size_t own = 32 << 20;
  void *reserve = mmap(0, own, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (reserve == MAP_FAILED)
    return 0;
  pthread_mutex_t gate = PTHREAD_MUTEX_INITIALIZER;
  pthread_t threads[MP_TEAM_LIMIT];
  int32_t created = 0;
  pthread_mutex_lock(&gate);
  while (created < count && pthread_create(&threads[created], 0, wait_for_gate, &gate) == 0)
    created++;
  pthread_mutex_unlock(&gate);
  for (int32_t i = 0; i < created; i++)
    pthread_join(threads[i], 0);
  munmap(reserve, own);
  return created == count;
}

/// Makes the calling thread's team `threads` strong; 0 where the system does not give that many. One caller at a time:
/// two probes at once would each count the threads that only one of them can have.
static int prepare_team(int32_t threads) {
  static pthread_mutex_t one_at_a_time = PTHREAD_MUTEX_INITIALIZER;
  // Of the calling thread's last region. The runtime keeps that many for it, and may lend the others to other callers.
  static _Thread_local int32_t size = 1;
  if (threads > size) {
    pthread_mutex_lock(&one_at_a_time);
    int can = can_create(threads - size);
    if (can) {
#pragma omp parallel num_threads(threads)
      { __asm__ volatile("" ::: "memory"); }
    }
    pthread_mutex_unlock(&one_at_a_time);
    if (!can)
      return 0;
  }
  size = threads;
  return 1;
}

int32_t mp_team_run(int32_t threads, mp_body body, void *context) {
  if (threads <= 1) {
    body(context, 0, 1);
    return 1;
  }
  // `dynamic` would let the runtime give fewer threads than asked for; the count is a promise to the caller.
  omp_set_dynamic(0);
  if (threads > MP_TEAM_LIMIT || !prepare_team(threads))
    return 0;
  int32_t ran = threads;
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
