/* SPDX-License-Identifier: Apache-2.0 */
#include "oauth.h"

#include <stdlib.h>
#include <strings.h>

#include "base/base64.h"
#include "core/header/header.h"
#include "core/request/form.h"

/* Enough for nearly all requests, so that no copy of a secret is left behind by growing. */
#define ROOM_BYTES 4096
/* Shorter values are not masked: they are no secrets, and too common in texts. */
#define MASK_MIN_BYTES       4
#define MASK_BEGINNING_BYTES 8

struct rendering {
	struct oauth_request *r;
	const struct connection_settings *s;
	struct buf fields; /* of the form */
	struct err *err;
};

static void secure_buf_init(struct buf *b)
{
	buf_init(b, BUF_UNLIMITED);
	buf_reserve(b, ROOM_BYTES);
}

static void secure_buf_release(struct buf *b)
{
	if (b->data != NULL)
		explicit_bzero(b->data, b->cap);
	buf_release(b);
}

/* Keep a copy for masking. */
static void remember(struct oauth_request *r, struct slice value)
{
	r->values = xreallocarray(r->values, r->value_count + 1, sizeof *r->values);
	r->values[r->value_count++] =
		(struct secret){xmemdup(value.data, value.len), value.len};
}

static void remember_encoded(struct oauth_request *r, struct slice value)
{
	struct buf encoded;

	if (value.len < MASK_MIN_BYTES)
		return;
	remember(r, value);
	secure_buf_init(&encoded);
	form_add_encoded(&encoded, value);
	if (!slice_eq(buf_slice(&encoded), value))
		remember(r, buf_slice(&encoded));
	secure_buf_release(&encoded);
}

/* *ret is valid until the next secret is expanded into @into. */
static int expand(struct rendering *g, const char *setting, const char *text,
	struct secret *into, struct slice *ret)
{
	int code = secret_expand(into, text, g->s->base_dir, g->err);

	if (code != 0) {
		err_wrap(g->err, "%s", setting);
		return code;
	}
	*ret = secret_value(into);
	return 0;
}

/* --- Fields of the form. --- */

static bool is_configured(const struct request_parameter *of, size_t count, const char *name)
{
	for (size_t i = 0; i < count; i++)
		if (strcmp(of[i].name, name) == 0)
			return true;
	return false;
}

static void add_pair(struct buf *b, char separator, const char *name, struct slice value)
{
	if (separator != '\0')
		buf_add_char(b, separator);
	form_add_encoded(b, slice_str(name));
	buf_add_char(b, '=');
	form_add_encoded(b, value);
}

static int add_field(struct rendering *g, const char *name, const char *text, bool is_secret)
{
	struct secret secret = {0};
	struct slice value;
	int code;

	if (text == NULL)
		return 0;
	code = expand(g, name, text, &secret, &value);
	if (code == 0) {
		add_pair(&g->fields, g->fields.len > 0 ? '&' : '\0', name, value);
		if (is_secret)
			remember_encoded(g->r, value);
	}
	secret_release(&secret);
	return code;
}

/* Add our field, unless a body parameter of that name is configured. */
static int add_own_field(
	struct rendering *g, const char *name, const char *text, bool is_secret)
{
	const struct request_parameters *p = g->s->oauth_parameters;

	if (p != NULL && is_configured(p->body, p->body_count, name))
		return 0;
	return add_field(g, name, text, is_secret);
}

static int add_fields(struct rendering *g)
{
	const struct connection_settings *s = g->s;
	const struct request_parameters *p = s->oauth_parameters;
	int code = add_own_field(g, "grant_type", "client_credentials", false);

	if (code == 0 && s->client_auth == CONNECTION_AUTH_BODY)
		code = add_own_field(g, "client_id", s->client_id, false);
	if (code == 0 && s->client_auth == CONNECTION_AUTH_BODY)
		code = add_own_field(g, "client_secret", s->client_secret, true);
	if (code == 0)
		code = add_own_field(g, "scope", s->scope, false);
	if (code == 0)
		code = add_own_field(g, "audience", s->audience, false);
	for (size_t i = 0; p != NULL && i < p->body_count && code == 0; i++)
		code = add_field(g, p->body[i].name, p->body[i].value, true);
	return code;
}

/* --- Headers. --- */

static int add_header(struct rendering *g, const char *name, struct slice value)
{
	struct header_writer w = {.lines = &g->r->headers, .count = &g->r->header_count};

	return header_add(&w, slice_str(name), value, g->err);
}

static bool has_header(const struct rendering *g, const char *name)
{
	const struct request_parameters *p = g->s->oauth_parameters;

	for (size_t i = 0; p != NULL && i < p->header_count; i++)
		if (strcasecmp(p->header[i].name, name) == 0)
			return true;
	return false;
}

static int add_configured_headers(struct rendering *g)
{
	const struct request_parameters *p = g->s->oauth_parameters;
	int code = 0;

	for (size_t i = 0; p != NULL && i < p->header_count && code == 0; i++) {
		struct secret secret = {0};
		struct slice value;

		code = expand(g, p->header[i].name, p->header[i].value, &secret, &value);
		if (code == 0)
			code = add_header(g, p->header[i].name, value);
		if (code == 0)
			remember_encoded(g->r, value);
		secret_release(&secret);
	}
	return code;
}

