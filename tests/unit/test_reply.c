/* SPDX-License-Identifier: Apache-2.0 */
/* What response rules make of replies: of those of well-known APIs, of odd ones, of half ones. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "core/reply/reply.h"

#define RULES_MAX 8

/* Rules made of texts, and a reader of them. */
struct world {
	struct pattern *patterns[RULES_MAX];
	size_t count;
	struct reply_rules *rules;
	struct reply_reader *reader;
};

struct text_rule {
	const char *pattern;
	enum retry_action outcome;
};

static void world_begin(struct world *w, const struct text_rule *texts, size_t count)
{
	static const char *const names[RULES_MAX] = {"0", "1", "2", "3", "4", "5", "6", "7"};
	struct reply_rule rules[RULES_MAX];
	struct err err = {0};

	*w = (struct world){.count = count};
	for (size_t i = 0; i < count; i++) {
		w->patterns[i] = pattern_compile(slice_str(texts[i].pattern), NULL, &err);
		if (w->patterns[i] == NULL)
			fail_msg("%s: %s", texts[i].pattern, err.text);
		if (reply_pattern_check(w->patterns[i], &err) != 0)
			fail_msg("%s: %s", texts[i].pattern, err.text);
		rules[i] = (struct reply_rule){w->patterns[i], texts[i].outcome, names[i]};
	}
	w->rules = reply_rules_new(rules, count);
	w->reader = reply_reader_new(w->rules);
}

static void world_end(struct world *w)
{
	reply_reader_free(w->reader);
	reply_rules_free(w->rules);
	for (size_t i = 0; i < w->count; i++)
		pattern_free(w->patterns[i]);
}

/* What becomes of the reply: the outcome's name, "status" or "unknown". */
static const char *judge(struct world *w, const struct reply *reply)
{
	const struct reply_rule *rule;

	switch (reply_judge(w->reader, reply, &rule)) {
	case REPLY_NO_RULE:
		return "status";
	case REPLY_UNKNOWN:
		return "unknown";
	case REPLY_RULE:
		break;
	}
	return reply_outcome_name(rule->outcome);
}

static const char *judge_text(struct world *w, int status, const char *head, const char *body)
{
	return judge(
		w, &(struct reply){
			   .status = status, .head = slice_str(head), .body = slice_str(body)});
}

#define WORLD(w, ...)                                                                          \
	static const struct text_rule texts[] = {__VA_ARGS__};                                 \
	struct world w;                                                                        \
	(void)state;                                                                           \
	world_begin(&w, texts, COUNT_OF(texts))

static void reply__the_first_rule_that_matches_decides(void **state)
{
	WORLD(w, {"{\"body\":{\"ok\":[false],\"error\":[\"ratelimited\"]}}", RETRY_LATER},
		{"{\"body\":{\"ok\":[false]}}", RETRY_REFUSE},
		{"{\"status\":[409]}", RETRY_DELIVERED},
		{"{\"status\":[403],\"headers\":{\"x-ratelimit-remaining\":[\"0\"]}}",
			RETRY_LATER},
		{"{\"status\":[403]}", RETRY_REAUTHORISE});

	assert_string_equal(judge_text(&w, 200, "", "{\"ok\":true}"), "status");
	assert_string_equal(judge_text(&w, 200, "", "{\"ok\":false}"), "fail");
	assert_string_equal(
		judge_text(&w, 200, "", "{\"ok\":false,\"error\":\"ratelimited\"}"), "retry");
	assert_string_equal(judge_text(&w, 409, "", "{\"ok\":false}"), "fail");
	assert_string_equal(judge_text(&w, 409, "", ""), "delivered");
	assert_string_equal(
		judge_text(&w, 403, "HTTP/1.1 403 No\r\nX-RateLimit-Remaining: 0\r\n\r\n", ""),
		"retry");
	assert_string_equal(
		judge_text(&w, 403, "X-RateLimit-Remaining: 1\r\n", ""), "reauthorize");
	assert_string_equal(judge_text(&w, 500, "X-RateLimit-Remaining: 0\r\n", ""), "status");
	world_end(&w);
}

static void reply__a_body_is_what_it_is(void **state)
{
	WORLD(w, {"{\"body\":[0]}", RETRY_REFUSE}, {"{\"body\":[\"no\"]}", RETRY_LATER},
		{"{\"body\":{\"results\":{\"status\":[\"error\"]}}}", RETRY_REFUSE},
		{"{\"body\":[{\"prefix\":\"1,\"}]}", RETRY_DELIVERED},
		{"{\"body\":[{\"exists\":false}]}", RETRY_REAUTHORISE});

	assert_string_equal(judge_text(&w, 200, "", "0"), "fail");
	assert_string_equal(judge_text(&w, 200, "", " 0\r\n"), "fail");
	assert_string_equal(judge_text(&w, 200, "", "no"), "retry");
	assert_string_equal(judge_text(&w, 200, "", "\"no\""), "retry");
	assert_string_equal(judge_text(&w, 200, "", ""), "reauthorize");
	assert_string_equal(judge_text(&w, 200, "", "1"), "status");
	assert_string_equal(
		judge_text(&w, 200, "",
			"{\"results\":[{\"status\":\"ok\"},{\"status\":\"error\"}]}"),
		"fail");
	/* What would be JSON only together with the text around it is a string. */
	assert_string_equal(judge_text(&w, 200, "", "1,\"body\":0"), "delivered");
	assert_string_equal(judge_text(&w, 200, "", "1,\"status\":404"), "delivered");
	world_end(&w);
}

