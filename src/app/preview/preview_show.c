/* SPDX-License-Identifier: Apache-2.0 */
/* The one printer of "the request that would be sent", and the one rule of what is hidden in it. */
#include <strings.h>

#include "app/preview/preview.h"
#include "core/request/form.h"

/* --- what is hidden --------------------------------------------------------------------- */

static void add_values(struct conf_mask *m, const struct request_parameter *list, size_t count)
{
	for (size_t i = 0; i < count; i++)
		conf_mask_add(m, slice_str(list[i].value));
}

void preview_mask_init(struct preview_mask *m, const struct conf *conf,
	const struct conf_connection *connection)
{
	const struct request_parameters *p = &connection->parameters;

	*m = (struct preview_mask){.conf = conf};
	add_values(&m->parameters, p->query, p->query_count);
	add_values(&m->parameters, p->body, p->body_count);
	add_values(&m->parameters, p->header, p->header_count);
}

void preview_mask_release(struct preview_mask *m)
{
	conf_mask_release(&m->parameters);
}

void preview_mask_text(const struct preview_mask *m, struct slice text, struct buf *out)
{
	struct buf once;

	buf_init(&once, BUF_UNLIMITED);
	conf_mask_text(m->conf, text, &once);
	conf_mask_apply(&m->parameters, buf_slice(&once), out);
	buf_release(&once);
}

/* --- making ----------------------------------------------------------------------------- */

static void add_text(const struct preview_mask *mask, struct slice text, struct buf *out)
{
	if (mask != NULL)
		preview_mask_text(mask, text, out);
	else
		buf_add_slice(out, text);
}

static bool is_name(const char *name, const char *line)
{
	size_t len = strcspn(line, ":");

	return strlen(name) == len && strncasecmp(name, line, len) == 0;
}

static bool is_of_connection(const struct request_parameters *p, const char *line)
{
	for (size_t i = 0; i < p->header_count; i++)
		if (is_name(p->header[i].name, line))
			return true;
	return false;
}

static bool is_query_of_connection(const struct request_parameters *p, struct slice name)
{
	bool found = false;
	struct buf spelled;

	buf_init(&spelled, BUF_UNLIMITED);
	for (size_t i = 0; i < p->query_count && !found; i++) {
		buf_reset(&spelled);
		form_add_percent(&spelled, slice_str(p->query[i].name));
		found = slice_eq(buf_slice(&spelled), name);
	}
	buf_release(&spelled);
	return found;
}

/* The connection's query parameters are hidden whatever their length, as its headers are. */
static void add_url(const struct preview_mask *mask, const struct request_parameters *p,
	const char *url, struct buf *out)
{
	size_t len = strcspn(url, "?");

	add_text(mask, slice_of(url, len), out);
	while (url[len] != '\0') {
		const char *pair = url + len + 1;
		size_t name = strcspn(pair, "=&"), whole = strcspn(pair, "&");

		buf_add_char(out, url[len]);
		if (mask != NULL && is_query_of_connection(p, slice_of(pair, name)))
			buf_addf(out, "%.*s=" CONF_MASK_TEXT, (int)name, pair);
		else
			add_text(mask, slice_of(pair, whole), out);
		len += 1 + whole;
	}
}

static void add_header(const struct preview_mask *mask, const struct request_parameters *p,
	const char *line, struct buf *out)
{
	if (mask != NULL && is_of_connection(p, line))
		buf_addf(out, "%.*s: " CONF_MASK_TEXT, (int)strcspn(line, ":"), line);
	else
		add_text(mask, slice_str(line), out);
	buf_add_char(out, '\n');
}

