/* SPDX-License-Identifier: Apache-2.0 */
/*
 * attempt.h - one HTTP request made for a delivery: rendered, authorised, sent, judged.
 *
 * A destination keeps a pool of attempts with all their buffers, so that sending allocates
 * nothing here once the pool is filled. The body is rendered anew for each attempt and not kept
 * while a retry waits: a hundred thousand waiting deliveries need the memory of their events and
 * little more.
 */
#ifndef APP_ENGINE_ATTEMPT_H
#define APP_ENGINE_ATTEMPT_H

#include "app/engine/delivery.h"
#include "io/auth/connection.h"
#include "io/http/http.h"

struct attempt_pool {
	struct list idle;
	size_t idle_count;
};

enum attempt_begun {
	ATTEMPT_SENT,         /* done() will be called */
	ATTEMPT_IMPOSSIBLE,   /* the event can't be rendered: d->facts say why; done() is not
				 called */
	ATTEMPT_UNAUTHORISED, /* no credentials now; nothing has happened */
};

/* The outcome, for done(). The attempt is back in its pool by then. */
struct attempt_report {
	struct retry_outcome outcome;
	uint64_t generation;           /* of the credentials used */
	bool was_resent;               /* see http_result */
	const struct reply_rule *rule; /* the response rule that has decided; NULL: none */
	int64_t latency_us;
	int64_t first_byte_us, connect_us, tls_us; /* 0: there was none */
};

typedef void (*attempt_done_fn)(struct delivery *d, const struct attempt_report *report);

void attempt_pool_init(struct attempt_pool *p);
void attempt_pool_release(struct attempt_pool *p);

/* Send @d over @client, and set d->attempt. d->facts are updated. */
enum attempt_begun attempt_begin(struct attempt_pool *p, struct delivery *d,
	struct connection *connection, struct http_client *client, attempt_done_fn done);
/* done() is not called any more. */
void attempt_cancel(struct delivery *d);

#endif
