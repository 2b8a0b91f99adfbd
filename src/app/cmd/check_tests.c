/* SPDX-License-Identifier: Apache-2.0 */
#include "check_tests.h"

#include <jansson.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>

#include "app/preview/preview.h"
#include "base/file.h"
#include "base/clock.h"

/* Of the file; its events have the limits of their consumer. */
static const struct jx_limits file_limits = {
	.max_bytes = UINT32_MAX,
	.max_depth = 2 * JX_MAX_DEPTH, /* events, and what is around them */
	.max_tokens = UINT32_MAX,
};

/* One test under way. */
struct check_test {
	const char *name;
	json_t *expect; /* a list, or NULL */
	json_t *reply;  /* what is answered to each request; NULL: nothing is said */
	bool *met;      /* of each expected request */
	unsigned differences;
};

static void differ(struct check_test *t, const char *fmt, ...) ATTR_PRINTF(2, 3);

static void differ(struct check_test *t, const char *fmt, ...)
{
	va_list ap;

	if (t->differences++ == 0)
		printf("FAILED %s\n", t->name);
	printf("  ");
	va_start(ap, fmt);
	vprintf(fmt, ap);
	va_end(ap);
	printf("\n");
}

/* A request that is compared: where it belongs, and how its secrets are hidden in messages. */
struct at {
	const char *rule, *target;
	const struct preview_mask *mask;
};

/* jansson refuses integers beyond 64 bits, unless all of them are taken for reals. */
static json_t *load(struct slice text, size_t flags, json_error_t *why)
{
	const char *data = text.data != NULL ? text.data : "";
	json_t *value = json_loadb(data, text.len, flags, why);

	if (value == NULL)
		value = json_loadb(data, text.len, flags | JSON_DECODE_INT_AS_REAL, why);
	return value;
}

static char *dump(const json_t *value)
{
	return value != NULL ? json_dumps(value, JSON_ENCODE_ANY | JSON_COMPACT)
			     : strdup("nothing");
}

/* @text, masked, as @at's messages show it; malloc'ed. */
static char *masked(const struct at *at, const char *text)
{
	struct buf out;

	buf_init(&out, BUF_UNLIMITED);
	preview_mask_text(at->mask, slice_str(text), &out);
	return out.data != NULL ? out.data : xstrdup("");
}

/* Is @got what is wanted? A test need not hold secrets: it may say *** for them. */
static bool is_wanted_text(const struct at *at, const char *want, const char *got)
{
	char *hidden;
	bool equal;

	if (want == NULL || got == NULL || strcmp(want, got) == 0)
		return want != NULL && got != NULL;
	hidden = masked(at, got);
	equal = strcmp(want, hidden) == 0;
	free(hidden);
	return equal;
}

static void differ_values(struct check_test *t, const struct at *at, const char *path,
	const json_t *want, const json_t *got)
{
	char *w = dump(want), *g = dump(got);
	char *shown_w = masked(at, w), *shown_g = masked(at, g);

	differ(t, "rule '%s' target '%s': %s: expected %s, got %s", at->rule, at->target, path,
		shown_w, shown_g);
	free(w);
	free(g);
	free(shown_w);
	free(shown_g);
}

static bool is_wanted_value(const struct at *at, const json_t *want, const json_t *got)
{
	if (json_is_number(want) && json_is_number(got))
		return json_number_value(want) == json_number_value(got);
	if (json_is_string(want) && json_is_string(got))
		return is_wanted_text(at, json_string_value(want), json_string_value(got));
	return json_equal(want, got);
}

/* Tell each place where two JSON values differ. */
static void compare_json(
	struct check_test *t, const struct at *at, const char *path, json_t *want, json_t *got)
{
	const char *key;
	json_t *value;

	if (!json_is_object(want) || !json_is_object(got)) {
		if (!is_wanted_value(at, want, got))
			differ_values(t, at, path, want, got);
		return;
	}
	json_object_foreach(want, key, value)
	{
		char *inner = xasprintf("%s.%s", path, key);

		compare_json(t, at, inner, value, json_object_get(got, key));
		free(inner);
	}
	json_object_foreach(got, key, value)
	{
		char *inner = xasprintf("%s.%s", path, key);

		if (json_object_get(want, key) == NULL)
			differ_values(t, at, inner, NULL, value);
		free(inner);
	}
}

