/* SPDX-License-Identifier: Apache-2.0 */
/*
 * setup.c - everything that libcurl is told about one request: its options, its headers, and the
 * callbacks by which libcurl tells us about its connection and its reply. The callbacks only
 * take notes; see http_private.h.
 */
#include "http_private.h"
#include "io/descriptors.h"

#include <curl/curl.h>
#include <errno.h>
#include <sys/socket.h>
#include <unistd.h>

#include "core/header/header.h"

/* libcurl adds Expect: 100-continue to large bodies. A server that ignores it costs a second. */
#define EXPECT_FROM_BYTES (256 * 1024)

/* --- Callbacks. --- */

static size_t on_body(char *data, size_t size, size_t count, void *ctx)
{
	struct http_transfer *t = ctx;

	return http_reply_take_body(
		&t->reply, &t->client->settings, slice_of(data, size * count));
}

static size_t on_header(char *data, size_t size, size_t count, void *ctx)
{
	struct http_transfer *t = ctx;

	return http_reply_take_line(
		&t->reply, &t->client->settings, slice_of(data, size * count));
}

/*
 * Has the server closed this connection, which was kept from an earlier request? Input that came
 * between two requests belongs to neither (a 408, TLS's close_notify), so it counts as the end.
 * A server of HTTP/2 may send between requests, and aborting one request leaves its connection
 * alive: there the question is left to libcurl.
 */
static bool is_stale(struct http_transfer *t)
{
	curl_socket_t fd = CURL_SOCKET_BAD;
	char byte;

	if (!http_libcurl.trusts_recent_connections || t->client->speaks_http2 ||
		!list_is_empty(&t->connecting))
		return false;
	curl_easy_getinfo(t->easy, CURLINFO_ACTIVESOCKET, &fd);
	return fd != CURL_SOCKET_BAD &&
	       (recv(fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT) >= 0 || errno != EAGAIN);
}

/*
 * The request is about to be sent on a connection. If that connection dies before a byte of the
 * reply comes, libcurl silently sends the request again on another one, up to five times,
 * whatever the method. That is stopped here. If no byte of the request was sent, another try is
 * no repetition.
 */
static int on_send(void *ctx, char *peer, char *local, int peer_port, int local_port)
{
	struct http_transfer *t = ctx;
	long sent_bytes = 0;

	(void)peer;
	(void)local;
	(void)peer_port;
	(void)local_port;
	curl_easy_getinfo(t->easy, CURLINFO_REQUEST_SIZE, &sent_bytes);
	if (t->sending == HTTP_SENT && sent_bytes > 0) {
		t->sending = HTTP_REPEATED;
		return CURL_PREREQFUNC_ABORT;
	}
	if (is_stale(t)) {
		t->sending = HTTP_STALE;
		return CURL_PREREQFUNC_ABORT;
	}
	t->sending = HTTP_SENT;
	http_shard_connected(t);
	if (t->resolve != NULL) {
		t->shard->known_origin = t->origin;
		t->shard->known_generation = t->resolve_generation;
	}
	return CURL_PREREQFUNC_OK;
}

static curl_socket_t on_open(void *ctx, curlsocktype purpose, struct curl_sockaddr *address)
{
	struct http_transfer *t = ctx;
	int fd;

	(void)purpose;
	http_origin_rotate(t, address);
	fd = socket(address->family, address->socktype | SOCK_CLOEXEC, address->protocol);
	if (fd >= 0 && (size_t)fd >= descriptors_for_requests()) {
		close(fd);
		errno = EMFILE;
		fd = -1;
	}
	if (fd < 0) {
		t->socket_errno = errno;
		return CURL_SOCKET_BAD;
	}
	http_shard_opened(t, fd);
	return fd;
}

/* --- Headers, as a list that libcurl walks, without a copy. --- */

static bool is_empty_header(const char *line, size_t len)
{
	const char *colon = memchr(line, ':', len);

	return colon != NULL && colon[1 + strspn(colon + 1, " \t")] == '\0';
}

