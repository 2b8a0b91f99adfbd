/* SPDX-License-Identifier: Apache-2.0 */
#include "unit.h"
#include "core/gate/budget.h"

/* Take one delivery at a time while there is room; how many it were. */
static size_t take_all(struct budget_member *m)
{
	size_t taken = 0;

	while (budget_has_room(m)) {
		budget_take(m, 1, 1);
		taken++;
	}
	return taken;
}

static void budget__a_member_alone_has_it_all(void **state)
{
	struct budget b;
	struct budget_member m;

	(void)state;
	budget_init(&b, 100, 1000);
	budget_join(&b, &m);
	assert_int_equal(take_all(&m), 100);
	budget_give(&m, 1, 1);
	assert_true(budget_has_room(&m));
}

static void budget__bytes_stop_as_deliveries_do(void **state)
{
	struct budget b;
	struct budget_member m;

	(void)state;
	budget_init(&b, 100, 1000);
	budget_join(&b, &m);
	budget_take(&m, 1, 1500);
	assert_false(budget_has_room(&m));
	budget_give(&m, 1, 1500);
	assert_true(budget_has_room(&m));
}

static void budget__a_greedy_member_leaves_the_others_their_part(void **state)
{
	struct budget b;
	struct budget_member greedy, other[4];

	(void)state;
	budget_init(&b, 1000, 100000);
	budget_join(&b, &greedy);
	for (size_t i = 0; i < COUNT_OF(other); i++)
		budget_join(&b, &other[i]);
	assert_int_equal(take_all(&greedy), 600);
	for (size_t i = 0; i < COUNT_OF(other); i++)
		assert_int_equal(take_all(&other[i]), 100);
	assert_int_equal(b.deliveries.used, 1000);
}

static void budget__what_a_leaving_member_held_comes_back(void **state)
{
	struct budget b;
	struct budget_member one, two;

	(void)state;
	budget_init(&b, 100, 1000);
	budget_join(&b, &one);
	budget_join(&b, &two);
	assert_int_equal(take_all(&one), 75);
	budget_give(&one, 75, 75);
	budget_part(&one);
	assert_int_equal(take_all(&two), 100);
	assert_int_equal(b.deliveries.used, 100);
}

static void budget__requests_have_an_eighth_whatever_waits(void **state)
{
	struct budget b;
	struct budget_member m;

	budget_init(&b, 100, 800);
	budget_join(&b, &m);
	budget_take(&m, 1, 800); /* events that wait */
	assert_true(budget_has_room_for_requests(&b));
	budget_take_request(&m, 101);
	assert_false(budget_has_room_for_requests(&b));
	budget_give_request(&m, 1);
	assert_true(budget_has_room_for_requests(&b));
	budget_give(&m, 1, 800);
	budget_take_request(&m, 600);
	assert_true(budget_has_room_for_requests(&b)); /* the events need no more */
	budget_take_request(&m, 100);
	assert_false(budget_has_room_for_requests(&b));
	assert_false(budget_has_room(&m)); /* they count for what is taken up, too */
	budget_give_request(&m, 800);
	assert_int_equal(m.bytes, 0);
	assert_true(budget_has_room(&m));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(budget__a_member_alone_has_it_all),
		cmocka_unit_test(budget__bytes_stop_as_deliveries_do),
		cmocka_unit_test(budget__a_greedy_member_leaves_the_others_their_part),
		cmocka_unit_test(budget__requests_have_an_eighth_whatever_waits),
		cmocka_unit_test(budget__what_a_leaving_member_held_comes_back),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