/* @shown: @got as messages show it. */
static void compare_text(struct check_test *t, const struct at *at, const char *path,
	const json_t *want, const char *got, const char *shown)
{
	const char *text = json_string_value(want);
	char *shown_want;

	if (want == NULL ||
		(text != NULL && (strcmp(text, got) == 0 || strcmp(text, shown) == 0)))
		return;
	shown_want = masked(at, text != NULL ? text : "(no text)");
	differ(t, "rule '%s' target '%s': %s:\n    - %s\n    + %s", at->rule, at->target, path,
		shown_want, shown);
	free(shown_want);
}

/* A request with its secrets, to be compared, and without, to be shown. */
struct both {
	struct preview_shown plain, shown;
};

static void compare_body(
	struct check_test *t, const struct at *at, json_t *want, const struct both *r)
{
	json_t *got;

	if (want == NULL)
		return;
	if (json_is_string(want)) {
		compare_text(
			t, at, "body", want, buf_str(&r->plain.body), buf_str(&r->shown.body));
		return;
	}
	got = load(buf_slice(&r->plain.body), JSON_DECODE_ANY, NULL);
	if (got == NULL)
		differ(t, "rule '%s' target '%s': body: expected JSON, got %s", at->rule,
			at->target, buf_str(&r->shown.body));
	else
		compare_json(t, at, "body", want, got);
	json_decref(got);
}

/* The value of header @name among "Name: value" lines, malloc'ed, or NULL. */
static char *find_header(const char *lines, const char *name)
{
	size_t len = strlen(name);

	for (; *lines != '\0'; lines += strcspn(lines, "\n") + 1)
		if (strncasecmp(lines, name, len) == 0 && lines[len] == ':')
			return xmemdup(lines + len + 2, strcspn(lines, "\n") - len - 2);
	return NULL;
}

static void compare_headers(
	struct check_test *t, const struct at *at, json_t *want, const struct both *r)
{
	const char *name;
	json_t *value;

	json_object_foreach(want, name, value)
	{
		char *got = find_header(buf_str(&r->plain.headers), name);
		char *shown = find_header(buf_str(&r->shown.headers), name);
		char *path = xasprintf("header %s", name);

		compare_text(t, at, path, value, got != NULL ? got : "(none)",
			shown != NULL ? shown : "(none)");
		free(path);
		free(got);
		free(shown);
	}
}

static void compare_request(struct check_test *t, const struct preview *p,
	const struct conf_target *target, const struct at *at, json_t *want)
{
	struct both r;

	preview_show(p, target, NULL, &r.plain);
	preview_show(p, target, at->mask, &r.shown);
	compare_text(t, at, "method", json_object_get(want, "method"), r.plain.method,
		r.shown.method);
	compare_text(t, at, "url", json_object_get(want, "url"), buf_str(&r.plain.url),
		buf_str(&r.shown.url));
	compare_headers(t, at, json_object_get(want, "headers"), &r);
	compare_body(t, at, json_object_get(want, "body"), &r);
	preview_shown_release(&r.plain);
	preview_shown_release(&r.shown);
}

/* Append the reply's headers as lines. */
static void add_head(const json_t *headers, struct buf *head)
{
	const char *name;
	json_t *value;

	json_object_foreach((json_t *)headers, name, value)
	{
		const char *text = json_string_value(value);

		buf_addf(head, "%s: %s\n", name, text != NULL ? text : "");
	}
}

