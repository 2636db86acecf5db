#define _GNU_SOURCE
#include "mp_file.h"

#include <fcntl.h>

void mp_begin_flush(int descriptor) {
#ifdef __linux__
  (void)sync_file_range(descriptor, 0, 0, SYNC_FILE_RANGE_WRITE);
#else
  (void)descriptor;
#endif
}