/* The id and the secret may contain colons. Form-encoded, as RFC 6749 wants them, they can't
 * be misread; but many servers expect them as they are. */
static int add_basic(struct rendering *g)
{
	bool raw = g->s->client_auth == CONNECTION_AUTH_BASIC_RAW;
	struct secret id = {0}, secret = {0};
	struct slice id_value, secret_text;
	struct buf pair, header;
	int code = expand(g, "client_id", g->s->client_id, &id, &id_value);

	secure_buf_init(&pair);
	secure_buf_init(&header);
	if (code == 0)
		code = expand(g, "client_secret", g->s->client_secret, &secret, &secret_text);
	if (code == 0) {
		void (*add)(struct buf *, struct slice) =
			raw ? buf_add_slice : form_add_encoded;

		add(&pair, id_value);
		buf_add_char(&pair, ':');
		add(&pair, secret_text);
		buf_add_str(&header, "Basic ");
		base64_encode(&header, buf_slice(&pair));
		remember_encoded(g->r, secret_text);
		remember(g->r, slice_of(header.data + 6, header.len - 6));
		code = add_header(g, "Authorization", buf_slice(&header));
	}
	secret_release(&id);
	secret_release(&secret);
	secure_buf_release(&pair);
	secure_buf_release(&header);
	return code;
}

static int add_headers(struct rendering *g)
{
	int code = add_configured_headers(g);

	if (code == 0 && g->s->client_auth != CONNECTION_AUTH_BODY &&
		!has_header(g, "Authorization"))
		code = add_basic(g);
	if (code == 0 && !has_header(g, "Accept"))
		code = add_header(g, "Accept", SLICE("application/json"));
	if (code == 0 && !has_header(g, "User-Agent"))
		code = add_header(g, "User-Agent", SLICE("postrider/" POSTRIDER_VERSION));
	if (code == 0 && g->r->has_body && !has_header(g, "Content-Type"))
		code = add_header(
			g, "Content-Type", SLICE("application/x-www-form-urlencoded"));
	return code;
}

/* --- The URL. --- */

static char query_separator(const struct buf *url)
{
	return strchr(buf_str(url), '?') != NULL ? '&' : '?';
}

static int add_query(struct rendering *g)
{
	const struct request_parameters *p = g->s->oauth_parameters;
	struct buf *url = &g->r->url;
	int code = 0;

	for (size_t i = 0; p != NULL && i < p->query_count && code == 0; i++) {
		struct secret secret = {0};
		struct slice value;

		code = expand(g, p->query[i].name, p->query[i].value, &secret, &value);
		if (code == 0) {
			add_pair(url, query_separator(url), p->query[i].name, value);
			remember_encoded(g->r, value);
		}
		secret_release(&secret);
	}
	return code;
}

static int add_url(struct rendering *g)
{
	struct secret secret = {0};
	struct slice endpoint;
	int code = expand(
		g, "authorization_endpoint", g->s->authorization_endpoint, &secret, &endpoint);

	if (code == 0) {
		buf_add_slice(&g->r->url, endpoint);
		code = add_query(g);
	}
	secret_release(&secret);
	if (code == 0 && !g->r->has_body && g->fields.len > 0) {
		buf_add_char(&g->r->url, query_separator(&g->r->url));
		buf_add_slice(&g->r->url, buf_slice(&g->fields));
	}
	return code;
}

int oauth_request_render(
	struct oauth_request *r, const struct connection_settings *s, struct err *err)
{
	struct rendering g = {.r = r, .s = s, .err = err};
	int code;

	oauth_request_release(r);
	r->method = s->http_method ? s->http_method : "POST";
	r->has_body = strcmp(r->method, "GET") != 0;
	secure_buf_init(&r->url);
	secure_buf_init(&r->headers);
	secure_buf_init(&r->body);
	secure_buf_init(&g.fields);
	code = add_fields(&g);
	if (code == 0)
		code = add_url(&g);
	if (code == 0)
		code = add_headers(&g);
	if (code == 0 && r->has_body)
		buf_add_slice(&r->body, buf_slice(&g.fields));
	secure_buf_release(&g.fields);
	return code;
}

void oauth_request_release(struct oauth_request *r)
{
	secure_buf_release(&r->url);
	secure_buf_release(&r->headers);
	secure_buf_release(&r->body);
	for (size_t i = 0; i < r->value_count; i++)
		secret_release(&r->values[i]);
	free(r->values);
	*r = (struct oauth_request){0};
}

/* How many bytes of @value are at @at: all, or enough of its beginning to recognise it,
 * since servers cut what they repeat. */
static size_t shown_length(const char *at, struct slice value)
{
	size_t len = 0;

	while (len < value.len && at[len] == value.data[len])
		len++;
	return len == value.len || len >= MASK_BEGINNING_BYTES ? len : 0;
}

void oauth_request_mask(const struct oauth_request *r, char *text)
{
	for (size_t i = 0; i < r->value_count; i++) {
		struct slice value = secret_value(&r->values[i]);

		if (value.len < MASK_MIN_BYTES)
			continue;
		for (char *at = text; *at != '\0'; at++) {
			size_t len = shown_length(at, value);

			if (len == 0)
				continue;
			memmove(at + 3, at + len, strlen(at + len) + 1);
			memcpy(at, "***", 3);
			at += 2;
		}
	}
}