/* What the test's reply means for the target. */
static void compare_outcome(struct check_test *t, const struct conf_target *target,
	const struct at *at, const json_t *want)
{
	const json_t *body = json_object_get(t->reply, "body");
	struct reply reply = {
		.status = (int)json_integer_value(json_object_get(t->reply, "status"))};
	char *text = body != NULL && !json_is_string(body) ? dump(body) : NULL;
	const char *outcome, *rule;
	struct buf head;

	if (want == NULL)
		return;
	if (t->reply == NULL) {
		differ(t, "an \"outcome\" is expected, but there is no \"reply\"");
		return;
	}
	buf_init(&head, BUF_UNLIMITED);
	add_head(json_object_get(t->reply, "headers"), &head);
	reply.head = buf_slice(&head);
	reply.body = slice_str(text != NULL ? text : json_string_value(body));
	outcome = preview_outcome(target, &reply, &rule);
	compare_text(t, at,
		rule != NULL ? "outcome by a response rule" : "outcome by the status", want,
		outcome, outcome);
	buf_release(&head);
	free(text);
}

/* What is refused with @code, for the reason @why. */
static void compare_refusal(struct check_test *t, const struct at *at, json_t *want,
	const char *code, const char *why)
{
	const json_t *error = json_object_get(want, "error");
	char *shown;

	if (error != NULL) {
		compare_text(t, at, "error", error, code, code);
		return;
	}
	shown = masked(at, why);
	differ(t, "rule '%s' target '%s': %s: %s", at->rule, at->target, code, shown);
	free(shown);
}

static bool names(const json_t *want, const char *member, const char *name)
{
	const json_t *value = json_object_get(want, member);

	return value == NULL || str_eq(json_string_value(value), name);
}

/* The first expected request that is meant for this target and not met yet. */
static json_t *find_expected(struct check_test *t, const struct conf_target *target)
{
	size_t i;
	json_t *want;

	json_array_foreach(t->expect, i, want)
	{
		if (t->met[i] || !names(want, "rule", target->rule->name) ||
			!names(want, "target", target->id))
			continue;
		t->met[i] = true;
		return want;
	}
	return NULL;
}

static void run_target(struct check_test *t, struct preview *p,
	const struct conf_target *target, const struct at *at, json_t *want)
{
	const json_t *error = json_object_get(want, "error");
	const char *code = "";
	struct err err = {0};

	if (preview_render(p, target, &code, &err) != 0) {
		compare_refusal(t, at, want, code, err.text);
		return;
	}
	if (error != NULL)
		differ(t, "rule '%s' target '%s': expected the error %s, but a request is made",
			at->rule, at->target, json_string_value(error));
	compare_request(t, p, target, at, want);
	compare_outcome(t, target, at, json_object_get(want, "outcome"));
}

/* Each target of a rule that matches, or whose consumer refuses the record for the reason @why
 * (NULL: it takes it), must be expected. */
static void run_targets(
	struct check_test *t, struct preview *p, const struct conf_rule *rule, const char *why)
{
	for (size_t i = 0; i < rule->target_count; i++) {
		const struct conf_target *target = &rule->targets[i];
		json_t *want = find_expected(t, target);
		struct preview_mask mask;
		struct at at = {rule->name, target->id, &mask};

		preview_mask_init(&mask, p->conf, target->destination->connection);
		if (why != NULL)
			compare_refusal(t, &at, want, "INVALID_EVENT", why);
		else if (want == NULL)
			differ(t, "rule '%s' target '%s': a request that is not expected",
				at.rule, at.target);
		else
			run_target(t, p, target, &at, want);
		preview_mask_release(&mask);
	}
}

static void run_rule(struct check_test *t, const struct conf *conf,
	const struct conf_rule *rule, const struct event_fields *record)
{
	struct event_fields fields = *record;
	struct preview p;
	struct err err = {0};
	int match;

	if (fields.topic == NULL)
		fields.topic = rule->consumer->topics[0];
	else if (!conf_consumer_reads(rule->consumer, fields.topic))
		return;
	preview_init(&p, conf, &fields);
	match = preview_match(&p, rule, NULL, &err);
	if (match != 0)
		run_targets(t, &p, rule, match < 0 ? err.text : NULL);
	preview_release(&p);
}

static void run_rules(
	struct check_test *t, const struct conf *conf, const struct event_fields *record)
{
	size_t count = json_array_size(t->expect);

