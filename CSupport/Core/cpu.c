#include "mp_cpu.h"

uint32_t mp_cpu_features(void) {
  uint32_t found = 0;
#if defined(__x86_64__)
  __builtin_cpu_init();  // reads cpuid and, for AVX state, xgetbv
  if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) found |= mp_cpu_avx2_fma;
  if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512dq") &&
      __builtin_cpu_supports("avx512vl") && (found & mp_cpu_avx2_fma))
    found |= mp_cpu_avx512;
  if ((found & mp_cpu_avx512) && __builtin_cpu_supports("avx512bf16") && __builtin_cpu_supports("avx512vnni"))
    found |= mp_cpu_avx512_bf16;
#endif
  return found;
}
