// What Driver.swift uses of C: it is Embedded Swift, which has no Foundation.
#pragma once
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "mp_cpu.h"

/// All of standard input, at the start of a page; NULL where that fails.
static inline const void *driver_read_input(int64_t *count) {
  size_t capacity = 1 << 28, found;
  char *bytes = aligned_alloc(4096, capacity);
  if (bytes == NULL || (found = fread(bytes, 1, capacity, stdin)) == capacity || ferror(stdin)) return NULL;
  *count = (int64_t)found;
  return bytes;
}

// `stdout` and `stderr` are variables, which concurrency checking does not let Swift read.
static inline void driver_print(const char *set, const char *operation, int64_t shapes, int64_t numbers, double worst) {
  printf("arm64: %-9s %-26s %5lld shapes %9lld numbers, worst error %.3f of its bound\n", set, operation,
         (long long)shapes, (long long)numbers, worst);
}
static inline void driver_complain(const char *set, const char *operation, int64_t record, int64_t place, double found,
                                   double expected, double bound) {
  fprintf(stderr, "arm64: %s, %s, record %lld, place %lld: found %.9g, expected %.9g, bound %.3g\n", set, operation,
          (long long)record, (long long)place, found, expected, bound);
}
