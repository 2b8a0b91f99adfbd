/* SPDX-License-Identifier: Apache-2.0 */
#include "core/auth/webhook.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/base64.h"
#include "core/auth/sha256.h"

#define KEY_MIN_BYTES 24
#define KEY_MAX_BYTES 64

struct webhook_signer {
	struct sha256 *sha256;
	struct sha256_key *keys;
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

struct webhook_signer *webhook_signer_new(
	const struct slice *keys, size_t count, struct err *err)
{
	struct webhook_signer *s = xcalloc(1, sizeof *s);
	struct buf key;
	int code = count > 0 ? 0 : err_set(err, ERR_INVALID, "there is no signing key");

	s->sha256 = sha256_new();
	s->keys = xcalloc(count, sizeof *s->keys);
	buf_init(&key, BUF_UNLIMITED);
	buf_reserve(&key, 4096); /* not moved, so wiped whole */
	for (size_t i = 0; i < count && code == 0; i++) {
		buf_reset(&key);
		code = read_key(keys[i], &key);
		if (code == 0)
			sha256_key_set(s->sha256, &s->keys[s->count++], buf_slice(&key));
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
	sha256_free(s->sha256);
	explicit_bzero(s->keys, s->count * sizeof *s->keys);
	free(s->keys);
	free(s);
}

static void add_signature(struct webhook_signer *s, const struct sha256_key *k,
	struct slice head, struct slice body, struct buf *out)
{
	const struct slice parts[] = {head, body};
	unsigned char mac[SHA256_BYTES];

	sha256_hmac(s->sha256, k, parts, COUNT_OF(parts), mac);
	buf_add(out, "v1,", 3);
	base64_encode(out, slice_of((char *)mac, sizeof mac));
}

void webhook_sign(struct webhook_signer *s, struct slice id, int64_t wall_ms, struct slice body,
	struct header_writer *w)
{
	struct buf head; /* "<id>.<seconds>." */

	buf_init(&head, BUF_UNLIMITED);
	buf_add_slice(&head, id);
	buf_add_char(&head, '.');
	buf_add_int(&head, wall_ms / 1000);
	buf_add_char(&head, '.');
	(void)!header_add(w, SLICE("webhook-id"), id, NULL);
	(void)!header_add(w, SLICE("webhook-timestamp"),
		slice_of(head.data + id.len + 1, head.len - id.len - 2), NULL);
	header_begin(w, SLICE("webhook-signature"));
	for (size_t i = 0; i < s->count; i++) {
		if (i > 0)
			buf_add_char(w->lines, ' ');
		add_signature(s, &s->keys[i], buf_slice(&head), body, w->lines);
	}
	(void)!header_end(w, NULL);
	buf_release(&head);
}
