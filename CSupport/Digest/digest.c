#include "mp_digest.h"

#include <openssl/evp.h>
#include <zlib.h>

int32_t mp_sha256(const void *bytes, size_t count, uint8_t *digest) {
  return EVP_Digest(bytes, count, digest, NULL, EVP_sha256(), NULL);
}

mp_md5 *mp_md5_begin(void) {
  mp_md5 *context = EVP_MD_CTX_new();
  if (context && EVP_DigestInit_ex(context, EVP_md5(), NULL) == 1) return context;
  EVP_MD_CTX_free(context);
  return NULL;
}

void mp_md5_add(mp_md5 *context, const void *bytes, size_t count) {
  if (context) EVP_DigestUpdate(context, bytes, count);
}

int32_t mp_md5_end(mp_md5 *context, uint8_t *digest) {
  return context ? EVP_DigestFinal_ex(context, digest, NULL) : 0;
}

void mp_md5_free(mp_md5 *context) { EVP_MD_CTX_free(context); }

uint32_t mp_crc32(const void *bytes, size_t count) {
  // zlib returns its initial value for a null pointer.
  return (uint32_t)crc32_z(0, bytes, count);
}

uint32_t mp_crc32_combined(uint32_t first, uint32_t second, size_t secondCount) {
  return (uint32_t)crc32_combine(first, second, (z_off_t)secondCount);
}
