/* SPDX-License-Identifier: Apache-2.0 */
/* All options of one transfer, set in one place, and libcurl's callbacks about it. The
 * callbacks only take notes (http_private.h). */
#include "http_private.h"

#include <curl/curl.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>
#include <sys/socket.h>

/* libcurl adds Expect: 100-continue to large bodies; a server that
 * ignores it costs a second. */
#define EXPECT_FROM_BYTES (256 * 1024)

/* --- What libcurl tells about one transfer. These only take notes. --- */

/* A line of the head, before libcurl stores it: see http_libcurl.keeps_last_header. */
static size_t look_at_line(struct http_transfer *t, struct slice line)
{
	t->continues_nothing =
		t->expects_first_header && (line.data[0] == ' ' || line.data[0] == '\t');
	t->expects_first_header = false;
	return t->continues_nothing ? CURL_WRITEFUNC_ERROR : line.len;
}

static size_t on_body(char *data, size_t size, size_t count, void *ctx)
{
	struct http_transfer *t = ctx;
	size_t len = size * count;
	size_t room = t->client->settings.response_keep_bytes - t->reply.len;

	if (http_libcurl.keeps_last_header && t->in_head)
		return look_at_line(t, slice_of(data, len));
	t->reply_bytes += len;
	if (t->reply_bytes > t->client->settings.response_max_bytes) {
		t->reply_too_long = true;
		return CURL_WRITEFUNC_ERROR;
	}
	buf_add(&t->reply, data, len < room ? len : room);
	return len;
}

static bool starts_with(struct slice line, const char *prefix)
{
	size_t len = strlen(prefix);

	return line.len >= len && strncasecmp(line.data, prefix, len) == 0;
}

static void keep_retry_after(struct http_transfer *t, struct slice value)
{
	while (value.len > 0 && strchr(" \t\r\n", value.data[value.len - 1]) != NULL)
		value.len--;
	while (value.len > 0 && strchr(" \t", value.data[0]) != NULL) {
		value.data++;
		value.len--;
	}
	if (value.len < sizeof t->retry_after) {
		memcpy(t->retry_after, value.data, value.len);
		t->retry_after[value.len] = '\0';
	}
}

static bool is_interim(struct http_transfer *t)
{
	long status = 0;

	curl_easy_getinfo(t->easy, CURLINFO_RESPONSE_CODE, &status);
	return status / 100 == 1;
}

/* Does @line look like @form, in which 'd' is a digit and ' ' one blank or more? */
static bool has_form(struct slice line, const char *form)
{
	size_t at = 0;

	for (; *form != '\0' && at < line.len; form++, at++) {
		bool fits = *form == 'd' ? line.data[at] >= '0' && line.data[at] <= '9'
					 : line.data[at] == *form;

		if (!fits)
			return false;
		while (*form == ' ' && at + 1 < line.len && line.data[at + 1] == ' ')
			at++;
	}
	return *form == '\0' && (at == line.len || strchr(" \r\n", line.data[at]) != NULL);
}

/* libcurl makes something of what is only similar to one: HTTP/211080 is HTTP/2 with status
 * 11080, or, to later ones, 200. */
static bool is_status_line(struct slice line)
{
	return has_form(line, "HTTP/d.d ddd") || has_form(line, "HTTP/d ddd");
}

static size_t on_header(char *data, size_t size, size_t count, void *ctx)
{
	struct http_transfer *t = ctx;
	struct slice line = slice_of(data, size * count);
	static const char name[] = "Retry-After:";

	t->header_bytes += line.len;
	if (t->header_bytes > HTTP_HEADER_MAX_BYTES) {
		t->headers_too_long = true;
		return 0;
	}
	if (starts_with(line, "HTTP/")) { /* what came before was an interim reply */
		t->has_bad_status = !is_status_line(line);
		if (t->has_bad_status)
			return 0;
		t->retry_after[0] = '\0';
		t->headers_are_whole = false;
		t->expects_first_header = true;
	} else if (line.len <= 2) {
		t->headers_are_whole = true;
		t->in_head = http_libcurl.keeps_last_header && is_interim(t);
	} else if (starts_with(line, name)) {
		keep_retry_after(
			t, slice_of(line.data + sizeof name - 1, line.len - (sizeof name - 1)));
	}
	return line.len;
}

