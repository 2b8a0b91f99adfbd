/* SPDX-License-Identifier: Apache-2.0 */
/*
 * idempotency.h - the key that names a delivery to its receiver.
 *
 * It is a UUID of version 8 (RFC 9562, 5.8), so 36 characters, which is what the strictest APIs
 * take: 122 bits of the SHA-256 of all that tells one delivery from any other. The same record
 * for the same target has the same key at each attempt, after a restart, and on any instance;
 * the record of another cluster, or of a topic that was made anew, has another one.
 *
 * A redrive sends the same key again, or a new one that is made of it: see
 * idempotency_is_renewed().
 *
 * A maker belongs to one thread. Pure.
 */
#ifndef CORE_AUTH_IDEMPOTENCY_H
#define CORE_AUTH_IDEMPOTENCY_H

#include "base/util.h"

#define IDEMPOTENCY_KEY_BYTES 37 /* with the NUL behind it */

struct idempotency_maker;

struct idempotency_maker *idempotency_maker_new(void);
/* Accepts NULL. */
void idempotency_maker_free(struct idempotency_maker *m);

/* Where a record stands. */
struct idempotency_place {
	struct slice cluster_id; /* of Kafka; empty where a broker has none */
	struct slice topic;
	int32_t partition;
	int64_t offset;
	int64_t timestamp_ms;
};

void idempotency_make(struct idempotency_maker *m, const struct idempotency_place *record,
	struct slice rule, struct slice target, char out[IDEMPOTENCY_KEY_BYTES]);
/* The new key of a delivery that had @old and is sent again from the dead letter at @letter: the
 * same each time that this letter is sent again. */
void idempotency_renew(struct idempotency_maker *m, struct slice old,
	const struct idempotency_place *letter, char out[IDEMPOTENCY_KEY_BYTES]);

enum idempotency_redrive {
	IDEMPOTENCY_BY_REPLY,
	IDEMPOTENCY_SAME_KEYS,
	IDEMPOTENCY_NEW_KEYS,
};

/*
 * Does a redrive send a new key? A request that was refused by a reply needs one, since a
 * receiver that remembers keys answers the old one with the stored refusal. One that was never
 * answered needs the old one: it may have been carried out.
 */
bool idempotency_is_renewed(enum idempotency_redrive how, bool was_answered);

#endif
