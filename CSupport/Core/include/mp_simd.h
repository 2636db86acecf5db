// Instructions that Swift's SIMD types cannot spell reliably: minimum, maximum, comparison, conversions, dot products
// of pairs and quadruples, transposition. Only the functions of the instruction sets that the importing module is
// compiled for exist.
//
// In the names: f32xL is L floats, i32xL the same bytes as integers; L the lanes of a set, 4, 8 or 16.
#pragma once
#include <stdint.h>
#include <string.h>
#define MP_INLINE static inline __attribute__((always_inline))

// MARK: - What the compiler makes good code of, for any width
//
// bfloat16 is the upper half of a float: loading is exact, storing rounds to nearest, ties to even, and keeps NaN.
// `high` and `low` are the two bfloat16 of a word; the first in memory is the low one.

#define MP_PORTABLE(lanes)                                                                                          \
  typedef float mp_f32x##lanes __attribute__((vector_size(4 * lanes)));                                             \
  typedef int32_t mp_i32x##lanes __attribute__((vector_size(4 * lanes)));                                           \
  typedef uint32_t mp_u32x##lanes __attribute__((vector_size(4 * lanes)));                                          \
  typedef int8_t mp_i8x##lanes __attribute__((vector_size(lanes)));                                                 \
  typedef int16_t mp_i16x##lanes __attribute__((vector_size(2 * lanes)));                                           \
  typedef uint16_t mp_u16x##lanes __attribute__((vector_size(2 * lanes)));                                          \
  MP_INLINE mp_f32x##lanes mp_float_i32x##lanes(mp_i32x##lanes v) {                                                 \
    return __builtin_convertvector(v, mp_f32x##lanes);                                                              \
  }                                                                                                                 \
  MP_INLINE mp_f32x##lanes mp_high_f32x##lanes(mp_i32x##lanes pair) {                                               \
    return (mp_f32x##lanes)((mp_u32x##lanes)pair & 0xFFFF0000u);                                                    \
  }                                                                                                                 \
  MP_INLINE mp_f32x##lanes mp_low_f32x##lanes(mp_i32x##lanes pair) {                                                \
    return (mp_f32x##lanes)((mp_u32x##lanes)pair << 16);                                                            \
  }                                                                                                                 \
  MP_INLINE mp_f32x##lanes mp_load_bf16_f32x##lanes(const void *source) {                                           \
    mp_u16x##lanes halves;                                                                                          \
    memcpy(&halves, source, sizeof halves);                                                                         \
    return (mp_f32x##lanes)(__builtin_convertvector(halves, mp_u32x##lanes) << 16);                                 \
  }                                                                                                                 \
  MP_INLINE void mp_store_bf16_f32x##lanes(void *target, mp_f32x##lanes v) {                                        \
    mp_u32x##lanes bits = (mp_u32x##lanes)v;                                                                        \
    mp_u32x##lanes isNaN = (mp_u32x##lanes)(v != v);                                                                \
    mp_u32x##lanes rounded = bits + 0x7FFFu + ((bits >> 16) & 1u);                                                  \
    mp_u32x##lanes kept = (rounded & ~isNaN) | ((bits | 0x400000u) & isNaN);                                        \
    mp_u16x##lanes halves = __builtin_convertvector(kept >> 16, mp_u16x##lanes);                                    \
    memcpy(target, &halves, sizeof halves);                                                                         \
  }                                                                                                                 \
  MP_INLINE void mp_store_i16_i32x##lanes(void *target, mp_i32x##lanes v) {                                         \
    mp_i16x##lanes halves = __builtin_convertvector(v, mp_i16x##lanes);                                             \
    memcpy(target, &halves, sizeof halves);                                                                         \
  }                                                                                                                 \
  MP_INLINE void mp_store_i8_i32x##lanes(void *target, mp_i32x##lanes v) {                                          \
    mp_i8x##lanes bytes = __builtin_convertvector(v, mp_i8x##lanes);                                                \
    memcpy(target, &bytes, sizeof bytes);                                                                           \
  }

MP_PORTABLE(4)
MP_PORTABLE(8)
MP_PORTABLE(16)

// Loads the cache line of `address` ahead of its use; any address is allowed.
MP_INLINE void mp_prefetch(const void *address) { __builtin_prefetch(address); }
// The same into the second-level cache.
MP_INLINE void mp_prefetch_second(const void *address) { __builtin_prefetch(address, 0, 2); }

// A block of words transposed, `target[c * targetStep + r] = source[r * sourceStep + c]` for r, c < L, by exchanging
// ever larger blocks off the diagonal (Eklundh 1972): L log2 L shuffles.
#define MP_LANES(...) __VA_ARGS__
#define MP_EXCHANGE(lanes, distance, evens, odds)                                                                   \
  _Pragma("unroll") for (int r = 0; r < lanes; r++) if (!(r & distance)) {                                          \
    mp_u32x##lanes a = rows[r], b = rows[r + distance];                                                             \
    rows[r] = __builtin_shufflevector(a, b, evens);                                                                 \
    rows[r + distance] = __builtin_shufflevector(a, b, odds);                                                       \
  }
