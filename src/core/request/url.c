/* SPDX-License-Identifier: Apache-2.0 */
/* The URL of a request: the configured endpoint checked, its `*` filled and percent-encoded,
 * query parameters added. Nothing of an event can reach scheme, host or port. */
#include "plan.h"

#include <stdio.h>
#include <stdlib.h>
#include <strings.h>

#include "core/request/form.h"

static bool is_digits(struct slice s)
{
	for (size_t i = 0; i < s.len; i++)
		if (s.data[i] < '0' || s.data[i] > '9')
			return false;
	return true;
}

/* Where host and port of @url begin, or NULL when it is neither http nor https. */
static const char *skip_scheme(const char *url)
{
	if (strncasecmp(url, "https://", 8) == 0)
		return url + 8;
	if (strncasecmp(url, "http://", 7) == 0)
		return url + 7;
	return NULL;
}

static int check_port(struct slice port, struct err *err)
{
	long number = port.len > 0 && port.len <= 5 && is_digits(port)
			      ? strtol(port.data, NULL, 10)
			      : 0;

	if (number < 1 || number > 65535)
		return err_set(err, ERR_INVALID, "the port '%.*s' is not in 1 to 65535",
			(int)min_i64((int64_t)port.len, 32), port.data);
	return 0;
}

static int check_authority(struct slice a, struct err *err)
{
	const char *closing = a.len > 0 ? memchr(a.data, ']', a.len) : NULL;
	const char *host_end, *colon;

	if (a.len > 0 && memchr(a.data, '@', a.len) != NULL)
		return err_set(err, ERR_INVALID,
			"it holds a user or password; credentials belong into a connection");
	if (a.len > 0 && memchr(a.data, '*', a.len) != NULL)
		return err_set(err, ERR_INVALID,
			"a star cannot stand in the host, only in the path and the query");
	host_end = closing != NULL ? closing + 1 : a.data;
	colon = memchr(host_end, ':', (size_t)(a.data + a.len - host_end));
	if (a.len == 0 || colon == a.data)
		return err_set(err, ERR_INVALID, "it has no host");
	if (a.data[0] == '[' &&
		(closing == NULL || (colon == NULL && closing + 1 != a.data + a.len)))
		return err_set(err, ERR_INVALID, "the address in brackets is not closed well");
	if (colon == NULL)
		return 0;
	return check_port(slice_of(colon + 1, (size_t)(a.data + a.len - colon - 1)), err);
}

/* Does the segment [@p, @end) mean "here" or "one up" to those who read URLs? */
static bool is_dots(const char *p, const char *end)
{
	int dots = 0;

	while (p < end) {
		if (*p == '.')
			p++;
		else if (end - p >= 3 && strncasecmp(p, "%2e", 3) == 0)
			p += 3;
		else
			return false;
		dots++;
	}
	return dots == 1 || dots == 2;
}

/* Is there such a segment in the path that begins at @p? */
static bool has_dots(const char *p)
{
	while (*p == '/') {
		size_t len = strcspn(p + 1, "/?");

		if (is_dots(p + 1, p + 1 + len))
			return true;
		p += 1 + len;
	}
	return false;
}

/* http or https, a host, no user, no fragment, stars in path and query only, not too long. */
int request_check_endpoint(const char *endpoint, struct err *err)
{
	const char *host = skip_scheme(endpoint);
	size_t host_len;

	if (host == NULL)
		return err_set(err, ERR_INVALID,
			"it has to begin with https:// (or http://, if that is allowed)");
	if (strlen(endpoint) > REQUEST_MAX_ENDPOINT_BYTES)
		return err_set(err, ERR_INVALID, "it is longer than %d bytes",
			REQUEST_MAX_ENDPOINT_BYTES);
	for (const char *p = endpoint; *p != '\0'; p++)
		if ((unsigned char)*p <= ' ' || (unsigned char)*p >= 0x7f ||
			strchr("\"<>\\^`{|}", *p) != NULL)
			return err_set(err, ERR_INVALID,
				"byte %zu (0x%02x) cannot stand in a URL; percent-encode it",
				(size_t)(p - endpoint) + 1, (unsigned char)*p);
	if (strchr(endpoint, '#') != NULL)
		return err_set(err, ERR_INVALID,
			"it has a fragment (#…), which is never sent to a server");
	host_len = strcspn(host, "/?");
	if (check_authority(slice_of(host, host_len), err) != 0)
		return ERR_INVALID;
	if (has_dots(host + host_len))
		return err_set(err, ERR_INVALID, "its path holds a segment of dots");
	return 0;
}

