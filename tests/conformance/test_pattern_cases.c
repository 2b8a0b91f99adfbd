/* SPDX-License-Identifier: Apache-2.0 */
/* Every observed case of pattern-cases.json, through the library. */
#include "core/pattern/pattern.h"
#include "core/ruleset/ruleset.h"

#include <jansson.h>
#include <stdarg.h>
#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>

#ifndef CASES
#define CASES "tests/conformance/pattern-cases.json"
#endif

static const char *member(const json_t *c, const char *key)
{
	return json_string_value(json_object_get(c, key));
}

static const char *outcome(const json_t *c, struct err *err)
{
	struct slice event = slice_str(member(c, "event"));
	struct pattern *p = pattern_compile(slice_str(member(c, "pattern")), NULL, err);
	const char *result = "error";
	struct jx_index ix;

	if (p == NULL)
		return "invalid";
	jx_init(&ix);
	if (jx_parse(&ix, event, &jx_default_limits, err) == 0 && jx_type(&ix, 0) == JX_OBJECT)
		result = pattern_matches(p, &ix) ? "match" : "nomatch";
	jx_release(&ix);
	pattern_free(p);
	return result;
}

/* Errors of the JSON parser have their own words here; those of
 * patterns have the original's. */
static bool is_parser_text(const char *reason)
{
	return strstr(reason, "Unexpected") != NULL || strstr(reason, "token 'NaN'") != NULL ||
	       strstr(reason, "Leading zeroes") != NULL || strstr(reason, "java.") != NULL;
}

static void conformance__every_observed_case_comes_out_as_wanted(void **state)
{
	json_error_t why;
	json_t *root = json_load_file(CASES, 0, &why), *c;
	unsigned failed = 0, count = 0;
	size_t i;

	(void)state;
	if (root == NULL)
		fail_msg("%s: %s", CASES, why.text);
	json_array_foreach(json_object_get(root, "cases"), i, c)
	{
		const char *wanted = member(c, "recommend");
		const char *reason = member(c, "reason");
		struct err err = {0};
		const char *got = outcome(c, &err);

		if (wanted == NULL)
			wanted = member(c, "expect");
		count++;
		if (strcmp(got, wanted) != 0 ||
			(strcmp(member(c, "expect"), "invalid") == 0 &&
				!is_parser_text(reason) && strstr(err.text, reason) == NULL)) {
			print_error("%s on %s: wanted %s %s, got %s %s\n", member(c, "pattern"),
				member(c, "event"), wanted, reason ? reason : "", got,
				err.text);
			failed++;
		}
	}
	json_decref(root);
	assert_int_equal(failed, 0);
	assert_in_range(count, 200, 100000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(conformance__every_observed_case_comes_out_as_wanted),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
