// System calls that fail when a test wants them to, for LD_PRELOAD (Tests/ToolTests/FaultTests.swift compiles it).
//
//   M2PT_FAULT=FUNCTION:N:ERRNO    the Nth call of FUNCTION fails with that number
//   M2PT_FAULT=FUNCTION:N+:ERRNO   so do all later ones
//   M2PT_FAULT_COUNTS=FILE         at the end: a line "FUNCTION CALLS" for each
//
// Not counted: calls of the C library within itself; those of the OpenMP runtime, which ends the process if they fail;
// writing to standard error, where a test reads what went wrong.
#define _GNU_SOURCE
#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define FUNCTIONS(X) \
  X(open) X(mkdir) X(opendir) X(flock) X(read) X(pread) X(mmap) X(write) X(pwrite) X(ftruncate) X(fchmod) X(fsync) \
  X(close) X(rename) X(renameat2) X(pthread_create)

enum {
#define NUMBER(name) number_##name,
  FUNCTIONS(NUMBER) functions
};

static const char *const names[] = {
#define NAME(name) #name,
    FUNCTIONS(NAME)};

static atomic_long calls[functions];

static int is_of_runtime(void *caller) {
  Dl_info info;
  return dladdr(caller, &info) && info.dli_fname && strstr(info.dli_fname, "libomp");
}

/// Counts a call; 1, with errno set, if it is to fail.
static int fails(int function, void *caller) {
  if (is_of_runtime(caller)) return 0;
  long call = atomic_fetch_add(&calls[function], 1) + 1;
  const char *fault = getenv("M2PT_FAULT");
  size_t length = strlen(names[function]);
  if (!fault || strncmp(fault, names[function], length) || fault[length] != ':') return 0;
  char *rest;
  long wanted = strtol(fault + length + 1, &rest, 10);
  int stays = *rest == '+';
  if (call != wanted && !(stays && call > wanted)) return 0;
  errno = atoi(rest + stays + 1);
  return 1;
}

static void *real(const char *name) { return dlsym(RTLD_NEXT, name); }

__attribute__((destructor)) static void print_counts(void) {
  const char *path = getenv("M2PT_FAULT_COUNTS");
  FILE *file = path ? fopen(path, "w") : NULL;
  if (!file) return;
  for (int function = 0; function < functions; function++) {
    fprintf(file, "%s %ld\n", names[function], atomic_load(&calls[function]));
  }
  fclose(file);
}

// One definition for each symbol that Swift, C and C++ code may be linked to.
#define FAULT(function, symbol, result, failed, parameters, arguments) \
  result symbol parameters { \
    if (fails(number_##function, __builtin_return_address(0))) return failed; \
    return ((result(*) parameters)real(#symbol))arguments; \
  }

#define OPEN(symbol) \
  int symbol(const char *path, int flags, ...) { \
    va_list list; \
    va_start(list, flags); \
    mode_t mode = flags & (O_CREAT | O_TMPFILE) ? va_arg(list, mode_t) : 0; \
    va_end(list); \
    if (fails(number_open, __builtin_return_address(0))) return -1; \
    return ((int (*)(const char *, int, ...))real(#symbol))(path, flags, mode); \
  }

OPEN(open)
OPEN(open64)
FAULT(mkdir, mkdir, int, -1, (const char *path, mode_t mode), (path, mode))
FAULT(opendir, opendir, DIR *, NULL, (const char *path), (path))
FAULT(flock, flock, int, -1, (int descriptor, int operation), (descriptor, operation))
FAULT(read, read, ssize_t, -1, (int descriptor, void *bytes, size_t count), (descriptor, bytes, count))
FAULT(pread, pread, ssize_t, -1, (int descriptor, void *bytes, size_t count, off_t at), (descriptor, bytes, count, at))
FAULT(pread, pread64, ssize_t, -1, (int descriptor, void *bytes, size_t count, off64_t at), (descriptor, bytes, count, at))
FAULT(pwrite, pwrite, ssize_t, -1, (int descriptor, const void *bytes, size_t count, off_t at), (descriptor, bytes, count, at))
FAULT(pwrite, pwrite64, ssize_t, -1, (int descriptor, const void *bytes, size_t count, off64_t at), (descriptor, bytes, count, at))
FAULT(ftruncate, ftruncate, int, -1, (int descriptor, off_t size), (descriptor, size))
FAULT(ftruncate, ftruncate64, int, -1, (int descriptor, off64_t size), (descriptor, size))
FAULT(fchmod, fchmod, int, -1, (int descriptor, mode_t mode), (descriptor, mode))
FAULT(fsync, fsync, int, -1, (int descriptor), (descriptor))
FAULT(rename, rename, int, -1, (const char *from, const char *to), (from, to))
FAULT(
    renameat2, renameat2, int, -1, (int one, const char *from, int other, const char *to, unsigned flags),
    (one, from, other, to, flags))

ssize_t write(int descriptor, const void *bytes, size_t count) {
  if (descriptor != STDERR_FILENO && fails(number_write, __builtin_return_address(0))) return -1;
  return ((ssize_t(*)(int, const void *, size_t))real("write"))(descriptor, bytes, count);
}

// The descriptor is closed also where closing reports an error.
int close(int descriptor) {
  int failed = fails(number_close, __builtin_return_address(0));
  int error = errno;
  int result = ((int (*)(int))real("close"))(descriptor);
  if (!failed) return result;
  errno = error;
  return -1;
}

// Only calls on files: if memory is refused, the Swift runtime ends the process.
#define MMAP(symbol) \
  void *symbol(void *place, size_t size, int protection, int flags, int descriptor, off_t at) { \
    if (descriptor >= 0 && fails(number_mmap, __builtin_return_address(0))) return MAP_FAILED; \
    return ((void *(*)(void *, size_t, int, int, int, off_t))real(#symbol))(place, size, protection, flags, descriptor, at); \
  }

MMAP(mmap)
MMAP(mmap64)

// It returns its error.
int pthread_create(pthread_t *thread, const pthread_attr_t *attributes, void *(*body)(void *), void *argument) {
  if (fails(number_pthread_create, __builtin_return_address(0))) return errno;
  return ((int (*)(pthread_t *, const pthread_attr_t *, void *(*)(void *), void *))real("pthread_create"))(
      thread, attributes, body, argument);
}