#define MP_EXCHANGE_4                                                                                                \
  MP_EXCHANGE(4, 1, MP_LANES(0, 4, 2, 6), MP_LANES(1, 5, 3, 7))                                                      \
  MP_EXCHANGE(4, 2, MP_LANES(0, 1, 4, 5), MP_LANES(2, 3, 6, 7))
#define MP_EXCHANGE_8                                                                                                \
  MP_EXCHANGE(8, 1, MP_LANES(0, 8, 2, 10, 4, 12, 6, 14), MP_LANES(1, 9, 3, 11, 5, 13, 7, 15))                        \
  MP_EXCHANGE(8, 2, MP_LANES(0, 1, 8, 9, 4, 5, 12, 13), MP_LANES(2, 3, 10, 11, 6, 7, 14, 15))                        \
  MP_EXCHANGE(8, 4, MP_LANES(0, 1, 2, 3, 8, 9, 10, 11), MP_LANES(4, 5, 6, 7, 12, 13, 14, 15))
#define MP_EXCHANGE_16                                                                                               \
  MP_EXCHANGE(16, 1, MP_LANES(0, 16, 2, 18, 4, 20, 6, 22, 8, 24, 10, 26, 12, 28, 14, 30),                            \
              MP_LANES(1, 17, 3, 19, 5, 21, 7, 23, 9, 25, 11, 27, 13, 29, 15, 31))                                   \
  MP_EXCHANGE(16, 2, MP_LANES(0, 1, 16, 17, 4, 5, 20, 21, 8, 9, 24, 25, 12, 13, 28, 29),                             \
              MP_LANES(2, 3, 18, 19, 6, 7, 22, 23, 10, 11, 26, 27, 14, 15, 30, 31))                                  \
  MP_EXCHANGE(16, 4, MP_LANES(0, 1, 2, 3, 16, 17, 18, 19, 8, 9, 10, 11, 24, 25, 26, 27),                             \
              MP_LANES(4, 5, 6, 7, 20, 21, 22, 23, 12, 13, 14, 15, 28, 29, 30, 31))                                  \
  MP_EXCHANGE(16, 8, MP_LANES(0, 1, 2, 3, 4, 5, 6, 7, 16, 17, 18, 19, 20, 21, 22, 23),                               \
              MP_LANES(8, 9, 10, 11, 12, 13, 14, 15, 24, 25, 26, 27, 28, 29, 30, 31))
#define MP_TRANSPOSE(lanes)                                                                                         \
  MP_INLINE void mp_transpose_##lanes(const void *source, int64_t sourceStep, void *target, int64_t targetStep) {   \
    mp_u32x##lanes rows[lanes];                                                                                     \
    _Pragma("unroll") for (int r = 0; r < lanes; r++)                                                               \
      memcpy(&rows[r], (const char *)source + r * sourceStep * 4, sizeof rows[r]);                                  \
    MP_EXCHANGE_##lanes                                                                                             \
    _Pragma("unroll") for (int c = 0; c < lanes; c++)                                                               \
      memcpy((char *)target + c * targetStep * 4, &rows[c], sizeof rows[c]);                                        \
  }

MP_TRANSPOSE(4)
MP_TRANSPOSE(8)
MP_TRANSPOSE(16)

// Sum of the lanes: the upper half is added to the lower half until one lane is left.
#define MP_HALF_8(v, first) __builtin_shufflevector(v, v, first, first + 1, first + 2, first + 3)
#define MP_HALF_16(v, first)                                                                                        \
  __builtin_shufflevector(v, v, first, first + 1, first + 2, first + 3, first + 4, first + 5, first + 6, first + 7)
MP_INLINE float mp_reduce_sum_f32x4(mp_f32x4 v) {
  mp_f32x4 pairs = v + __builtin_shufflevector(v, v, 2, 3, 0, 1);
  return pairs[0] + pairs[1];
}
MP_INLINE float mp_reduce_sum_f32x8(mp_f32x8 v) { return mp_reduce_sum_f32x4(MP_HALF_8(v, 0) + MP_HALF_8(v, 4)); }
MP_INLINE float mp_reduce_sum_f32x16(mp_f32x16 v) { return mp_reduce_sum_f32x8(MP_HALF_16(v, 0) + MP_HALF_16(v, 8)); }

// MARK: - What takes an instruction of its own
//
// min, max: `b` where either is NaN. less_than: a < b, one bit for each lane. compress: the lanes with a bit in `mask`,
// in order. dot_i16: sum + a.hi b.hi + a.lo b.lo of every lane's two 16-bit integers.

