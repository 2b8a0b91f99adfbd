/* SPDX-License-Identifier: Apache-2.0 */
#include "unit.h"
#include "core/pattern/pattern.h"

#include <stdio.h>
#include <stdlib.h>

static bool matches(const char *pattern, const char *event)
{
	struct err err = {0};
	struct pattern *p = pattern_compile(slice_str(pattern), NULL, &err);
	struct jx_index ix;
	bool result;

	if (p == NULL)
		fail_msg("%s: %s", pattern, err.text);
	jx_init(&ix);
	assert_int_equal(jx_parse(&ix, slice_str(event), &jx_default_limits, &err), 0);
	result = pattern_matches(p, &ix);
	jx_release(&ix);
	pattern_free(p);
	return result;
}

static void assert_refused(const char *pattern, const char *reason)
{
	struct err err = {0};
	struct pattern *p = pattern_compile(slice_str(pattern), NULL, &err);

	if (p != NULL)
		fail_msg("%s was not refused", pattern);
	if (strstr(err.text, reason) == NULL)
		fail_msg("%s: %s", pattern, err.text);
}

/* What is refused, and EventBridge's reason (doc/eventbridge.md, Patterns). */
static const char *const refusals[][2] = {
	{"[]", "Empty arrays are not allowed"},
	{"1", "\"k\" must be an object or an array"},
	{"[[1]]", "Match value must be String, number, true, false, or null"},
	{"[{}]", "Match expression name not found"},
	{"[{\"EXISTS\":true}]", "Unrecognized match type EXISTS"},
	{"[{\"exists\":true,\"prefix\":\"a\"}]", "Only one key allowed in match expression"},
	{"[{\"prefix\":1}]", "prefix match pattern must be a string"},
	{"[{\"suffix\":null}]", "suffix match pattern must be a string"},
	{"[{\"wildcard\":[\"a\"]}]", "wildcard match pattern must be a string"},
	{"[{\"equals-ignore-case\":[\"a\"]}]",
		"equals-ignore-case match pattern must be a string"},
	{"[{\"exactly\":1}]", "exact match pattern must be a string"},
	{"[{\"prefix\":{}}]", "Prefix expression name not found"},
	{"[{\"suffix\":{}}]", "Suffix expression name not found"},
	{"[{\"prefix\":{\"wildcard\":\"a\"}}]", "Unsupported prefix pattern: wildcard"},
	{"[{\"wildcard\":\"arn:aws:events:us-east-1:**\"}]",
		"Consecutive wildcard characters at pos 26"},
	{"[{\"wildcard\":\"a\\\\b\"}]", "Invalid escape character at pos 2"},
	{"[{\"numeric\":5}]", "Value of numeric must be an array."},
	{"[{\"numeric\":[]}]", "Invalid member in numeric match: ]"},
	{"[{\"numeric\":[\"!=\",1]}]", "Unrecognized numeric range operator: !="},
	{"[{\"numeric\":[\"<\",\"1\"]}]", "Value of < must be numeric"},
	{"[{\"numeric\":[\">=\"]}]", "Value of >= must be numeric"},
	{"[{\"numeric\":[\"=\",true]}]", "Value of equals must be numeric"},
	{"[{\"numeric\":[\">\",0,\">\",5]}]", "Bad numeric range operator: >"},
	{"[{\"numeric\":[\">\",0,5]}]", "Bad numeric range operator: 5"},
	{"[{\"numeric\":[\"=\",0,\"<\",5]}]", "Too many elements in numeric expression"},
	{"[{\"numeric\":[\">\",0,\"<\",5,1]}]", "Too many terms in numeric range expression"},
	{"[{\"numeric\":[\">\",5,\"<=\",5]}]", "Bottom must be less than top"},
	{"[{\"numeric\":[\"<\",1e400]}]", "Cannot compare number : 1e400"},
	{"[{\"anything-but\":null}]",
		"Value of anything-but must be an array or single string/number value."},
	{"[{\"anything-but\":{\"prefix\":{\"equals-ignore-case\":\"a\"}}}]",
		"Value of anything-but must be an array or single string/number value."},
	{"[{\"anything-but\":[\"a\",null]}]",
		"Inside anything but list, start|null|boolean is not supported."},
	{"[{\"anything-but\":[\"a\",1]}]", "Inside anything but list, either all values are"},
	{"[{\"anything-but\":[]}]", "Inside anything but list, either all values are"},
	{"[{\"anything-but\":{\"equals-ignore-case\":[1]}}]",
		"Inside anything-but/equals-ignore-case list, number|start|null|boolean"},
	{"[{\"anything-but\":{\"prefix\":1}}]", "prefix/suffix match pattern must be a string"},
	{"[{\"anything-but\":{\"suffix\":\"\"}}]", "Null prefix/suffix not allowed"},
	{"[{\"anything-but\":{\"numeric\":[\"=\",1]}}]",
		"Unsupported anything-but pattern: numeric"},
	{"[{\"anything-but\":{\"wildcard\":[]}}]", "empty list"},
	{"[{\"exists\":1}]", "exists match pattern must be either true or false."},
	{"[{\"cidr\":1}]", "prefix match pattern must be a string"},
	{"[{\"cidr\":\"10.0.0.0\"}]", "Malformed CIDR, one '/' required"},
	{"[{\"cidr\":\"10.0.0.0/x\"}]", "Malformed CIDR, mask bits must be an integer"},
	{"[{\"cidr\":\"10.0.0.0/-1\"}]", "Malformed CIDR, mask bits must not be negative"},
	{"[{\"cidr\":\"10.0.0.0/32\"}]", "IPv4 mask bits must be < 32"},
	{"[{\"cidr\":\"::/128\"}]", "IPv6 mask bits must be < 128"},
	{"[{\"cidr\":\"xx.11.xx/8\"}]", "Nonstandard IP address: xx.11.xx"},
	{"[{\"cidr\":\"10.0.0.256/8\"}]", "Invalid IP address: 10.0.0.256"},
	{"{\"$or\":{}}", "It must be an Array followed with $or."},
	{"{\"$or\":[{\"a\":[1]}]}", "There must have at least 2 Objects in $or relationship."},
	{"{\"$or\":[1,2]}", "Only JSON object is allowed in array of $or relationship."},
	{"{\"$or\":[{},{\"a\":[1]}]}", "Empty objects are not allowed"},
	{"{\"$or\":[{\"cidr\":[1]},{\"a\":[1]}]}",
		"cidr is Ruler reserved fieldName which cannot be used inside $or."},
	{"{}", "Empty objects are not allowed"},
};

