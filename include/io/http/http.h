/* SPDX-License-Identifier: Apache-2.0 */
/*
 * http.h - HTTP requests on the loop, by libcurl's multi interface.
 *
 * A client belongs to one destination (or token endpoint) and one loop. It owns its multis of
 * at most 64 connections each, its parsed URLs and its pooled handles; the connection used last
 * is taken first, and no more are opened than are needed at once. A request is embedded in its
 * owner: submitted, it calls back exactly once, never before http_submit() has returned;
 * cancelled, never again.
 *
 * A request is never sent twice behind our back: where libcurl would repeat it on another
 * connection because the first one died without a reply, it is stopped. Whoever allows it
 * (may_be_resent) has it sent once more then, on a new connection: a server may close a
 * connection that it keeps at any time, also when a request is on the way. Redirects are not
 * followed, proxies come from the settings alone, replies are kept up to a limit and the rest
 * is read and dropped up to a second limit. Names are resolved by resolver.h; a request waits
 * for the first answer as a part of its connect timeout, and new connections take the
 * addresses in turn.
 */
#ifndef IO_HTTP_HTTP_H
#define IO_HTTP_HTTP_H

#include "base/buf.h"
#include "base/err.h"
#include "core/gate/retry.h"
#include "io/loop.h"

struct http_settings {
	const char *name;               /* of the destination or connection, for texts */
	int64_t connect_timeout_ms;     /* 10 s; name resolution, TCP and TLS */
	int64_t timeout_ms;             /* 30 s: the whole request */
	int64_t no_progress_timeout_ms; /* 0: none; no byte either way for so long ends the
					   request */
	int64_t max_lifetime_ms;    /* 300 s: a connection older than this is not used again */
	int64_t idle_timeout_ms;    /* 90 s */
	size_t response_keep_bytes; /* 16 KiB: so much of a reply's body is kept */
	size_t response_max_bytes;  /* 1 MiB: more than this is not read */
	bool keep_head; /* of a reply: all its headers; else those that say when to come back */
	bool http2;     /* over TLS only, opt-in */
	unsigned http2_max_connections; /* 4 */
	const char *ca_file;            /* NULL: the system's */
	/* NULL: none. Read again for each connection, so that renewed ones are used. */
	const char *client_certificate_file, *client_key_file;
	bool insecure_skip_verify;
	const char *proxy;       /* NULL: none, whatever the environment says */
	const char *unix_socket; /* NULL: none; else the path that every connection goes to */
};

extern const struct http_settings http_default_settings;

bool http_settings_equal(const struct http_settings *a, const struct http_settings *b);

/* One process, once, before any thread is started. */
void http_global_init(void);

struct http_client;

/* Copies the settings. ERR_INVALID when files can't be read or libcurl lacks what is asked. */
struct http_client *http_client_new(
	struct loop *l, const struct http_settings *s, struct err *err);
/* No request may be in flight. May be called from a done callback. Accepts NULL. */
void http_client_free(struct http_client *c);

struct http_result {
	/* Not OK with a status: head or body broke off behind the status line. */
	enum retry_transport transport;
	int status; /* of the final reply, 200 and up; 0 without one */
	/* Valid within the callback: lines as they came, and the first bytes of the body. */
	struct slice head, body;
	char error[256]; /* libcurl's words when transport is not OK; no credential in it */
	int64_t name_us, connect_us, tls_us, first_byte_us,
		total_us; /* since the start, as libcurl counts */
	bool new_connection;
	bool was_resent; /* a kept connection had died */
};

struct http_request;
typedef void (*http_done_fn)(struct http_request *r, const struct http_result *result);

/* All that is pointed to is borrowed until done or cancelled. Zero before its first use. */
struct http_request {
	const char *method;
	const char *url;      /* NUL-terminated, complete */
	bool url_is_constant; /* always this text from this owner: parse it once */
	/* "Name: value" lines with a NUL behind each, header_count of them */
	const char *headers;
	size_t header_count;
	/* the same again: credentials and signatures of this attempt */
	const char *more_headers;
	size_t more_header_count;
	bool connect_only; /* make the connection, TLS included, and send nothing: the result
			    * then has no status */
	bool has_body;
	struct slice body;
	bool may_be_resent; /* its method is idempotent, or it has a key (RFC 9110, 9.2.2) */
	http_done_fn done;

	struct http_transfer *transfer; /* the client's; NULL when not in flight */
};

void http_submit(struct http_client *c, struct http_request *r);
/* Accepts a request that is not in flight. */
void http_cancel(struct http_request *r);

struct http_client_state {
	unsigned in_flight, connections_open;
	uint64_t connections_opened;
};

struct http_client_state http_client_get_state(const struct http_client *c);
/* "7.88.1": the libcurl that is loaded. */
const char *http_curl_version(void);
/* "libcurl/7.88.1 OpenSSL/3.0.15", for --version. */
const char *http_library_version(void);

#endif
