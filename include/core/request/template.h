/* SPDX-License-Identifier: Apache-2.0 */
/*
 * template.h - Input, InputPath and InputTransformer: what of an event becomes the body.
 *
 * Compiled at load into literal slices with holes between them, so that rendering is
 * copying. There are two kinds of template, told apart by how they begin:
 *
 *   {…} […] <name>   a JSON template: filled, it is JSON, or it is not sent
 *   "…"              a string template: one or more lines in quotes, which stay
 *
 * What a hole becomes (doc/eventbridge.md, Filling rules):
 *
 *   value            outside quotes    in a string template   in a JSON template's quotes
 *   string           JSON string       its characters         its characters
 *   array, object    JSON, as it is    compact, without '"'   compact
 *   number, boolean  as it is          as it is               as it is
 *   null             null              nothing                nothing          (our choice)
 *   not found        ""                nothing                nothing
 *
 * With `escape`, what goes between quotes is escaped, so that a quote in an order's note
 * breaks nothing, and an object between the quotes of a JSON template arrives as a string
 * that holds JSON. Without it, as in the original, a value may end the string it
 * was put into, and the request is then either not JSON (INVALID_JSON) or not what
 * was meant: template_new() warns.
 *
 * A '<' that does not begin <[A-Za-z0-9_.-]+> is itself. White space, the order of keys
 * and the spelling of numbers of template and event stay. A path with a wildcard gives
 * a list, [] when nothing was hit.
 *
 * The literal text of a JSON template is proved at load: with any JSON value in each
 * hole outside quotes, and any characters but ", \ and controls in each hole inside, it is
 * JSON. So a filled template is parsed again only when such a character was put in.
 *
 * Immutable; any thread may render.
 */
#ifndef CORE_REQUEST_TEMPLATE_H
#define CORE_REQUEST_TEMPLATE_H

#include "core/request/settings.h"
#include "core/event/value.h"

enum template_kind {
	TEMPLATE_EVENT,    /* the whole event, byte for byte */
	TEMPLATE_CONSTANT, /* input */
	TEMPLATE_PATH,     /* input_path */
	TEMPLATE_JSON,
	TEMPLATE_TEXT,
};

struct template;

/* NULL when there was a fault that is no warning; all of them have been told by then. */
struct template *template_new(
	const struct request_input *in, const char *rule_name, struct request_complaints *c);
/* Accepts NULL. */
void template_free(struct template *t);
enum template_kind template_kind(const struct template *t);
/* Is it known at load that the body will never be a JSON object? */
bool template_is_never_object(const struct template *t);
/* Is the body JSON whatever the event is? (Not with TEMPLATE_TEXT, nor with the whole of an
 * event that is none.) */
bool template_is_json(const struct template *t, const struct value_context *c);

void template_each_source(const struct template *t, value_source_fn each, void *ctx);

/* Room for rendering, kept from one use to the next. */
struct template_work {
	struct buf value;
	struct jx_index ix;
};

/*
 * Append the body to @out. ERR_INVALID: *ret_error_code is "INVALID_JSON" (the filled template
 * is not JSON; the error has line and column and the variable that is to blame) or
 * "INVALID_PARAMETER" (input_path selects nothing). ERR_LIMIT: @out is full.
 */
int template_render(const struct template *t, const struct value_context *c, struct buf *out,
	struct template_work *w, const char **ret_error_code, struct err *err) ATTR_MUST_CHECK;

#endif
