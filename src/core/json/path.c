/* SPDX-License-Identifier: Apache-2.0 */
#include "core/json/path.h"

#include <stdlib.h>

#include "base/utf8.h"

#define SUPPORTED "supported are $, .name, ['name'], [0], [*] and .*"

enum step_kind {
	STEP_KEY,
	STEP_INDEX,
	STEP_ANY,
};

struct path_step {
	enum step_kind kind;
	uint32_t hash;    /* of the key */
	struct slice key; /* in the path's own keys */
	size_t index;
};

struct path {
	struct path_step *steps;
	size_t count, cap;
	struct buf keys; /* decoded; its maximum is reserved at once, so nothing in it moves */
	bool wildcard;
};

/* The text under compilation and how far it has been read. */
struct path_reader {
	struct slice text;
	size_t at;
	struct err *err;
};

static bool at_end(const struct path_reader *r)
{
	return r->at == r->text.len;
}

static char peek(const struct path_reader *r)
{
	return at_end(r) ? '\0' : r->text.data[r->at];
}

static int refuse_path(struct path_reader *r, const char *why)
{
	unsigned line, column;

	jx_locate(r->text, r->at, &line, &column);
	return err_set(r->err, ERR_INVALID, "path '%.*s', column %u: %s (" SUPPORTED ")",
		(int)min_i64((int64_t)r->text.len, 256), r->text.data, column, why);
}

static struct path_step *step_add(struct path *p, enum step_kind kind)
{
	if (p->count == p->cap) {
		p->cap = p->cap ? p->cap * 2 : 4;
		p->steps = xreallocarray(p->steps, p->cap, sizeof *p->steps);
	}
	p->steps[p->count] = (struct path_step){.kind = kind};
	if (kind == STEP_ANY)
		p->wildcard = true;
	return &p->steps[p->count++];
}

/* A key that stands in the path's buffer from @start on. */
static void key_add(struct path *p, size_t start)
{
	struct path_step *s = step_add(p, STEP_KEY);

	s->key = slice_of(p->keys.data + start, p->keys.len - start);
	s->hash = jx_key_hash(s->key);
}

static bool is_name(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
	       c == '_' || c == '-' || c == '/' || (unsigned char)c >= 0x80;
}

static int read_dot(struct path *p, struct path_reader *r)
{
	size_t start = p->keys.len;

	r->at++;
	if (peek(r) == '*') {
		r->at++;
		step_add(p, STEP_ANY);
		return 0;
	}
	if (peek(r) == '.')
		return refuse_path(r, "recursive descent (..) is not supported");
	while (!at_end(r) && is_name(peek(r)))
		buf_add_char(&p->keys, r->text.data[r->at++]);
	if (p->keys.len == start)
		return refuse_path(
			r, at_end(r) ? "a name is missing behind the dot"
				     : "a name cannot begin so; write ['name'] if it does");
	key_add(p, start);
	return 0;
}

/* The four hexadecimal digits at @p, which lie before @end, or -1. */
static int32_t hex4(const char *p, const char *end)
{
	int32_t unit = 0;

	if (end - p < 4)
		return -1;
	for (int i = 0; i < 4; i++) {
		char c = p[i];

		if (c >= '0' && c <= '9')
			unit = unit * 16 + (c - '0');
		else if ((c | 0x20) >= 'a' && (c | 0x20) <= 'f')
			unit = unit * 16 + ((c | 0x20) - 'a' + 10);
		else
			return -1;
	}
	return unit;
}

/* A \u escape, whose 'u' is the next byte. */
static int read_unicode(struct path *p, struct path_reader *r)
{
	const char *end = r->text.data + r->text.len, *digits = r->text.data + r->at + 1;
	int32_t code = hex4(digits, end), low;
	char bytes[UTF8_MAX_BYTES];

	digits += 4;
	if (code >= 0xd800 && code < 0xdc00 && end - digits > 6 && digits[0] == '\\' &&
		digits[1] == 'u') {
		low = hex4(digits + 2, end);
		if (low < 0xdc00 || low > 0xdfff)
			return refuse_path(r, "a surrogate without its other half");
		code = 0x10000 + ((code - 0xd800) << 10) + (low - 0xdc00);
		digits += 6;
	}
	if (code < 0 || (code >= 0xd800 && code < 0xe000))
		return refuse_path(r, "\\u needs four hexadecimal digits of a character");
	buf_add(&p->keys, bytes, utf8_encode((uint32_t)code, bytes));
	r->at = (size_t)(digits - r->text.data);
	return 0;
}