/* libcurl takes "Name:" as a wish to have none, and "Name;" as a header without a value. */
static const char *as_empty_header(struct http_transfer *t, const char *line)
{
	const char *copy = t->empty_headers.data + t->empty_headers.len;

	buf_add(&t->empty_headers, line, strcspn(line, ":"));
	buf_add(&t->empty_headers, ";", 2);
	return copy;
}

static size_t empty_header_bytes(const char *lines, size_t count)
{
	size_t sum = 0;

	for (size_t i = 0; i < count; i++) {
		size_t len = strlen(lines);

		if (is_empty_header(lines, len))
			sum += len + 2;
		lines += len + 1;
	}
	return sum;
}

static void append_header(struct http_transfer *t, size_t at, const char *line)
{
	if (at > 0)
		t->headers[at - 1].next = &t->headers[at];
	t->headers[at] = (struct curl_slist){.data = (char *)line};
}

/* Lines were checked when they were made. This is the last look, for those to come. */
static bool append_headers(
	struct http_transfer *t, size_t *at, const char *lines, size_t count, bool *has_type)
{
	for (size_t i = 0; i < count; i++) {
		size_t len = strlen(lines);
		bool is_empty = is_empty_header(lines, len);

		if (!header_is_line(slice_of(lines, len)))
			return false;
		*has_type |= slice_istarts(slice_of(lines, len), "Content-Type:");
		append_header(t, (*at)++, is_empty ? as_empty_header(t, lines) : lines);
		lines += len + 1;
	}
	return true;
}

/* False: a line is none, and nothing may be sent. */
static bool make_headers(struct http_transfer *t, struct curl_slist **ret)
{
	const struct http_request *r = t->request;
	size_t at = 0, most = r->header_count + r->more_header_count + 2;
	bool has_type = false;

	if (most > t->header_cap) {
		t->header_cap = most + 4;
		t->headers = xreallocarray(t->headers, t->header_cap, sizeof *t->headers);
	}
	buf_reset(&t->empty_headers);
	/* All at once: pointers into it must stay. */
	buf_reserve(&t->empty_headers,
		empty_header_bytes(r->headers, r->header_count) +
			empty_header_bytes(r->more_headers, r->more_header_count));
	if (!append_headers(t, &at, r->headers, r->header_count, &has_type) ||
		!append_headers(t, &at, r->more_headers, r->more_header_count, &has_type))
		return false;
	if (r->has_body && !has_type)
		append_header(t, at++, "Content-Type:"); /* not libcurl's guess */
	if (r->has_body && r->body.len >= EXPECT_FROM_BYTES)
		append_header(t, at++, "Expect:");
	*ret = at > 0 ? t->headers : NULL;
	return true;
}

/* --- All options. --- */

static void set_callbacks(struct http_transfer *t)
{
	CURL *e = t->easy;

	curl_easy_setopt(e, CURLOPT_PRIVATE, t);
	curl_easy_setopt(e, CURLOPT_ERRORBUFFER, t->error);
	curl_easy_setopt(e, CURLOPT_WRITEFUNCTION, on_body);
	curl_easy_setopt(e, CURLOPT_WRITEDATA, t);
	curl_easy_setopt(e, CURLOPT_HEADERFUNCTION, on_header);
	curl_easy_setopt(e, CURLOPT_HEADERDATA, t);
	if (http_libcurl.keeps_last_header)
		curl_easy_setopt(e, CURLOPT_HEADER, 1L);
	curl_easy_setopt(e, CURLOPT_PREREQFUNCTION, on_send);
	curl_easy_setopt(e, CURLOPT_PREREQDATA, t);
	curl_easy_setopt(e, CURLOPT_OPENSOCKETFUNCTION, on_open);
	curl_easy_setopt(e, CURLOPT_OPENSOCKETDATA, t);
	curl_easy_setopt(e, CURLOPT_CLOSESOCKETFUNCTION, http_shard_closed);
	curl_easy_setopt(e, CURLOPT_CLOSESOCKETDATA, t->shard);
}

