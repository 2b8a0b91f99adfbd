/* SPDX-License-Identifier: Apache-2.0 */
/*
 * connection.h - a connection at run time: the credentials, and how each attempt presents them.
 *
 * One object a configured connection, shared by all destinations, lanes and loops that use
 * it: the only thing on the event's path that is locked (a few nanoseconds for a token
 * that is there). Token requests run on the loop that the object was made on.
 *
 *   connection_authorise()  credentials for one attempt, or "wait": there is no token now
 *   connection_rejected()   the API answered 401/407 to *these* credentials
 *
 * Log lines, once for each change: connection_authorized, connection_deauthorized (with the
 * reason); connection_secret_kept when a changed secret can't be used.
 *
 * OAuth: one refresh in flight; everybody else waits for it in order; renewed ahead of
 * expiry at min(60 s, half the lifetime) while traffic flows; the old token serves while the
 * new one is on its way. A token server that fails has its own back-off; deliveries wait.
 */
#ifndef IO_AUTH_CONNECTION_H
#define IO_AUTH_CONNECTION_H

#include "base/buf.h"
#include "base/err.h"
#include "core/request/request.h"
#include "io/http/http.h"
#include "io/loop.h"

enum connection_type {
	CONNECTION_NONE,
	CONNECTION_BASIC,
	CONNECTION_API_KEY,
	CONNECTION_OAUTH_CLIENT_CREDENTIALS,
	CONNECTION_BEARER,
	CONNECTION_AWS_SIGV4,
	CONNECTION_STANDARD_WEBHOOKS,
};

enum connection_client_auth {
	CONNECTION_AUTH_BODY,
	CONNECTION_AUTH_BASIC, /* id and secret form-urlencoded first (RFC 6749, 2.3.1) */
	CONNECTION_AUTH_BASIC_RAW,
};

/* Texts of credentials still hold their ${…} references; the connection expands them itself, so
 * that a changed file is picked up. All are borrowed until connection_free(). */
struct connection_settings {
	const char *name;
	enum connection_type type;
	const char *base_dir;                     /* of relative ${file:…} */
	const char *username, *password;          /* BASIC; AWS_SIGV4: key id, secret key */
	const char *api_key_name, *api_key_value; /* API_KEY */
	const char *token;                        /* BEARER */
	const char *aws_region, *aws_service, *aws_session_token; /* AWS_SIGV4 */
	const char *const *signing_keys; /* STANDARD_WEBHOOKS: "whsec_…" */
	size_t signing_key_count;
	const char *authorization_endpoint, *http_method; /* OAuth from here */
	const char *client_id, *client_secret;
	enum connection_client_auth client_auth;
	const char *scope, *audience; /* NULL: not sent */
	/* header, query, body of the token request */
	const struct request_parameters *oauth_parameters;
	struct http_settings oauth_http;
};

enum connection_state {
	CONNECTION_AUTHORIZED,
	CONNECTION_AUTHORIZING,
	CONNECTION_DEAUTHORIZED,
};

struct connection;

/* ERR_NOT_FOUND/ERR_INVALID when a secret can't be had. */
struct connection *connection_new(
	struct loop *l, const struct connection_settings *s, struct err *err);
/* No waiter may be left. Accepts NULL. */
void connection_free(struct connection *c);

/* What one attempt puts on the wire. Reuse it from attempt to attempt. */
struct connection_credentials {
	struct buf headers; /* "Name: value" lines, NUL behind each; wiped on release */
	size_t header_count;
	uint64_t generation; /* of the token; 0 where nothing can be renewed */
};

void connection_credentials_init(struct connection_credentials *cr);
void connection_credentials_release(struct connection_credentials *cr);

/* The message that a signing connection signs: STANDARD_WEBHOOKS its id and body, AWS_SIGV4
 * everything else. */
struct connection_message {
	struct slice id; /* the same for all attempts; no dot, no line break */
	struct slice body;
	int64_t wall_ms;
	const char *method, *url;
	const char *headers; /* of the request, as http_request has them */
	size_t header_count;
};

/* True: *cr is filled. False: no token now; wait. Any thread. */
bool connection_authorise(struct connection *c, const struct connection_message *m,
	struct connection_credentials *cr);

/* Zero before its first use. */
struct connection_waiter {
	struct loop_call call; /* ready() runs on this loop */
	struct loop *loop;
	void (*ready)(struct connection_waiter *w);
	struct connection *connection; /* NULL when it does not wait */
	struct list node;
};

/* Call ready() once, in order of waiting, when there may be a token. */
void connection_wait(struct connection *c, struct connection_waiter *w);
void connection_unwait(struct connection_waiter *w);

/*
 * The API refused the credentials of @generation. True: newer ones are there or on their way,
 * so trying again with them is worth it (and costs no attempt). False: there are none to be
 * had now (the file is the same; the token is seconds old and so was the one before it): this
 * was an attempt like any other, or a caller would turn in circles. The same credentials then
 * have a new generation.
 */
bool connection_rejected(struct connection *c, uint64_t generation);
/* An API took them, after all: the state is AUTHORIZED again. Cheap
 * enough for every success. */
void connection_accepted(struct connection *c, uint64_t generation);
/* Can its credentials be renewed at all: by a token server, or by a file that changes? */
bool connection_is_renewable(const struct connection *c);

struct connection_status {
	enum connection_state state;
	int64_t since_ms; /* wall time */
	char reason[256]; /* why DEAUTHORIZED, in the server's words; never a secret */
	int64_t token_age_ms, token_expires_in_ms; /* -1: none, unknown */
	uint64_t refreshes, refresh_failures;
};

void connection_get_status(struct connection *c, struct connection_status *ret);
const char *connection_state_name(enum connection_state s);

/* Append to @paths (malloc'ed strings, the caller's) the files its secrets come from. */
size_t connection_secret_files(const struct connection *c, char ***paths, size_t count);
/* One of them has changed: the next attempt, or the next token request, uses what is there now.
 * Any thread. */
void connection_secrets_changed(struct connection *c);

#endif
