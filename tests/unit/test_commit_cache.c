/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "app/engine/commit_cache.h"

static struct commit_mark mark(int64_t offset, const char *metadata)
{
	return commit_mark(offset, slice_str(metadata));
}

/* Committed 10 "a" for sure, 20 "b" perhaps; 30 with the map "m" is known. */
static void keep(struct commit_cache *r, const char *topic, int32_t partition)
{
	struct buf map;

	buf_init(&map, BUF_UNLIMITED);
	buf_add_str(&map, "m");
	commit_cache_keep(r, topic, partition, mark(10, "a"), mark(20, "b"), 30, &map);
}

static void commit_cache__believes_what_it_knows_when_nobody_has_committed(void **state)
{
	const struct commit_mark found[] = {mark(10, "a"), mark(20, "b")};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(found); i++) {
		struct commit_cache r;
		struct buf map;
		int64_t position = -1;

		commit_cache_init(&r);
		keep(&r, "t", 0);
		assert_true(commit_cache_take(&r, "t", 0, found[i], &position, &map));
		assert_int_equal(position, 30);
		assert_string_equal(buf_str(&map), "m");
		buf_release(&map);
		assert_false(commit_cache_take(&r, "t", 0, found[i], &position, &map));
		commit_cache_release(&r);
	}
}

static void commit_cache__believes_the_group_when_somebody_has(void **state)
{
	const struct commit_mark found[] = {
		mark(11, "a"), mark(10, "b"), mark(20, ""), mark(0, ""), mark(-1, "")};
	struct commit_cache r;
	struct buf map;
	int64_t position = -1;

	(void)state;
	commit_cache_init(&r);
	for (size_t i = 0; i < COUNT_OF(found); i++) {
		keep(&r, "t", 0);
		assert_false(commit_cache_take(&r, "t", 0, found[i], &position, &map));
		assert_int_equal(position, -1);
		/* It was older than what is true now, so it is gone. */
		assert_false(commit_cache_take(&r, "t", 0, mark(10, "a"), &position, &map));
	}
	commit_cache_release(&r);
}

static void commit_cache__keeps_partitions_apart(void **state)
{
	struct commit_cache r;
	struct buf map;
	int64_t position;

	(void)state;
	commit_cache_init(&r);
	keep(&r, "t", 0);
	keep(&r, "t", 1);
	keep(&r, "u", 0);
	keep(&r, "t", 0);
	assert_false(commit_cache_take(&r, "u", 1, mark(10, "a"), &position, &map));
	assert_true(commit_cache_take(&r, "t", 1, mark(10, "a"), &position, &map));
	buf_release(&map);
	assert_true(commit_cache_take(&r, "t", 0, mark(10, "a"), &position, &map));
	buf_release(&map);
	commit_cache_release(&r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
			commit_cache__believes_what_it_knows_when_nobody_has_committed),
		cmocka_unit_test(commit_cache__believes_the_group_when_somebody_has),
		cmocka_unit_test(commit_cache__keeps_partitions_apart),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
