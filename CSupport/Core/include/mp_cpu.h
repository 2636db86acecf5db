// What the processor and its operating system can run, and the caches it has. Compiled with no instruction-set flag.
#pragma once
#include <stdint.h>

enum {
  mp_cpu_avx2_fma = 1,  // AVX2, FMA, F16C
  mp_cpu_avx512 = 2,    // AVX-512 F, BW, DQ, VL
  mp_cpu_avx512_bf16 = 4,  // and BF16, VNNI
};

/// The sets above that this processor has and the operating system saves registers for, as a bit mask.
uint32_t mp_cpu_features(void);

/// Bytes of the data cache of `level`, 1...3, that the core has which runs this, and how many logical processors share
/// it at most: by cpuid, else (bytes alone) by sysconf. 0: not told.
uint64_t mp_cache_bytes(uint32_t level, uint32_t *sharing);

/// Logical processors that the process may run on: its affinity mask's, else all that are online; at least 1.
uint32_t mp_allowed_processors(void);
