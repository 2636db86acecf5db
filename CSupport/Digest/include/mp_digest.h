// SHA-256 and MD5 by libcrypto, which uses the processor's SHA instructions; CRC-32 by zlib.
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
/// Writes the MD5 to `digest` (16 bytes). Returns 1 on success and 0 on failure.
int32_t mp_md5_end(mp_md5 *context, uint8_t *digest);
void mp_md5_free(mp_md5 *context);

/// The CRC-32 of `count` bytes, as zip archives have it.
uint32_t mp_crc32(const void *bytes, size_t count);

/// The CRC-32 of two pieces, one after the other, from those of each and the second's length.
uint32_t mp_crc32_combined(uint32_t first, uint32_t second, size_t secondCount);
