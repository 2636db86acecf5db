// What the processor and its operating system can run, and the caches it has. Compiled with no instruction-set flag.
#pragma once
#include <stdint.h>

/// The features that instruction sets of Sources/Kernels require, by the compiler's names. A line here is all that
/// detection of another one takes.
#if defined(__aarch64__)
#define MP_CPU_FEATURES(FEATURE)                                                                                    \
  FEATURE(bf16, 0)                                                                                                  \
  FEATURE(i8mm, 1)
#else
#define MP_CPU_FEATURES(FEATURE)                                                                                    \
  FEATURE(avx2, 0)                                                                                                  \
  FEATURE(fma, 1)                                                                                                   \
  FEATURE(f16c, 2)                                                                                                  \
  FEATURE(avx512f, 3)                                                                                               \
  FEATURE(avx512bw, 4)                                                                                              \
  FEATURE(avx512dq, 5)                                                                                              \
  FEATURE(avx512vl, 6)                                                                                              \
  FEATURE(avx512bf16, 7)                                                                                            \
  FEATURE(avx512vnni, 8)                                                                                            \
  FEATURE(avxvnni, 9)
#endif

#define MP_CPU_FEATURE_BIT(name, bit) mp_cpu_##name = 1 << bit,
/// One bit for each feature: `mp_cpu_avx2` and so on.
enum { MP_CPU_FEATURES(MP_CPU_FEATURE_BIT) };

/// The features that this processor has and whose registers the operating system saves, as a bit mask.
uint32_t mp_cpu_features(void);

/// Whether `vdpbf16ps` does its work in more time than multiply-adds of float32 do the same: on Intel's processors, whose
/// bfloat16 is meant for AMX (measured on family 6 model 207: half of float32's rate), not on AMD's.
int mp_cpu_has_slow_bf16(void);

/// Bytes of the data cache of `level`, 1 to 3, of the core that runs this, by cpuid, else by sysconf; 0 if unknown.
///
/// - Parameter sharing: the largest number of logical processors that share the cache; 0 if unknown.
uint64_t mp_cache_bytes(uint32_t level, uint32_t *sharing);

/// Logical processors that the process may run on by its affinity mask, else all that are online; at least 1.
uint32_t mp_allowed_processors(void);
