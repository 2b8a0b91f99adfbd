/* SPDX-License-Identifier: Apache-2.0 */
#include "core/request/form.h"

/* `above` is the encoded name of the array or object whose children are written, empty for the
 * whole. Each name is encoded once and copied in front of what is in it: the time is that of the
 * input and of what is written, however deep and long the names are. */
struct form {
	struct buf *out;
	struct buf above;
	const struct jx_index *ix;
	size_t start;
	unsigned depth;
	struct err *err;
};

/* One child of an array or object. */
struct child {
	uint32_t token;
	bool is_element;
	size_t index; /* of an element */
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

static bool is_kept(char c)
{
	return is_alphanumeric(c) || c == '*' || c == '-' || c == '.' || c == '_';
}

void form_add_encoded(struct buf *out, struct slice text)
{
	const char *p = text.data, *end = text.data + text.len;

	while (p < end) {
		const char *stop = p;

		while (stop < end && is_kept(*stop))
			stop++;
		buf_add(out, p, (size_t)(stop - p));
		p = stop;
		if (p < end && *p == ' ')
			buf_add_char(out, '+');
		else if (p < end)
			add_hex(out, *p);
		p += p < end;
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

/* The name of @c behind the name of what it is in. */
static void add_name(struct form *f, struct buf *out, const struct child *c)
{
	const struct jx_index *ix = f->ix;

	if (f->depth > 1)
		buf_add(out, "%5B", 3);
	if (c->is_element)
		buf_add_int(out, (int64_t)c->index);
	else
		add_raw(out, jx_key(ix, c->token), ix->tokens[c->token].key_escaped);
	if (f->depth > 1)
		buf_add(out, "%5D", 3);
}

static void add_scalar(struct form *f, const struct child *c)
{
	uint32_t t = c->token;

	if (f->out->len > f->start)
		buf_add_char(f->out, '&');
	buf_add_slice(f->out, buf_slice(&f->above));
	add_name(f, f->out, c);
	buf_add_char(f->out, '=');
	if (jx_type(f->ix, t) != JX_NULL)
		add_raw(f->out, jx_inner(f->ix, t), f->ix->tokens[t].escaped);
}

static int add_children(struct form *f, uint32_t t);

static int add_child(struct form *f, const struct child *c)
{
	enum jx_type type = jx_type(f->ix, c->token);
	size_t len = f->above.len;
	int failed;

	if (type != JX_ARRAY && type != JX_OBJECT) {
		add_scalar(f, c);
		return 0;
	}
	add_name(f, &f->above, c);
	failed = add_children(f, c->token);
	buf_truncate(&f->above, len);
	return failed;
}

/* The children of @t, an array or object. */
static int add_children(struct form *f, uint32_t t)
{
	struct child c = {.is_element = jx_type(f->ix, t) == JX_ARRAY};
	uint32_t end = jx_next(f->ix, t);
	int failed = 0;

	if (++f->depth > FORM_MAX_DEPTH)
		return err_set(f->err, ERR_LIMIT, "a form cannot be more than %d levels deep",
			FORM_MAX_DEPTH);
	for (c.token = t + 1; c.token < end && !failed && !buf_failed(f->out);
		c.token = jx_next(f->ix, c.token), c.index++)
		if (!f->ix->tokens[c.token].shadowed)
			failed = add_child(f, &c);
	f->depth--;
	return failed;
}

int form_add_object(struct buf *out, const struct jx_index *ix, uint32_t t, struct err *err)
{
	struct form f = {.out = out, .ix = ix, .start = out->len, .err = err};
	int failed;

	if (jx_type(ix, t) != JX_OBJECT)
		return err_set(err, ERR_INVALID,
			"only a JSON object can be sent as a form, and this is not one");
	buf_init(&f.above, out->max_bytes);
	failed = add_children(&f, t);
	out->failed |= buf_failed(&f.above);
	buf_release(&f.above);
	if (failed)
		return failed;
	if (buf_failed(out))
		return err_set(err, ERR_LIMIT, "the form is larger than the limit of %zu bytes",
			out->max_bytes);
	return 0;
}
