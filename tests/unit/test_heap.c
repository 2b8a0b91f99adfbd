/* SPDX-License-Identifier: Apache-2.0 */
#include "unit.h"
#include "base/heap.h"
#include "base/rng.h"

struct thing {
	struct heap_node node;
	int number;
};

static struct thing *take_first(struct heap *h)
{
	struct heap_node *n = heap_first(h);

	heap_remove(h, n);
	return container_of(n, struct thing, node);
}

static void heap__comes_out_by_time_and_equal_times_in_order_of_setting(void **state)
{
	struct thing things[1000] = {0};
	struct heap h;
	struct rng rng;
	int64_t last_ms = -1;
	int last = -1;

	(void)state;
	heap_init(&h);
	rng_seed(&rng, 1);
	for (int i = 0; i < 1000; i++) {
		things[i].number = i;
		heap_set(&h, &things[i].node, (int64_t)rng_upto(&rng, 20));
	}
	for (int i = 0; i < 1000; i++) {
		struct thing *t = take_first(&h);

		assert_true(t->node.at_ms >= last_ms);
		if (t->node.at_ms == last_ms)
			assert_true(t->number > last);
		last_ms = t->node.at_ms;
		last = t->number;
	}
	assert_null(heap_first(&h));
	heap_release(&h);
}

static void heap__a_node_moves_and_leaves_wherever_it_is(void **state)
{
	struct thing things[200] = {0};
	struct heap h;
	struct rng rng;
	int64_t last_ms = INT64_MIN;
	size_t left = 0;

	(void)state;
	heap_init(&h);
	rng_seed(&rng, 2);
	for (int round = 0; round < 5000; round++) {
		struct thing *t = &things[rng_upto(&rng, COUNT_OF(things) - 1)];

		if (rng_upto(&rng, 2) == 0)
			heap_remove(&h, &t->node);
		else
			heap_set(&h, &t->node, (int64_t)rng_upto(&rng, 1000));
	}
	for (size_t i = 0; i < COUNT_OF(things); i++)
		left += heap_contains(&things[i].node);
	assert_int_equal(left, h.count);
	while (heap_first(&h) != NULL) {
		struct thing *t = take_first(&h);

		assert_true(t->node.at_ms >= last_ms);
		assert_false(heap_contains(&t->node));
		last_ms = t->node.at_ms;
	}
	heap_release(&h);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(heap__comes_out_by_time_and_equal_times_in_order_of_setting),
		cmocka_unit_test(heap__a_node_moves_and_leaves_wherever_it_is),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
