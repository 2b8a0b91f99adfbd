/* SPDX-License-Identifier: Apache-2.0 */
#include "core/request/template.h"

#include <stdio.h>
#include <stdlib.h>

#include "template_parts.h"

/* What EventBridge allows; more works here, but is worth a word. */
#define MAX_TEXT_CHARACTERS 8192
#define MAX_PATH_CHARACTERS 256
#define MAX_NAME_CHARACTERS 256
#define MAX_VARIABLES       100

#define FIELD_BYTES 320

static void check_name(const char *name, const char *field, struct request_complaints *c)
{
	static const char allowed[] =
		"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-";

	if (name[0] == '\0' || name[strspn(name, allowed)] != '\0')
		request_fault(c, field,
			"'%s' cannot be a variable: use letters, digits, - and _", name);
	request_warn_length(c, field, name, MAX_NAME_CHARACTERS);
}

static void compile_variable(
	struct template *t, const struct request_parameter *p, struct request_complaints *c)
{
	struct template_variable *v = &t->variables[t->variable_count];
	char field[FIELD_BYTES];
	struct err err;

	snprintf(field, sizeof field, "input_paths_map.%s", p->name);
	check_name(p->name, field, c);
	request_warn_length(c, field, p->value, MAX_PATH_CHARACTERS);
	v->source = value_source_compile(slice_str(p->value), &err);
	if (v->source == NULL)
		request_fault(c, field, "%s", err.text);
	v->name = xstrdup(p->name);
	t->variable_count++;
}

static void compile_variables(
	struct template *t, const struct request_input *in, struct request_complaints *c)
{
	if (in->input_paths_count > MAX_VARIABLES)
		request_warn(c, "input_paths_map",
			"%zu variables are more than the %d that EventBridge allows",
			in->input_paths_count, MAX_VARIABLES);
	/* One place is kept free for each hole with a reserved name; see find_source(). */
	t->variables =
		xcalloc(in->input_paths_count + t->parts.count + 1, sizeof *t->variables);
	for (size_t i = 0; i < in->input_paths_count; i++)
		compile_variable(t, &in->input_paths_map[i], c);
}

static const struct template_variable *find_variable(
	const struct template *t, struct slice name)
{
	for (size_t i = 0; i < t->variable_count; i++)
		if (slice_eq(slice_str(t->variables[i].name), name))
			return &t->variables[i];
	return NULL;
}

/* The line and column of hole @h, for messages. */
static void locate(const struct template *t, const struct template_hole *h, unsigned *ret_line,
	unsigned *ret_column)
{
	jx_locate(slice_of(t->text, t->text_len), (size_t)(h->name.data - 1 - t->text),
		ret_line, ret_column);
}

static void find_source(struct template *t, struct template_hole *h, const char *rule_name,
	struct request_complaints *c)
{
	const struct template_variable *v = find_variable(t, h->name);
	struct template_variable *reserved = &t->variables[t->variable_count];
	unsigned line, column;

	if (v == NULL) {
		reserved->source = value_source_reserved(h->name, rule_name);
		if (reserved->source != NULL) {
			reserved->name = xmemdup(h->name.data, h->name.len);
			t->variable_count++;
			v = reserved;
		}
	}
	if (v != NULL) {
		h->source = v->source;
		return;
	}
	locate(t, h, &line, &column);
	request_fault(c, "input_template",
		"line %u, column %u: invalid placeholder <%.*s>: it is neither in input_paths_map "
		"nor reserved (aws.events.…, kafka.…)",
		line, column, (int)min_i64((int64_t)h->name.len, MAX_NAME_CHARACTERS),
		h->name.data);
}

/* Could the values of @h break the quotes that they stand in? */
static bool is_risky(const struct template *t, const struct template_hole *h)
{
	return t->kind == TEMPLATE_JSON && !t->escape && h->in_quotes && h->source != NULL &&
	       !value_source_is_plain(h->source);
}

