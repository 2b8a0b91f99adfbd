/* SPDX-License-Identifier: Apache-2.0 */
/*
 * oauth.h - the request for an access token (RFC 6749, 4.4: client credentials), as settings
 * and secrets give it.
 *
 * Fields: grant_type=client_credentials, client_id and client_secret (client_auth "body"),
 * scope, audience, then the configured body parameters; a configured one replaces ours of the
 * same name. They are form-encoded in the body, or in the query of a GET. Configured query
 * parameters go to the URL, headers to the headers; a configured Authorization header replaces
 * that of client_auth "basic".
 *
 * Secrets are read anew for every request: a changed file is used by the next one. A
 * request is wiped when it is released.
 */
#ifndef IO_AUTH_OAUTH_H
#define IO_AUTH_OAUTH_H

#include "io/auth/connection.h"
#include "io/secret.h"

/* Zero before its first use. */
struct oauth_request {
	const char *method;
	struct buf url, headers, body;
	size_t header_count;
	bool has_body;
	struct secret *values; /* all that went into it, plain and encoded, for masking */
	size_t value_count;
};

/* ERR_NOT_FOUND, ERR_INVALID: a secret that can't be had, or that can't stand where it has to;
 * the text names the setting. Release @r in any case. */
int oauth_request_render(struct oauth_request *r, const struct connection_settings *s,
	struct err *err) ATTR_MUST_CHECK;
void oauth_request_release(struct oauth_request *r);
/* Put *** in place of each secret of the request, or beginning of one, that stands in @text:
 * servers repeat what they were sent. */
void oauth_request_mask(const struct oauth_request *r, char *text);

#endif