/* What the connection adds at each attempt. */
static void add_credentials(const struct connection_settings *s, struct buf *out)
{
	switch (s->type) {
	case CONNECTION_NONE:
		break;
	case CONNECTION_BASIC:
		buf_add_str(out, "Authorization: Basic " CONF_MASK_TEXT "\n");
		break;
	case CONNECTION_API_KEY:
		buf_addf(out, "%s: " CONF_MASK_TEXT "\n", s->api_key_name);
		break;
	case CONNECTION_OAUTH_CLIENT_CREDENTIALS:
	case CONNECTION_BEARER:
		buf_add_str(out, "Authorization: Bearer " CONF_MASK_TEXT "\n");
		break;
	case CONNECTION_AWS_SIGV4:
		buf_add_str(out, "X-Amz-Date: " CONF_MASK_TEXT "\n");
		if (s->aws_session_token != NULL)
			buf_add_str(out, "X-Amz-Security-Token: " CONF_MASK_TEXT "\n");
		buf_add_str(out, "Authorization: AWS4-HMAC-SHA256 " CONF_MASK_TEXT "\n");
		break;
	case CONNECTION_STANDARD_WEBHOOKS:
		buf_add_str(out,
			"webhook-id: " CONF_MASK_TEXT "\nwebhook-timestamp: " CONF_MASK_TEXT
			"\nwebhook-signature: " CONF_MASK_TEXT "\n");
		break;
	}
}

void preview_show(const struct preview *p, const struct conf_target *target,
	const struct preview_mask *mask, struct preview_shown *ret)
{
	const struct conf_connection *c = target->destination->connection;
	const char *line = p->request.headers.data;

	*ret = (struct preview_shown){
		.method = p->request.method, .has_body = p->request.has_body};
	buf_init(&ret->url, BUF_UNLIMITED);
	buf_init(&ret->headers, BUF_UNLIMITED);
	buf_init(&ret->body, BUF_UNLIMITED);
	add_url(mask, &c->parameters, buf_str(&p->request.url), &ret->url);
	for (size_t i = 0; i < p->request.header_count; i++, line += strlen(line) + 1)
		add_header(mask, &c->parameters, line, &ret->headers);
	add_credentials(&c->settings, &ret->headers);
	if (ret->has_body)
		add_text(mask, p->request.body, &ret->body);
}

void preview_shown_release(struct preview_shown *s)
{
	buf_release(&s->url);
	buf_release(&s->headers);
	buf_release(&s->body);
}

/* --- for people ------------------------------------------------------------------------- */

/* An event may hold what a terminal takes for commands. */
void preview_print_lines(struct slice text, const char *indent, struct buf *out)
{
	while (text.len > 0) {
		const char *end = memchr(text.data, '\n', text.len);
		size_t len = end != NULL ? (size_t)(end - text.data) : text.len;

		buf_add_str(out, indent);
		buf_add_printable(out, slice_of(text.data, len));
		buf_add_char(out, '\n');
		len += end != NULL;
		text = slice_of(text.data + len, text.len - len);
	}
}

void preview_shown_print(const struct preview_shown *s, const char *indent, struct buf *out)
{
	buf_addf(out, "%s%s %s\n", indent, s->method, buf_str(&s->url));
	preview_print_lines(buf_slice(&s->headers), indent, out);
	if (!s->has_body)
		return;
	buf_add_char(out, '\n');
	preview_print_lines(buf_slice(&s->body), indent, out);
}

/* --- for programs ----------------------------------------------------------------------- */

static void write_headers(struct json_writer *w, const char *line)
{
	jw_open(w, "headers", '[');
	for (; *line != '\0'; line += strcspn(line, "\n") + 1) {
		size_t name = strcspn(line, ":"), len = strcspn(line, "\n");
		size_t value = name + 1 + strspn(line + name + 1, " ");

		jw_open(w, NULL, '{');
		jw_text(w, "name", slice_of(line, name));
		jw_text(w, "value", slice_of(line + value, len > value ? len - value : 0));
		jw_close(w);
	}
	jw_close(w);
}

void preview_shown_write(const struct preview_shown *s, struct json_writer *w)
{
	jw_open(w, "request", '{');
	jw_text(w, "method", slice_str(s->method));
	jw_text(w, "url", buf_slice(&s->url));
	write_headers(w, buf_str(&s->headers));
	jw_text(w, "body",
		s->has_body ? slice_of(buf_str(&s->body), s->body.len) : slice_of(NULL, 0));
	jw_close(w);
}
