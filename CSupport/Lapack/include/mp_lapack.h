// LAPACKE's Cholesky factorization. lapacke.h itself does not import into Swift: its complex types are C's own.
#pragma once
#include <stdint.h>

/// Factors the symmetric, row-major n x n matrix `a`, of which the lower triangle is read, as L L^T; L replaces that
/// triangle. Returns 0; i > 0 where the leading minor of order i is not positive definite; -i where argument i of
/// spotrf is wrong.
int32_t mp_spotrf(int32_t n, float *a);

/// Solves A x = b for `columns` right-hand sides, each n contiguous floats, which the solutions replace; `a` is what
/// `mp_spotrf` left. Returns 0, or -i where argument i of spotrs is wrong.
int32_t mp_spotrs(int32_t n, int32_t columns, const float *a, float *b);