static void set_method(struct http_transfer *t)
{
	const struct http_request *r = t->request;
	CURL *e = t->easy;

	if (r->has_body) {
		curl_easy_setopt(e, CURLOPT_POST, 1L);
		curl_easy_setopt(e, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)r->body.len);
		curl_easy_setopt(e, CURLOPT_POSTFIELDS, r->body.data ? r->body.data : "");
		if (strcmp(r->method, "POST") != 0)
			curl_easy_setopt(e, CURLOPT_CUSTOMREQUEST, r->method);
	} else if (strcmp(r->method, "HEAD") == 0) {
		curl_easy_setopt(e, CURLOPT_NOBODY, 1L);
	} else if (strcmp(r->method, "GET") != 0) {
		curl_easy_setopt(e, CURLOPT_CUSTOMREQUEST, r->method);
	}
}

/* Time limits are timers of the loop: each of libcurl's own would cost a call of on_timer(). */
static void set_connection(struct http_transfer *t)
{
	const struct http_settings *s = &t->client->settings;
	CURL *e = t->easy;

	curl_easy_setopt(e, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(e, CURLOPT_PATH_AS_IS, 1L);
	curl_easy_setopt(e, CURLOPT_BUFFERSIZE, t->client->speaks_http2 ? 16384L : 1024L);
	/* The smallest there is: from 8.7 on each request in flight has a buffer of its own. */
	curl_easy_setopt(e, CURLOPT_UPLOAD_BUFFERSIZE, 16384L);
	curl_easy_setopt(e, CURLOPT_HTTP_VERSION,
		(long)(t->client->speaks_http2 ? CURL_HTTP_VERSION_2TLS
					       : CURL_HTTP_VERSION_1_1));
	if (t->client->speaks_http2)
		curl_easy_setopt(e, CURLOPT_PIPEWAIT, 1L);
	curl_easy_setopt(
		e, CURLOPT_MAXLIFETIME_CONN, (long)max_i64(s->max_lifetime_ms / 1000, 1));
	curl_easy_setopt(e, CURLOPT_MAXAGE_CONN, (long)max_i64(s->idle_timeout_ms / 1000, 1));
	/* Not from the environment. */
	curl_easy_setopt(e, CURLOPT_PROXY, s->proxy ? s->proxy : "");
	curl_easy_setopt(e, CURLOPT_NOPROXY, "");
	if (s->proxy != NULL) {
		curl_easy_setopt(e, CURLOPT_HTTPPROXYTUNNEL, 1L);
		curl_easy_setopt(e, CURLOPT_SUPPRESS_CONNECT_HEADERS, 1L);
	}
	if (s->unix_socket != NULL)
		curl_easy_setopt(e, CURLOPT_UNIX_SOCKET_PATH, s->unix_socket);
	if (t->resolve != NULL)
		curl_easy_setopt(e, CURLOPT_RESOLVE, t->resolve);
	if (t->was_resent)
		curl_easy_setopt(e, CURLOPT_FRESH_CONNECT, 1L);
}

/*
 * Every option of every request is set here, after a reset, so that none outlives its request.
 * What is libcurl's default needs no option (no redirect is followed). Nor do the protocols: an
 * origin speaks HTTP, see http_origin_obtain().
 *
 * A URL that is parsed already is given as text too. Without the text libcurl before 8.9 would
 * make one out of the parts for every request, byte by byte. It uses the parts.
 */
bool http_setup(struct http_transfer *t)
{
	CURL *e = t->easy;
	CURLcode rc = curl_easy_setopt(e, CURLOPT_URL, t->request->url);
	struct curl_slist *headers;

	if (!make_headers(t, &headers))
		return false;
	if (t->parsed_url != NULL)
		curl_easy_setopt(e, CURLOPT_CURLU, t->parsed_url);
	set_callbacks(t);
	set_method(t);
	set_connection(t);
	curl_easy_setopt(e, CURLOPT_HTTPHEADER, headers);
	if (t->request->connect_only)
		curl_easy_setopt(e, CURLOPT_CONNECT_ONLY, 1L);
	return rc == CURLE_OK && (t->origin->is_plain || http_tls_setup(t->client, e));
}
