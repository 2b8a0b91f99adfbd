/* SPDX-License-Identifier: Apache-2.0 */
/*
 * webhook.h - signatures by Standard Webhooks (standardwebhooks.com, specification 1.0.0).
 *
 * HMAC-SHA256 over "<id>.<seconds since 1970>.<body>", in base 64, each preceded by "v1," and
 * several separated by a space: one for each key, so that a key can be replaced while receivers
 * still know the old one. A key is "whsec_" and 24 to 64 bytes in base 64; the prefix may be
 * missing, as it does with some receivers.
 *
 * A signer belongs to one thread at a time (its owner locks). Keys are wiped when it is freed.
 */
#ifndef CORE_AUTH_WEBHOOK_H
#define CORE_AUTH_WEBHOOK_H

#include "base/err.h"
#include "core/header/header.h"

struct webhook_signer;

/* NULL: a key can't be read; the error says which one by its number, not what it is. */
struct webhook_signer *webhook_signer_new(
	const struct slice *keys, size_t count, struct err *err);
/* Accepts NULL. */
void webhook_signer_free(struct webhook_signer *s);

/* Add the three headers webhook-id, webhook-timestamp, webhook-signature. @id must have no dot;
 * with one that could not be a header that line is left out, and receivers refuse the request. */
void webhook_sign(struct webhook_signer *s, struct slice id, int64_t wall_ms, struct slice body,
	struct header_writer *w);

#endif
