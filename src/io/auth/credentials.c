/* SPDX-License-Identifier: Apache-2.0 */
/*
 * credentials.c - from the settings of a connection to the header lines of an attempt.
 *
 * One table has what the authorization types differ in: how the secrets are read, how an attempt
 * gets its headers of them, and whether two readings are the same. Basic, API key, bearer and
 * OAuth are lines that stand ready; the signing types make their lines anew for each attempt.
 */
#include "connection_private.h"

#include <stdlib.h>

#include "base/base64.h"
#include "core/header/header.h"

#define ROOM_BYTES 1024

/* --- Making. --- */

/* In memory of just the size, so that growing leaves no copy of a secret behind. */
int credentials_add(struct credentials *m, const char *name, const char *before,
	struct slice value, struct err *err)
{
	struct buf grown;
	struct header_writer w = {.lines = &grown, .count = &m->line_count};
	int code;

	buf_init(&grown, BUF_UNLIMITED);
	buf_reserve(&grown, m->lines.len + strlen(name) + 2 + strlen(before) + value.len + 1);
	buf_add_slice(&grown, secret_value(&m->lines));
	header_begin(&w, slice_str(name));
	buf_add_str(&grown, before);
	buf_add_slice(&grown, value);
	code = header_end(&w, err);
	if (code == 0) {
		secret_release(&m->lines);
		m->lines = (struct secret){grown.data, grown.len};
	} else {
		explicit_bzero(grown.data, grown.cap);
		buf_release(&grown);
	}
	return code;
}

/* A value that will stand in a header once it is signed with. */
static int check_value(const char *setting, const struct secret *value, struct err *err)
{
	if (header_is_value(secret_value(value)))
		return 0;
	return err_set(err, ERR_INVALID,
		"%s: holds a line break or another control character, which a header cannot",
		setting);
}

struct expansion {
	const struct connection_settings *s;
	struct err *err;
};

static int expand(
	const struct expansion *x, const char *setting, const char *text, struct secret *ret)
{
	int code = secret_expand(ret, text ? text : "", x->s->base_dir, x->err);

	if (code != 0)
		err_wrap(x->err, "%s", setting);
	return code;
}

static int add_expanded(const struct expansion *x, struct credentials *m, const char *setting,
	const char *text, const char *name, const char *before)
{
	struct secret value = {0};
	int code = expand(x, setting, text, &value);

	if (code == 0) {
		code = credentials_add(m, name, before, secret_value(&value), x->err);
		if (code != 0)
			err_wrap(x->err, "%s", setting);
	}
	secret_release(&value);
	return code;
}

static int read_basic(const struct expansion *x, struct credentials *m)
{
	struct secret user = {0}, password = {0};
	struct buf pair, encoded;
	int code = expand(x, "username", x->s->username, &user);

	buf_init(&pair, BUF_UNLIMITED);
	buf_init(&encoded, BUF_UNLIMITED);
	buf_reserve(&pair, ROOM_BYTES);
	buf_reserve(&encoded, 2 * ROOM_BYTES);
	if (code == 0)
		code = expand(x, "password", x->s->password, &password);
	if (code == 0 && memchr(secret_value(&user).data, ':', user.len) != NULL)
		code = err_set(x->err, ERR_INVALID,
			"username: holds a colon, which Basic authentication can't carry");
	if (code == 0) {
		buf_add_slice(&pair, secret_value(&user));
		buf_add_char(&pair, ':');
		buf_add_slice(&pair, secret_value(&password));
		base64_encode(&encoded, buf_slice(&pair));
		code = credentials_add(
			m, "Authorization", "Basic ", buf_slice(&encoded), x->err);
	}
	explicit_bzero(pair.data, pair.cap);
	explicit_bzero(encoded.data, encoded.cap);
	buf_release(&pair);
	buf_release(&encoded);
	secret_release(&user);
	secret_release(&password);
	return code;
}

static int read_api_key(const struct expansion *x, struct credentials *m)
{
	struct secret name = {0};
	int code = expand(x, "api_key_name", x->s->api_key_name, &name);

	if (code == 0)
		code = add_expanded(x, m, "api_key_value", x->s->api_key_value,
			name.bytes ? name.bytes : "", "");
	secret_release(&name);
	return code;
}

static int read_aws(const struct expansion *x, struct credentials *m)
{
	struct secret key_id = {0}, key = {0}, token = {0};
	int code = expand(x, "username", x->s->username, &key_id);

	if (code == 0)
		code = expand(x, "password", x->s->password, &key);
	if (code == 0)
		code = expand(x, "aws_session_token", x->s->aws_session_token, &token);
	if (code == 0 && (key_id.len == 0 || key.len == 0))
		code = err_set(x->err, ERR_INVALID,
			"username and password (key id and secret key) must not be empty");
	if (code == 0)
		code = check_value("username", &key_id, x->err);
	if (code == 0)
		code = check_value("aws_session_token", &token, x->err);
	if (code == 0)
		m->aws = sigv4_new(&(struct sigv4_settings){
			.key_id = secret_value(&key_id),
			.secret_key = secret_value(&key),
			.session_token = secret_value(&token),
			.region = x->s->aws_region,
			.service = x->s->aws_service,
		});
	secret_release(&key_id);
	secret_release(&key);
	secret_release(&token);
	return code;
}