static void reply__a_body_can_not_change_the_status(void **state)
{
	WORLD(w, {"{\"status\":[404]}", RETRY_REFUSE}, {"{\"body\":[7]}", RETRY_LATER});

	assert_string_equal(judge_text(&w, 200, "", "1,\"status\":404"), "status");
	assert_string_equal(judge_text(&w, 200, "", "1},\"a\":{\"status\":404"), "status");
	world_end(&w);
}

static void reply__a_long_text_is_cut(void **state)
{
	static char body[REPLY_STRING_BYTES + 8];
	WORLD(w, {"{\"body\":[{\"suffix\":\"xy\"}]}", RETRY_REFUSE},
		{"{\"body\":[{\"suffix\":\"x\"}]}", RETRY_LATER});

	memset(body, 'x', REPLY_STRING_BYTES);
	strcpy(body + REPLY_STRING_BYTES, "y");
	assert_string_equal(judge_text(&w, 200, "", body), "retry");
	strcpy(body + REPLY_STRING_BYTES - 1, "y");
	assert_string_equal(judge_text(&w, 200, "", body), "fail");
	world_end(&w);
}

static void reply__the_last_header_of_a_name_counts(void **state)
{
	WORLD(w, {"{\"headers\":{\"a\":[\"2\"]}}", RETRY_REFUSE},
		{"{\"headers\":{\"b.c\":[{\"exists\":true}]}}", RETRY_LATER});

	assert_string_equal(judge_text(&w, 200, "A: 1\r\nA: 2\r\n", ""), "fail");
	assert_string_equal(judge_text(&w, 200, "A: 2\r\nA: 1\r\n", ""), "status");
	assert_string_equal(judge_text(&w, 200, "a:2", ""), "fail");
	assert_string_equal(judge_text(&w, 200, "B.C: \"\\\x01\xff\r\n", ""), "retry");
	assert_string_equal(judge_text(&w, 200, ": 2\r\nno colon\r\n\r\n", ""), "status");
	world_end(&w);
}

/* Of a body that was cut off nobody knows what stood in it. */
static const char *judge_broken(struct world *w, int status, const char *head)
{
	return judge(w, &(struct reply){.status = status,
				.head = slice_str(head),
				.body = SLICE("{\"ok\":fal"),
				.body_is_broken = true});
}

static void reply__a_broken_body_is_unknown_where_a_rule_needs_it(void **state)
{
	WORLD(w, {"{\"status\":[201],\"body\":{\"ok\":[false]}}", RETRY_REFUSE},
		{"{\"status\":[{\"numeric\":[\">=\",500]}]}", RETRY_DELIVERED},
		{"{\"$or\":[{\"status\":[409]},{\"body\":{\"e\":[1]},\"headers\":{\"a\":[\"1\"]}}]}",
			RETRY_LATER});

	assert_string_equal(judge_broken(&w, 201, ""), "unknown");
	assert_string_equal(judge_broken(&w, 200, ""), "status");
	assert_string_equal(judge_broken(&w, 503, ""), "delivered");
	assert_string_equal(judge_broken(&w, 409, ""), "retry");
	assert_string_equal(judge_broken(&w, 200, "a: 1\n"), "unknown");
	world_end(&w);
}

static void reply__a_rule_without_body_does_not_need_it(void **state)
{
	WORLD(w, {"{\"status\":[409]}", RETRY_DELIVERED});

	assert_false(reply_rules_want_body(w.rules));
	assert_false(reply_rules_want_headers(w.rules));
	assert_false(reply_rules_want_body(NULL));
	assert_false(reply_rules_want_headers(NULL));
	assert_string_equal(judge_broken(&w, 409, ""), "delivered");
	assert_string_equal(judge_broken(&w, 201, ""), "status");
	world_end(&w);
}

static void reply__what_no_reply_has_is_refused(void **state)
{
	static const struct {
		const char *pattern, *error;
	} cases[] = {
		{"{\"statuscode\":[200]}", "a reply has no 'statuscode'"},
		{"{\"status\":[200],\"detail\":{\"x\":[1]}}", "a reply has no 'detail'"},
		{"{\"headers\":{\"X-Rate\":[\"0\"]}}", "no header is called 'X-Rate'"},
	};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		struct err err;
		struct pattern *p = pattern_compile(slice_str(cases[i].pattern), NULL, &err);

		assert_non_null(p);
		assert_int_equal(reply_pattern_check(p, &err), ERR_INVALID);
		assert_memory_equal(err.text, cases[i].error, strlen(cases[i].error));
		pattern_free(p);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reply__the_first_rule_that_matches_decides),
		cmocka_unit_test(reply__a_body_is_what_it_is),
		cmocka_unit_test(reply__a_body_can_not_change_the_status),
		cmocka_unit_test(reply__a_long_text_is_cut),
		cmocka_unit_test(reply__the_last_header_of_a_name_counts),
		cmocka_unit_test(reply__a_broken_body_is_unknown_where_a_rule_needs_it),
		cmocka_unit_test(reply__a_rule_without_body_does_not_need_it),
		cmocka_unit_test(reply__what_no_reply_has_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
