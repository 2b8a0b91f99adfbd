/* SPDX-License-Identifier: Apache-2.0 */
/*
 * http_private.h - what the files of io/http share, and nobody else.
 *
 *   http.c      clients, requests: submitted, cancelled, timed out, finished
 *   multi.c     multis on the loop: their sockets, timers, and which one is next
 *   origin.c    where requests go: parsed URLs, the name and its addresses
 *   setup.c     all options of a handle; libcurl's callbacks about one transfer
 *   reply.c     the reply as it comes: status, headers, body
 *   error.c     libcurl's codes as transport outcomes, with a sentence
 *   tls.c       trust stores, client certificates
 *   resolver.c  names to addresses, by threads of its own
 *   fetch.c     one GET that is waited for
 *   otlp.c      spans to a collector of OpenTelemetry
 *
 * libcurl's handles are void * here, as libcurl itself has them, so that its header is
 * included by those files only.
 *
 * A transfer's life:
 *
 *           submit            answer of the          libcurl is done
 *   POOLED --------> NAMING --------------> ON_WIRE -----------------> FINISHED
 *     ^ ^              |     name server       |  (curl_multi_info_read)  ^  |
 *     | |              |                       |                          |  |
 *     | |              +-----------------------+--------------------------+  | done()
 *     | |                failure or time-out                                 |
 *     | +--- cancel, from any of the three                                   |
 *     +----------------------------------------------------------------------+
 *
 * A name whose addresses are known skips NAMING.
 *
 * libcurl's callbacks only take notes: what they learn is acted upon after curl_multi_*() has
 * returned, and done() is called when no libcurl function is on the stack.
 */
#ifndef IO_HTTP_HTTP_PRIVATE_H
#define IO_HTTP_HTTP_PRIVATE_H

#include "io/http/http.h"
#include "resolver.h"

#define HTTP_SHARD_CONNECTIONS 64
#define HTTP_HEADER_MAX_BYTES  65536 /* of one reply, interim replies and trailers included */
#define HTTP_CONSTANT_URLS     64    /* parsed and kept; more are parsed each time */
#define HTTP_SWEEP_MS          15000
#define HTTP_ERROR_BYTES       256   /* CURL_ERROR_SIZE */
#define HTTP_KEPT_BODY_BYTES   65536 /* a larger buffer is not kept for the next reply */

struct curl_slist;
struct curl_sockaddr;

/* scheme://host:port: in practice one a client, since events can't choose it. */
struct http_origin {
	struct list node; /* in client->origins */
	struct http_client *client;
	char *prefix; /* the URL up to its path */
	size_t prefix_len;
	char *host; /* to be resolved: the proxy's where there is one */
	unsigned port;
	bool is_plain; /* no TLS on the way, nor a proxy that may want it */
	bool is_name;  /* not an address, nor localhost, which libcurl knows itself */
	struct resolver_name name;
	struct list waiting; /* transfers in NAMING */
};

struct http_constant_url {
	char *text;
	void *parsed; /* CURLU */
	struct http_origin *origin;
};

enum http_transfer_state {
	HTTP_POOLED,
	HTTP_NAMING,   /* in origin->waiting */
	HTTP_ON_WIRE,  /* its handle is in its shard's multi */
	HTTP_FINISHED, /* in client->finished: the outcome is known, done() not called yet */
};

/*
 * libcurl must not send a request twice: on_send() in setup.c decides before each sending.
 */
enum http_sending {
	HTTP_UNSENT,   /* no connection yet */
	HTTP_STALE,    /* not sent, because the connection was found dead: to be started anew */
	HTTP_SENT,     /* given to a connection */
	HTTP_REPEATED, /* libcurl wanted to send it once more, and was stopped */
};

/*
 * How far a reply has come. The head's lines move the state:
 *
 *            status line                 any header            empty line
 *   STATUS ---------------> FIRST_HEADER ----------> HEADERS --------------> BODY
 *     ^                           |                     |                 (and trailers)
 *     +---------------------------+---------------------+
 *       empty line of an interim reply (1xx)
 *
 * The last four end the transfer: we refuse to read on, for this reason.
 */