/* One warning for all of them, where the first is. */
static void warn_of_quotes(const struct template *t, struct request_complaints *c)
{
	unsigned line = 0, column = 0;
	struct buf names;

	buf_init(&names, MAX_NAME_CHARACTERS * 2);
	for (size_t i = 0; i < t->parts.count; i++) {
		const struct template_hole *h = &t->parts.holes[i];

		if (!is_risky(t, h))
			continue;
		if (names.len == 0)
			locate(t, h, &line, &column);
		buf_addf(&names, "%s<%.*s>", names.len > 0 ? ", " : "", (int)h->name.len,
			h->name.data);
	}
	if (names.len > 0 || buf_failed(&names))
		request_warn(c, "input_template",
			"line %u, column %u: %s: inserted between quotes as it is, so that a "
			"quote, a backslash or a line break in a value breaks the JSON, and the "
			"event becomes a dead letter, or adds members of its own; set escape = "
			"true, or leave out the quotes",
			line, column, buf_str(&names));
	buf_release(&names);
}

static void check_holes(struct template *t, const char *rule_name, struct request_complaints *c)
{
	for (size_t i = 0; i < t->parts.count; i++) {
		struct template_hole *h = &t->parts.holes[i];
		unsigned line, column;

		find_source(t, h, rule_name, c);
		if (t->kind != TEMPLATE_JSON || !h->in_key)
			continue;
		locate(t, h, &line, &column);
		request_fault(c, "input_template",
			"line %u, column %u: the placeholder <%.*s> cannot be an object's key",
			line, column, (int)min_i64((int64_t)h->name.len, MAX_NAME_CHARACTERS),
			h->name.data);
	}
	warn_of_quotes(t, c);
}

static void check_text(const struct template *t, struct request_complaints *c)
{
	if (t->parts.open_quote)
		request_warn(c, "input_template",
			"a quote is not closed: each line of a string template must be in double "
			"quotes");
	else if (t->parts.bare_text)
		request_warn(c, "input_template",
			"there is text outside quotes: each line of a string template must be in "
			"double quotes");
}

/* Is there a backslash outside quotes (@quoted false), or a line break in them (true)? */
static bool has_line_break_as(const struct template *t, bool quoted)
{
	bool inside = false;

	for (const char *p = t->text; *p != '\0'; p++) {
		if (inside && *p == '\\' && p[1] != '\0')
			p++;
		else if (*p == '"')
			inside = !inside;
		else if (inside == quoted && *p == (quoted ? '\n' : '\\'))
			return true;
	}
	return false;
}

static bool has_holes_side_by_side(const struct template *t)
{
	for (size_t i = 1; i < t->parts.count; i++) {
		const struct template_hole *h = &t->parts.holes[i];

		if (!h->in_quotes && strspn(h->before.data, " \t\r\n") == h->before.len)
			return true;
	}
	return false;
}

/* What many people get wrong, with the cure; "" if it is something else. */
static const char *json_hint(const struct template *t)
{
	if (has_holes_side_by_side(t))
		return "; placeholders side by side make one string: put them into one pair of "
		       "quotes";
	if (has_line_break_as(t, false))
		return "; outside quotes a line ends where it ends: in a file begin a new one, "
		       "in the configuration write \\n, with one backslash";
	if (has_line_break_as(t, true))
		return "; a line break in a JSON string is written \\n in a file, and \\\\n in "
		       "the configuration";
	return "";
}

static void check_json(const struct template *t, struct request_complaints *c)
{
	struct slice text = slice_of(t->text, t->text_len);
	struct err err;

	if (template_parts_check_json(&t->parts, text, &err) == 0)
		return;
	if (strspn(t->text, " \t\r\n") == strcspn(t->text, "{["))
		request_fault(
			c, "input_template", "it is not JSON: %s%s", err.text, json_hint(t));
	else
		request_fault(c, "input_template",
			"it is neither JSON nor text in double quotes: %s; put each line of text "
			"into double quotes%s",
			err.text, json_hint(t));
}

