/* SPDX-License-Identifier: Apache-2.0 */
#include "unit.h"
#include "core/ruleset/ruleset.h"
#include "core/ruleset/ruleset_private.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#define MOST_PATTERNS 2048

struct set {
	struct pattern *patterns[MOST_PATTERNS];
	size_t count;
	struct ruleset *rs;
	struct ruleset_scratch *scratch;
	struct jx_index ix;
};

static void set_add(struct set *s, const char *pattern)
{
	struct err err;

	s->patterns[s->count] = pattern_compile(slice_str(pattern), NULL, &err);
	if (s->patterns[s->count++] == NULL)
		fail_msg("%s: %s", pattern, err.text);
}

static void set_seal(struct set *s)
{
	s->rs = ruleset_new((const struct pattern *const *)s->patterns, s->count);
	s->scratch = ruleset_scratch_new(s->rs);
	jx_init(&s->ix);
}

static void set_release(struct set *s)
{
	jx_release(&s->ix);
	ruleset_scratch_free(s->scratch);
	ruleset_free(s->rs);
	for (size_t i = 0; i < s->count; i++)
		pattern_free(s->patterns[i]);
}

static size_t set_match(struct set *s, struct slice event, const uint32_t **ret_hits)
{
	struct err err;

	assert_int_equal(jx_parse(&s->ix, event, &jx_default_limits, &err), 0);
	return ruleset_match(s->rs, s->scratch, &s->ix, ret_hits);
}

/* The rules that match, as "0 3 7". */
static void assert_hits(struct set *s, const char *event, const char *wanted)
{
	const uint32_t *hits;
	size_t n = set_match(s, slice_str(event), &hits);
	struct buf b;

	buf_init(&b, BUF_UNLIMITED);
	for (size_t i = 0; i < n; i++)
		buf_addf(&b, "%s%u", i ? " " : "", hits[i]);
	if (strcmp(buf_str(&b), wanted) != 0)
		fail_msg("%s: got %s, wanted %s", event, buf_str(&b), wanted);
	buf_release(&b);
}

static void ruleset__gives_all_matching_rules_in_order(void **state)
{
	struct set s = {0};

	(void)state;
	set_add(&s, "{\"a\":[\"x\"]}");
	set_add(&s, "{\"a\":[{\"prefix\":\"xy\"}],\"b\":[1]}");
	set_add(&s, "{\"b\":[{\"numeric\":[\">\",0]}]}");
	set_add(&s, "{\"c\":[{\"exists\":false}]}");
	set_add(&s, "{\"$or\":[{\"a\":[\"x\"]},{\"b\":[1]}]}");
	set_add(&s, "{\"a\":[{\"equals-ignore-case\":\"XYZ\"}]}");
	set_add(&s, "{\"a\":[{\"wildcard\":\"*y*\"}],\"c\":[null]}");
	set_seal(&s);
	assert_hits(&s, "{\"a\":\"x\"}", "0 3 4");
	assert_hits(&s, "{\"b\":1,\"a\":\"xyz\"}", "1 2 3 4 5");
	assert_hits(&s, "{\"c\":null,\"a\":[\"by\",\"xYz\"]}", "5 6");
	assert_hits(&s, "{}", "3");
	assert_hits(&s, "[]", "");
	assert_hits(&s, "{\"a\":\"x\"}", "0 3 4");
	set_release(&s);
}

static void ruleset__without_rules_matches_nothing(void **state)
{
	struct set s = {0};

	(void)state;
	set_seal(&s);
	assert_hits(&s, "{\"a\":[1,{\"b\":2}]}", "");
	set_release(&s);
}

/* Many rules and as many hits: both ways of putting them in order. */
static void ruleset__thousand_rules_are_told_apart(void **state)
{
	struct set s = {0};
	const uint32_t *hits;
	char text[128];

	(void)state;
	for (unsigned i = 0; i < 1000; i++) {
		snprintf(text, sizeof text,
			"{\"s\":[\"all\"],\"n\":[%u,%u],\"t\":[{\"anything-but\":\"v%u\"}]}", i,
			i + 1000, i);
		set_add(&s, text);
	}
	for (unsigned i = 0; i < 1000; i++) {
		snprintf(text, sizeof text, "{\"w\":[{\"wildcard\":\"*-%u-*\"}]}", i);
		set_add(&s, text);
	}
	set_seal(&s);
	assert_hits(&s, "{\"s\":\"all\",\"n\":[7,1012,999],\"t\":\"v12\"}", "7 999");
	assert_hits(&s, "{\"s\":\"all\",\"n\":[7,1012,999],\"t\":[\"v12\",1]}", "7 12 999");
	assert_hits(&s, "{\"s\":\"some\",\"n\":7,\"t\":1}", "");
	assert_hits(&s, "{\"w\":\"a-12-345-67\"}", "1012 1345");
	assert_int_equal(set_match(&s, SLICE("{\"w\":5}"), &hits), 0);
	set_release(&s);
}

