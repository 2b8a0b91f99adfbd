/* SPDX-License-Identifier: Apache-2.0 */
#include "unit.h"
#include "core/gate/delivery.h"

static void delivery__only_done_has_no_way_out(void **state)
{
	(void)state;
	for (unsigned from = 0; from < DELIVERY_NR_STATES; from++) {
		unsigned ways = 0;

		for (unsigned to = 0; to < DELIVERY_NR_STATES; to++)
			ways += delivery_may_move(from, to);
		assert_int_equal(ways == 0, from == DELIVERY_DONE);
	}
}

static bool reaches_done(enum delivery_state from, unsigned steps)
{
	if (from == DELIVERY_DONE)
		return true;
	for (unsigned to = 0; steps > 0 && to < DELIVERY_NR_STATES; to++)
		if (delivery_may_move(from, to) && reaches_done(to, steps - 1))
			return true;
	return false;
}

static void delivery__done_is_reached_from_everywhere(void **state)
{
	(void)state;
	for (unsigned from = 0; from < DELIVERY_NR_STATES; from++)
		assert_true(reaches_done(from, DELIVERY_NR_STATES));
}

/* Nothing is settled that was neither answered nor dead-lettered. */
static void delivery__is_done_only_after_an_answer_or_a_letter(void **state)
{
	(void)state;
	for (unsigned from = 0; from < DELIVERY_NR_STATES; from++)
		assert_int_equal(delivery_may_move(from, DELIVERY_DONE),
			from == DELIVERY_SENDING || from == DELIVERY_DEAD);
}

static void delivery__dead_is_never_sent_again(void **state)
{
	(void)state;
	assert_false(delivery_may_move(DELIVERY_DEAD, DELIVERY_SENDING));
	assert_false(delivery_may_move(DELIVERY_DEAD, DELIVERY_WAITING));
}

static void delivery__states_have_names(void **state)
{
	(void)state;
	for (unsigned s = 0; s < DELIVERY_NR_STATES; s++)
		for (unsigned other = 0; other < s; other++)
			assert_string_not_equal(
				delivery_state_name(s), delivery_state_name(other));
}

static void delivery__facts_copy_and_forget(void **state)
{
	struct delivery_facts f = {0};
	char text[] = "HTTP 503", body[] = {'a', '\0', 'b'};

	(void)state;
	delivery_facts_set_message(&f, text);
	delivery_facts_set_response(&f, slice_of(body, sizeof body));
	text[0] = body[0] = 'x';
	assert_string_equal(f.error_message, "HTTP 503");
	assert_int_equal(f.response_len, 3);
	assert_memory_equal(f.response, "a\0b", 3);
	delivery_facts_set_message(&f, "");
	delivery_facts_set_response(&f, SLICE(""));
	assert_null(f.error_message);
	assert_null(f.response);
	assert_int_equal(f.response_len, 0);
	delivery_facts_set_message(&f, "again");
	delivery_facts_release(&f);
	assert_null(f.error_message);
	delivery_facts_release(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(delivery__only_done_has_no_way_out),
		cmocka_unit_test(delivery__done_is_reached_from_everywhere),
		cmocka_unit_test(delivery__is_done_only_after_an_answer_or_a_letter),
		cmocka_unit_test(delivery__dead_is_never_sent_again),
		cmocka_unit_test(delivery__states_have_names),
		cmocka_unit_test(delivery__facts_copy_and_forget),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
