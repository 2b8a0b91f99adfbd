/* SPDX-License-Identifier: Apache-2.0 */
/*
 * json_writer.h - JSON text written into a buffer: commas, colons and escapes come by themselves.
 *
 *   jw_open(w, NULL, '{');            {"topic":"orders","partition":3,"headers":["a",null]}
 *   jw_text(w, "topic", slice);
 *   jw_int(w, "partition", 3);
 *   jw_open(w, "headers", '[');
 *   jw_text(w, NULL, slice);
 *   jw_null(w, NULL);
 *   jw_close(w);
 *   jw_close(w);
 *
 * The name is a member's key, and NULL in a list and for the outermost value. A writer may begin
 * in the middle of a text: what it writes first has no comma before it. Everything it needs is in
 * the struct; there is nothing to release.
 */
#ifndef BASE_JSON_WRITER_H
#define BASE_JSON_WRITER_H

#include "base/buf.h"

#define JSON_WRITER_DEPTH 16

struct json_writer {
	struct buf *out;
	unsigned depth;
	bool has_value;                /* the next value needs a comma before it */
	bool has_name;                 /* its name stands there already */
	char close[JSON_WRITER_DEPTH]; /* what ends each object and list that is open */
};

void jw_init(struct json_writer *w, struct buf *out);
/* Open an object '{' or a list '['. */
void jw_open(struct json_writer *w, const char *name, char bracket);
void jw_close(struct json_writer *w);
/* data NULL: null. Invalid UTF-8 becomes U+FFFD. */
void jw_text(struct json_writer *w, const char *name, struct slice text);
void jw_int(struct json_writer *w, const char *name, int64_t value);
void jw_bool(struct json_writer *w, const char *name, bool value);
void jw_null(struct json_writer *w, const char *name);
/* @json: one value that is JSON already. */
void jw_raw(struct json_writer *w, const char *name, struct slice json);
/* The name of the value that is written next (with name NULL): for names of any bytes. */
void jw_member(struct json_writer *w, struct slice name);

#endif
