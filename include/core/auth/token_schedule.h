/* SPDX-License-Identifier: Apache-2.0 */
/*
 * token_schedule.h - access tokens of OAuth 2: what a token server's reply says, and when to ask for
 * the next one.
 *
 * Replies (RFC 6749, 5) are read the way servers in the field write them: expires_in as a
 * number, a text, or not at all; token_type in any case or missing. Where it matters they are
 * read strictly: without a token, or with one that can't stand in a header, there is an error,
 * which shows the server's `error` and `error_description`, and nothing else of the reply.
 *
 * The schedule decides when to ask: ahead of the expiry by min(60 s, half the lifetime), so
 * that also a token of two seconds serves; not while a question is under way; after a failure
 * not before a jittered back-off; after a rejection at once, unless the token before was
 * rejected too and this one is only seconds old: then the API refuses more than the token, and
 * asking for the next one would only put load on the token server.
 *
 * Pure: time is a parameter, monotonic milliseconds.
 */
#ifndef CORE_AUTH_TOKEN_SCHEDULE_H
#define CORE_AUTH_TOKEN_SCHEDULE_H

#include "base/err.h"
#include "base/rng.h"
#include "base/util.h"

#define TOKEN_EARLY_MS       60000 /* at most so long before expiry */
#define TOKEN_BACKOFF_MS     1000  /* the first one */
#define TOKEN_BACKOFF_MAX_MS 60000
#define TOKEN_REJECT_AGE_MS  5000 /* doubled with each rejection in a row */
#define TOKEN_MAX_BYTES      16384
#define TOKEN_TYPE_BYTES     32

struct token_reply {
	char *access_token; /* the caller's: wipe and free it; only visible ASCII and spaces */
	char type[TOKEN_TYPE_BYTES]; /* as it stands in front of the token: "Bearer" */
	int64_t lifetime_ms;         /* -1: not said */
};

/* ERR_DENIED when the server refuses, ERR_INVALID when the reply makes no sense; *ret is
 * untouched then. */
int token_reply_read(struct token_reply *ret, int status, struct slice body,
	struct err *err) ATTR_MUST_CHECK;
void token_reply_release(struct token_reply *r);

/* Zeroed: no token. */
struct token_schedule {
	bool has_token, is_asking;
	int64_t obtained_ms;
	int64_t refresh_ms, expires_ms; /* INT64_MAX: never by itself */
	unsigned failures;              /* in a row */
	int64_t retry_ms;               /* not asked before, after a failure */
	unsigned rejections;            /* in a row, of young tokens */
};

/* May the token be used? */
bool token_schedule_is_usable(const struct token_schedule *s, int64_t now_ms);
/* Ask for a token now? Say so by token_schedule_asked(). */
bool token_schedule_should_ask(const struct token_schedule *s, int64_t now_ms);
void token_schedule_asked(struct token_schedule *s);
/* A token came on a question asked at @asked_ms; its life counts from there. */
void token_schedule_obtained(struct token_schedule *s, int64_t asked_ms, int64_t lifetime_ms);
void token_schedule_failed(struct token_schedule *s, int64_t now_ms, struct rng *rng);
/* The API refused the token that there is. True: it is dropped, and a new one may help. */
bool token_schedule_rejected(struct token_schedule *s, int64_t now_ms);
/* The cause of the last failure may be gone: ask again without waiting. */
void token_schedule_reset_backoff(struct token_schedule *s);

#endif
