/* SPDX-License-Identifier: Apache-2.0 */
#include "check_tests.h"

#include <errno.h>
#include <jansson.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>

#include "trial.h"
#include "base/clock.h"

/* One test under way. */
struct test {
	const char *name;
	json_t *expect; /* a list, or NULL */
	bool *met;      /* of each expected request */
	unsigned differences;
};

static void differ(struct test *t, const char *fmt, ...) ATTR_PRINTF(2, 3);

static void differ(struct test *t, const char *fmt, ...)
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

/* A request, for messages. */
struct at {
	const char *rule, *target;
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

static void differ_values(struct test *t, const struct at *at, const char *path,
	const json_t *want, const json_t *got)
{
	char *w = dump(want), *g = dump(got);

	differ(t, "rule '%s' target '%s': %s: expected %s, got %s", at->rule, at->target, path,
		w, g);
	free(w);
	free(g);
}

/* Tell each place where two JSON values differ. */
static void compare_json(
	struct test *t, const struct at *at, const char *path, json_t *want, json_t *got)
{
	const char *key;
	json_t *value;

	if (json_equal(want, got) || (json_is_number(want) && json_is_number(got) &&
					     json_number_value(want) == json_number_value(got)))
		return;
	if (!json_is_object(want) || !json_is_object(got)) {
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

static void compare_text(struct test *t, const struct at *at, const char *path,
	const json_t *want, const char *got)
{
	if (want != NULL && !str_eq(json_string_value(want), got))
		differ(t, "rule '%s' target '%s': %s:\n    - %s\n    + %s", at->rule,
			at->target, path,
			json_is_string(want) ? json_string_value(want) : "(no text)", got);
}

static void compare_body(
	struct test *t, const struct at *at, json_t *want, const struct trial_shown *s)
{
	json_t *got;

	if (want == NULL)
		return;
	if (json_is_string(want)) {
		compare_text(t, at, "body", want, buf_str(&s->body));
		return;
	}
	got = load(buf_slice(&s->body), JSON_DECODE_ANY, NULL);
	if (got == NULL)
		differ(t, "rule '%s' target '%s': body: expected JSON, got %s", at->rule,
			at->target, buf_str(&s->body));
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
	struct test *t, const struct at *at, json_t *want, const struct trial_shown *s)
{
	const char *name;
	json_t *value;

	json_object_foreach(want, name, value)
	{
		char *got = find_header(buf_str(&s->headers), name);
		char *path = xasprintf("header %s", name);

		compare_text(t, at, path, value, got != NULL ? got : "(none)");
		free(path);
		free(got);
	}
}

static void compare_request(struct test *t, struct trial *trial,
	const struct conf_target *target, const struct at *at, json_t *want)
{
	const json_t *error = json_object_get(want, "error");
	struct trial_shown shown;
	const char *code = "";
	struct err err = {0};

	if (trial_render(trial, target, &code, &err) != 0) {
		if (error == NULL)
			differ(t, "rule '%s' target '%s': %s: %s", at->rule, at->target, code,
				err.text);
		else
			compare_text(t, at, "error", error, code);
		return;
	}
	if (error != NULL)
		differ(t, "rule '%s' target '%s': expected the error %s, but a request is made",
			at->rule, at->target, json_string_value(error));
	trial_show(trial, target, &shown);
	compare_text(t, at, "method", json_object_get(want, "method"), trial->request.method);
	compare_text(t, at, "url", json_object_get(want, "url"), buf_str(&shown.url));
	compare_headers(t, at, json_object_get(want, "headers"), &shown);
	compare_body(t, at, json_object_get(want, "body"), &shown);
	trial_shown_release(&shown);
}

static bool names(const json_t *want, const char *member, const char *name)
{
	const json_t *value = json_object_get(want, member);

	return value == NULL || str_eq(json_string_value(value), name);
}

/* The first expected request that is meant for this target and not met yet. */
static json_t *find_expected(struct test *t, const struct conf_target *target)
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

static void run_rule(struct test *t, const struct conf *conf, const struct conf_rule *rule,
	const struct event_fields *record)
{
	struct event_fields fields = *record;
	struct trial trial;
	struct err err = {0};
	int match;

	if (fields.topic == NULL)
		fields.topic = rule->consumer->topics[0];
	trial_init(&trial, conf, &fields);
	match = trial_match(&trial, rule, NULL, &err);
	if (match < 0)
		differ(t, "rule '%s': the event is none: %s", rule->name, err.text);
	for (size_t i = 0; match == 1 && i < rule->target_count; i++) {
		const struct conf_target *target = &rule->targets[i];
		struct at at = {rule->name, target->id};
		json_t *want = find_expected(t, target);

		if (want != NULL)
			compare_request(t, &trial, target, &at, want);
		else
			differ(t, "rule '%s' target '%s': a request that is not expected",
				at.rule, at.target);
	}
	trial_release(&trial);
}

static void run_rules(
	struct test *t, const struct conf *conf, const struct event_fields *record)
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

static size_t read_headers(json_t *object, struct event_header **ret)
{
	const char *name;
	json_t *value;
	size_t count = 0;

	*ret = xcalloc(json_object_size(object), sizeof **ret);
	json_object_foreach(object, name, value)
	{
		(*ret)[count++] = (struct event_header){
			slice_str(name), slice_str(json_string_value(value))};
	}
	return count;
}

/* @event: as it stands in the file, so that its numbers stay what they are. */
static void run_test(const struct conf *conf, json_t *test, size_t number, struct slice event,
	struct check_tests_result *ret)
{
	char fallback[32];
	struct test t = {.name = json_string_value(json_object_get(test, "name")),
		.expect = json_object_get(test, "expect")};
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
	json_t *test;
	size_t i;

	json_array_foreach(tests, i, test)
	{
		uint32_t event = jx_member(ix, jx_element(ix, 0, i), SLICE("event"));

		run_test(conf, test, i, event != JX_NONE ? jx_text(ix, event) : slice_str(NULL),
			ret);
	}
}

static int read_text(const char *path, struct buf *out, struct err *err)
{
	FILE *f = fopen(path, "re");
	char chunk[16384];
	size_t len;

	if (f == NULL)
		return err_set(err, ERR_IO, "%s: %s", path, strerror(errno));
	while ((len = fread(chunk, 1, sizeof chunk, f)) > 0)
		buf_add(out, chunk, len);
	len = (size_t)ferror(f);
	fclose(f);
	return len != 0 ? err_set(err, ERR_IO, "%s: cannot be read", path) : 0;
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
	code = read_text(path, &text, err);
	if (code == 0)
		tests = load(buf_slice(&text), JSON_REJECT_DUPLICATES, &why);
	if (code == 0 && tests == NULL)
		code = err_set(err, ERR_INVALID, "%s:%d: %s", path, why.line, why.text);
	else if (code == 0 && !json_is_array(tests))
		code = err_set(err, ERR_INVALID, "%s:1: must be a list of tests [ … ]", path);
	if (code == 0)
		code = jx_parse(&ix, buf_slice(&text), &jx_default_limits, err);
	if (code == 0)
		run_all(conf, tests, &ix, ret);
	json_decref(tests);
	jx_release(&ix);
	buf_release(&text);
	return code;
}
