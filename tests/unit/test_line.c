/* SPDX-License-Identifier: Apache-2.0 */
#include "unit.h"

#include <stdlib.h>

#include "base/rng.h"
#include "core/gate/key_queue.h"

struct person {
	struct list node;
	struct line *line;
	bool holds;
};

static void come(struct line_table *t, struct person *p, uint64_t number)
{
	p->line = line_join(t, number, &p->node, &p->holds);
}

/* @p goes; who holds the line now. */
static struct person *go(struct line_table *t, struct person *p)
{
	struct list *next = line_pass(t, p->line);

	return next ? list_entry(next, struct person, node) : NULL;
}

static void line__is_passed_in_order_of_coming(void **state)
{
	struct line_table t;
	struct person p[5];

	(void)state;
	line_table_init(&t);
	for (size_t i = 0; i < COUNT_OF(p); i++)
		come(&t, &p[i], 7);
	assert_true(p[0].holds);
	for (size_t i = 1; i < COUNT_OF(p); i++)
		assert_false(p[i].holds);
	for (size_t i = 1; i < COUNT_OF(p); i++)
		assert_ptr_equal(go(&t, &p[i - 1]), &p[i]);
	assert_null(go(&t, &p[4]));
	assert_int_equal(t.count, 0);
	line_table_release(&t);
}

static void line__one_who_gives_up_waiting_is_passed_over(void **state)
{
	struct line_table t;
	struct person p[3];

	(void)state;
	line_table_init(&t);
	for (size_t i = 0; i < COUNT_OF(p); i++)
		come(&t, &p[i], 7);
	list_remove(&p[1].node);
	assert_ptr_equal(go(&t, &p[0]), &p[2]);
	assert_null(go(&t, &p[2]));
	line_table_release(&t);
}

static void line__numbers_that_share_a_bucket_are_apart(void **state)
{
	struct line_table t;
	struct person a, b, c;

	(void)state;
	line_table_init(&t);
	come(&t, &a, 64);
	come(&t, &b, 128);
	come(&t, &c, 64);
	assert_true(a.holds);
	assert_true(b.holds);
	assert_false(c.holds);
	assert_null(go(&t, &b));
	assert_ptr_equal(go(&t, &a), &c);
	assert_null(go(&t, &c));
	line_table_release(&t);
}

/* Many lines, more than the first table has room for, in no order. */
static void line__there_may_be_a_hundred_thousand(void **state)
{
	enum {
		MANY = 100000
	};
	struct person *p = xcalloc(MANY, sizeof *p);
	struct line_table t;

	(void)state;
	line_table_init(&t);
	for (unsigned i = 0; i < MANY; i++) {
		come(&t, &p[i], 1 + i);
		assert_true(p[i].holds);
	}
	assert_int_equal(t.count, MANY);
	for (unsigned i = 0; i < MANY; i++)
		assert_null(go(&t, &p[(i * 7919u) % MANY]));
	assert_int_equal(t.count, 0);
	assert_true(t.spare_count <= 1024);
	line_table_release(&t);
	free(p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(line__is_passed_in_order_of_coming),
		cmocka_unit_test(line__one_who_gives_up_waiting_is_passed_over),
		cmocka_unit_test(line__numbers_that_share_a_bucket_are_apart),
		cmocka_unit_test(line__there_may_be_a_hundred_thousand),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
