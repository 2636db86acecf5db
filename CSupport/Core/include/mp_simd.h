// Instructions that Swift's SIMD types cannot spell reliably: minimum, maximum, and lane-wise a < b as bits. Only the functions
// of the instruction sets that the importing module is compiled for exist.
#pragma once
#include <stdint.h>
#define MP_INLINE static inline __attribute__((always_inline))

#if defined(__x86_64__)
#include <immintrin.h>

typedef float mp_f32x4 __attribute__((vector_size(16)));
typedef float mp_f32x8 __attribute__((vector_size(32)));
typedef float mp_f32x16 __attribute__((vector_size(64)));

MP_INLINE mp_f32x4 mp_max_f32x4(mp_f32x4 a, mp_f32x4 b) { return _mm_max_ps(a, b); }
MP_INLINE mp_f32x4 mp_min_f32x4(mp_f32x4 a, mp_f32x4 b) { return _mm_min_ps(a, b); }
MP_INLINE uint32_t mp_below_f32x4(mp_f32x4 a, mp_f32x4 b) { return (uint32_t)_mm_movemask_ps(_mm_cmplt_ps(a, b)); }

#if defined(__AVX2__)
MP_INLINE mp_f32x8 mp_max_f32x8(mp_f32x8 a, mp_f32x8 b) { return _mm256_max_ps(a, b); }
MP_INLINE mp_f32x8 mp_min_f32x8(mp_f32x8 a, mp_f32x8 b) { return _mm256_min_ps(a, b); }
MP_INLINE uint32_t mp_below_f32x8(mp_f32x8 a, mp_f32x8 b) {
  return (uint32_t)_mm256_movemask_ps(_mm256_cmp_ps(a, b, _CMP_LT_OQ));
}
#endif

#if defined(__AVX512F__)
MP_INLINE mp_f32x16 mp_max_f32x16(mp_f32x16 a, mp_f32x16 b) { return _mm512_max_ps(a, b); }
MP_INLINE mp_f32x16 mp_min_f32x16(mp_f32x16 a, mp_f32x16 b) { return _mm512_min_ps(a, b); }
MP_INLINE uint32_t mp_below_f32x16(mp_f32x16 a, mp_f32x16 b) { return _mm512_cmp_ps_mask(a, b, _CMP_LT_OQ); }
#endif
#else
// Other processors build every kernel module, as plain vectors; there, `a > b ? a : b` lane by lane, as on x86-64.
#define MP_MINMAX(bytes, lanes)                                                                      \
  typedef float mp_f32x##lanes __attribute__((vector_size(bytes)));                                  \
  typedef int32_t mp_i32x##lanes __attribute__((vector_size(bytes)));                                \
  MP_INLINE mp_f32x##lanes mp_max_f32x##lanes(mp_f32x##lanes a, mp_f32x##lanes b) {                  \
    mp_i32x##lanes takes = a > b;                                                                    \
    return (mp_f32x##lanes)(((mp_i32x##lanes)a & takes) | ((mp_i32x##lanes)b & ~takes));             \
  }                                                                                                  \
  MP_INLINE mp_f32x##lanes mp_min_f32x##lanes(mp_f32x##lanes a, mp_f32x##lanes b) {                  \
    mp_i32x##lanes takes = a < b;                                                                    \
    return (mp_f32x##lanes)(((mp_i32x##lanes)a & takes) | ((mp_i32x##lanes)b & ~takes));             \
  }                                                                                                  \
  MP_INLINE uint32_t mp_below_f32x##lanes(mp_f32x##lanes a, mp_f32x##lanes b) {                      \
    uint32_t bits = 0;                                                                               \
    for (int lane = 0; lane < lanes; ++lane) bits |= (uint32_t)(a[lane] < b[lane]) << lane;          \
    return bits;                                                                                     \
  }

MP_MINMAX(16, 4)
MP_MINMAX(32, 8)
MP_MINMAX(64, 16)
#endif
