/* SPDX-License-Identifier: Apache-2.0 */
#include "plan.h"

#include <stdio.h>
#include <stdlib.h>

/* EventBridge's limits; more works here. */
#define MAX_PARAMETERS           100
#define MAX_PARAMETER_CHARACTERS 512

/* What the configuration calls them. */
static const char *const kind_names[] = {
	[REQUEST_HEADER_PARAMETERS] = "header_parameters",
	[REQUEST_QUERY_PARAMETERS] = "query_string_parameters",
	[REQUEST_BODY_PARAMETERS] = "body_parameters",
};

static size_t select_parameters(const struct request_parameters *p,
	enum request_parameter_kind kind, const struct request_parameter **ret)
{
	switch (kind) {
	case REQUEST_HEADER_PARAMETERS:
		*ret = p->header;
		return p->header_count;
	case REQUEST_QUERY_PARAMETERS:
		*ret = p->query;
		return p->query_count;
	case REQUEST_BODY_PARAMETERS:
		*ret = p->body;
		return p->body_count;
	}
	return 0;
}

static const struct request_entry *find_entry(
	const struct request_entries *e, const char *name, enum request_parameter_kind kind)
{
	for (size_t i = 0; i < e->count; i++) {
		struct slice have = slice_str(e->entries[i].name), want = slice_str(name);

		if (kind == REQUEST_HEADER_PARAMETERS ? slice_ieq(have, want)
						      : slice_eq(have, want))
			return &e->entries[i];
	}
	return NULL;
}

static bool has_control(const char *text)
{
	for (; *text != '\0'; text++)
		if ((unsigned char)*text < ' ' || *text == 0x7f)
			return true;
	return false;
}

static void check_entry(const struct request_entry *e, enum request_parameter_kind kind,
	struct request_complaints *c)
{
	if (e->name[0] == '\0')
		request_fault(c, e->field, "a parameter needs a name");
	if (kind == REQUEST_BODY_PARAMETERS)
		return;
	if (has_control(e->name) || has_control(e->value))
		request_fault(c, e->field,
			"control characters (a line break, say) are not allowed in it");
	request_warn_length(c, e->field, e->name, MAX_PARAMETER_CHARACTERS);
	request_warn_length(c, e->field, e->value, MAX_PARAMETER_CHARACTERS);
	if (!e->dynamic && strstr(e->value, "$.") != NULL)
		request_warn(c, e->field,
			"it is sent as it is, since a path has to be the whole value");
}

static void merge(struct request_entries *e, const struct request_parameters *p,
	bool from_connection, enum request_parameter_kind kind, struct request_complaints *c)
{
	const struct request_parameter *list = NULL;
	size_t count = p != NULL ? select_parameters(p, kind, &list) : 0;
	size_t others = e->count;

	if (count > MAX_PARAMETERS)
		request_warn(c, kind_names[kind],
			"%zu parameters are more than the %d that EventBridge allows", count,
			MAX_PARAMETERS);
	e->entries = xreallocarray(e->entries, e->count + count + 1, sizeof *e->entries);
	for (size_t i = 0; i < count; i++) {
		const struct request_entry *same = find_entry(e, list[i].name, kind);
		struct request_entry entry = {
			.name = list[i].name,
			.value = list[i].value,
			.dynamic = !from_connection &&
				   value_source_is_dynamic(slice_str(list[i].value)),
			.field = xasprintf("%s%s.%s",
				from_connection ? "invocation_http_parameters." : "",
				kind_names[kind], list[i].name),
		};

		check_entry(&entry, kind, c);
		if (same != NULL) {
			/* The connection's own wins in silence: that is what it is for. */
			if (same >= e->entries + others)
				request_fault(
					c, entry.field, "'%s' is given twice", list[i].name);
			free(entry.field);
			continue;
		}
		e->entries[e->count++] = entry;
	}
}

void request_entries_merge(struct request_entries *e, const struct request_settings *s,
	enum request_parameter_kind kind, struct request_complaints *c)
{
	*e = (struct request_entries){0};
	merge(e, s->connection, true, kind, c);
	merge(e, s->target, false, kind, c);
}

void request_entries_release(struct request_entries *e)
{
	for (size_t i = 0; i < e->count; i++)
		free(e->entries[i].field);
	free(e->entries);
	*e = (struct request_entries){0};
}

struct value_source *request_entry_compile(
	const struct request_entry *e, struct request_complaints *c)
{
	struct err err;
	struct value_source *s = value_source_compile(slice_str(e->value), &err);

	if (s == NULL)
		request_fault(c, e->field, "%s", err.text);
	return s;
}

static void compile_member(
	struct request_plan *p, const struct request_entry *e, struct request_complaints *c)
{
	struct request_member *m = &p->members[p->member_count++];

	buf_init(&m->part.before, BUF_UNLIMITED);
	buf_init(&m->json, BUF_UNLIMITED);
	buf_add_json_string(&m->part.before, slice_str(e->name));
	buf_add_char(&m->part.before, ':');
	m->key = xstrdup(e->name);
	m->part.field = xstrdup(e->field);
	if (e->dynamic)
		m->part.source = request_entry_compile(e, c);
	else
		buf_add_json_string(&m->json, slice_str(e->value));
}

static void compile_members(
	struct request_plan *p, const struct request_settings *s, struct request_complaints *c)
{
	struct request_entries merged;

