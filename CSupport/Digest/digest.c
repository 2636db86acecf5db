#include "mp_digest.h"

#include <openssl/evp.h>
#include <zlib.h>

int32_t mp_sha256(const void *bytes, size_t count, uint8_t *digest) {
  return EVP_Digest(bytes, count, digest, NULL, EVP_sha256(), NULL);
}

uint32_t mp_crc32(const void *bytes, size_t count) {
  // zlib returns its initial value for a null pointer.
  return (uint32_t)crc32_z(0, bytes, count);
}

uint32_t mp_crc32_combined(uint32_t first, uint32_t second, size_t secondCount) {
  return (uint32_t)crc32_combine(first, second, (z_off_t)secondCount);
}