static void ruleset__array_elements_must_agree(void **state)
{
	struct set s = {0};

	(void)state;
	set_add(&s, "{\"e\":{\"f\":[\"Anna\"],\"l\":[\"Smith\"]}}");
	set_add(&s, "{\"e\":{\"f\":[\"Anna\"],\"l\":[\"Jones\"]}}");
	set_add(&s, "{\"e\":{\"f\":[{\"exists\":false}],\"l\":[\"Jones\"]}}");
	set_add(&s, "{\"e\":{\"l\":[\"Jones\"],\"z\":[{\"exists\":false}]}}");
	set_seal(&s);
	assert_hits(&s,
		"{\"e\":[{\"f\":\"Anna\",\"l\":\"Smith\"},{\"f\":\"Peter\",\"l\":\"Jones\"}]}",
		"0 3");
	assert_hits(&s,
		"{\"e\":[[{\"f\":\"Anna\",\"l\":\"Smith\"}],[{\"f\":\"Peter\",\"l\":\"Jones\",\"z\":1}]]}",
		"0");
	assert_hits(&s, "{\"e\":[{\"l\":\"Jones\"},{\"l\":1,\"z\":1}]}", "2 3");
	assert_hits(&s, "{\"e\":{\"f\":\"Anna\",\"l\":[\"Smith\",\"Jones\"]}}", "0 1 3");
	set_release(&s);
}

/* A path spelt in two ways, in arrays: nothing but a search can tell. */
static void ruleset__paths_spelt_twice_are_searched(void **state)
{
	struct set s = {0};

	(void)state;
	set_add(&s, "{\"a\":{\"b\":[1],\"c\":[2],\"d\":[3]}}");
	set_seal(&s);
	assert_hits(
		&s, "{\"a\":[{\"b\":1,\"c\":2},{\"b\":9,\"d\":3}],\"a.d\":[3,{\"x\":1}]}", "0");
	assert_hits(&s, "{\"a\":[{\"b\":1},{\"c\":2}],\"a.d\":3}", "");
	assert_hits(&s, "{\"a\":[{\"b\":1},{\"c\":2}],\"a.d\":3,\"a.b\":[0,1]}", "0");
	set_release(&s);
}

/* How much work is done is counted, not timed. */
static void ruleset__search_gives_up(void **state)
{
	struct set s = {0};
	struct buf b;
	const uint32_t *hits;

	(void)state;
	set_add(&s, "{\"a\":{\"b\":[1],\"c\":[1],\"d\":[1],\"e\":[1],\"f\":[2]}}");
	set_seal(&s);
	buf_init(&b, BUF_UNLIMITED);
	for (const char *k = "bcd"; *k != '\0'; k++) {
		buf_addf(&b, "%s\"a.%c\":[1", *k == 'b' ? "{" : ",", *k);
		for (int i = 0; i < 300; i++)
			buf_add_str(&b, ",1");
		buf_add_str(&b, "]");
	}
	buf_add_str(&b, ",\"a\":[{\"e\":1},{\"f\":2}]}");
	assert_int_equal(set_match(&s, buf_slice(&b), &hits), 0);
	assert_in_range(s.scratch->steps, RULESET_MAX_STEPS, RULESET_MAX_STEPS + 10);
	set_release(&s);
	buf_release(&b);
}

static void ruleset__large_arrays_and_texts_are_gone_through_once(void **state)
{
	struct set s = {0};
	const uint32_t *hits;
	struct buf b;

	(void)state;
	set_add(&s, "{\"l\":[\"v2999\"],\"k\":[\"x\"]}");
	set_add(&s, "{\"o\":{\"p\":[\"999\"],\"q\":[\"999\"]}}");
	set_add(&s, "{\"o\":{\"p\":[\"999\"],\"q\":[\"998\"]}}");
	set_add(&s, "{\"w\":[{\"wildcard\":\"*a*a*a*a*b\"}]}");
	set_add(&s, "{\"w\":[{\"wildcard\":\"*a*aaa*a*\"}]}");
	set_add(&s, "{\"w\":[{\"wildcard\":\"*aaaaaaaaaaaaaaaa*b*\"}]}");
	set_seal(&s);
	buf_init(&b, BUF_UNLIMITED);
	buf_add_str(&b, "{\"k\":\"x\",\"l\":[");
	for (int i = 0; i < 3000; i++)
		buf_addf(&b, "%s\"v%d\"", i ? "," : "", i);
	buf_add_str(&b, "],\"o\":[");
	for (int i = 0; i < 1000; i++)
		buf_addf(&b, "%s{\"p\":\"%d\",\"q\":\"%d\"}", i ? "," : "", i, i);
	buf_addf(&b, "],\"w\":\"%065536d\"}", 0);
	memset(b.data + b.len - 2 - 65536, 'a', 65536);
	assert_int_equal(set_match(&s, buf_slice(&b), &hits), 3);
	assert_int_equal(hits[0], 0);
	assert_int_equal(hits[1], 1);
	assert_int_equal(hits[2], 4);
	set_release(&s);
	buf_release(&b);
}