static void compile_template(struct template *t, const struct request_input *in,
	const char *rule_name, struct request_complaints *c)
{
	struct slice text = slice_of(t->text, t->text_len);

	t->kind = template_parts_kind(text);
	template_parts_scan(&t->parts, text);
	compile_variables(t, in, c);
	if (text.len == strspn(t->text, " \t\r\n")) {
		request_fault(c, "input_template", "it is empty");
		return;
	}
	request_warn_length(c, "input_template", t->text, MAX_TEXT_CHARACTERS);
	check_holes(t, rule_name, c);
	if (t->kind == TEMPLATE_TEXT)
		check_text(t, c);
	else
		check_json(t, c);
}

static void compile_constant(struct template *t, struct request_complaints *c)
{
	struct jx_index ix;
	struct err err;

	t->kind = TEMPLATE_CONSTANT;
	request_warn_length(c, "input", t->text, MAX_TEXT_CHARACTERS);
	jx_init(&ix);
	if (jx_parse(&ix, slice_of(t->text, t->text_len), &jx_default_limits, &err) != 0)
		request_fault(c, "input", "it is not a valid JSON text: %s", err.text);
	jx_release(&ix);
}

static void compile_path(struct template *t, struct request_complaints *c)
{
	struct err err;

	t->kind = TEMPLATE_PATH;
	request_warn_length(c, "input_path", t->text, MAX_PATH_CHARACTERS);
	t->path = value_source_compile(slice_of(t->text, t->text_len), &err);
	if (t->path == NULL)
		request_fault(c, "input_path", "%s", err.text);
}

static void compile(struct template *t, const struct request_input *in, const char *rule_name,
	struct request_complaints *c)
{
	int given =
		(in->input != NULL) + (in->input_path != NULL) + (in->input_template != NULL);
	const char *text = in->input        ? in->input
			   : in->input_path ? in->input_path
					    : in->input_template;

	if (given > 1)
		request_fault(c, "input",
			"only one of input, input_path and input_transformer may be given");
	if (in->input_paths_count > 0 && in->input_template == NULL)
		request_fault(c, "input_template",
			"it is missing, though there is an input_paths_map for it");
	if (text == NULL)
		return;
	t->text = xstrdup(text);
	t->text_len = strlen(text);
	if (in->input != NULL)
		compile_constant(t, c);
	else if (in->input_path != NULL)
		compile_path(t, c);
	else
		compile_template(t, in, rule_name, c);
}

struct template *template_new(
	const struct request_input *in, const char *rule_name, struct request_complaints *c)
{
	struct template *t = xcalloc(1, sizeof *t);
	unsigned faults = c->faults;

	t->kind = TEMPLATE_EVENT;
	if (in != NULL) {
		t->escape = in->escape;
		compile(t, in, rule_name, c);
	}
	if (c->faults == faults)
		return t;
	template_free(t);
	return NULL;
}

void template_free(struct template *t)
{
	if (t == NULL)
		return;
	for (size_t i = 0; i < t->variable_count; i++) {
		free(t->variables[i].name);
		value_source_free(t->variables[i].source);
	}
	free(t->variables);
	template_parts_release(&t->parts);
	value_source_free(t->path);
	free(t->text);
	free(t);
}

enum template_kind template_kind(const struct template *t)
{
	return t->kind;
}

bool template_is_never_object(const struct template *t)
{
	char first = t->text != NULL ? t->text[strspn(t->text, " \t\r\n")] : '\0';

	switch (t->kind) {
	case TEMPLATE_TEXT:
		return true;
	case TEMPLATE_CONSTANT:
		return first != '{';
	case TEMPLATE_JSON: /* a hole alone may become one */
		return first != '{' && first != '<';
	case TEMPLATE_EVENT:
	case TEMPLATE_PATH:
		break;
	}
	return false;
}

void template_each_source(const struct template *t, value_source_fn each, void *ctx)
{
	for (size_t i = 0; i < t->variable_count; i++)
		each(ctx, t->variables[i].source);
	if (t->path != NULL)
		each(ctx, t->path);
}

bool template_is_json(const struct template *t, const struct value_context *c)
{
	return t->kind == TEMPLATE_EVENT ? c->ix != NULL : t->kind != TEMPLATE_TEXT;
}
