/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fetch.h - one request without a body, waited for: how a command asks a running daemon.
 *
 * Blocks, on a loop of its own: for commands, never in the daemon.
 */
#ifndef IO_HTTP_FETCH_H
#define IO_HTTP_FETCH_H

#include "base/buf.h"
#include "base/err.h"

struct fetch_settings {
	const char *unix_socket; /* NULL: TCP */
	const char *token;       /* a Bearer token; NULL: none */
	const char *ca_file;     /* NULL: the system's authorities */
};

/* Send it (@method is a literal: "GET", "POST"), and append the reply's body (at most 16 MiB) to @out; the HTTP status is *ret_status. ERR_IO when
 * nobody answers. */
int fetch(const char *method, const char *url, const struct fetch_settings *s, struct buf *out,
	int *ret_status, struct err *err) ATTR_MUST_CHECK;

#endif
