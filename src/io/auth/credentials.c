/* SPDX-License-Identifier: Apache-2.0 */
/* Credentials: read from settings and secrets, compared with those before, and put on a
 * request as header lines or as a signature. */
#include "connection_private.h"

#include <stdlib.h>

#include "base/base64.h"

#define ROOM_BYTES 1024

static void pair_unref(struct secret_pair *pair)
{
	if (pair == NULL || atomic_fetch_sub(&pair->refs, 1) != 1)
		return;
	secret_release(&pair->user);
	secret_release(&pair->password);
	free(pair);
}

/* --- Making. --- */

int connection_material_add(struct connection_material *m, const char *name, const char *before,
	struct slice value, struct err *err)
{
	struct secret *lines = &m->lines;
	size_t name_len = strlen(name), before_len = strlen(before);
	size_t len = name_len + 2 + before_len + value.len + 1;
	char *grown, *p;

	for (size_t i = 0; i < value.len; i++)
		if (memchr("\r\n", value.data[i], 3) != NULL) /* NUL is the third */
			return err_set(err, ERR_INVALID,
				"the value for header %s holds a line break or NUL", name);
	grown = p = xmalloc(lines->len + len + 1);
	if (lines->len > 0)
		p = (char *)memcpy(p, lines->bytes, lines->len) + lines->len;
	p = mempcpy(p, name, name_len);
	p = mempcpy(p, ": ", 2);
	p = mempcpy(p, before, before_len);
	if (value.len > 0)
		p = mempcpy(p, value.data, value.len);
	*p++ = '\0';
	*p = '\0';
	len += lines->len;
	secret_release(lines);
	*lines = (struct secret){grown, len};
	m->line_count++;
	return 0;
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

static int add_expanded(const struct expansion *x, struct connection_material *m,
	const char *setting, const char *text, const char *name, const char *before)
{
	struct secret value = {0};
	int code = expand(x, setting, text, &value);

	if (code == 0) {
		code = connection_material_add(m, name, before, secret_value(&value), x->err);
		if (code != 0)
			err_wrap(x->err, "%s", setting);
	}
	secret_release(&value);
	return code;
}

static int read_basic(const struct expansion *x, struct connection_material *m)
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
		code = connection_material_add(
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

static int read_api_key(const struct expansion *x, struct connection_material *m)
{
	struct secret name = {0};
	int code = expand(x, "api_key_name", x->s->api_key_name, &name);

	if (code == 0)
		code = add_expanded(x, m, "api_key_value", x->s->api_key_value,
			name.bytes ? name.bytes : "", "");
	secret_release(&name);
	return code;
}

static int make_aws_signer(const struct expansion *x, struct connection_material *m)
{
	struct secret token = {0};
	int code = expand(x, "aws_session_token", x->s->aws_session_token, &token);

	if (code == 0)
		m->aws = sigv4_new(&(struct sigv4_settings){
			.key_id = secret_value(&m->pair->user),
			.secret_key = secret_value(&m->pair->password),
			.session_token = secret_value(&token),
			.region = x->s->aws_region,
			.service = x->s->aws_service,
		});
	secret_release(&token);
	return code;
}

static int read_aws(const struct expansion *x, struct connection_material *m)
{
	int code;

	m->pair = xcalloc(1, sizeof *m->pair);
	atomic_init(&m->pair->refs, 1);
	code = expand(x, "username", x->s->username, &m->pair->user);
	if (code == 0)
		code = expand(x, "password", x->s->password, &m->pair->password);
	if (code == 0 && (m->pair->user.len == 0 || m->pair->password.len == 0))
		code = err_set(x->err, ERR_INVALID,
			"username and password (key id and secret key) must not be empty");
	if (code == 0 && x->s->aws_session_token != NULL)
		code = add_expanded(x, m, "aws_session_token", x->s->aws_session_token,
			"X-Amz-Security-Token", "");
	return code ? code : make_aws_signer(x, m);
}

static int read_webhook(const struct expansion *x, struct connection_material *m)
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
		m->signer = webhook_signer_new(values, count, x->err);
		code = m->signer ? 0 : err_wrap(x->err, "signing_keys");
	}
	for (size_t i = 0; i < count; i++)
		secret_release(&keys[i]);
	free(keys);
	free(values);
	return code;
}