#if defined(__x86_64__)
#include <immintrin.h>

MP_INLINE mp_f32x4 mp_max_f32x4(mp_f32x4 a, mp_f32x4 b) { return _mm_max_ps(a, b); }
MP_INLINE mp_f32x4 mp_min_f32x4(mp_f32x4 a, mp_f32x4 b) { return _mm_min_ps(a, b); }
MP_INLINE uint32_t mp_less_than_f32x4(mp_f32x4 a, mp_f32x4 b) { return (uint32_t)_mm_movemask_ps(_mm_cmplt_ps(a, b)); }
MP_INLINE mp_i32x4 mp_dot_i16_i32x4(mp_i32x4 sum, mp_i32x4 a, mp_i32x4 b) {
  return sum + (mp_i32x4)_mm_madd_epi16((__m128i)a, (__m128i)b);
}

#if defined(__AVX2__)
MP_INLINE mp_f32x8 mp_max_f32x8(mp_f32x8 a, mp_f32x8 b) { return _mm256_max_ps(a, b); }
MP_INLINE mp_f32x8 mp_min_f32x8(mp_f32x8 a, mp_f32x8 b) { return _mm256_min_ps(a, b); }
MP_INLINE uint32_t mp_less_than_f32x8(mp_f32x8 a, mp_f32x8 b) {
  return (uint32_t)_mm256_movemask_ps(_mm256_cmp_ps(a, b, _CMP_LT_OQ));
}
MP_INLINE mp_i32x8 mp_dot_i16_i32x8(mp_i32x8 sum, mp_i32x8 a, mp_i32x8 b) {
  return sum + (mp_i32x8)_mm256_madd_epi16((__m256i)a, (__m256i)b);
}
#endif

#if defined(__AVXVNNI__)
/// sum + the dot product of every lane's four bytes, those of `a` unsigned, of `b` signed; wraps.
MP_INLINE mp_i32x8 mp_dot_u8i8_i32x8(mp_i32x8 sum, mp_i32x8 a, mp_i32x8 b) {
  return (mp_i32x8)_mm256_dpbusd_avx_epi32((__m256i)sum, (__m256i)a, (__m256i)b);
}
#endif

#if defined(__AVX512F__)
MP_INLINE mp_f32x16 mp_max_f32x16(mp_f32x16 a, mp_f32x16 b) { return _mm512_max_ps(a, b); }
MP_INLINE mp_f32x16 mp_min_f32x16(mp_f32x16 a, mp_f32x16 b) { return _mm512_min_ps(a, b); }
MP_INLINE uint32_t mp_less_than_f32x16(mp_f32x16 a, mp_f32x16 b) { return _mm512_cmp_ps_mask(a, b, _CMP_LT_OQ); }
// In a register: Zen 4 takes a hundred cycles and more to compress into memory.
MP_INLINE mp_f32x16 mp_compress_f32x16(mp_f32x16 v, uint32_t mask) {
  return _mm512_maskz_compress_ps((__mmask16)mask, v);
}
#endif
#if defined(__AVX512BW__)
MP_INLINE mp_i32x16 mp_dot_i16_i32x16(mp_i32x16 sum, mp_i32x16 a, mp_i32x16 b) {
  return sum + (mp_i32x16)_mm512_madd_epi16((__m512i)a, (__m512i)b);
}
#endif

#if defined(__AVX512VNNI__)
/// sum + the dot product of every lane's four bytes, those of `a` unsigned, of `b` signed; wraps.
MP_INLINE mp_i32x16 mp_dot_u8i8_i32x16(mp_i32x16 sum, mp_i32x16 a, mp_i32x16 b) {
  return (mp_i32x16)_mm512_dpbusd_epi32((__m512i)sum, (__m512i)a, (__m512i)b);
}
#endif

#if defined(__AVX512BF16__)
/// sum + a.hi b.hi + a.lo b.lo of every lane's two bfloat16, rounded to nearest after each; denormals count as zero.
MP_INLINE mp_f32x16 mp_dot_bf16_f32x16(mp_f32x16 sum, mp_i32x16 a, mp_i32x16 b) {
  return _mm512_dpbf16_ps(sum, (__m512bh)a, (__m512bh)b);
}
/// Rounds to nearest, ties to even; denormals become zero.
MP_INLINE void mp_store_native_bf16_f32x16(void *target, mp_f32x16 v) {
  __m256bh halves = _mm512_cvtneps_pbh(v);
  memcpy(target, &halves, sizeof halves);
}
#endif
#elif defined(__aarch64__)
#include <arm_neon.h>

