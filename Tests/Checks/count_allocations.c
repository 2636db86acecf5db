// Counts heap allocations of the process it is preloaded into. With M2PT_TRACE_ALLOCATIONS set, every allocation after
// the first call of m2pt_allocation_count, up to 20, prints its call chain on standard error.
#define _GNU_SOURCE
#include <errno.h>
#include <execinfo.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <unistd.h>

extern void *__libc_malloc(size_t);
extern void *__libc_calloc(size_t, size_t);
extern void *__libc_realloc(void *, size_t);
extern void *__libc_memalign(size_t, size_t);

static atomic_long count;
static atomic_int traces;  // call chains still to be printed
static _Thread_local int is_tracing;

static void note(void) {
  atomic_fetch_add(&count, 1);
  if (is_tracing || atomic_load(&traces) <= 0 || atomic_fetch_sub(&traces, 1) <= 0) return;
  is_tracing = 1;
  void *chain[24];
  backtrace_symbols_fd(chain, backtrace(chain, 24), STDERR_FILENO);
  if (write(STDERR_FILENO, "--\n", 3) < 0) abort();
  is_tracing = 0;
}

long m2pt_allocation_count(void) {
  static int calls;
  if (calls++ == 0 && getenv("M2PT_TRACE_ALLOCATIONS")) {
    void *warm[1];
    backtrace(warm, 1);  // its first call allocates
    atomic_store(&traces, 20);
  } else {
    atomic_store(&traces, 0);
  }
  return atomic_load(&count);
}

void *malloc(size_t size) { note(); return __libc_malloc(size); }
void *calloc(size_t n, size_t size) { note(); return __libc_calloc(n, size); }
void *realloc(void *old, size_t size) { note(); return __libc_realloc(old, size); }
void *memalign(size_t alignment, size_t size) { note(); return __libc_memalign(alignment, size); }
void *aligned_alloc(size_t alignment, size_t size) { return memalign(alignment, size); }
int posix_memalign(void **result, size_t alignment, size_t size) {
  void *memory = memalign(alignment, size);
  if (!memory) return ENOMEM;
  *result = memory;
  return 0;
}
