// SHA-256 by libcrypto, which uses the processor's SHA instructions.
#pragma once
#include <stddef.h>
#include <stdint.h>

/// Writes the SHA-256 of `count` bytes to `digest` (32 bytes). Returns 1, or 0 where libcrypto refused.
int32_t mp_sha256(const void *bytes, size_t count, uint8_t *digest);
