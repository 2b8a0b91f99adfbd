/* SPDX-License-Identifier: Apache-2.0 */
#include "core/webhook.h"

#include <stdio.h>
#include <stdlib.h>
#define ERR_STATE openssl_err_state /* OpenSSL has a type of that name */
#include <openssl/core_names.h>
#include <openssl/evp.h>
#undef ERR_STATE

#include "core/base64.h"

#define KEY_MIN_BYTES   24
#define KEY_MAX_BYTES   64
#define SHA256_BYTES    32
#define SIGNATURE_CHARS 44

/* One prepared context a key: to begin anew with the key it has costs OpenSSL a tenth of giving
 * it the key again. */
struct webhook_signer {
	EVP_MAC *hmac;
	EVP_MAC_CTX **contexts;
	size_t count;
};

static int read_key(struct slice text, struct buf *ret)
{
	static const char prefix[] = "whsec_";
	size_t len = sizeof prefix - 1;

	if (text.len >= len && memcmp(text.data, prefix, len) == 0)
		text = slice_of(text.data + len, text.len - len);
	if (base64_decode(ret, text) != 0)
		return ERR_INVALID;
	return ret->len >= KEY_MIN_BYTES && ret->len <= KEY_MAX_BYTES ? 0 : ERR_LIMIT;
}

static EVP_MAC_CTX *context_new(EVP_MAC *hmac, struct slice key)
{
	const OSSL_PARAM params[] = {
		OSSL_PARAM_utf8_string(OSSL_MAC_PARAM_DIGEST, (char *)"SHA256", 0),
		OSSL_PARAM_END,
	};
	EVP_MAC_CTX *ctx = EVP_MAC_CTX_new(hmac);

	if (ctx == NULL ||
		EVP_MAC_init(ctx, (const unsigned char *)key.data, key.len, params) != 1)
		abort(); /* out of memory, or a libcrypto without SHA-256 */
	return ctx;
}

struct webhook_signer *webhook_signer_new(
	const struct slice *keys, size_t count, struct err *err)
{
	struct webhook_signer *s = xcalloc(1, sizeof *s);
	struct buf key;
	int code = count > 0 ? 0 : err_set(err, ERR_INVALID, "there is no signing key");

	s->hmac = EVP_MAC_fetch(NULL, "HMAC", NULL);
	s->contexts = xcalloc(count, sizeof *s->contexts);
	buf_init(&key, BUF_UNLIMITED);
	buf_reserve(&key, 4096); /* not moved, so wiped whole */
	for (size_t i = 0; i < count && code == 0; i++) {
		buf_reset(&key);
		code = read_key(keys[i], &key);
		if (code == 0)
			s->contexts[s->count++] = context_new(s->hmac, buf_slice(&key));
		else
			err_set(err, ERR_INVALID,
				"signing key %zu is not \"whsec_\" and %d to %d bytes in base "
				"64",
				i + 1, KEY_MIN_BYTES, KEY_MAX_BYTES);
	}
	explicit_bzero(key.data, key.cap);
	buf_release(&key);
	if (code != 0) {
		webhook_signer_free(s);
		return NULL;
	}
	return s;
}

void webhook_signer_free(struct webhook_signer *s)
{
	if (s == NULL)
		return;
	for (size_t i = 0; i < s->count; i++)
		EVP_MAC_CTX_free(s->contexts[i]); /* wipes the key */
	EVP_MAC_free(s->hmac);
	free(s->contexts);
	free(s);
}

static void add_signature(EVP_MAC_CTX *ctx, struct slice id, struct slice time,
	struct slice body, struct buf *out)
{
	unsigned char mac[SHA256_BYTES];
	size_t len;

	if (EVP_MAC_init(ctx, NULL, 0, NULL) != 1 ||
		EVP_MAC_update(ctx, (const unsigned char *)id.data, id.len) != 1 ||
		EVP_MAC_update(ctx, (const unsigned char *)time.data, time.len) != 1 ||
		EVP_MAC_update(ctx, (const unsigned char *)body.data, body.len) != 1 ||
		EVP_MAC_final(ctx, mac, &len, sizeof mac) != 1)
		abort(); /* out of memory */
	buf_add(out, "v1,", 3);
	base64_encode(out, slice_of((char *)mac, len));
}

void webhook_sign(struct webhook_signer *s, struct slice id, int64_t wall_ms, struct slice body,
	struct buf *out)
{
	char time[32]; /* ".<seconds>." */
	size_t len = (size_t)snprintf(time, sizeof time, ".%lld.", (long long)(wall_ms / 1000));

	buf_add_str(out, "webhook-id: ");
	buf_add_slice(out, id);
	buf_add_char(out, '\0');
	buf_add_str(out, "webhook-timestamp: ");
	buf_add(out, time + 1, len - 2);
	buf_add_char(out, '\0');
	buf_add_str(out, "webhook-signature: ");
	for (size_t i = 0; i < s->count; i++) {
		if (i > 0)
			buf_add_char(out, ' ');
		add_signature(s->contexts[i], id, slice_of(time, len), body, out);
	}
	buf_add_char(out, '\0');
}