MP_INLINE mp_f32x4 mp_max_f32x4(mp_f32x4 a, mp_f32x4 b) {
  return (mp_f32x4)vbslq_f32(vcgtq_f32((float32x4_t)a, (float32x4_t)b), (float32x4_t)a, (float32x4_t)b);
}
MP_INLINE mp_f32x4 mp_min_f32x4(mp_f32x4 a, mp_f32x4 b) {
  return (mp_f32x4)vbslq_f32(vcltq_f32((float32x4_t)a, (float32x4_t)b), (float32x4_t)a, (float32x4_t)b);
}
MP_INLINE uint32_t mp_less_than_f32x4(mp_f32x4 a, mp_f32x4 b) {
  const uint32x4_t bits = {1, 2, 4, 8};
  return vaddvq_u32(vandq_u32(vcltq_f32((float32x4_t)a, (float32x4_t)b), bits));
}
MP_INLINE mp_i32x4 mp_dot_i16_i32x4(mp_i32x4 sum, mp_i32x4 a, mp_i32x4 b) {
  int16x8_t x = (int16x8_t)a, y = (int16x8_t)b;
  return sum + (mp_i32x4)vpaddq_s32(vmull_s16(vget_low_s16(x), vget_low_s16(y)), vmull_high_s16(x, y));
}

#if defined(__ARM_FEATURE_BF16_VECTOR_ARITHMETIC) && defined(__ARM_FEATURE_MATMUL_INT8)
/// sum + a.hi b.hi + a.lo b.lo of every lane's two bfloat16; products and their sum are rounded to odd, denormals count
/// as zero.
MP_INLINE mp_f32x4 mp_dot_bf16_f32x4(mp_f32x4 sum, mp_i32x4 a, mp_i32x4 b) {
  return (mp_f32x4)vbfdotq_f32((float32x4_t)sum, (bfloat16x8_t)a, (bfloat16x8_t)b);
}
/// Rounds to nearest, ties to even.
MP_INLINE void mp_store_native_bf16_f32x4(void *target, mp_f32x4 v) {
  bfloat16x4_t halves = vcvt_bf16_f32((float32x4_t)v);
  memcpy(target, &halves, sizeof halves);
}
/// sum + the dot product of every lane's four bytes, those of `a` unsigned, of `b` signed; wraps.
MP_INLINE mp_i32x4 mp_dot_u8i8_i32x4(mp_i32x4 sum, mp_i32x4 a, mp_i32x4 b) {
  return (mp_i32x4)vusdotq_s32((int32x4_t)sum, (uint8x16_t)a, (int8x16_t)b);
}
#endif
#else
// Other processors build the baseline, of plain vectors: `a > b ? a : b` lane by lane, as on x86-64.
MP_INLINE mp_f32x4 mp_max_f32x4(mp_f32x4 a, mp_f32x4 b) {
  mp_i32x4 takes = a > b;
  return (mp_f32x4)(((mp_i32x4)a & takes) | ((mp_i32x4)b & ~takes));
}
MP_INLINE mp_f32x4 mp_min_f32x4(mp_f32x4 a, mp_f32x4 b) {
  mp_i32x4 takes = a < b;
  return (mp_f32x4)(((mp_i32x4)a & takes) | ((mp_i32x4)b & ~takes));
}
MP_INLINE uint32_t mp_less_than_f32x4(mp_f32x4 a, mp_f32x4 b) {
  uint32_t bits = 0;
  for (int lane = 0; lane < 4; ++lane) bits |= (uint32_t)(a[lane] < b[lane]) << lane;
  return bits;
}
MP_INLINE mp_i32x4 mp_dot_i16_i32x4(mp_i32x4 sum, mp_i32x4 a, mp_i32x4 b) {
  mp_i32x4 low = (mp_i32x4)((mp_u32x4)a << 16) >> 16, otherLow = (mp_i32x4)((mp_u32x4)b << 16) >> 16;
  return sum + low * otherLow + (a >> 16) * (b >> 16);
}
#endif

// Maximum of the lanes, by halves like their sum; they hold no NaN.
MP_INLINE float mp_reduce_max_f32x4(mp_f32x4 v) {
  mp_f32x4 pairs = mp_max_f32x4(v, __builtin_shufflevector(v, v, 2, 3, 0, 1));
  return pairs[0] > pairs[1] ? pairs[0] : pairs[1];
}
#if defined(__AVX2__)
MP_INLINE float mp_reduce_max_f32x8(mp_f32x8 v) {
  return mp_reduce_max_f32x4(mp_max_f32x4(MP_HALF_8(v, 0), MP_HALF_8(v, 4)));
}
MP_INLINE float mp_reduce_max_f32x16(mp_f32x16 v) {
  return mp_reduce_max_f32x8(mp_max_f32x8(MP_HALF_16(v, 0), MP_HALF_16(v, 8)));
}
#endif