static void pattern__refusals_have_the_reason_of_the_original(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT_OF(refusals); i++) {
		char *pattern = xasprintf("{\"k\":%s}", refusals[i][0]);

		assert_refused(pattern, refusals[i][1]);
		free(pattern);
	}
	assert_refused("", "Filter is not an object");
	assert_refused("[1]", "Filter is not an object");
	assert_refused("\xef\xbb\xbf{}", "byte order mark");
	assert_refused("{\"a\":[1]} x", "the end of the text");
}

static void pattern__refusals_say_where_and_how_to_mend(void **state)
{
	(void)state;
	assert_refused("{\n  \"detail\": {\r\n    \"é\": [{\"PREFIX\": \"a\"}]\n  }\n}",
		"Unrecognized match type PREFIX (at detail.é, line 3, column 22); operators are in "
		"lower case");
	assert_refused(
		"{\"a.b\":{\"c\":\"x\"}}", "(at a.b.c, line 1, column 13); put the value into");
	assert_refused(
		"{\"a\":[{\"contains\":\"x\"}]}", "did you mean {\"wildcard\": \"*text*\"}?");
}

struct warnings {
	unsigned count;
	char last[256];
};

static void note_warning(void *data, const char *text)
{
	struct warnings *w = data;

	w->count++;
	snprintf(w->last, sizeof w->last, "%s", text);
}

/* Lenient: accepted with one warning; strict: refused. */
static void assert_unportable(const char *pattern, const char *reason)
{
	struct warnings w = {0};
	struct pattern_options options = {.warn = note_warning, .warn_data = &w};
	struct err err = {0};
	struct pattern *p = pattern_compile(slice_str(pattern), &options, &err);

	assert_non_null(p);
	pattern_free(p);
	assert_int_equal(w.count, 1);
	assert_non_null(strstr(w.last, "not portable to EventBridge"));
	assert_non_null(strstr(w.last, reason));
	options.strict = true;
	assert_null(pattern_compile(slice_str(pattern), &options, &err));
	assert_non_null(strstr(err.text, reason));
	assert_int_equal(w.count, 1);
}

