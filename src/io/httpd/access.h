/* SPDX-License-Identifier: Apache-2.0 */
/*
 * access.h - who may ask what of the admin listener.
 *
 * With a token, who names it. Without one, whoever reaches the listener: but not the browser of
 * somebody who does. A page of another site can have its name lead to this machine (DNS
 * rebinding), which the Host header shows; it can send a request that changes something, which
 * the Origin header shows. What changes something is, without a token, for this machine's clients
 * only.
 */
#ifndef IO_HTTPD_ACCESS_H
#define IO_HTTPD_ACCESS_H

#include "base/util.h"

struct access_rules {
	const char *token;  /* NULL: none is wanted */
	const char *listen; /* "HOST:PORT", "unix:PATH" */
	bool is_tls;
};

struct access_request {
	const char *authorization, *host, *origin; /* headers; NULL: not there */
	bool changes;                              /* something, or only reads */
	bool local;                                /* it comes from this machine */
};

/* Why it is not allowed, and the HTTP status that says so. */
struct access_refusal {
	unsigned status;
	const char *text; /* ends with a newline */
};

/* NULL: it is allowed. */
const struct access_refusal *access_check(
	const struct access_rules *rules, const struct access_request *request);

#endif
