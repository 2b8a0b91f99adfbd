/* SPDX-License-Identifier: Apache-2.0 */
#include "core/request/form.h"

/* The names above a value, innermost last, as they come out of the walk. */
struct name {
	const struct name *above;
	struct slice raw; /* a key between its quotes */
	size_t index;     /* of an array's element */
	bool is_index, escaped;
	unsigned depth;
};

struct form {
	struct buf *out;
	const struct jx_index *ix;
	size_t start;
	struct err *err;
};

static bool is_alphanumeric(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

static void add_hex(struct buf *out, char c)
{
	static const char hex[] = "0123456789ABCDEF";
	unsigned char byte = (unsigned char)c;

	buf_add(out, (char[]){'%', hex[byte >> 4], hex[byte & 15]}, 3);
}

void form_add_encoded(struct buf *out, struct slice text)
{
	for (size_t i = 0; i < text.len; i++) {
		char c = text.data[i];

		if (c == ' ')
			buf_add_char(out, '+');
		else if (is_alphanumeric(c) || (c != '\0' && strchr("*-._", c) != NULL))
			buf_add_char(out, c);
		else
			add_hex(out, c);
	}
}

void form_add_percent(struct buf *out, struct slice text)
{
	const char *p = text.data, *end = text.data + text.len;

	while (p < end) {
		const char *stop = p;

		while (stop < end && (is_alphanumeric(*stop) || *stop == '-' || *stop == '.' ||
					     *stop == '_' || *stop == '~'))
			stop++;
		buf_add(out, p, (size_t)(stop - p));
		if (stop < end)
			add_hex(out, *stop++);
		p = stop;
	}
}

/* Characters of a JSON string, decoded first where they have to be. */
static void add_raw(struct buf *out, struct slice raw, bool escaped)
{
	struct buf decoded;

	if (!escaped) {
		form_add_encoded(out, raw);
		return;
	}
	buf_init(&decoded, raw.len);
	jx_decode_slice(raw, &decoded);
	form_add_encoded(out, buf_slice(&decoded));
	buf_release(&decoded);
}

static void add_name(struct form *f, const struct name *n)
{
	if (n->above != NULL) {
		add_name(f, n->above);
		buf_add(f->out, "%5B", 3);
	}
	if (n->is_index)
		buf_add_int(f->out, (int64_t)n->index);
	else
		add_raw(f->out, n->raw, n->escaped);
	if (n->above != NULL)
		buf_add(f->out, "%5D", 3);
}

static void add_scalar(struct form *f, const struct name *n, uint32_t t)
{
	if (f->out->len > f->start)
		buf_add_char(f->out, '&');
	add_name(f, n);
	buf_add_char(f->out, '=');
	if (jx_type(f->ix, t) != JX_NULL)
		add_raw(f->out, jx_inner(f->ix, t), f->ix->tokens[t].escaped);
}

/* The children of @t, an array or object whose name is @above (NULL: the whole). */
static int add_children(struct form *f, const struct name *above, uint32_t t)
{
	struct name n = {
		.above = above,
		.is_index = jx_type(f->ix, t) == JX_ARRAY,
		.depth = above ? above->depth + 1 : 1,
	};
	uint32_t end = jx_next(f->ix, t);
	int failed = 0;

	if (n.depth > FORM_MAX_DEPTH)
		return err_set(f->err, ERR_LIMIT, "a form cannot be more than %d levels deep",
			FORM_MAX_DEPTH);
	for (uint32_t m = t + 1; m < end && !failed && !buf_failed(f->out);
		m = jx_next(f->ix, m), n.index++) {
		if (f->ix->tokens[m].shadowed)
			continue;
		n.raw = jx_key(f->ix, m);
		n.escaped = f->ix->tokens[m].key_escaped;
		if (jx_type(f->ix, m) == JX_ARRAY || jx_type(f->ix, m) == JX_OBJECT)
			failed = add_children(f, &n, m);
		else
			add_scalar(f, &n, m);
	}
	return failed;
}

int form_add_object(struct buf *out, const struct jx_index *ix, uint32_t t, struct err *err)
{
	struct form f = {.out = out, .ix = ix, .start = out->len, .err = err};
	int failed;

	if (jx_type(ix, t) != JX_OBJECT)
		return err_set(err, ERR_INVALID,
			"only a JSON object can be sent as a form, and this is none");
	failed = add_children(&f, NULL, t);
	if (failed)
		return failed;
	if (buf_failed(out))
		return err_set(err, ERR_LIMIT, "the form is larger than the limit of %zu bytes",
			out->max_bytes);
	return 0;
}
