/* SPDX-License-Identifier: Apache-2.0 */
/*
 * reply.c - one reply, read from libcurl's callbacks: its head line by line, its body up to the
 * client's limits, and the result that the two make. The states are in http_private.h.
 */
#include <curl/curl.h>
#include <stdio.h>
#include <stdlib.h>

#include "http_private.h"

void http_reply_init(struct http_reply *r, size_t keep_bytes)
{
	buf_init(&r->head, HTTP_HEADER_MAX_BYTES);
	buf_init(&r->body, keep_bytes);
}

void http_reply_reset(struct http_reply *r)
{
	r->state = HTTP_REPLY_STATUS;
	r->status = 0;
	r->head_bytes = r->body_bytes = 0;
	buf_reset(&r->head);
	buf_reset(&r->body);
}

void http_reply_erase(struct http_reply *r)
{
	size_t keep_bytes = r->body.max_bytes;

	if (r->body.len > 0)
		explicit_bzero(r->body.data, r->body.len);
	if (r->body.cap <= HTTP_KEPT_BODY_BYTES)
		return;
	buf_release(&r->body);
	buf_init(&r->body, keep_bytes);
}

void http_reply_release(struct http_reply *r)
{
	buf_release(&r->head);
	buf_release(&r->body);
}

/* --- The head. --- */

static bool is_head_whole(const struct http_reply *r)
{
	return r->state == HTTP_REPLY_BODY;
}

static bool is_refused(const struct http_reply *r)
{
	return r->state > HTTP_REPLY_BODY;
}

/* Give up the reply: what is returned makes libcurl end the transfer. */
static size_t refuse_reply(struct http_reply *r, enum http_reply_state why)
{
	r->state = why;
	return CURL_WRITEFUNC_ERROR;
}

/* Does @line look like @form, in which 'd' is a digit and ' ' one blank or more? */
static bool has_form(struct slice line, const char *form, size_t *ret_len)
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
	*ret_len = at;
	return *form == '\0' && (at == line.len || strchr(" \r\n", line.data[at]) != NULL);
}

/*
 * The status of a status line, or 0 if @line is not exactly one. libcurl is lenient: it takes
 * "HTTP/211080" as HTTP/2 with status 11080 or, in later versions, 200.
 */
static int status_of(struct slice line)
{
	const char *digits;
	size_t len;
	int status;

	if (!has_form(line, "HTTP/d.d ddd", &len) && !has_form(line, "HTTP/d ddd", &len))
		return 0;
	digits = line.data + len - 3;
	status = (digits[0] - '0') * 100 + (digits[1] - '0') * 10 + (digits[2] - '0');
	return status >= 100 ? status : 0;
}

static void take_header(struct http_reply *r, const struct http_settings *s, struct slice line)
{
	const char *colon = memchr(line.data, ':', line.len);

	if (colon == NULL)
		return;
	if (s->keep_head ||
		retry_after_is_named(slice_of(line.data, (size_t)(colon - line.data)), NULL))
		buf_add_slice(&r->head, line);
}

static size_t take_status_line(struct http_reply *r, struct slice line)
{
	r->status = status_of(line);
	if (r->status == 0)
		return refuse_reply(r, HTTP_REPLY_NO_STATUS);
	buf_reset(&r->head); /* an interim reply may have had some */
	r->state = HTTP_REPLY_FIRST_HEADER;
	return line.len;
}

/* The empty line: after an interim reply (1xx) the next status line follows. */
static void end_head(struct http_reply *r)
{
	r->state = r->status < 200 ? HTTP_REPLY_STATUS : HTTP_REPLY_BODY;
}

size_t http_reply_take_line(
	struct http_reply *r, const struct http_settings *s, struct slice line)
{
	if (is_refused(r))
		return CURL_WRITEFUNC_ERROR;
	r->head_bytes += line.len;
	if (r->head_bytes > HTTP_HEADER_MAX_BYTES)
		return refuse_reply(r, HTTP_REPLY_HEAD_TOO_LONG);
	if (is_head_whole(r)) /* a trailer */
		return line.len;
	if (r->state == HTTP_REPLY_STATUS)
		return take_status_line(r, line);
	r->state = HTTP_REPLY_HEADERS;
	if (line.len <= 2)
		end_head(r);
	else
		take_header(r, s, line);
	return line.len;
}

/* A line of the head, before libcurl stores it: see http_libcurl.keeps_last_header. */
static size_t check_line(struct http_reply *r, struct slice line)
{
	bool continues = line.data[0] == ' ' || line.data[0] == '\t';

	if (continues && r->state == HTTP_REPLY_FIRST_HEADER)
		return refuse_reply(r, HTTP_REPLY_STRAY_CONTINUATION);
	return line.len;
}

/* --- The body. --- */

size_t http_reply_take_body(
	struct http_reply *r, const struct http_settings *s, struct slice data)
{
	size_t room = s->response_keep_bytes - r->body.len;

	if (http_libcurl.keeps_last_header && !is_head_whole(r))
		return check_line(r, data);
	r->body_bytes += data.len;
	if (r->body_bytes > s->response_max_bytes)
		return refuse_reply(r, HTTP_REPLY_BODY_TOO_LONG);
	buf_add(&r->body, data.data, data.len < room ? data.len : room);
	return data.len;
}

/* --- What it comes to. --- */

bool http_reply_explain_refusal(
	const struct http_reply *r, const struct http_settings *s, struct http_result *ret)
{
	if (!is_refused(r))
		return false;
	ret->transport = RETRY_TRANSPORT_PROTOCOL;
	if (r->state == HTTP_REPLY_BODY_TOO_LONG)
		snprintf(ret->error, sizeof ret->error, "the reply is longer than %zu bytes",
			s->response_max_bytes);
	else if (r->state == HTTP_REPLY_HEAD_TOO_LONG)
		snprintf(ret->error, sizeof ret->error,
			"the reply's headers are longer than %d bytes", HTTP_HEADER_MAX_BYTES);
	else if (r->state == HTTP_REPLY_STRAY_CONTINUATION)
		snprintf(ret->error, sizeof ret->error,
			"the reply's first header continues none: it begins with a space");
	else
		snprintf(ret->error, sizeof ret->error, "the reply has no status");
	return true;
}

void http_reply_check_head(const struct http_reply *r, struct http_result *ret)
{
	if (is_head_whole(r))
		return;
	/* libcurl is content with a head that was cut off. */
	ret->transport = RETRY_TRANSPORT_RESET;
	snprintf(ret->error, sizeof ret->error,
		"the connection was closed amid the reply's headers");
}

void http_reply_fill(const struct http_reply *r, struct http_result *ret)
{
	if (r->status < 200) /* none, or an interim one */
		return;
	ret->status = r->status;
	ret->head = slice_of(buf_str(&r->head), r->head.len);
	ret->body = slice_of(buf_str(&r->body), r->body.len);
}
