// SHA-256 by libcrypto, which uses the processor's SHA instructions; CRC-32 by zlib.
#pragma once
#include <stddef.h>
#include <stdint.h>

/// Writes the SHA-256 of `count` bytes to `digest` (32 bytes). Returns 1, or 0 where libcrypto refused.
int32_t mp_sha256(const void *bytes, size_t count, uint8_t *digest);

/// The CRC-32 of `count` bytes, as zip archives have it.
uint32_t mp_crc32(const void *bytes, size_t count);

/// The CRC-32 of two pieces, one after the other, from those of each and the second's length.
uint32_t mp_crc32_combined(uint32_t first, uint32_t second, size_t secondCount);