int connection_material_read(
	const struct connection_settings *s, struct connection_material *ret, struct err *err)
{
	struct expansion x = {s, err};
	struct connection_material m = {0};
	int code = 0;

	switch (s->type) {
	case CONNECTION_BASIC:
		code = read_basic(&x, &m);
		break;
	case CONNECTION_API_KEY:
		code = read_api_key(&x, &m);
		break;
	case CONNECTION_BEARER:
		code = add_expanded(&x, &m, "token", s->token, "Authorization", "Bearer ");
		break;
	case CONNECTION_AWS_SIGV4:
		code = read_aws(&x, &m);
		break;
	case CONNECTION_STANDARD_WEBHOOKS:
		code = read_webhook(&x, &m);
		break;
	case CONNECTION_NONE:
	case CONNECTION_OAUTH_CLIENT_CREDENTIALS:
		break;
	}
	if (code != 0)
		connection_material_release(&m);
	else
		*ret = m;
	return code;
}

void connection_material_release(struct connection_material *m)
{
	secret_release(&m->lines);
	pair_unref(m->pair);
	webhook_signer_free(m->signer);
	sigv4_free(m->aws);
	*m = (struct connection_material){0};
}

static bool secret_equal(const struct secret *a, const struct secret *b)
{
	return slice_eq(secret_value(a), secret_value(b));
}

bool connection_material_equal(
	const struct connection_material *a, const struct connection_material *b)
{
	/* Signers can't be compared, and a needless new generation costs one retry at most. */
	if (a->signer != NULL || b->signer != NULL || (a->pair == NULL) != (b->pair == NULL))
		return false;
	if (a->pair != NULL && (!secret_equal(&a->pair->user, &b->pair->user) ||
				       !secret_equal(&a->pair->password, &b->pair->password)))
		return false;
	return secret_equal(&a->lines, &b->lines);
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
	pair_unref(cr->pair);
	connection_credentials_init(cr);
}

/* Room without a copy of the old credentials left behind. */
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

static void take_pair(struct connection_credentials *cr, struct secret_pair *pair)
{
	if (cr->pair == pair)
		return;
	pair_unref(cr->pair);
	if (pair != NULL)
		atomic_fetch_add(&pair->refs, 1);
	cr->pair = pair;
}

/* Everything is in the headers: libcurl has nothing to sign. */
static void apply_aws(const struct connection_material *from,
	const struct connection_message *m, struct connection_credentials *cr)
{
	const struct sigv4_request r = {
		.method = m->method,
		.url = m->url,
		.headers = m->headers,
		.header_count = m->header_count,
		.body = m->body,
		.wall_ms = m->wall_ms,
	};

	cr->header_count = sigv4_sign(from->aws, &r, &cr->headers);
	take_pair(cr, NULL);
	cr->aws_sigv4 = cr->user = cr->password = NULL;
}

static void apply_lines(const struct connection *c, const struct connection_message *m,
	struct connection_credentials *cr)
{
	const struct connection_material *from = &c->material;

	buf_add_slice(&cr->headers, secret_value(&from->lines));
	cr->header_count = from->line_count;
	if (from->signer != NULL) {
		webhook_sign(from->signer, m->id, m->wall_ms, m->body, &cr->headers);
		cr->header_count += WEBHOOK_HEADERS;
	}
	take_pair(cr, from->pair);
	cr->aws_sigv4 = c->aws_sigv4;
	cr->user = from->pair ? from->pair->user.bytes : NULL;
	cr->password = from->pair ? from->pair->password.bytes : NULL;
}

void connection_material_apply(const struct connection *c, const struct connection_message *m,
	struct connection_credentials *cr)
{
	const struct connection_material *from = &c->material;
	bool is_signed = from->signer != NULL || from->aws != NULL;

	make_room(&cr->headers, from->lines.len + (is_signed ? ROOM_BYTES : 0));
	if (from->aws != NULL && m->method != NULL)
		apply_aws(from, m, cr);
	else
		apply_lines(c, m, cr);
	cr->generation = c->generation;
}
