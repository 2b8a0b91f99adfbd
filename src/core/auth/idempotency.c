/* SPDX-License-Identifier: Apache-2.0 */
/* Idempotency keys: UUIDs of version 8 made by SHA-256. */
#include "idempotency.h"

#include <stdlib.h>

#include "core/auth/sha256.h"

struct idempotency_maker {
	struct sha256 *digest;
	struct buf text; /* all of one key: the digest costs as much for each part of it */
};

struct idempotency_maker *idempotency_maker_new(void)
{
	struct idempotency_maker *m = xcalloc(1, sizeof *m);

	m->digest = sha256_new();
	buf_init(&m->text, BUF_UNLIMITED);
	return m;
}

void idempotency_maker_free(struct idempotency_maker *m)
{
	if (m == NULL)
		return;
	sha256_free(m->digest);
	buf_release(&m->text);
	free(m);
}

/* As big-endian bytes, so that the key does not depend on the machine. */
static void add_number(struct buf *out, uint64_t value)
{
	char bytes[8];

	for (int i = 7; i >= 0; i--, value >>= 8)
		bytes[i] = (char)value;
	buf_add(out, bytes, sizeof bytes);
}

static void format_uuid(unsigned char hash[SHA256_BYTES], char out[IDEMPOTENCY_KEY_BYTES])
{
	static const char digits[] = "0123456789abcdef";
	char *at = out;

	hash[6] = (unsigned char)((hash[6] & 0x0f) | 0x80); /* version 8 */
	hash[8] = (unsigned char)((hash[8] & 0x3f) | 0x80); /* variant of RFC 9562 */
	for (int i = 0; i < 16; i++) {
		if (i == 4 || i == 6 || i == 8 || i == 10)
			*at++ = '-';
		*at++ = digits[hash[i] >> 4];
		*at++ = digits[hash[i] & 15];
	}
	*at = '\0';
}

/* The lengths of the texts stand before them, so that no two different lists of texts are one
 * and the same run of bytes. */
static void make(struct idempotency_maker *m, const struct idempotency_place *place,
	struct slice first, struct slice second, char out[IDEMPOTENCY_KEY_BYTES])
{
	const struct slice texts[] = {place->cluster_id, place->topic, first, second};
	unsigned char hash[SHA256_BYTES];
	struct slice all;

	buf_reset(&m->text);
	for (size_t i = 0; i < COUNT_OF(texts); i++)
		add_number(&m->text, texts[i].len);
	add_number(&m->text, (uint64_t)place->partition);
	add_number(&m->text, (uint64_t)place->offset);
	add_number(&m->text, (uint64_t)place->timestamp_ms);
	for (size_t i = 0; i < COUNT_OF(texts); i++)
		buf_add_slice(&m->text, texts[i]);
	all = buf_slice(&m->text);
	sha256_hash(m->digest, &all, 1, hash);
	format_uuid(hash, out);
}

void idempotency_make(struct idempotency_maker *m, const struct idempotency_place *record,
	struct slice rule, struct slice target, char out[IDEMPOTENCY_KEY_BYTES])
{
	make(m, record, rule, target, out);
}

void idempotency_renew(struct idempotency_maker *m, struct slice old,
	const struct idempotency_place *letter, char out[IDEMPOTENCY_KEY_BYTES])
{
	make(m, letter, old, SLICE(""), out);
}

bool idempotency_is_renewed(enum idempotency_redrive how, bool was_answered)
{
	return how == IDEMPOTENCY_BY_REPLY ? was_answered : how == IDEMPOTENCY_NEW_KEYS;
}
