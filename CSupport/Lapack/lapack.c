#include "mp_lapack.h"

#include <lapacke.h>

// A row-major lower triangle is a column-major upper one, and contiguous right-hand sides are column-major: nothing is
// copied.

int32_t mp_spotrf(int32_t n, float *a) { return LAPACKE_spotrf(LAPACK_COL_MAJOR, 'U', n, a, n > 1 ? n : 1); }

int32_t mp_spotrs(int32_t n, int32_t columns, const float *a, float *b) {
  return LAPACKE_spotrs(LAPACK_COL_MAJOR, 'U', n, columns, a, n > 1 ? n : 1, b, n > 1 ? n : 1);
}
