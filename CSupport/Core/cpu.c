#define _GNU_SOURCE
#include "mp_cpu.h"

#include <errno.h>
#include <sched.h>
#include <stdlib.h>
#include <unistd.h>
#if defined(__x86_64__)
#include <cpuid.h>
#elif defined(__aarch64__) && defined(__APPLE__)
#include <sys/sysctl.h>
#elif defined(__aarch64__)
#include <asm/hwcap.h>
#include <sys/auxv.h>
#endif

#if defined(__aarch64__) && defined(__APPLE__)
static int has(const char *feature) {
  int value = 0;
  size_t size = sizeof value;
  return sysctlbyname(feature, &value, &size, NULL, 0) == 0 && value != 0;
}
#endif

uint32_t mp_cpu_features(void) {
  uint32_t found = 0;
#if defined(__x86_64__)
  __builtin_cpu_init();  // reads cpuid and, for the registers of AVX, xgetbv
#define ADD_IF_SUPPORTED(name, bit) \
  if (__builtin_cpu_supports(#name)) found |= mp_cpu_##name;
  MP_CPU_FEATURES(ADD_IF_SUPPORTED)
#elif defined(__aarch64__) && defined(__APPLE__)
  if (has("hw.optional.arm.FEAT_BF16")) found |= mp_cpu_bf16;
  if (has("hw.optional.arm.FEAT_I8MM")) found |= mp_cpu_i8mm;
#elif defined(__aarch64__)
  unsigned long features = getauxval(AT_HWCAP2);
  if (features & HWCAP2_BF16) found |= mp_cpu_bf16;
  if (features & HWCAP2_I8MM) found |= mp_cpu_i8mm;
#endif
  return found;
}

int mp_cpu_has_slow_bf16(void) {
#if defined(__x86_64__)
  __builtin_cpu_init();
  return __builtin_cpu_is("intel") != 0;
#else
  return 0;
#endif
}

uint64_t mp_cache_bytes(uint32_t level, uint32_t *sharing) {
  *sharing = 0;
#if defined(__x86_64__)
  // Intel's leaf and AMD's: one layout, a subleaf for every cache. A processor lacks the other's, or has type 0 there.
  const uint32_t leaves[] = {4, 0x8000001D};
  for (int leaf = 0; leaf < 2; leaf++) {
    uint32_t a, b, c, d;
    for (uint32_t index = 0; index < 16 && __get_cpuid_count(leaves[leaf], index, &a, &b, &c, &d); index++) {
      uint32_t type = a & 31;  // 0: no more caches; 2: of instructions
      if (type == 0) break;
      if (type == 2 || (a >> 5 & 7) != level) continue;
      *sharing = (a >> 14 & 4095) + 1;
      // Ways, partitions, bytes of a line, sets; each is stored less one.
      return (uint64_t)((b >> 22) + 1) * ((b >> 12 & 1023) + 1) * ((b & 4095) + 1) * ((uint64_t)c + 1);
    }
  }
#endif
#if defined(_SC_LEVEL1_DCACHE_SIZE)
  const int names[] = {_SC_LEVEL1_DCACHE_SIZE, _SC_LEVEL2_CACHE_SIZE, _SC_LEVEL3_CACHE_SIZE};
  long bytes = level >= 1 && level <= 3 ? sysconf(names[level - 1]) : 0;
  if (bytes > 0) return (uint64_t)bytes;
#endif
  return 0;
}

uint32_t mp_allowed_processors(void) {
#if defined(__linux__)
  // The mask must be as large as the kernel's own, whose size only trying tells.
  for (int processors = 1024; processors <= 1 << 20; processors *= 2) {
    cpu_set_t *mask = CPU_ALLOC(processors);
    if (!mask) break;
    size_t size = CPU_ALLOC_SIZE(processors);
    int failed = sched_getaffinity(0, size, mask) != 0;
    int cause = errno;
    int count = failed ? 0 : CPU_COUNT_S(size, mask);
    CPU_FREE(mask);
    if (!failed && count > 0) return (uint32_t)count;
    if (failed && cause != EINVAL) break;
  }
#endif
  long online = sysconf(_SC_NPROCESSORS_ONLN);
  return online > 0 ? (uint32_t)online : 1;
}
