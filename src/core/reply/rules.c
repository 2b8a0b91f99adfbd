/* SPDX-License-Identifier: Apache-2.0 */
/* Response rules: what they look at, and what is left of them when the body is not known. */
#include "reply_private.h"

#include <stdlib.h>

/* The outermost name above @name, which is not the root. */
static uint32_t top_of(const struct pattern *p, uint32_t name)
{
	while (p->names[name].depth > 1)
		name = p->names[name].parent;
	return name;
}

static bool is_under(const struct pattern *p, uint32_t name, struct slice top)
{
	return slice_eq(p->names[top_of(p, name)].text, top);
}

/* --- checking --------------------------------------------------------------------------- */

static bool has_capital(struct slice s)
{
	for (size_t i = 0; i < s.len; i++)
		if (s.data[i] >= 'A' && s.data[i] <= 'Z')
			return true;
	return false;
}

static int check_field(const struct pattern *p, uint32_t name, struct err *err)
{
	struct slice top = p->names[top_of(p, name)].text;
	bool is_header = slice_eq(top, SLICE("headers"));

	if (!is_header && !slice_eq(top, SLICE("status")) && !slice_eq(top, SLICE("body")))
		return err_set(err, ERR_INVALID,
			"a reply has no '%.*s': it has status, headers and body", (int)top.len,
			top.data);
	for (; is_header && p->names[name].depth > 1; name = p->names[name].parent)
		if (has_capital(p->names[name].text))
			return err_set(err, ERR_INVALID,
				"no header is called '%.*s': their names are in lower case here",
				(int)p->names[name].text.len, p->names[name].text.data);
	return 0;
}

int reply_pattern_check(const struct pattern *p, struct err *err)
{
	for (uint32_t a = 0; a < p->alternative_count; a++) {
		const struct pattern_alternative *alternative = &p->alternatives[a];

		for (uint32_t f = 0; f < alternative->field_count; f++)
			if (check_field(p, alternative->fields[f].name, err) != 0)
				return ERR_INVALID;
	}
	return 0;
}

/* --- what is left without the body -------------------------------------------------------- */

static size_t count_under(
	const struct pattern *p, const struct pattern_alternative *a, struct slice top)
{
	size_t count = 0;

	for (uint32_t f = 0; f < a->field_count; f++)
		count += is_under(p, a->fields[f].name, top);
	return count;
}

static struct pattern_alternative without_body(
	const struct pattern *p, const struct pattern_alternative *a)
{
	struct pattern_field *fields = xcalloc(a->field_count, sizeof *fields);
	struct pattern_alternative left = {.fields = fields};

	for (uint32_t f = 0; f < a->field_count; f++)
		if (!is_under(p, a->fields[f].name, SLICE("body")))
			fields[left.field_count++] = a->fields[f];
	return left;
}

/* The names are @p's; the alternatives are made anew. */
static void derive(struct pattern *certain, struct pattern *possible, const struct pattern *p)
{
	*certain = *possible = (struct pattern){.names = p->names, .name_count = p->name_count};
	certain->alternatives = xcalloc(p->alternative_count, sizeof *certain->alternatives);
	possible->alternatives = xcalloc(p->alternative_count, sizeof *possible->alternatives);
	for (uint32_t a = 0; a < p->alternative_count; a++) {
		const struct pattern_alternative *from = &p->alternatives[a];

		if (count_under(p, from, SLICE("body")) == 0)
			certain->alternatives[certain->alternative_count++] =
				without_body(p, from);
		possible->alternatives[possible->alternative_count++] = without_body(p, from);
	}
}

static void release_derived(struct pattern *p)
{
	for (uint32_t a = 0; a < p->alternative_count; a++)
		free((void *)p->alternatives[a].fields);
	free(p->alternatives);
}

static struct ruleset *compile(const struct pattern **patterns, size_t count)
{
	struct ruleset *rs = ruleset_new(patterns, count);

	free(patterns);
	return rs;
}

static void compile_bodiless(struct reply_rules *r)
{
	const struct pattern **patterns = xcalloc(r->count * 2, sizeof *patterns);

	r->derived = xcalloc(r->count * 2, sizeof *r->derived);
	for (size_t i = 0; i < r->count; i++)
		derive(&r->derived[2 * i], &r->derived[2 * i + 1], r->rules[i].pattern);
	for (size_t i = 0; i < r->count * 2; i++)
		patterns[i] = &r->derived[i];
	r->bodiless = compile(patterns, r->count * 2);
}

static void note_wants(struct reply_rules *r, const struct pattern *p)
{
	for (uint32_t a = 0; a < p->alternative_count; a++) {
		r->want_headers |= count_under(p, &p->alternatives[a], SLICE("headers")) > 0;
		r->want_body |= count_under(p, &p->alternatives[a], SLICE("body")) > 0;
	}
}

struct reply_rules *reply_rules_new(const struct reply_rule *rules, size_t count)
{
	struct reply_rules *r = xcalloc(1, sizeof *r);
	const struct pattern **patterns = xcalloc(count, sizeof *patterns);

	r->rules = xcalloc(count, sizeof *r->rules);
	r->count = count;
	for (size_t i = 0; i < count; i++) {
		r->rules[i] = rules[i];
		patterns[i] = rules[i].pattern;
		note_wants(r, rules[i].pattern);
	}
	r->whole = compile(patterns, count);
	if (r->want_body)
		compile_bodiless(r);
	return r;
}

void reply_rules_free(struct reply_rules *r)
{
	if (r == NULL)
		return;
	ruleset_free(r->whole);
	ruleset_free(r->bodiless);
	for (size_t i = 0; r->derived != NULL && i < r->count * 2; i++)
		release_derived(&r->derived[i]);
	free(r->derived);
	free(r->rules);
	free(r);
}

size_t reply_rules_count(const struct reply_rules *r)
{
	return r != NULL ? r->count : 0;
}

const struct reply_rule *reply_rules_at(const struct reply_rules *r, size_t i)
{
	return &r->rules[i];
}

bool reply_rules_want_headers(const struct reply_rules *r)
{
	return r != NULL && r->want_headers;
}

bool reply_rules_want_body(const struct reply_rules *r)
{
	return r != NULL && r->want_body;
}

const char *reply_outcome_name(enum retry_action outcome)
{
	static const char *const names[] = {
		[RETRY_DELIVERED] = "delivered",
		[RETRY_LATER] = "retry",
		[RETRY_REAUTHORISE] = "reauthorize",
		[RETRY_REFUSE] = "fail",
	};

	return names[outcome];
}
