// SHA-256 and MD5 by libcrypto, which uses the processor's SHA instructions.
#pragma once
#include <stddef.h>
#include <stdint.h>

/// Writes the SHA-256 of `count` bytes to `digest` (32 bytes). Returns 1, or 0 where libcrypto refused.
int32_t mp_sha256(const void *bytes, size_t count, uint8_t *digest);

/// An MD5 of bytes that come in pieces.
typedef struct evp_md_ctx_st mp_md5;

/// Null where libcrypto has no MD5 or no memory; the functions below take that too.
mp_md5 *mp_md5_begin(void);
void mp_md5_add(mp_md5 *context, const void *bytes, size_t count);
/// Writes the MD5 to `digest` (16 bytes). Returns 1, or 0 where there is none.
int32_t mp_md5_end(mp_md5 *context, uint8_t *digest);
void mp_md5_free(mp_md5 *context);