enum http_reply_state {
	HTTP_REPLY_STATUS,
	HTTP_REPLY_FIRST_HEADER,
	HTTP_REPLY_HEADERS,
	HTTP_REPLY_BODY,
	HTTP_REPLY_NO_STATUS,
	HTTP_REPLY_STRAY_CONTINUATION, /* the first header line continues another; there is none */
	HTTP_REPLY_HEAD_TOO_LONG,
	HTTP_REPLY_BODY_TOO_LONG,
};

struct http_reply {
	enum http_reply_state state;
	int status; /* of the last status line; 0: none came */
	size_t head_bytes, body_bytes;
	struct buf head; /* lines of it that are wanted */
	struct buf body; /* its first response_keep_bytes */
};

struct http_transfer {
	struct list node; /* by state: pool, origin->waiting, none, client->finished */
	struct http_client *client;
	struct http_request *request;
	enum http_transfer_state state;
	void *easy;               /* CURL */
	struct http_shard *shard; /* ON_WIRE */
	struct http_origin *origin;
	void *parsed_url; /* CURLU, the client's; NULL: the request's text */
	struct loop_timer timer;
	int64_t began_ms;
	int64_t progress_bytes, progress_ms; /* both ways, and when last seen to grow */

	struct curl_slist *headers; /* array, kept; nodes point into the request's lines */
	size_t header_cap;
	struct buf empty_headers;   /* "Name;" for headers without a value */
	struct curl_slist *resolve; /* NULL, or what the shard does not know yet */
	uint64_t resolve_generation;
	unsigned rotation, tries_v4, tries_v6;
	struct list connecting; /* its sockets, until it has a connection */

	enum http_sending sending;
	bool was_resent; /* on a new connection, after HTTP_REPEATED */
	struct http_reply reply;
	int socket_errno; /* of a socket that could not be made */

	char error[HTTP_ERROR_BYTES];
	struct http_result result; /* FINISHED */
};

/* One multi: at most 64 transfers, so that libcurl's walks over its connections stay short. */
struct http_shard {
	struct list node; /* in one of the client's lists of shards */
	struct http_client *client;
	void *multi; /* CURLM */
	struct loop_timer timer;
	struct loop_call timeout_call;
	unsigned in_flight, open;
	bool is_retired; /* takes no more; freed when empty */
	int64_t used_ms;
	/* The addresses in its DNS cache. */
	const struct http_origin *known_origin;
	uint64_t known_generation;
};

struct http_client {
	struct loop *loop;
	struct http_settings settings; /* texts are ours */
	void *share;                   /* CURLSH: TLS sessions */
	void *trust;                   /* X509_STORE, or NULL */
	unsigned users; /* functions on the stack that will use the client again */
	bool is_freed;  /* http_client_free() came meanwhile */
	bool speaks_http2;
	bool certificate_asked; /* by a server; there is none to show */

	/* Shards by what they have: a connection to spare; room for one more; neither.
	 * In the first two the one used last is in front. */
	struct list spare, room, full, retired;
	struct http_socket **sockets; /* by descriptor */
	size_t socket_cap;

	struct list origins;
	struct http_constant_url urls[HTTP_CONSTANT_URLS];
	size_t url_count;
	unsigned next_rotation;

	struct list pool;
	unsigned pool_count, peak_in_flight;
	struct list finished;
	struct loop_call deliver;
	struct loop_timer sweeper;
	struct http_client_state state;
};

/* How the libcurl that is loaded differs from others; known from http_global_init() on. */
extern struct http_libcurl {
	/* Before 8.1.1: a handle keeps where the last header of its last reply was. A reply
	 * whose first header line begins with a space, as if it continued one, is then written
	 * into memory that has been freed (curl/curl#11101), and any endpoint could do that to
	 * us. So we look at each line before libcurl does: with CURLOPT_HEADER it comes as if
	 * it were of the body first. (To use no handle twice costs a tenth of all CPU.) */
	bool keeps_last_header;
	/* From 8.22 on: a connection last used within a second is used again without a look
	 * whether the server has closed it meanwhile. So we look. */
	bool trusts_recent_connections;
} http_libcurl;

