/* SPDX-License-Identifier: Apache-2.0 */
/*
 * connection_private.h - what the files of io/auth share, and nobody else.
 *
 *   connection.c   the object, its lock, waiters, state
 *   credentials.c  credentials made of settings and secrets, put on an attempt
 *   token.c        OAuth: token requests on the connection's loop
 *
 * Everything behind `lock` is read and written with it held; what stands before belongs to
 * the connection's loop, or never changes.
 */
#ifndef IO_AUTH_CONNECTION_PRIVATE_H
#define IO_AUTH_CONNECTION_PRIVATE_H

#include <pthread.h>

#include "core/auth/sigv4.h"
#include "core/auth/token_schedule.h"
#include "core/auth/webhook.h"
#include "io/auth/connection.h"
#include "oauth.h"
#include "io/secret.h"

/* What attempts are given: made of the settings and the secrets as they are now. */
struct credentials {
	enum connection_type type;
	struct secret lines; /* "Name: value" lines, a NUL behind each; none when it signs */
	size_t line_count;
	struct webhook_signer *webhook; /* STANDARD_WEBHOOKS */
	struct sigv4 *aws;              /* AWS_SIGV4 */
};

struct connection {
	struct connection_settings settings; /* what it points to is borrowed */
	struct loop *loop;
	bool has_references;

	/* OAuth, on the loop. */
	struct http_client *client;
	struct http_request request;
	struct oauth_request rendered;
	struct loop_timer retry;
	struct rng rng;
	int64_t asked_ms;

	pthread_mutex_t lock;
	struct credentials credentials;
	uint64_t generation; /* 0: nothing can be renewed */
	struct token_schedule schedule;
	struct loop_call wake; /* to the loop: there may be something to do */
	bool is_woken;
	struct list waiters;
	struct connection_status status;
	enum connection_state announced; /* what the log said last */
};

/* connection.c. With the lock held. */
void connection_set_state(
	struct connection *c, enum connection_state state, const char *reason);
void connection_wake_waiters(struct connection *c);

/* credentials.c */
/* Credentials of all types but OAuth, from the settings as the secrets are now. */
int credentials_read(const struct connection_settings *s, struct credentials *ret,
	struct err *err) ATTR_MUST_CHECK;
void credentials_release(struct credentials *m);
bool credentials_equal(const struct credentials *a, const struct credentials *b);
/* @name: @before@value as a header line. ERR_INVALID: it would break the line. */
int credentials_add(struct credentials *m, const char *name, const char *before,
	struct slice value, struct err *err) ATTR_MUST_CHECK;
/* The headers of one attempt. */
void credentials_apply(const struct credentials *from, const struct connection_message *m,
	struct connection_credentials *cr);

/* token.c. On the connection's loop, the lock not held. */
int connection_token_init(struct connection *c, struct err *err) ATTR_MUST_CHECK;
void connection_token_release(struct connection *c);
/* Ask for a token if it is time, or set the timer for when it will be. */
void connection_token_refresh(struct connection *c);

#endif