/* {"f0": {"$or": [{"a0": [1]}, …]}, "f1": …}: @ors of them, with @members each. */
static char *many_combinations(unsigned ors, unsigned members)
{
	struct buf b;

	buf_init(&b, BUF_UNLIMITED);
	for (unsigned o = 0; o < ors; o++) {
		buf_addf(&b, "%s\"f%u\":{\"$or\":[", o ? "," : "{", o);
		for (unsigned m = 0; m < members; m++)
			buf_addf(&b, "%s{\"a%u\":[1]}", m ? "," : "", m);
		buf_add_str(&b, "]}");
	}
	buf_add_str(&b, "}");
	return b.data;
}

static void pattern__limits_of_the_original_warn_or_refuse(void **state)
{
	char *pattern = many_combinations(2, 32);

	(void)state;
	assert_unportable(
		"{\"a\":[{\"wildcard\":\"*:*:*:*:*:event-bus/*\"}]}", "Rule is too complex");
	assert_unportable(pattern, "1024 combinations");
	free(pattern);
	pattern = xasprintf("{\"a\":[\"%05000d\"]}", 1);
	assert_unportable(pattern, "over the limit of 4096");
	free(pattern);
}

static void pattern__combinations_are_bounded(void **state)
{
	char *pattern = many_combinations(10, 10);

	(void)state;
	assert_refused(pattern, "too many combinations");
	free(pattern);
	pattern = many_combinations(10, 2);
	assert_true(matches(pattern,
		"{\"f0\":{\"a1\":1},\"f1\":{\"a0\":1},\"f2\":{\"a1\":1},\"f3\":{\"a1\":1},\"f4\":{\"a1\":"
		"1},\"f5\":{\"a1\":1},\"f6\":{\"a1\":1},\"f7\":{\"a1\":1},\"f8\":{\"a1\":1},\"f9\":{"
		"\"a1\":1}}"));
	free(pattern);
}

static void pattern__later_of_two_lists_wins_in_each_alternative(void **state)
{
	const char *outside_first = "{\"a\":[\"0\"],\"$or\":[{\"a\":[\"1\"]},{\"b\":[\"2\"]}]}";
	const char *outside_last = "{\"$or\":[{\"a\":[\"1\"]},{\"b\":[\"2\"]}],\"a\":[\"0\"]}";

	(void)state;
	assert_true(matches(outside_first, "{\"a\":\"1\"}"));
	assert_false(matches(outside_first, "{\"a\":\"0\"}"));
	assert_true(matches(outside_first, "{\"a\":\"0\",\"b\":\"2\"}"));
	assert_false(matches(outside_last, "{\"a\":\"1\"}"));
	assert_true(matches(outside_last, "{\"a\":\"0\"}"));
	assert_true(matches(outside_last, "{\"a\":\"0\",\"b\":\"2\"}"));
}

static void pattern__folding_takes_upper_and_lower_case_in_full(void **state)
{
	static const char *const yes[][2] = {{"stra\xc3\x9f\x65", "STRASSE"}, {"K", "k"},
		{"\xe2\x84\xaa", "k"}, {"\xc3\x89\x63ole", "\xc3\xa9\x43OLE"}, {"", ""},
		{"\xf0\x9f\x9a\x80\x41", "\xf0\x9f\x9a\x80\x61"}, {"\xe1\xba\x9e", "\xc3\x9f"},
		{"\xc3\xbf", "\xc5\xb8"}, {"\xd0\x96", "\xd0\xb6"}};
	static const char *const no[][2] = {{"k", "\xe2\x84\xaa"}, {"i", "\xc4\xb0"},
		{"\xce\xa3", "\xcf\x82"}, {"strasse", "stra\xc3\x9f\x65"}, {"a", ""},
		{"a", "aa"}};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(yes) + COUNT_OF(no); i++) {
		bool wanted = i < COUNT_OF(yes);
		const char *const *pair = wanted ? yes[i] : no[i - COUNT_OF(yes)];
		char *pattern = xasprintf("{\"a\":[{\"equals-ignore-case\":\"%s\"}]}", pair[0]);
		char *event = xasprintf("{\"a\":\"%s\"}", pair[1]);

		if (matches(pattern, event) != wanted)
			fail_msg("%s %s", pattern, event);
		free(pattern);
		free(event);
	}
	assert_true(matches("{\"a\":[{\"suffix\":{\"equals-ignore-case\":\"\xc3\x9f\"}}]}",
		"{\"a\":\"GRUSS\"}"));
	assert_true(matches("{\"a\":[{\"prefix\":{\"equals-ignore-case\":\"\xc3\xa9\"}}]}",
		"{\"a\":\"\xc3\x89T\xc3\x89\"}"));
}

