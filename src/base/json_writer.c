/* SPDX-License-Identifier: Apache-2.0 */
/* JSON text: what stands between values, and which bracket closes what. */
#include "base/json_writer.h"

#include <stdlib.h>

void jw_init(struct json_writer *w, struct buf *out)
{
	*w = (struct json_writer){.out = out};
}

/* What stands before a value. */
static void begin(struct json_writer *w, const char *name)
{
	if (name != NULL)
		jw_member(w, slice_str(name));
	else if (!w->has_name && w->has_value)
		buf_add_char(w->out, ',');
	w->has_name = false;
	w->has_value = true;
}

void jw_member(struct json_writer *w, struct slice name)
{
	begin(w, NULL);
	buf_add_json_string(w->out, name);
	buf_add_char(w->out, ':');
	w->has_name = true;
}

void jw_open(struct json_writer *w, const char *name, char bracket)
{
	begin(w, name);
	buf_add_char(w->out, bracket);
	if (w->depth == JSON_WRITER_DEPTH)
		abort();
	w->close[w->depth++] = bracket == '{' ? '}' : ']';
	w->has_value = false;
}

void jw_close(struct json_writer *w)
{
	if (w->depth == 0)
		abort();
	buf_add_char(w->out, w->close[--w->depth]);
	w->has_value = true;
}

void jw_raw(struct json_writer *w, const char *name, struct slice json)
{
	begin(w, name);
	buf_add_slice(w->out, json);
}

void jw_text(struct json_writer *w, const char *name, struct slice text)
{
	begin(w, name);
	if (text.data == NULL)
		buf_add_str(w->out, "null");
	else
		buf_add_json_string(w->out, text);
}

void jw_int(struct json_writer *w, const char *name, int64_t value)
{
	begin(w, name);
	buf_add_int(w->out, value);
}

void jw_bool(struct json_writer *w, const char *name, bool value)
{
	jw_raw(w, name, value ? SLICE("true") : SLICE("false"));
}

void jw_null(struct json_writer *w, const char *name)
{
	jw_raw(w, name, SLICE("null"));
}
