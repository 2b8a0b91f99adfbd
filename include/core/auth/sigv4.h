/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sigv4.h - AWS Signature Version 4 of a request (AWS General Reference, "Signing AWS API
 * requests").
 *
 * libcurl has one of its own, which signs a wrong text (7.88) when the path has
 * percent-encoded characters, the query is not in order or has a name without a value, or a
 * header is empty; so it is not used.
 *
 * Signed are the method, path, query, body, and the headers Host, Content-Type and X-Amz-*,
 * among them the X-Amz-Date and X-Amz-Security-Token that are added here. The key of the
 * day is kept. A signer belongs to one thread at a time (its owner locks).
 */
#ifndef CORE_AUTH_SIGV4_H
#define CORE_AUTH_SIGV4_H

#include "core/header/header.h"

struct sigv4;

struct sigv4_settings {
	struct slice key_id, secret_key;
	struct slice session_token; /* len 0: none */
	const char *region, *service;
};

/* Copies the settings. */
struct sigv4 *sigv4_new(const struct sigv4_settings *s);
/* Wipes. Accepts NULL. */
void sigv4_free(struct sigv4 *v);
/* Are they made of the same settings? */
bool sigv4_equal(const struct sigv4 *a, const struct sigv4 *b);

struct sigv4_request {
	const char *method;
	const char *url;     /* complete, percent-encoded as it is sent */
	const char *headers; /* "Name: value" lines, a NUL behind each */
	size_t header_count;
	struct slice body;
	int64_t wall_ms;
};

/* Add header lines: X-Amz-Date, perhaps X-Amz-Security-Token, Authorization. One that could not
 * be a header is left out, and the service refuses the request: check the settings before. */
void sigv4_sign(struct sigv4 *v, const struct sigv4_request *r, struct header_writer *w);

#endif