static void pattern__numbers_are_equal_by_value_or_by_text(void **state)
{
	static const struct {
		const char *list, *number;
		bool wanted;
	} cases[] = {
		{"[300]", "3.0e2", true},
		{"[0]", "-0e5", true},
		{"[0.1]", "100e-3", true},
		{"[1000000000000000000000]", "1e21", true},
		{"[12345678901234567]", "12345678901234567", true},
		{"[12345678901234567]", "12345678901234568", false},
		{"[1e400]", "1e400", true},
		{"[1e400]", "10e399", false},
		{"[{\"numeric\":[\">\",1]}]", "1.0000000000000002", true},
		{"[{\"numeric\":[\">\",1]}]", "1", false},
		{"[{\"numeric\":[\">=\",1]}]", "1.0", true},
		{"[{\"numeric\":[\"<\",0]}]", "-5e-324", true},
		{"[{\"numeric\":[\"<\",0]}]", "-0.0", false},
		{"[{\"numeric\":[\"<\",1e308]}]", "-1.7976931348623157e308", true},
		{"[{\"anything-but\":[1]}]", "9007199254740993", true},
		{"[{\"anything-but\":[1]}]", "10e-1", false},
		{"[0.00000000000000000000000000000000000000001]", "1e-41", true},
	};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		char *pattern = xasprintf("{\"n\":%s}", cases[i].list);
		char *event = xasprintf("{\"n\":%s}", cases[i].number);

		if (matches(pattern, event) != cases[i].wanted)
			fail_msg("%s %s", pattern, event);
		free(pattern);
		free(event);
	}
}

static void pattern__addresses_are_in_blocks_of_their_family(void **state)
{
	static const struct {
		const char *block, *address;
		bool wanted;
	} cases[] = {
		{"10.0.0.0/8", "10.255.0.001", true},
		{"10.0.0.0/8", "11.0.0.1", false},
		{"10.1.2.3/31", "10.1.2.2", true},
		{"10.1.2.3/31", "10.1.2.4", false},
		{"0.0.0.0/0", "::1", false},
		{"::/0", "1.2.3.4", false},
		{"2001:db8::/33", "2001:DB8:7fff::", true},
		{"2001:db8::/33", "2001:db8:8000::", false},
		{"::/0", "1:2:3:4:5:6:7::", true},
		{"::/0", "1:2:3:4:5:6:7:8:9", false},
		{"::/0", ":::", false},
		{"::/0", "::1%eth0", false},
		{"::/0", "::1.2.3.4", false},
		{"0.0.0.0/0", "1.2.3", false},
		{"0.0.0.0/0", "1.2.3.4:5", false},
		{"0.0.0.0/0", "", false},
	};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		char *pattern = xasprintf("{\"i\":[{\"cidr\":\"%s\"}]}", cases[i].block);
		char *event = xasprintf("{\"i\":\"%s\"}", cases[i].address);

		if (matches(pattern, event) != cases[i].wanted)
			fail_msg("%s %s", pattern, event);
		free(pattern);
		free(event);
	}
}

