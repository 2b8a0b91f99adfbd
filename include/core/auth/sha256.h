/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sha256.h - SHA-256 and HMAC-SHA256 (RFC 2104) for signatures, by libcrypto.
 *
 * One digest context is used again and again, since making one, or beginning OpenSSL's own HMAC
 * anew, costs more than a kilobyte's hash. It belongs to one thread at a time.
 */
#ifndef CORE_AUTH_SHA256_H
#define CORE_AUTH_SHA256_H

#include "base/buf.h"

#define SHA256_BYTES       32
#define SHA256_BLOCK_BYTES 64

struct sha256;

struct sha256 *sha256_new(void);
/* Accepts NULL. */
void sha256_free(struct sha256 *s);

/* Of all @parts, one behind the other. */
void sha256_hash(struct sha256 *s, const struct slice *parts, size_t count,
	unsigned char out[SHA256_BYTES]);

/* A key made ready. It is a secret: the owner wipes it. */
struct sha256_key {
	unsigned char inner[SHA256_BLOCK_BYTES], outer[SHA256_BLOCK_BYTES];
};

void sha256_key_set(struct sha256 *s, struct sha256_key *k, struct slice key);
void sha256_hmac(struct sha256 *s, const struct sha256_key *k, const struct slice *parts,
	size_t count, unsigned char out[SHA256_BYTES]);
/* As lower-case hexadecimal digits. */
void sha256_add_hex(struct buf *out, const unsigned char hash[SHA256_BYTES]);

#endif