	t->met = xcalloc(count, sizeof *t->met);
	for (size_t i = 0; i < conf->rule_count; i++)
		if (conf->rules[i].enabled)
			run_rule(t, conf, &conf->rules[i], record);
	for (size_t i = 0; i < count; i++) {
		char *want = dump(json_array_get(t->expect, i));

		if (!t->met[i])
			differ(t, "missing: %s", want);
		free(want);
	}
	free(t->met);
}

/* A header's value is a text, null, or a list of these: the header is there several times. */
static size_t read_headers(json_t *object, struct event_header **ret)
{
	const char *name;
	json_t *value, *one;
	size_t count = 0, i;

	*ret = NULL;
	json_object_foreach(object, name, value)
	{
		size_t times = json_is_array(value) ? json_array_size(value) : 1;

		*ret = xreallocarray(*ret, count + times, sizeof **ret);
		if (!json_is_array(value))
			(*ret)[count++] = (struct event_header){
				slice_str(name), slice_str(json_string_value(value))};
		json_array_foreach(value, i, one)(*ret)[count++] = (struct event_header){
			slice_str(name), slice_str(json_string_value(one))};
	}
	return count;
}

/* @event: as it stands in the file, so that its numbers stay what they are. */
static void run_test(const struct conf *conf, json_t *test, size_t number, struct slice event,
	struct check_tests_result *ret)
{
	char fallback[32];
	struct check_test t = {.name = json_string_value(json_object_get(test, "name")),
		.expect = json_object_get(test, "expect"),
		.reply = json_object_get(test, "reply")};
	const char *text = json_string_value(json_object_get(test, "event"));
	struct event_header *headers;
	struct event_fields record = {
		.topic = json_string_value(json_object_get(test, "topic")),
		.key = slice_str(json_string_value(json_object_get(test, "key"))),
		.value = text != NULL ? slice_str(text) : event,
		.timestamp_ms = clock_wall_ms(),
	};

	snprintf(fallback, sizeof fallback, "test %zu", number + 1);
	if (t.name == NULL)
		t.name = fallback;
	record.taken_up_ms = record.timestamp_ms;
	record.header_count = read_headers(json_object_get(test, "headers"), &headers);
	record.headers = headers;
	if (event.data == NULL || !json_is_array(t.expect))
		differ(&t, "it needs an \"event\" and a list \"expect\"");
	else
		run_rules(&t, conf, &record);
	ret->failed += t.differences > 0;
	ret->passed += t.differences == 0;
	free(headers);
}

static void run_all(const struct conf *conf, json_t *tests, const struct jx_index *ix,
	struct check_tests_result *ret)
{
	uint32_t t = 1; /* the same test in the index */
	json_t *test;
	size_t i;

	json_array_foreach(tests, i, test)
	{
		uint32_t event = jx_member(ix, t, SLICE("event"));

		run_test(conf, test, i, event != JX_NONE ? jx_text(ix, event) : slice_str(NULL),
			ret);
		t = jx_next(ix, t);
	}
}

int check_tests_run(const struct conf *conf, const char *path, struct check_tests_result *ret,
	struct err *err)
{
	struct buf text;
	struct jx_index ix;
	json_error_t why;
	json_t *tests = NULL;
	int code;

	*ret = (struct check_tests_result){0};
	buf_init(&text, BUF_UNLIMITED);
	jx_init(&ix);
	code = file_read(path, &text, err);
	if (code == 0)
		tests = load(buf_slice(&text), JSON_REJECT_DUPLICATES, &why);
	if (code == 0 && tests == NULL)
		code = err_set(err, ERR_INVALID, "%s:%d: %s", path, why.line, why.text);
	else if (code == 0 && !json_is_array(tests))
		code = err_set(err, ERR_INVALID, "%s:1: must be a list of tests [ … ]", path);
	if (code == 0)
		code = jx_parse(&ix, buf_slice(&text), &file_limits, err);
	if (code == 0)
		run_all(conf, tests, &ix, ret);
	json_decref(tests);
	jx_release(&ix);
	buf_release(&text);
	return code;
}