static void pattern__large_and_deep_texts_are_compiled_or_refused(void **state)
{
	struct buf b;
	struct pattern *p;
	struct err err;

	(void)state;
	buf_init(&b, BUF_UNLIMITED);
	for (unsigned i = 0; i < 100000; i++)
		buf_addf(&b, "%s\"key%u\":[\"a value that makes the text longer %u\"]",
			i ? "," : "{", i, i);
	buf_add_str(&b, "}");
	p = pattern_compile(buf_slice(&b), NULL, &err);
	assert_non_null(p);
	pattern_free(p);
	buf_reset(&b);
	for (unsigned i = 0; i < 999; i++)
		buf_add_str(&b, "{\"a\":");
	buf_add_str(&b, "[1]");
	for (unsigned i = 0; i < 999; i++)
		buf_add_str(&b, "}");
	p = pattern_compile(buf_slice(&b), NULL, &err);
	assert_non_null(p);
	pattern_free(p);
	buf_reset(&b);
	buf_addf(&b, "{\"%0*d\":[1]}", 100000, 0);
	memset(b.data + 2, '.', 100000);
	assert_null(pattern_compile(buf_slice(&b), NULL, &err));
	assert_non_null(strstr(err.text, "2000 names"));
	assert_null(pattern_compile(slice_of("{\"a\":[\"\0\"]}", 10), NULL, &err));
	assert_non_null(strstr(err.text, "control character"));
	buf_release(&b);
}

static void assert_explains(
	const char *pattern, const char *event, int wanted, const char *text)
{
	struct err err = {0};
	struct pattern *p = pattern_compile(slice_str(pattern), NULL, &err);
	struct jx_index ix;
	struct buf out;

	assert_non_null(p);
	jx_init(&ix);
	buf_init(&out, BUF_UNLIMITED);
	assert_int_equal(jx_parse(&ix, slice_str(event), &jx_default_limits, &err), 0);
	assert_int_equal(pattern_explain(p, &ix, &out), wanted);
	if (strstr(out.data, text) == NULL)
		fail_msg("%s", out.data);
	buf_release(&out);
	jx_release(&ix);
	pattern_free(p);
}

static void pattern__explanation_names_the_field_and_what_it_has(void **state)
{
	const char *items =
		"{\"e\":[{\"f\":\"Anna\",\"l\":\"Smith\"},{\"f\":\"Peter\",\"l\":\"Jones\"}]}";

	(void)state;
	assert_explains("{\"a\":{\"b\":[{\"numeric\":[\">\",9]}]},\"c\":[1]}",
		"{\"a\":{\"b\":5},\"c\":1}", 0,
		"  no   a.b is 5; wanted [{\"numeric\":[\">\",9]}]\n  yes  c is 1");
	assert_explains("{\"a\":{\"b\":[1]}}", "{\"a\":{\"B\":1,\"x\":2}}", 0,
		"a.b is missing (there are: B, x)");
	assert_explains("{\"a\":{\"b\":[1]}}", "{\"a\":\"{\\\"b\\\":1}\"}", 0,
		"a is a string; JSON inside a string is not looked into");
	assert_explains("{\"a\":[1]}", "{\"a\":{\"b\":1}}", 0, "a is an object");
	assert_explains("{\"a\":[1]}", "{\"a\":[]}", 0, "a is a list without values");
	assert_explains("{\"a\":[9]}", "{\"a\":[1,2,3,4,5,6]}", 0, "is 1, 2, 3, 4 and 2 more");
	assert_explains("{\"e\":{\"f\":[\"Anna\"],\"l\":[\"Jones\"]}}", items, 0,
		"no single element of the list e meets all");
	assert_explains(
		"{\"e\":{\"f\":[\"Anna\"],\"l\":[\"Smith\"]}}", items, 1, "The event matches.");
	assert_explains("{\"$or\":[{\"a\":[1],\"b\":[1]},{\"a\":[2],\"b\":[2]}]}",
		"{\"a\":2,\"b\":1}", 0, "Of the 2 combinations of $or");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(pattern__refusals_have_the_reason_of_the_original),
		cmocka_unit_test(pattern__refusals_say_where_and_how_to_mend),
		cmocka_unit_test(pattern__limits_of_the_original_warn_or_refuse),
		cmocka_unit_test(pattern__combinations_are_bounded),
		cmocka_unit_test(pattern__later_of_two_lists_wins_in_each_alternative),
		cmocka_unit_test(pattern__folding_takes_upper_and_lower_case_in_full),
		cmocka_unit_test(pattern__numbers_are_equal_by_value_or_by_text),
		cmocka_unit_test(pattern__addresses_are_in_blocks_of_their_family),
		cmocka_unit_test(pattern__large_and_deep_texts_are_compiled_or_refused),
		cmocka_unit_test(pattern__explanation_names_the_field_and_what_it_has),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
