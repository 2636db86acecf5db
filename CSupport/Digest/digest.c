#include "mp_digest.h"

#include <openssl/evp.h>

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