static bool is_blank(struct slice s)
{
	for (size_t i = 0; i < s.len; i++)
		if ((unsigned char)s.data[i] > ' ')
			return false;
	return true;
}

static void compile_star(struct request_url *u, const char *value, size_t index, bool in_path,
	struct request_complaints *c)
{
	char field[64];
	struct request_part *part;
	struct err err;

	snprintf(field, sizeof field, "path_parameter_values[%zu]", index);
	u->check_segments = u->check_segments || in_path;
	if (!value_source_is_dynamic(slice_str(value))) {
		if (is_blank(slice_str(value)))
			request_fault(c, field, "a path value cannot be blank");
		else if (strstr(value, "$.") != NULL)
			request_warn(c, field,
				"it is sent as it is, since a path has to be the whole "
				"value");
		form_add_percent(&u->tail, slice_str(value));
		return;
	}
	part = &u->parts[u->part_count++];
	part->before = u->tail;
	buf_init(&u->tail, BUF_UNLIMITED);
	part->field = xstrdup(field);
	part->source = value_source_compile(slice_str(value), &err);
	if (part->source == NULL)
		request_fault(c, field, "%s", err.text);
}

/* Split the endpoint at its stars. */
static void compile_endpoint(
	struct request_url *u, const struct request_settings *s, struct request_complaints *c)
{
	size_t given = s->target ? s->target->path_value_count : 0, stars = 0;
	const char *path = skip_scheme(s->endpoint), *at = s->endpoint;
	const char *query = strchr(s->endpoint, '?');

	path += strcspn(path, "/?");
	u->path_at = (size_t)(path - s->endpoint);
	u->has_query = query != NULL;
	u->parts = xcalloc(given + 1, sizeof *u->parts);
	for (const char *star; (star = strchr(at, '*')) != NULL; at = star + 1) {
		buf_add(&u->tail, at, (size_t)(star - at));
		if (stars < given)
			compile_star(u, s->target->path_values[stars], stars,
				query == NULL || star < query, c);
		stars++;
	}
	buf_add_str(&u->tail, at);
	if (stars != given)
		request_fault(c, "path_parameter_values",
			"there are %zu values for the %zu stars of the endpoint %s", given,
			stars, s->endpoint);
}

static void compile_query(
	struct request_url *u, const struct request_settings *s, struct request_complaints *c)
{
	struct request_entries merged;
	struct request_part *part;

	request_entries_merge(&merged, s, REQUEST_QUERY_PARAMETERS, c);
	u->query = xcalloc(merged.count + 1, sizeof *u->query);
	for (size_t i = 0; i < merged.count; i++) {
		const struct request_entry *e = &merged.entries[i];
		struct buf *out = &u->tail;

		if (e->dynamic) {
			part = &u->query[u->query_count++];
			part->source = request_entry_compile(e, c);
			part->field = xstrdup(e->field);
			out = &part->before;
			buf_init(out, BUF_UNLIMITED);
		} else {
			buf_add_char(out, u->has_query ? '&' : '?');
			u->has_query = true;
		}
		form_add_percent(out, slice_str(e->name));
		buf_add_char(out, '=');
		if (!e->dynamic)
			form_add_percent(out, slice_str(e->value));
	}
	request_entries_release(&merged);
}

