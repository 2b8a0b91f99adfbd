/* SPDX-License-Identifier: Apache-2.0 */
#include "core/auth/sigv4.h"

#include <stdio.h>
#include <stdlib.h>
#include <strings.h>

#include "base/time_text.h"
#include "core/request/form.h"
#include "core/auth/sha256.h"

#define DATE_CHARS 8 /* 20150830 */

struct sigv4 {
	struct sha256 *sha256;
	char *key_id, *secret_key, *session_token, *region, *service;
	size_t secret_len, token_len;
	char day[DATE_CHARS + 1]; /* of day_key */
	struct sha256_key day_key;
	struct buf canonical, names, scratch;
};

/* A query parameter or a header, for sorting. */
struct pair {
	struct slice name, value;
};

struct sigv4 *sigv4_new(const struct sigv4_settings *s)
{
	struct sigv4 *v = xcalloc(1, sizeof *v);

	v->sha256 = sha256_new();
	v->key_id = xmemdup(s->key_id.data, s->key_id.len);
	v->secret_key = xmemdup(s->secret_key.data, s->secret_key.len);
	v->secret_len = s->secret_key.len;
	v->session_token = xmemdup(s->session_token.data, s->session_token.len);
	v->token_len = s->session_token.len;
	v->region = xstrdup(s->region);
	v->service = xstrdup(s->service);
	buf_init(&v->canonical, BUF_UNLIMITED);
	buf_init(&v->names, BUF_UNLIMITED);
	buf_init(&v->scratch, BUF_UNLIMITED);
	return v;
}

void sigv4_free(struct sigv4 *v)
{
	if (v == NULL)
		return;
	explicit_bzero(v->secret_key, v->secret_len);
	explicit_bzero(v->session_token, v->token_len);
	explicit_bzero(&v->day_key, sizeof v->day_key);
	if (v->canonical.data != NULL) /* has the session token */
		explicit_bzero(v->canonical.data, v->canonical.cap);
	free(v->key_id);
	free(v->secret_key);
	free(v->session_token);
	free(v->region);
	free(v->service);
	sha256_free(v->sha256);
	buf_release(&v->canonical);
	buf_release(&v->names);
	buf_release(&v->scratch);
	free(v);
}

bool sigv4_equal(const struct sigv4 *a, const struct sigv4 *b)
{
	return strcmp(a->key_id, b->key_id) == 0 &&
	       slice_eq(slice_of(a->secret_key, a->secret_len),
		       slice_of(b->secret_key, b->secret_len)) &&
	       slice_eq(slice_of(a->session_token, a->token_len),
		       slice_of(b->session_token, b->token_len)) &&
	       strcmp(a->region, b->region) == 0 && strcmp(a->service, b->service) == 0;
}

/* --- The URL. --- */

struct url_parts {
	struct slice host, path, query;
};

/* As libcurl sends the Host header: without user, and without the scheme's own port. */
static struct slice host_of(struct slice authority, bool is_https)
{
	const char *at = memrchr(authority.data, '@', authority.len);
	struct slice port = is_https ? SLICE(":443") : SLICE(":80");

	if (at != NULL)
		authority = slice_of(at + 1, authority.len - (size_t)(at + 1 - authority.data));
	if (authority.len > port.len &&
		memcmp(authority.data + authority.len - port.len, port.data, port.len) == 0)
		authority.len -= port.len;
	return authority;
}

static struct url_parts split_url(const char *url)
{
	const char *authority = strstr(url, "://");
	const char *path, *query;
	struct url_parts u;

	authority = authority ? authority + 3 : url;
	path = authority + strcspn(authority, "/?#");
	query = path + strcspn(path, "?#");
	u.host = host_of(slice_of(authority, (size_t)(path - authority)),
		strncasecmp(url, "https:", 6) == 0);
	u.path = path == query ? SLICE("/") : slice_of(path, (size_t)(query - path));
	u.query = *query == '?' ? slice_of(query + 1, strcspn(query + 1, "#")) : SLICE("");
	return u;
}

/* All services but S3 want what is encoded on the wire encoded once more. */
static void add_path(struct sigv4 *v, struct slice path)
{
	if (strcmp(v->service, "s3") == 0) {
		buf_add_slice(&v->canonical, path);
		return;
	}
	while (path.len > 0) {
		const char *slash = memchr(path.data, '/', path.len);
		size_t len = slash ? (size_t)(slash - path.data) : path.len;

		form_add_percent(&v->canonical, slice_of(path.data, len));
		if (slash != NULL)
			buf_add_char(&v->canonical, '/');
		len += slash != NULL;
		path = slice_of(path.data + len, path.len - len);
	}
}