/* http.c */
static inline bool http_transfer_is_sent(const struct http_transfer *t)
{
	return t->sending >= HTTP_SENT;
}
void http_transfer_start(struct http_transfer *t);
/* Start a transfer again whose connection was dead before anything was sent, or which may be
 * sent once more. */
void http_transfer_restart(struct http_transfer *t);
/* Take @t off the wire or out of its list; the caller says what becomes of it. */
void http_transfer_detach(struct http_transfer *t);
/* The outcome is in t->result: the next http_client_deliver() calls done(). */
void http_transfer_finish(struct http_transfer *t);
/* Take @t off the wire with this outcome; done() is called later, never from here. */
void http_transfer_fail(
	struct http_transfer *t, enum retry_transport transport, const char *error);
/* Call done() for all that have finished. The client may be gone afterwards. */
void http_client_deliver(struct http_client *c);

/* multi.c */
/* NULL: there is no descriptor left for a new one; errno says so. */
struct http_shard *http_shard_obtain(struct http_client *c);
/* Put @t's handle into its shard's multi. False: libcurl refuses. */
bool http_shard_add(struct http_shard *s, struct http_transfer *t);
void http_shard_remove(struct http_transfer *t);
void http_shard_opened(struct http_transfer *t, int fd);
/* @t has its connection, or has given up: of the sockets it opened one is left at most. */
void http_shard_connected(struct http_transfer *t);
int http_shard_closed(void *shard, int fd); /* CURLOPT_CLOSESOCKETFUNCTION */
/* No new transfer on the connections there are. */
void http_shards_retire(struct http_client *c);
/* Free those that were not used for the idle time; all, when @all. */
void http_shards_sweep(struct http_client *c, bool all);

/* origin.c */
extern struct resolver *http_resolver;
/* NULL: @url can't be parsed; *parsed_url is set when it is a constant one. */
struct http_origin *http_origin_obtain(
	struct http_client *c, const struct http_request *r, void **ret_parsed_url);
void http_origins_free(struct http_client *c);
/* Give @t the addresses of its origin, unless its shard has them. */
void http_origin_inform(struct http_transfer *t);
/* A connection is about to be opened: to the next address in turn. */
void http_origin_rotate(struct http_transfer *t, struct curl_sockaddr *address);

/* reply.c */
void http_reply_init(struct http_reply *r, size_t keep_bytes);
/* Be ready for a new one. */
void http_reply_reset(struct http_reply *r);
/* Overwrite what was kept of the body. */
void http_reply_erase(struct http_reply *r);
void http_reply_release(struct http_reply *r);
/* For CURLOPT_HEADERFUNCTION and CURLOPT_WRITEFUNCTION, whose results they return. */
size_t http_reply_take_line(
	struct http_reply *r, const struct http_settings *s, struct slice line);
size_t http_reply_take_body(
	struct http_reply *r, const struct http_settings *s, struct slice data);
/* True, with outcome and reason, if the transfer ended because we refused to read on. */
bool http_reply_explain_refusal(
	const struct http_reply *r, const struct http_settings *s, struct http_result *ret);
/* libcurl has no complaint: is the head there to its end? Otherwise say so. */
void http_reply_check_head(const struct http_reply *r, struct http_result *ret);
/* Fill in status, head and body, as far as they came. */
void http_reply_fill(const struct http_reply *r, struct http_result *ret);

/* setup.c */
/* Set every option; the handle is new or was reset. */
bool http_setup(struct http_transfer *t);

/* tls.c */
int http_tls_init(struct http_client *c, struct err *err);
void http_tls_release(struct http_client *c);
bool http_tls_setup(struct http_client *c, void *easy);

/* error.c */
void http_error_translate(struct http_transfer *t, int curl_code, struct http_result *ret);
/* No descriptor for one more connection, for this reason: RETRY_TRANSPORT_INTERNAL. */
void http_error_shortage(int error_number, char text[HTTP_ERROR_BYTES]);
/* Hide user and password of a URL in @text. */
void http_error_mask(char *text);

#endif