/* An escape, whose backslash is the next byte. */
static int read_escape(struct path *p, struct path_reader *r)
{
	static const char from[] = "bfnrt'\"\\/", to[] = "\b\f\n\r\t'\"\\/";
	const char *known;

	r->at++;
	if (peek(r) == 'u')
		return read_unicode(p, r);
	known = at_end(r) ? NULL : memchr(from, peek(r), sizeof from - 1);
	if (known == NULL)
		return refuse_path(r, "an unknown escape; a backslash is written \\\\");
	buf_add_char(&p->keys, to[known - from]);
	r->at++;
	return 0;
}

static int read_quoted(struct path *p, struct path_reader *r)
{
	size_t start = p->keys.len;

	r->at++;
	while (!at_end(r) && peek(r) != '\'') {
		if (peek(r) == '\\') {
			if (read_escape(p, r) != 0)
				return ERR_INVALID;
		} else {
			buf_add_char(&p->keys, r->text.data[r->at++]);
		}
	}
	if (at_end(r))
		return refuse_path(r, "the quote is not closed");
	r->at++;
	key_add(p, start);
	return 0;
}

static int read_index(struct path *p, struct path_reader *r)
{
	size_t index = 0;

	for (; peek(r) >= '0' && peek(r) <= '9'; r->at++) {
		index = index * 10 + (size_t)(peek(r) - '0');
		if (index >= UINT32_MAX)
			return refuse_path(r, "the index is too large");
	}
	step_add(p, STEP_INDEX)->index = index;
	return 0;
}

/* What people know from other dialects and would like to know about. */
static const char *bracket_fault(char c)
{
	switch (c) {
	case '\0':
		return "the bracket is not closed";
	case '-':
		return "an index counts from 0 and cannot be negative";
	case '?':
	case '(':
		return "filters and expressions are not supported";
	case '"':
		return "a name in brackets must be in single quotes";
	case ':':
		return "slices are not supported";
	case ',':
		return "unions are not supported";
	default:
		return "expected an index, a star or a name in single quotes";
	}
}

static int read_bracket(struct path *p, struct path_reader *r)
{
	char c;
	int failed = 0;

	r->at++;
	c = peek(r);
	if (c == '*') {
		r->at++;
		step_add(p, STEP_ANY);
	} else if (c == '\'') {
		failed = read_quoted(p, r);
	} else if (c >= '0' && c <= '9') {
		failed = read_index(p, r);
	} else {
		return refuse_path(r, bracket_fault(c));
	}
	if (failed)
		return failed;
	if (peek(r) != ']') {
		c = peek(r);
		return refuse_path(r, c == ':' || c == ',' || c == '\0'
					      ? bracket_fault(c)
					      : "expected a closing bracket");
	}
	r->at++;
	return 0;
}

static int read_steps(struct path *p, struct path_reader *r)
{
	if (peek(r) != '$')
		return refuse_path(r, "a path begins with $");
	r->at++;
	while (!at_end(r)) {
		int failed;

		if (peek(r) == '.')
			failed = read_dot(p, r);
		else if (peek(r) == '[')
			failed = read_bracket(p, r);
		else
			return refuse_path(r, "expected a dot, a bracket or the end");
		if (failed)
			return failed;
	}
	return 0;
}

static bool is_utf8(struct slice text)
{
	const char *p = text.data, *end = text.data + text.len;
	uint32_t code;
	unsigned len;

	for (; p < end; p += len) {
		len = utf8_decode(p, end, &code);
		if (len == 0)
			return false;
	}
	return true;
}