void request_url_compile(
	struct request_url *u, const struct request_settings *s, struct request_complaints *c)
{
	struct err err;

	buf_init(&u->tail, BUF_UNLIMITED);
	buf_init(&u->constant, BUF_UNLIMITED);
	if (request_check_endpoint(s->endpoint, &err) != 0) {
		request_fault(c, "endpoint", "%s", err.text);
		return;
	}
	compile_endpoint(u, s, c);
	compile_query(u, s, c);
	u->is_constant = u->part_count == 0 && u->query_count == 0;
	if (u->part_count == 0 && has_dots(buf_str(&u->tail) + u->path_at))
		request_fault(c, "path_parameter_values",
			"a value makes a segment of dots, which means another path");
	if (!u->is_constant)
		return;
	buf_add_slice(&u->constant, buf_slice(&u->tail));
	if (u->constant.len > REQUEST_MAX_URL_BYTES)
		request_fault(c, "endpoint", "the URL is longer than %d bytes",
			REQUEST_MAX_URL_BYTES);
}

void request_url_release(struct request_url *u)
{
	for (size_t i = 0; i < u->part_count; i++)
		request_part_release(&u->parts[i]);
	for (size_t i = 0; i < u->query_count; i++)
		request_part_release(&u->query[i]);
	free(u->parts);
	free(u->query);
	buf_release(&u->tail);
	buf_release(&u->constant);
}

static int render_star(const struct request_part *part, const struct value_context *c,
	struct request *r, struct request_failure *f)
{
	struct value v;
	struct slice text;
	int failed;

	buf_add_slice(&r->url, buf_slice(&part->before));
	failed = request_read_part(part, c, r, &v, f);
	if (failed)
		return failed;
	if (v.kind == VALUE_MISSING)
		return request_fail_parameter(f, part, "is not in the event");
	if (v.kind == VALUE_NULL)
		return request_fail_parameter(f, part, "is null in the event");
	text = value_characters(&v, &r->work->of_template.value);
	if (is_blank(text))
		return request_fail_parameter(f, part, "is blank in the event");
	form_add_percent(&r->url, text);
	return 0;
}

static int render_query(const struct request_url *u, const struct value_context *c,
	struct request *r, struct request_failure *f)
{
	bool has_query = u->has_query;

	for (size_t i = 0; i < u->query_count; i++) {
		struct value v;
		int failed = request_read_part(&u->query[i], c, r, &v, f);

		if (failed)
			return failed;
		if (v.kind == VALUE_MISSING || v.kind == VALUE_NULL)
			continue;
		buf_add_char(&r->url, has_query ? '&' : '?');
		has_query = true;
		buf_add_slice(&r->url, buf_slice(&u->query[i].before));
		form_add_percent(&r->url, value_characters(&v, &r->work->of_template.value));
	}
	return 0;
}

int request_url_render(const struct request_url *u, const struct value_context *c,
	struct request *r, struct request_failure *f)
{
	int failed;

	if (u->is_constant) {
		buf_add_slice(&r->url, buf_slice(&u->constant));
		return 0;
	}
	for (size_t i = 0; i < u->part_count; i++) {
		failed = render_star(&u->parts[i], c, r, f);
		if (failed)
			return failed;
	}
	buf_add_slice(&r->url, buf_slice(&u->tail));
	if (u->check_segments && has_dots(buf_str(&r->url) + u->path_at))
		return request_fail_parameter(f, &u->parts[0],
			"makes a path segment of dots, which would mean another path");
	failed = render_query(u, c, r, f);
	if (failed)
		return failed;
	if (buf_failed(&r->url) || r->url.len > REQUEST_MAX_URL_BYTES) {
		f->code = "INVALID_PARAMETER";
		return err_set(f->err, ERR_INVALID, "the URL is longer than %d bytes",
			REQUEST_MAX_URL_BYTES);
	}
	return 0;
}
