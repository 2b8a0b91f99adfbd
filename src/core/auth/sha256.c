/* SPDX-License-Identifier: Apache-2.0 */
#include "core/auth/sha256.h"

#include <stdlib.h>
#define ERR_STATE openssl_err_state /* OpenSSL has a type of that name */
#include <openssl/evp.h>
#undef ERR_STATE

struct sha256 {
	EVP_MD *algorithm;
	EVP_MD_CTX *digest;
};

struct sha256 *sha256_new(void)
{
	struct sha256 *s = xcalloc(1, sizeof *s);

	s->algorithm = EVP_MD_fetch(NULL, "SHA256", NULL);
	s->digest = EVP_MD_CTX_new();
	if (s->algorithm == NULL || s->digest == NULL)
		out_of_memory(); /* or a libcrypto without SHA-256 */
	return s;
}

void sha256_free(struct sha256 *s)
{
	if (s == NULL)
		return;
	EVP_MD_CTX_free(s->digest);
	EVP_MD_free(s->algorithm);
	free(s);
}

static void begin(struct sha256 *s)
{
	if (EVP_DigestInit_ex2(s->digest, s->algorithm, NULL) != 1)
		out_of_memory();
}

static void add(struct sha256 *s, const struct slice *parts, size_t count)
{
	for (size_t i = 0; i < count; i++)
		EVP_DigestUpdate(s->digest, parts[i].data, parts[i].len);
}

static void add_block(struct sha256 *s, const unsigned char block[SHA256_BLOCK_BYTES])
{
	EVP_DigestUpdate(s->digest, block, SHA256_BLOCK_BYTES);
}

void sha256_hash(struct sha256 *s, const struct slice *parts, size_t count,
	unsigned char out[SHA256_BYTES])
{
	begin(s);
	add(s, parts, count);
	EVP_DigestFinal_ex(s->digest, out, NULL);
}

void sha256_key_set(struct sha256 *s, struct sha256_key *k, struct slice key)
{
	unsigned char hashed[SHA256_BYTES];

	if (key.len > SHA256_BLOCK_BYTES) {
		sha256_hash(s, &key, 1, hashed);
		key = slice_of((char *)hashed, sizeof hashed);
	}
	memset(k->inner, 0x36, sizeof k->inner);
	memset(k->outer, 0x5c, sizeof k->outer);
	for (size_t i = 0; i < key.len; i++) {
		k->inner[i] ^= (unsigned char)key.data[i];
		k->outer[i] ^= (unsigned char)key.data[i];
	}
	explicit_bzero(hashed, sizeof hashed);
}

void sha256_hmac(struct sha256 *s, const struct sha256_key *k, const struct slice *parts,
	size_t count, unsigned char out[SHA256_BYTES])
{
	begin(s);
	add_block(s, k->inner);
	add(s, parts, count);
	EVP_DigestFinal_ex(s->digest, out, NULL);
	begin(s);
	add_block(s, k->outer);
	EVP_DigestUpdate(s->digest, out, SHA256_BYTES);
	EVP_DigestFinal_ex(s->digest, out, NULL);
}

void sha256_add_hex(struct buf *out, const unsigned char hash[SHA256_BYTES])
{
	static const char digits[] = "0123456789abcdef";

	for (size_t i = 0; i < SHA256_BYTES; i++)
		buf_add(out, (char[]){digits[hash[i] >> 4], digits[hash[i] & 15]}, 2);
}