struct path *path_compile(struct slice text, struct err *err)
{
	struct path_reader r = {.text = text, .err = err};
	struct path *p;

	if (!is_utf8(text)) {
		err_set(err, ERR_INVALID, "the path is not UTF-8");
		return NULL;
	}
	p = xcalloc(1, sizeof *p);
	/* Decoding never makes a key longer, so this room is enough and nothing moves. */
	buf_init(&p->keys, text.len);
	buf_reserve(&p->keys, text.len);
	if (read_steps(p, &r) != 0) {
		path_free(p);
		return NULL;
	}
	return p;
}

void path_free(struct path *p)
{
	if (p == NULL)
		return;
	buf_release(&p->keys);
	free(p->steps);
	free(p);
}

bool path_is_dynamic(struct slice text)
{
	return text.len > 0 && text.data[0] == '$' &&
	       (text.len == 1 || text.data[1] == '.' || text.data[1] == '[');
}

bool path_has_wildcard(const struct path *p)
{
	return p->wildcard;
}

/* Member @s->key of object @t. The hash was made at load. */
static uint32_t find_member(const struct jx_index *ix, uint32_t t, const struct path_step *s)
{
	uint32_t end = jx_next(ix, t);

	for (uint32_t m = t + 1; m < end; m = jx_next(ix, m)) {
		const struct jx_token *token = &ix->tokens[m];

		if (token->key_hash != s->hash || token->shadowed)
			continue;
		if (!token->key_escaped && slice_eq(jx_key(ix, m), s->key))
			return m;
		if (token->key_escaped)
			return jx_member(ix, t, s->key);
	}
	return JX_NONE;
}

static uint32_t take_step(const struct path_step *s, const struct jx_index *ix, uint32_t t)
{
	if (s->kind == STEP_INDEX)
		return jx_element(ix, t, s->index);
	return jx_type(ix, t) == JX_OBJECT ? find_member(ix, t, s) : JX_NONE;
}

/* Visit from step @i on; false when the visitor has had enough. */
static bool walk(const struct path *p, size_t i, const struct jx_index *ix, uint32_t t,
	path_visit_fn visit, void *ctx)
{
	uint32_t end;

	for (; i < p->count && p->steps[i].kind != STEP_ANY; i++) {
		t = take_step(&p->steps[i], ix, t);
		if (t == JX_NONE)
			return true;
	}
	if (i == p->count)
		return visit(ctx, ix, t);
	if (jx_type(ix, t) != JX_ARRAY && jx_type(ix, t) != JX_OBJECT)
		return true;
	end = jx_next(ix, t);
	for (uint32_t child = t + 1; child < end; child = jx_next(ix, child))
		if (!ix->tokens[child].shadowed && !walk(p, i + 1, ix, child, visit, ctx))
			return false;
	return true;
}

void path_visit(const struct path *p, const struct jx_index *ix, uint32_t root,
	path_visit_fn visit, void *ctx)
{
	walk(p, 0, ix, root, visit, ctx);
}

static bool keep_first(void *ctx, const struct jx_index *ix, uint32_t t)
{
	(void)ix;
	*(uint32_t *)ctx = t;
	return false;
}

uint32_t path_find(const struct path *p, const struct jx_index *ix, uint32_t root)
{
	uint32_t t = JX_NONE;

	if (p->wildcard) {
		walk(p, 0, ix, root, keep_first, &t);
		return t;
	}
	t = root;
	for (size_t i = 0; i < p->count && t != JX_NONE; i++)
		t = take_step(&p->steps[i], ix, t);
	return t;
}

struct hits {
	uint32_t *hits;
	size_t max, count;
};

static bool keep(void *ctx, const struct jx_index *ix, uint32_t t)
{
	struct hits *h = ctx;

	(void)ix;
	if (h->count < h->max)
		h->hits[h->count] = t;
	h->count++;
	return true;
}

size_t path_find_all(const struct path *p, const struct jx_index *ix, uint32_t root,
	uint32_t *hits, size_t max)
{
	struct hits h = {.hits = hits, .max = max};

	walk(p, 0, ix, root, keep, &h);
	return h.count;
}
