/* SPDX-License-Identifier: Apache-2.0 */
#include "unit.h"
#include "core/json/path.h"

#include <stdio.h>
#include <stdlib.h>

static struct jx_index ix;

static const char event[] =
	"{\"detail-type\":\"Order Placed\",\"resources\":[\"r0\",\"r1\"],\"a.b\":1,\"a/b\":2,"
	"\"\":3,\"it's\":4,\"q\\\"\\u00e9\":5,\"\xc3\xa9t\xc3\xa9\":6,\"twice\":7,\"twice\":8,"
	"\"detail\":{\"instance-id\":\"i-1\",\"n\":1.10,\"_x\":null,\"list\":[{\"x\":1},{\"y\":2},"
	"{\"x\":[3,4]}],\"0\":\"zero\"}}";

/* One path and the texts of its hits, with blanks between. */
static const struct {
	const char *path, *hits;
} cases[] = {
	{"$.detail-type", "\"Order Placed\""},
	{"$.resources", "[\"r0\",\"r1\"]"},
	{"$.resources[0]", "\"r0\""},
	{"$.resources[1]", "\"r1\""},
	{"$.resources[2]", ""},
	{"$.resources[*]", "\"r0\" \"r1\""},
	{"$.resources.*", "\"r0\" \"r1\""},
	{"$.resources[4294967294]", ""},
	{"$.resources.x", ""},
	{"$.detail-type[0]", ""},
	{"$.detail-type[*]", ""},
	{"$.detail.instance-id", "\"i-1\""},
	{"$.detail.n", "1.10"},
	{"$.detail._x", "null"},
	{"$.detail._x.y", ""},
	{"$.detail.0", "\"zero\""},
	{"$.detail['0']", "\"zero\""},
	{"$.detail[0]", ""},
	{"$.detail.list[0].x", "1"},
	{"$.detail.list[*].x", "1 [3,4]"},
	{"$.detail.list[*].*", "1 2 [3,4]"},
	{"$.detail.list[*].x[1]", "4"},
	{"$.a.b", ""},
	{"$['a.b']", "1"},
	{"$.a/b", "2"},
	{"$['']", "3"},
	{"$['it\\'s']", "4"},
	{"$['q\"\\u00E9']", "5"},
	{"$['q\\\"\xc3\xa9']", "5"},
	{"$.\xc3\xa9t\xc3\xa9", "6"},
	{"$.twice", "8"},
	{"$['detail'].list[1]['y']", "2"},
	{"$.nothing", ""},
};

static void render_hits(const struct path *p, struct buf *out)
{
	uint32_t hits[16];
	size_t count = path_find_all(p, &ix, 0, hits, COUNT_OF(hits));

	for (size_t i = 0; i < count; i++) {
		if (i > 0)
			buf_add_char(out, ' ');
		buf_add_slice(out, jx_text(&ix, hits[i]));
	}
}

static void path__finds_what_it_names(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		struct err err = {0};
		struct path *p = path_compile(slice_str(cases[i].path), &err);
		struct buf out;

		buf_init(&out, BUF_UNLIMITED);
		if (p == NULL)
			fail_msg("%s: %s", cases[i].path, err.text);
		render_hits(p, &out);
		if (strcmp(buf_str(&out), cases[i].hits) != 0)
			fail_msg("%s gave '%s', not '%s'", cases[i].path, buf_str(&out),
				cases[i].hits);
		buf_release(&out);
		path_free(p);
	}
}

/* What is refused, and the column where. */
static const struct {
	const char *path;
	unsigned column;
} refused[] = {
	{"", 1},
	{"detail", 1},
	{"@.x", 1},
	{"$x", 2},
	{"$kafka.topic", 2},
	{"$ .x", 2},
	{"$.", 3},
	{"$..x", 3},
	{"$.a..b", 5},
	{"$.a b", 4},
	{"$.a.", 5},
	{"$.(x)", 3},
	{"$.a[", 5},
	{"$.a[]", 5},
	{"$.a[-1]", 5},
	{"$.a[0:2]", 6},
	{"$.a[0,1]", 6},
	{"$.a[0", 6},
	{"$.a[ 0]", 5},
	{"$.a[?(@.x)]", 5},
	{"$.a[\"x\"]", 5},
	{"$['x", 5},
	{"$['x'", 6},
	{"$['x'x]", 6},
	{"$['\\x']", 5},
	{"$['\\u12']", 5},
	{"$['\\ud800']", 5},
	{"$['\\ud800\\u0041']", 5},
	{"$.a[99999999999999999999]", 14},
	{"$.a]", 4},
	{"$.a{", 4},
	{"$.\xc3\xa9..x", 5},
};

static void path__refuses_the_rest_with_its_column(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT_OF(refused); i++) {
		struct err err = {0};
		char expected[32];

		snprintf(expected, sizeof expected, "column %u:", refused[i].column);
		if (path_compile(slice_str(refused[i].path), &err) != NULL)
			fail_msg("%s was accepted", refused[i].path);
		assert_int_equal(err.code, ERR_INVALID);
		if (strstr(err.text, expected) == NULL)
			fail_msg("'%s': %s, expected %s", refused[i].path, err.text, expected);
	}
	assert_null(path_compile(SLICE("$.\xff"), NULL));
	assert_null(path_compile(SLICE("$.a\0b"), NULL));
}

static void path__dynamic_is_told_from_constant(void **state)
{
	(void)state;
	assert_true(path_is_dynamic(SLICE("$")));
	assert_true(path_is_dynamic(SLICE("$.detail")));
	assert_true(path_is_dynamic(SLICE("$['x']")));
	assert_false(path_is_dynamic(SLICE("")));
	assert_false(path_is_dynamic(SLICE("$5")));
	assert_false(path_is_dynamic(SLICE("id-$.detail")));
	assert_false(path_is_dynamic(SLICE("$kafka.topic")));
}

static void path__find_all_counts_beyond_its_room(void **state)
{
	struct path *p = path_compile(SLICE("$.resources[*]"), NULL);
	uint32_t hit = 0;

	(void)state;
	assert_true(path_has_wildcard(p));
	assert_int_equal(path_find_all(p, &ix, 0, &hit, 1), 2);
	assert_int_equal(hit, path_find(p, &ix, 0));
	path_free(p);
}

static void path__works_on_any_kind_of_event(void **state)
{
	struct path *all = path_compile(SLICE("$"), NULL),
		    *x = path_compile(SLICE("$.x"), NULL);
	struct jx_index other;

	(void)state;
	jx_init(&other);
	assert_int_equal(jx_parse(&other, SLICE("12"), &jx_default_limits, NULL), 0);
	assert_int_equal(path_find(all, &other, 0), 0);
	assert_int_equal(path_find(x, &other, 0), JX_NONE);
	jx_release(&other);
	path_free(all);
	path_free(x);
}

static int index_event(void **state)
{
	(void)state;
	jx_init(&ix);
	return jx_parse(&ix, slice_str(event), &jx_default_limits, NULL);
}

static int release_event(void **state)
{
	(void)state;
	jx_release(&ix);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(path__finds_what_it_names),
		cmocka_unit_test(path__refuses_the_rest_with_its_column),
		cmocka_unit_test(path__dynamic_is_told_from_constant),
		cmocka_unit_test(path__find_all_counts_beyond_its_room),
		cmocka_unit_test(path__works_on_any_kind_of_event),
	};

	return cmocka_run_group_tests(tests, index_event, release_event);
}