	request_entries_merge(&merged, s, REQUEST_BODY_PARAMETERS, c);
	p->members = xcalloc(merged.count + 1, sizeof *p->members);
	for (size_t i = 0; i < merged.count; i++)
		compile_member(p, &merged.entries[i], c);
	if (merged.count > 0 && !p->has_body)
		request_warn(c, merged.entries[0].field,
			"it is not sent, since a %s request has no body", p->method);
	else if (merged.count > 0 && p->template != NULL &&
		 template_is_never_object(p->template))
		request_fault(c, merged.entries[0].field,
			"a body parameter is merged into a JSON object, and the target's input "
			"never is one");
	request_entries_release(&merged);
}

static void compile_method(
	struct request_plan *p, const struct request_settings *s, struct request_complaints *c)
{
	static const struct {
		const char *name;
		bool has_body;
	} methods[] = {{"POST", true}, {"GET", false}, {"HEAD", false}, {"OPTIONS", true},
		{"PUT", true}, {"PATCH", true}, {"DELETE", true}};

	for (size_t i = 0; i < COUNT_OF(methods); i++) {
		if (strcmp(s->http_method, methods[i].name) != 0)
			continue;
		p->method = methods[i].name;
		p->has_body = methods[i].has_body;
		return;
	}
	request_fault(c, "http_method",
		"'%s' is not one of POST, GET, HEAD, OPTIONS, PUT, PATCH, DELETE",
		s->http_method);
	p->method = "";
	p->has_body = true;
}

static bool gives_input(const struct request_input *in)
{
	return in != NULL && (in->input || in->input_path || in->input_template);
}

static void compile_body(
	struct request_plan *p, const struct request_settings *s, struct request_complaints *c)
{
	p->output = s->output;
	p->template = template_new(s->input, s->rule_name, c);
	compile_members(p, s, c);
	if (p->template == NULL)
		return;
	if (!p->has_body && gives_input(s->input))
		request_warn(c, "http_method",
			"a %s request has no body: the target's input is not sent", p->method);
	if (p->output == REQUEST_FORM && template_is_never_object(p->template))
		request_fault(c, "output_format",
			"a form is made from a JSON object, and the target's input never is one");
}

/* --- What it needs of an event. --- */

static void note_need(void *ctx, struct value_source *s)
{
	struct request_plan *p = ctx;
	enum value_need need = value_source_need(s);

	if (p->spot_count < 0 || need == VALUE_NEEDS_NO_INDEX)
		return;
	if (need == VALUE_NEEDS_INDEX || p->spot_count == REQUEST_MAX_SPOTS) {
		p->spot_count = -1;
		return;
	}
	p->spots = xreallocarray(p->spots, (size_t)p->spot_count + 1, sizeof(void *));
	p->spots[p->spot_count] = s;
	value_source_set_number(s, (unsigned)p->spot_count++);
}

static void note_needs(struct request_plan *p)
{
	for (size_t i = 0; i < p->url.part_count; i++)
		note_need(p, p->url.parts[i].source);
	for (size_t i = 0; i < p->url.query_count; i++)
		note_need(p, p->url.query[i].source);
	for (size_t i = 0; i < p->headers.dynamic_count; i++)
		note_need(p, p->headers.dynamic[i].source);
	for (size_t i = 0; i < p->member_count; i++)
		if (p->members[i].part.source != NULL)
			note_need(p, p->members[i].part.source);
	template_each_source(p->template, note_need, p);
	/* The attributes of a CloudEvent come from the event, whatever its data. */
	if (template_kind(p->template) == TEMPLATE_EVENT ||
		(p->output != REQUEST_JSON && p->output != REQUEST_FORM))
		p->spot_count = -1;
}

int request_plan_spot_count(const struct request_plan *p)
{
	return p->spot_count;
}

void request_plan_find(
	const struct request_plan *p, const struct jx_index *ix, struct value_spot *ret_spots)
{
	for (int i = 0; i < p->spot_count; i++)
		value_source_find(p->spots[i], ix, ret_spots);
}

struct request_plan *request_plan_new(
	const struct request_settings *s, request_complain_fn complain, void *ctx)
{
	struct request_complaints c = {.complain = complain, .ctx = ctx};
	struct request_plan *p = xcalloc(1, sizeof *p);

	p->max_body_bytes = s->max_body_bytes > 0 ? s->max_body_bytes : REQUEST_MAX_BODY_BYTES;
	compile_method(p, s, &c);
	request_url_compile(&p->url, s, &c);
	request_headers_compile(&p->headers, s, &c);
	compile_body(p, s, &c);
	if (c.faults == 0) {
		note_needs(p);
		return p;
	}
	request_plan_free(p);
	return NULL;
}

void request_plan_free(struct request_plan *p)
{
	if (p == NULL)
		return;
	request_url_release(&p->url);
	request_headers_release(&p->headers);
	for (size_t i = 0; i < p->member_count; i++) {
		request_part_release(&p->members[i].part);
		buf_release(&p->members[i].json);
		free(p->members[i].key);
	}
	free(p->members);
	template_free(p->template);
	free(p->spots);
	free(p);
}

bool request_plan_has_constant_url(const struct request_plan *p)
{
	return p->url.is_constant;
}

const char *request_plan_url(const struct request_plan *p)
{
	return p->url.is_constant ? buf_str(&p->url.constant) : NULL;
}