static int compare_slices(struct slice a, struct slice b)
{
	size_t len = a.len < b.len ? a.len : b.len;
	int order = len > 0 ? memcmp(a.data, b.data, len) : 0;

	return order ? order : (a.len > b.len) - (a.len < b.len);
}

static int compare_pairs(const void *x, const void *y)
{
	const struct pair *a = x, *b = y;
	int order = compare_slices(a->name, b->name);

	return order ? order : compare_slices(a->value, b->value);
}

static struct pair split_parameter(struct slice text)
{
	const char *equals = text.len ? memchr(text.data, '=', text.len) : NULL;
	size_t len = equals ? (size_t)(equals - text.data) : text.len;

	return (struct pair){slice_of(text.data, len),
		equals ? slice_of(equals + 1, text.len - len - 1) : SLICE("")};
}

/* The query as it stands on the wire, sorted; a name without a value has an empty one. */
static void add_query(struct sigv4 *v, struct slice query)
{
	struct pair *pairs;
	size_t most = 1, count = 0;

	for (size_t i = 0; i < query.len; i++)
		most += query.data[i] == '&';
	pairs = xcalloc(most, sizeof *pairs);
	while (query.len > 0) {
		const char *end = memchr(query.data, '&', query.len);
		size_t len = end ? (size_t)(end - query.data) : query.len;

		if (len > 0)
			pairs[count++] = split_parameter(slice_of(query.data, len));
		len += end != NULL;
		query = slice_of(query.data + len, query.len - len);
	}
	qsort(pairs, count, sizeof *pairs, compare_pairs);
	for (size_t i = 0; i < count; i++) {
		if (i > 0)
			buf_add_char(&v->canonical, '&');
		buf_add_slice(&v->canonical, pairs[i].name);
		buf_add_char(&v->canonical, '=');
		buf_add_slice(&v->canonical, pairs[i].value);
	}
	free(pairs);
}

/* --- Headers. --- */

static struct slice trimmed(struct slice s)
{
	while (s.len > 0 && (s.data[0] == ' ' || s.data[0] == '\t'))
		s = slice_of(s.data + 1, s.len - 1);
	while (s.len > 0 && (s.data[s.len - 1] == ' ' || s.data[s.len - 1] == '\t'))
		s.len--;
	return s;
}

static bool is_signed(struct slice name)
{
	return slice_ieq(name, SLICE("content-type")) ||
	       (name.len > 6 && strncasecmp(name.data, "x-amz-", 6) == 0);
}

static size_t signed_headers(const struct sigv4_request *r, struct pair *pairs)
{
	const char *line = r->headers;
	size_t count = 0;

	for (size_t i = 0; i < r->header_count; i++, line += strlen(line) + 1) {
		size_t len = strcspn(line, ":");

		if (line[len] == ':' && is_signed(slice_of(line, len)))
			pairs[count++] = (struct pair){
				slice_of(line, len), trimmed(slice_str(line + len + 1))};
	}
	return count;
}

static int compare_names(const void *x, const void *y)
{
	const struct pair *a = x, *b = y;
	size_t len = a->name.len < b->name.len ? a->name.len : b->name.len;
	int order = strncasecmp(a->name.data, b->name.data, len);

	return order ? order : (a->name.len > b->name.len) - (a->name.len < b->name.len);
}

static void add_lower(struct buf *out, struct slice s)
{
	for (size_t i = 0; i < s.len; i++)
		buf_add_char(out, s.data[i] >= 'A' && s.data[i] <= 'Z' ? (char)(s.data[i] | 32)
								       : s.data[i]);
}

/* Runs of spaces count as one. */
static void add_value(struct buf *out, struct slice s)
{
	for (size_t i = 0; i < s.len; i++)
		if (s.data[i] != ' ' || s.data[i - 1] != ' ')
			buf_add_char(out, s.data[i]);
}

/* The canonical headers, and in v->names the list of what they are. */
static void add_headers(
	struct sigv4 *v, const struct sigv4_request *r, struct slice host, const char *time)
{
	struct pair *pairs = xcalloc(r->header_count + 3, sizeof *pairs);
	size_t count = signed_headers(r, pairs);

