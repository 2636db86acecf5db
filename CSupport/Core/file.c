#define _GNU_SOURCE
#include "mp_file.h"

#include <fcntl.h>
#include <stdio.h>

void mp_begin_flush(int descriptor) {
#ifdef __linux__
  (void)sync_file_range(descriptor, 0, 0, SYNC_FILE_RANGE_WRITE);
#else
  (void)descriptor;
#endif
}

int mp_exchange(const char *one, const char *other) {
#ifdef __linux__
  return renameat2(AT_FDCWD, one, AT_FDCWD, other, RENAME_EXCHANGE);
#else
  return renamex_np(one, other, RENAME_SWAP);
#endif
}
