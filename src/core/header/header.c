/* SPDX-License-Identifier: Apache-2.0 */
/*
 * header.c - header lines are written and checked; the names of the transport.
 */
#include "core/header/header.h"

/* The characters of a token. */
static const bool of_token[256] = {
	['0' ... '9'] = true,
	['A' ... 'Z'] = true,
	['a' ... 'z'] = true,
	['!'] = true,
	['#'] = true,
	['$'] = true,
	['%'] = true,
	['&'] = true,
	['\''] = true,
	['*'] = true,
	['+'] = true,
	['-'] = true,
	['.'] = true,
	['^'] = true,
	['_'] = true,
	['`'] = true,
	['|'] = true,
	['~'] = true,
};

static const char *const transport_names[] = {"Connection", "Content-Length", "Expect", "Host",
	"HTTP2-Settings", "Keep-Alive", "Proxy-Authorization", "Proxy-Connection", "TE",
	"Trailer", "Transfer-Encoding", "Upgrade"};
static const char *const our_names[] = {
	"Content-Type", "User-Agent", "traceparent", "tracestate"};

bool header_is_name(struct slice name)
{
	for (size_t i = 0; i < name.len; i++)
		if (!of_token[(unsigned char)name.data[i]])
			return false;
	return name.len > 0;
}

bool header_is_value(struct slice value)
{
	bool bad = false;

	/* Without a jump out of it, so that it may be done for many bytes at once. */
	for (size_t i = 0; i < value.len; i++) {
		unsigned char c = (unsigned char)value.data[i];

		bad |= (c < ' ' && c != '\t') || c == 0x7f;
	}
	return !bad;
}

bool header_is_line(struct slice line)
{
	const char *colon = line.len > 0 ? memchr(line.data, ':', line.len) : NULL;
	size_t len = colon != NULL ? (size_t)(colon - line.data) : line.len;

	return len < line.len && header_is_name(slice_of(line.data, len)) &&
	       header_is_value(slice_of(line.data + len + 1, line.len - len - 1));
}

static bool is_one_of(const char *name, const char *const *names, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (slice_ieq(slice_str(name), slice_str(names[i])))
			return true;
	return false;
}

bool header_is_transport(const char *name)
{
	return is_one_of(name, transport_names, COUNT_OF(transport_names));
}

bool header_is_ours(const char *name)
{
	return is_one_of(name, our_names, COUNT_OF(our_names));
}

void header_begin(struct header_writer *w, struct slice name)
{
	w->at = w->lines->len;
	w->name_len = name.len;
	buf_add_slice(w->lines, name);
	buf_add(w->lines, ": ", 2);
}

static int too_much(struct err *err)
{
	return err_set(err, ERR_LIMIT, "the headers are more than %d lines or %zu bytes",
		HEADER_MAX_LINES, HEADER_MAX_BYTES);
}

static int check_line(const struct header_writer *w, struct err *err)
{
	const char *name = w->lines->data + w->at;
	size_t value_at = w->at + w->name_len + 2;

	if (!header_is_name(slice_of(name, w->name_len)))
		return err_set(err, ERR_INVALID, "the name of a header is none");
	if (!header_is_value(slice_of(w->lines->data + value_at, w->lines->len - value_at)))
		return err_set(err, ERR_INVALID,
			"header %.*s: its value holds a line break or another control character",
			(int)w->name_len, name);
	return 0;
}

int header_end(struct header_writer *w, struct err *err)
{
	int code = buf_failed(w->lines) || w->lines->len >= HEADER_MAX_BYTES ||
				   *w->count >= HEADER_MAX_LINES
			   ? too_much(err)
			   : check_line(w, err);

	if (code != 0) {
		buf_truncate(w->lines, w->at);
		return code;
	}
	buf_add_char(w->lines, '\0');
	++*w->count;
	return 0;
}

int header_add(struct header_writer *w, struct slice name, struct slice value, struct err *err)
{
	if (name.len > HEADER_MAX_BYTES || value.len > HEADER_MAX_BYTES ||
		w->lines->len + name.len + value.len + 3 > HEADER_MAX_BYTES)
		return too_much(err);
	header_begin(w, name);
	buf_add_slice(w->lines, value);
	return header_end(w, err);
}