	pairs[count++] = (struct pair){SLICE("host"), host};
	pairs[count++] = (struct pair){SLICE("x-amz-date"), slice_str(time)};
	if (v->token_len > 0)
		pairs[count++] = (struct pair){SLICE("x-amz-security-token"),
			slice_of(v->session_token, v->token_len)};
	qsort(pairs, count, sizeof *pairs, compare_names);
	buf_reset(&v->names);
	for (size_t i = 0; i < count; i++) {
		add_lower(&v->canonical, pairs[i].name);
		buf_add_char(&v->canonical, ':');
		add_value(&v->canonical, pairs[i].value);
		buf_add_char(&v->canonical, '\n');
		if (i > 0)
			buf_add_char(&v->names, ';');
		add_lower(&v->names, pairs[i].name);
	}
	free(pairs);
}

/* --- Signing. --- */

static void derive(struct sigv4 *v, const char *from, struct sha256_key *k)
{
	unsigned char next[SHA256_BYTES];
	struct slice part = slice_str(from);

	sha256_hmac(v->sha256, k, &part, 1, next);
	sha256_key_set(v->sha256, k, slice_of((char *)next, sizeof next));
	explicit_bzero(next, sizeof next);
}

static void make_day_key(struct sigv4 *v, const char *time)
{
	char *first;

	if (memcmp(v->day, time, DATE_CHARS) == 0)
		return;
	memcpy(v->day, time, DATE_CHARS);
	first = xasprintf("AWS4%s", v->secret_key);
	sha256_key_set(v->sha256, &v->day_key, slice_str(first));
	explicit_bzero(first, strlen(first));
	free(first);
	derive(v, v->day, &v->day_key);
	derive(v, v->region, &v->day_key);
	derive(v, v->service, &v->day_key);
	derive(v, "aws4_request", &v->day_key);
}

static void add_hash(struct sigv4 *v, struct slice text, struct buf *out)
{
	unsigned char hash[SHA256_BYTES];

	sha256_hash(v->sha256, &text, 1, hash);
	sha256_add_hex(out, hash);
}

static void make_canonical(struct sigv4 *v, const struct sigv4_request *r, const char *time)
{
	struct url_parts u = split_url(r->url);

	buf_reset(&v->canonical);
	buf_add_str(&v->canonical, r->method);
	buf_add_char(&v->canonical, '\n');
	add_path(v, u.path);
	buf_add_char(&v->canonical, '\n');
	add_query(v, u.query);
	buf_add_char(&v->canonical, '\n');
	add_headers(v, r, u.host, time);
	buf_add_char(&v->canonical, '\n');
	buf_add_slice(&v->canonical, buf_slice(&v->names));
	buf_add_char(&v->canonical, '\n');
	add_hash(v, r->body, &v->canonical);
}

void sigv4_sign(struct sigv4 *v, const struct sigv4_request *r, struct header_writer *w)
{
	char time[TIME_TEXT_BASIC_BYTES], scope[160];
	unsigned char signature[SHA256_BYTES];
	struct slice to_sign;

	time_text_format_basic(r->wall_ms, time);
	make_day_key(v, time);
	make_canonical(v, r, time);
	snprintf(scope, sizeof scope, "%s/%s/%s/aws4_request", v->day, v->region, v->service);
	buf_reset(&v->scratch);
	buf_addf(&v->scratch, "AWS4-HMAC-SHA256\n%s\n%s\n", time, scope);
	add_hash(v, buf_slice(&v->canonical), &v->scratch);
	to_sign = buf_slice(&v->scratch);
	sha256_hmac(v->sha256, &v->day_key, &to_sign, 1, signature);
	/* All values were looked at when the signer was made. */
	(void)!header_add(w, SLICE("X-Amz-Date"), slice_str(time), NULL);
	if (v->token_len > 0)
		(void)!header_add(w, SLICE("X-Amz-Security-Token"),
			slice_of(v->session_token, v->token_len), NULL);
	header_begin(w, SLICE("Authorization"));
	buf_addf(w->lines,
		"AWS4-HMAC-SHA256 Credential=%s/%s, SignedHeaders=%s, Signature=", v->key_id,
		scope, v->names.data);
	sha256_add_hex(w->lines, signature);
	(void)!header_end(w, NULL);
}
