/* SPDX-License-Identifier: Apache-2.0 */
/* Idempotency keys: what makes them different, and what must not. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "core/auth/idempotency.h"

static const struct idempotency_place somewhere = {
	.cluster_id = SLICE("MkU3OEVBNTcwNTJENDM2Qk"),
	.topic = SLICE("orders"),
	.partition = 3,
	.offset = 1234567,
	.timestamp_ms = 1795953600000,
};

struct key {
	char text[IDEMPOTENCY_KEY_BYTES];
};

static struct key make_key(struct idempotency_maker *m, struct idempotency_place at,
	const char *rule, const char *target)
{
	struct key key;

	idempotency_make(m, &at, slice_str(rule), slice_str(target), key.text);
	return key;
}

static void idempotency__a_key_is_a_uuid_of_version_8(void **state)
{
	struct idempotency_maker *m = idempotency_maker_new();

	(void)state;
	for (int i = 0; i < 1000; i++) {
		struct idempotency_place at = somewhere;
		struct key key;

		at.offset = i;
		key = make_key(m, at, "rule", "target");
		assert_int_equal(strlen(key.text), 36);
		assert_int_equal(strspn(key.text, "0123456789abcdef-"), 36);
		assert_true(key.text[8] == '-' && key.text[13] == '-' && key.text[18] == '-' &&
			    key.text[23] == '-');
		assert_int_equal(key.text[14], '8');
		assert_non_null(strchr("89ab", key.text[19]));
	}
	idempotency_maker_free(m);
}

/* Receivers remember keys: a new release must make the same ones. */
static void idempotency__a_record_keeps_its_key_from_release_to_release(void **state)
{
	struct idempotency_maker *m = idempotency_maker_new();

	(void)state;
	assert_string_equal(make_key(m, somewhere, "order_notifications", "slack").text,
		"01ea73c3-3795-8992-bda9-1f701109b071");
	idempotency_maker_free(m);
}

static void idempotency__whatever_differs_makes_another_key(void **state)
{
	struct idempotency_maker *m = idempotency_maker_new();
	struct idempotency_place at[6];
	struct key keys[12];
	size_t count = 0;

	(void)state;
	for (size_t i = 0; i < COUNT_OF(at); i++)
		at[i] = somewhere;
	at[1].cluster_id = SLICE("another");
	at[2].topic = SLICE("order");
	at[3].partition = 4;
	at[4].offset++;
	at[5].timestamp_ms++;
	for (size_t i = 0; i < COUNT_OF(at); i++)
		keys[count++] = make_key(m, at[i], "a-b", "c");
	/* Names that join to the same text. */
	keys[count++] = make_key(m, somewhere, "a", "b-c");
	keys[count++] = make_key(m, somewhere, "a-", "bc");
	keys[count++] = make_key(m, somewhere, "", "a-bc");
	keys[count++] = make_key(m, somewhere, "a-bc", "");
	at[1].cluster_id = SLICE("MkU3OEVBNTcwNTJENDM2Qkorders");
	at[1].topic = SLICE("");
	keys[count++] = make_key(m, at[1], "a-b", "c");
	for (size_t i = 0; i < count; i++)
		for (size_t j = 0; j < i; j++)
			assert_string_not_equal(keys[i].text, keys[j].text);
	assert_string_equal(make_key(m, somewhere, "a-b", "c").text, keys[0].text);
	idempotency_maker_free(m);
}

static void idempotency__a_renewed_key_is_the_same_for_the_same_letter(void **state)
{
	struct idempotency_maker *m = idempotency_maker_new();
	struct key old = make_key(m, somewhere, "r", "t"), once, again, later;
	struct idempotency_place letter = somewhere;

	(void)state;
	letter.topic = SLICE("orders.dead-letters");
	letter.offset = 7;
	idempotency_renew(m, slice_str(old.text), &letter, once.text);
	idempotency_renew(m, slice_str(old.text), &letter, again.text);
	letter.offset = 8;
	idempotency_renew(m, slice_str(old.text), &letter, later.text);
	assert_string_equal(once.text, again.text);
	assert_string_not_equal(once.text, old.text);
	assert_string_not_equal(once.text, later.text);
	idempotency_maker_free(m);
}

static void idempotency__only_what_was_answered_gets_a_new_key(void **state)
{
	(void)state;
	assert_true(idempotency_is_renewed(IDEMPOTENCY_BY_REPLY, true));
	assert_false(idempotency_is_renewed(IDEMPOTENCY_BY_REPLY, false));
	assert_false(idempotency_is_renewed(IDEMPOTENCY_SAME_KEYS, true));
	assert_true(idempotency_is_renewed(IDEMPOTENCY_NEW_KEYS, false));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(idempotency__a_key_is_a_uuid_of_version_8),
		cmocka_unit_test(idempotency__a_record_keeps_its_key_from_release_to_release),
		cmocka_unit_test(idempotency__whatever_differs_makes_another_key),
		cmocka_unit_test(idempotency__a_renewed_key_is_the_same_for_the_same_letter),
		cmocka_unit_test(idempotency__only_what_was_answered_gets_a_new_key),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