/*
 * Has the server closed this connection, which was kept from an earlier request? What such a
 * one has to say belongs to no request (408, TLS's farewell), so that input is as good as the
 * end. HTTP/2 talks between requests, and its connections survive the abort of one: there it is
 * left to libcurl.
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
 * The request is about to go out on a connection. When that connection dies without a byte of
 * reply, libcurl would silently send the request again on another one, up to five times,
 * whatever the method: here is where it is stopped. Where nothing has left yet, going again
 * is no repetition.
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
	if (t->was_sent && sent_bytes > 0) {
		t->was_repeated = true;
		return CURL_PREREQFUNC_ABORT;
	}
	if (is_stale(t)) {
		t->was_stale = true;
		return CURL_PREREQFUNC_ABORT;
	}
	t->was_sent = true;
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

static size_t append_headers(
	struct http_transfer *t, size_t at, const char *lines, size_t count, bool *has_type)
{
	for (size_t i = 0; i < count; i++) {
		size_t len = strlen(lines);
		bool is_empty = is_empty_header(lines, len);

		*has_type |= starts_with(slice_of(lines, len), "Content-Type:");
		append_header(t, at++, is_empty ? as_empty_header(t, lines) : lines);
		lines += len + 1;
	}
	return at;
}

static struct curl_slist *make_headers(struct http_transfer *t)
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
	at = append_headers(t, at, r->headers, r->header_count, &has_type);
	at = append_headers(t, at, r->more_headers, r->more_header_count, &has_type);
	if (r->has_body && !has_type)
		append_header(t, at++, "Content-Type:"); /* not libcurl's guess */
	if (r->has_body && r->body.len >= EXPECT_FROM_BYTES)
		append_header(t, at++, "Expect:");
	return at > 0 ? t->headers : NULL;
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

/* Time limits are the loop's: libcurl's own cost a timer call each. */
static void set_connection(struct http_transfer *t)
{
	const struct http_settings *s = &t->client->settings;
	CURL *e = t->easy;

	curl_easy_setopt(e, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(e, CURLOPT_PATH_AS_IS, 1L);
	curl_easy_setopt(e, CURLOPT_BUFFERSIZE, t->client->speaks_http2 ? 16384L : 1024L);
	/* The least there is: from 8.7 on each request has such a buffer while it is on its
	 * way. */
	curl_easy_setopt(e, CURLOPT_UPLOAD_BUFFERSIZE, 16384L);
	curl_easy_setopt(e, CURLOPT_HTTP_VERSION,
		(long)(t->client->speaks_http2 ? CURL_HTTP_VERSION_2TLS
					       : CURL_HTTP_VERSION_1_1));
	if (t->client->speaks_http2)
		curl_easy_setopt(e, CURLOPT_PIPEWAIT, 1L);
	curl_easy_setopt(
		e, CURLOPT_MAXLIFETIME_CONN, (long)max_i64(s->max_lifetime_ms / 1000, 1));
	curl_easy_setopt(e, CURLOPT_MAXAGE_CONN, (long)max_i64(s->idle_timeout_ms / 1000, 1));
	/* The environment has no say in either. */
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
}

/*
 * Every option of every request is set here, after a reset: none outlives its request, and what
 * libcurl does by itself (no redirect is followed) needs no option. Nor do the protocols: an
 * origin speaks HTTP, see http_origin_obtain().
 *
 * A URL that is parsed already is given as its text too: libcurl before 8.9 would write one out
 * of the parts, a letter at a time, for every request. The parts are what it goes by.
 */
bool http_setup(struct http_transfer *t)
{
	CURL *e = t->easy;
	CURLcode rc = curl_easy_setopt(e, CURLOPT_URL, t->request->url);

	if (t->parsed_url != NULL)
		curl_easy_setopt(e, CURLOPT_CURLU, t->parsed_url);
	set_callbacks(t);
	set_method(t);
	set_connection(t);
	curl_easy_setopt(e, CURLOPT_HTTPHEADER, make_headers(t));
	if (t->request->connect_only)
		curl_easy_setopt(e, CURLOPT_CONNECT_ONLY, 1L);
	return rc == CURLE_OK && (t->origin->is_plain || http_tls_setup(t->client, e));
}