static void ruleset__escapes_and_dots_in_keys_find_their_fields(void **state)
{
	struct set s = {0};

	(void)state;
	set_add(&s, "{\"a.b\":[\"x\"]}");
	set_add(&s, "{\"a\":{\"b\":[{\"prefix\":\"\\u0078\"}]}}");
	set_add(&s, "{\"\":{\"\":[1]}}");
	set_add(&s, "{\"a\":[1]}");
	set_seal(&s);
	assert_hits(&s, "{\"\\u0061.b\":\"\\u0078\"}", "0 1");
	assert_hits(&s, "{\"a\":{\"\\u0062\":\"\\u0078\\n\"}}", "1");
	assert_hits(&s, "{\".\":1}", "2");
	assert_hits(&s, "{\"\":{\"\":1},\"a\":0,\"a\":1}", "2 3");
	assert_hits(&s, "{\"a\":1,\"a\":0}", "");
	set_release(&s);
}

/* [1,[1,[1, ... and {"a":[{"a":[ ...: what a producer may nest as deep as max_record_depth. */
static void add_nested(struct buf *text, const char *open, const char *close, unsigned levels)
{
	buf_add_str(text, "{\"a\":");
	for (unsigned i = 1; i < levels; i++)
		buf_add_str(text, open);
	buf_add_char(text, '1');
	for (unsigned i = 1; i < levels; i++)
		buf_add_str(text, close);
	buf_add_char(text, '}');
}

static void *match_deepest(void *arg)
{
	static const char *const nested[][2] = {{"[1,", "]"}, {"[", "]"}, {"{\"a\":", "}"}};
	struct jx_limits limits = jx_default_limits;
	const uint32_t *hits;
	struct set *s = arg;
	struct buf text;

	limits.max_depth = JX_MAX_DEPTH;
	buf_init(&text, BUF_UNLIMITED);
	for (size_t i = 0; i < COUNT_OF(nested); i++) {
		buf_reset(&text);
		add_nested(&text, nested[i][0], nested[i][1], JX_MAX_DEPTH);
		if (jx_parse(&s->ix, buf_slice(&text), &limits, NULL) != 0 ||
			ruleset_match(s->rs, s->scratch, &s->ix, &hits) > 1)
			abort();
	}
	buf_release(&text);
	return NULL;
}

static void ruleset__deepest_event_fits_the_smallest_stack(void **state)
{
	struct set s = {0};
	pthread_attr_t attributes;
	pthread_t thread;

	set_add(&s, "{\"a\":[1]}");
	set_add(&s, "{\"a\":{\"a\":{\"a\":{\"a\":[1]}}}}");
	set_seal(&s);
	pthread_attr_init(&attributes);
	assert_int_equal(pthread_attr_setstacksize(&attributes, JX_MAX_DEPTH_STACK_BYTES), 0);
	assert_int_equal(pthread_create(&thread, &attributes, match_deepest, &s), 0);
	pthread_join(thread, NULL);
	pthread_attr_destroy(&attributes);
	set_release(&s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(ruleset__deepest_event_fits_the_smallest_stack),
		cmocka_unit_test(ruleset__gives_all_matching_rules_in_order),
		cmocka_unit_test(ruleset__without_rules_matches_nothing),
		cmocka_unit_test(ruleset__thousand_rules_are_told_apart),
		cmocka_unit_test(ruleset__array_elements_must_agree),
		cmocka_unit_test(ruleset__paths_spelt_twice_are_searched),
		cmocka_unit_test(ruleset__search_gives_up),
		cmocka_unit_test(ruleset__large_arrays_and_texts_are_gone_through_once),
		cmocka_unit_test(ruleset__escapes_and_dots_in_keys_find_their_fields),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