static int read_webhook(const struct expansion *x, struct credentials *m)
{
	size_t count = x->s->signing_key_count;
	struct secret *keys = xcalloc(count, sizeof *keys);
	struct slice *values = xcalloc(count, sizeof *values);
	int code = 0;

	for (size_t i = 0; i < count && code == 0; i++) {
		code = expand(x, "signing_keys", x->s->signing_keys[i], &keys[i]);
		values[i] = secret_value(&keys[i]);
	}
	if (code == 0) {
		m->webhook = webhook_signer_new(values, count, x->err);
		code = m->webhook ? 0 : err_wrap(x->err, "signing_keys");
	}
	for (size_t i = 0; i < count; i++)
		secret_release(&keys[i]);
	free(keys);
	free(values);
	return code;
}

static int read_bearer(const struct expansion *x, struct credentials *m)
{
	return add_expanded(x, m, "token", x->s->token, "Authorization", "Bearer ");
}

/* NONE has nothing; OAuth's token comes from its server: credentials_add(). */
static int read_nothing(const struct expansion *x, struct credentials *m)
{
	(void)x;
	(void)m;
	return 0;
}

/* --- Giving. --- */

void connection_credentials_init(struct connection_credentials *cr)
{
	*cr = (struct connection_credentials){0};
	buf_init(&cr->headers, BUF_UNLIMITED);
}

void connection_credentials_release(struct connection_credentials *cr)
{
	if (cr->headers.data != NULL)
		explicit_bzero(cr->headers.data, cr->headers.cap);
	buf_release(&cr->headers);
	connection_credentials_init(cr);
}

/* Grow the room without leaving a copy of the old credentials behind. */
static void make_room(struct buf *b, size_t len)
{
	if (b->cap <= len && b->data != NULL) {
		explicit_bzero(b->data, b->cap);
		buf_release(b);
		buf_init(b, BUF_UNLIMITED);
	}
	buf_reset(b);
	buf_reserve(b, len);
}

static void apply_lines(const struct credentials *from, const struct connection_message *m,
	struct connection_credentials *cr)
{
	(void)m;
	buf_add_slice(&cr->headers, secret_value(&from->lines));
	cr->header_count = from->line_count;
}

static void apply_aws(const struct credentials *from, const struct connection_message *m,
	struct connection_credentials *cr)
{
	const struct sigv4_request r = {
		.method = m->method,
		.url = m->url,
		.headers = m->headers,
		.header_count = m->header_count,
		.body = m->body,
		.wall_ms = m->wall_ms,
	};

	struct header_writer w = {.lines = &cr->headers, .count = &cr->header_count};

	sigv4_sign(from->aws, &r, &w);
}

static void apply_webhook(const struct credentials *from, const struct connection_message *m,
	struct connection_credentials *cr)
{
	struct header_writer w = {.lines = &cr->headers, .count = &cr->header_count};

	webhook_sign(from->webhook, m->id, m->wall_ms, m->body, &w);
}

/* --- Comparing. --- */

static bool lines_equal(const struct credentials *a, const struct credentials *b)
{
	return slice_eq(secret_value(&a->lines), secret_value(&b->lines));
}

static bool aws_equal(const struct credentials *a, const struct credentials *b)
{
	return sigv4_equal(a->aws, b->aws);
}

/* Signers can't be compared. A new generation that was not needed costs one retry at most. */
static bool never_equal(const struct credentials *a, const struct credentials *b)
{
	(void)a;
	(void)b;
	return false;
}

/* --- The types. --- */

static const struct method {
	int (*read)(const struct expansion *x, struct credentials *m);
	void (*apply)(const struct credentials *from, const struct connection_message *m,
		struct connection_credentials *cr);
	bool (*equal)(const struct credentials *a, const struct credentials *b);
	bool is_signed; /* the headers are longer than the lines */
} methods[] = {
	[CONNECTION_NONE] = {read_nothing, apply_lines, lines_equal, false},
	[CONNECTION_BASIC] = {read_basic, apply_lines, lines_equal, false},
	[CONNECTION_API_KEY] = {read_api_key, apply_lines, lines_equal, false},
	[CONNECTION_OAUTH_CLIENT_CREDENTIALS] = {read_nothing, apply_lines, lines_equal, false},
	[CONNECTION_BEARER] = {read_bearer, apply_lines, lines_equal, false},
	[CONNECTION_AWS_SIGV4] = {read_aws, apply_aws, aws_equal, true},
	[CONNECTION_STANDARD_WEBHOOKS] = {read_webhook, apply_webhook, never_equal, true},
};

int credentials_read(
	const struct connection_settings *s, struct credentials *ret, struct err *err)
{
	struct expansion x = {s, err};
	struct credentials m = {.type = s->type};
	int code = methods[s->type].read(&x, &m);

	if (code != 0)
		credentials_release(&m);
	else
		*ret = m;
	return code;
}

void credentials_release(struct credentials *m)
{
	secret_release(&m->lines);
	webhook_signer_free(m->webhook);
	sigv4_free(m->aws);
	*m = (struct credentials){.type = m->type};
}

bool credentials_equal(const struct credentials *a, const struct credentials *b)
{
	return methods[a->type].equal(a, b);
}

void credentials_apply(const struct credentials *from, const struct connection_message *m,
	struct connection_credentials *cr)
{
	const struct method *method = &methods[from->type];

	cr->header_count = 0;
	make_room(&cr->headers, from->lines.len + (method->is_signed ? ROOM_BYTES : 0));
	method->apply(from, m, cr);
}
