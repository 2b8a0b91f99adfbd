/* SPDX-License-Identifier: Apache-2.0 */
#include "unit.h"
#include "core/auth/token_schedule.h"

#include <stdlib.h>

static struct err err;
static struct rng rng;

static int read_reply(struct token_reply *r, int status, const char *body)
{
	*r = (struct token_reply){0};
	err = (struct err){0};
	return token_reply_read(r, status, slice_str(body), &err);
}

static void token__replies_are_read_as_servers_write_them(void **state)
{
	static const struct {
		const char *body, *type;
		int64_t lifetime_ms;
	} table[] = {
		{"{\"access_token\":\"abc\",\"token_type\":\"Bearer\",\"expires_in\":3600}",
			"Bearer", 3600000},
		{"{\"access_token\":\"abc\",\"token_type\":\"bearer\",\"expires_in\":\"3600\"}",
			"Bearer", 3600000},
		{"{\"access_token\":\"abc\",\"token_type\":\"BEARER\",\"expires_in\":0.5}",
			"Bearer", 500},
		{"{\"access_token\":\"abc\"}", "Bearer", -1},
		{"{\"access_token\":\"abc\",\"expires_in\":null,\"token_type\":null}", "Bearer",
			-1},
		{"{\"access_token\":\"abc\",\"expires_in\":\"soon\",\"token_type\":7}",
			"Bearer", -1},
		{"{\"access_token\":\"abc\",\"expires_in\":0}", "Bearer", -1},
		{"{\"access_token\":\"abc\",\"expires_in\":-5}", "Bearer", -1},
		{"{\"access_token\":\"abc\",\"expires_in\":1e300}", "Bearer", -1},
		{"{\"access_token\":\"abc\",\"token_type\":\"BearerToken\"}", "Bearer", -1},
		{"{\"access_token\":\"abc\",\"token_type\":\"DPoP\"}", "DPoP", -1},
		{"{\"access_token\":\"abc\",\"token_type\":\"a b\\r\\nX: y\"}", "Bearer", -1},
		{" {\"scope\":\"x\",\"access_token\":\"abc\",\"more\":{}} ", "Bearer", -1},
	};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(table); i++) {
		struct token_reply r;

		assert_int_equal(read_reply(&r, 200, table[i].body), 0);
		assert_string_equal(r.access_token, "abc");
		assert_string_equal(r.type, table[i].type);
		assert_int_equal(r.lifetime_ms, table[i].lifetime_ms);
		token_reply_release(&r);
	}
}

static void token__bad_replies_say_what_is_wrong_and_show_no_token(void **state)
{
	static const struct {
		int status, code;
		const char *body, *error;
	} table[] = {
		{401, ERR_DENIED,
			"{\"error\":\"invalid_client\",\"error_description\":\"no such\\nclient\"}",
			"refuses with status 401: invalid_client: no such client"},
		{400, ERR_DENIED, "{\"error\":\"invalid_scope\"}", "400: invalid_scope"},
		{500, ERR_DENIED, "<html>Internal error</html>", "refuses with status 500"},
		{200, ERR_DENIED, "{\"error\":\"temporarily_unavailable\"}",
			"200: temporarily_unavailable"},
		{200, ERR_INVALID, "<html>Log in</html>", "not a JSON object"},
		{200, ERR_INVALID, "", "not a JSON object"},
		{200, ERR_INVALID, "[\"s3cret\"]", "not a JSON object"},
		{200, ERR_INVALID, "{\"access_token\":\"s3cr", "not a JSON object"},
		{200, ERR_INVALID, "{}", "no access_token"},
		{200, ERR_INVALID, "{\"access_token\":17}", "no access_token"},
		{200, ERR_INVALID, "{\"access_token\":\"\"}", "0 bytes"},
		{200, ERR_INVALID, "{\"access_token\":\"s3cret\\r\\nX-Evil: 1\"}", "at 6"},
		{200, ERR_INVALID, "{\"access_token\":\"s3cret\\u0000\"}", "not a JSON object"},
		{200, ERR_INVALID, "{\"access_token\":\"s3cr\\u00e9t\"}", "at 4"},
	};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(table); i++) {
		struct token_reply r;

		assert_int_equal(read_reply(&r, table[i].status, table[i].body), table[i].code);
		assert_null(r.access_token);
		if (strstr(err.text, table[i].error) == NULL)
			fail_msg("%zu: %s", i, err.text);
		assert_null(strstr(err.text, "s3cr"));
	}
}

static void token__is_renewed_a_minute_or_half_its_life_ahead(void **state)
{
	struct token_schedule s = {0};

	(void)state;
	assert_true(token_schedule_should_ask(&s, 0));
	assert_false(token_schedule_is_usable(&s, 0));
	token_schedule_asked(&s);
	assert_false(token_schedule_should_ask(&s, 0));
	token_schedule_obtained(&s, 1000, 3600000);
	assert_true(token_schedule_is_usable(&s, 1000));
	assert_false(token_schedule_should_ask(&s, 1000 + 3600000 - 60001));
	assert_true(token_schedule_should_ask(&s, 1000 + 3600000 - 60000));
	assert_true(token_schedule_is_usable(&s, 1000 + 3600000 - 1));
	assert_false(token_schedule_is_usable(&s, 1000 + 3600000));
	/* One of two seconds is as good. */
	token_schedule_obtained(&s, 0, 2000);
	assert_false(token_schedule_should_ask(&s, 999));
	assert_true(token_schedule_should_ask(&s, 1000));
	assert_true(token_schedule_is_usable(&s, 1999));
	/* And one without an end serves until it is refused. */
	token_schedule_obtained(&s, 0, -1);
	assert_false(token_schedule_should_ask(&s, INT64_MAX - 1));
	assert_true(token_schedule_is_usable(&s, INT64_MAX - 1));
}

static void token__the_old_one_serves_while_the_new_one_is_asked_for(void **state)
{
	struct token_schedule s = {0};

	(void)state;
	token_schedule_obtained(&s, 0, 10000);
	token_schedule_asked(&s);
	assert_true(token_schedule_is_usable(&s, 9999));
	token_schedule_failed(&s, 6000, &rng);
	assert_true(token_schedule_is_usable(&s, 9999));
	assert_false(token_schedule_should_ask(&s, 6000));
}

static void token__a_failing_server_is_asked_less_and_less(void **state)
{
	struct token_schedule s = {0};
	int64_t now_ms = 0;

	(void)state;
	rng_seed(&rng, 7);
	for (unsigned i = 0; i < 100; i++) {
		int64_t most =
			min_i64(TOKEN_BACKOFF_MS << (i < 10 ? i : 10), TOKEN_BACKOFF_MAX_MS);

		token_schedule_asked(&s);
		token_schedule_failed(&s, now_ms, &rng);
		assert_in_range(s.retry_ms - now_ms, most / 2, most);
		assert_false(token_schedule_should_ask(&s, s.retry_ms - 1));
		assert_true(token_schedule_should_ask(&s, s.retry_ms));
		now_ms = s.retry_ms;
	}
	token_schedule_failed(&s, now_ms, &rng);
	token_schedule_reset_backoff(&s);
	assert_true(token_schedule_should_ask(&s, now_ms));
}

static void token__a_refused_one_is_replaced_at_once_but_not_in_circles(void **state)
{
	struct token_schedule s = {0};
	unsigned tokens = 0;

	(void)state;
	token_schedule_obtained(&s, 0, 3600000);
	assert_true(token_schedule_rejected(&s, 100));
	assert_false(token_schedule_is_usable(&s, 100));
	assert_true(token_schedule_should_ask(&s, 100));
	/* While none is there, a late refusal changes nothing. */
	assert_true(token_schedule_rejected(&s, 150));
	/* The next one is refused too: more would help as little. */
	token_schedule_obtained(&s, 200, 3600000);
	assert_false(token_schedule_rejected(&s, 300));
	assert_true(token_schedule_is_usable(&s, 300));
	/* An API that refuses all for an hour costs the token server few questions. */
	for (int64_t now_ms = 300; now_ms < 3600000; now_ms += 10)
		if (token_schedule_rejected(&s, now_ms)) {
			token_schedule_obtained(&s, now_ms, 86400000);
			tokens++;
		}
	assert_in_range(tokens, 10, 60);
	/* Revoked after having served for long: at once again. */
	assert_true(token_schedule_rejected(&s, 40000000));
	token_schedule_obtained(&s, 40000000, 86400000);
	assert_false(token_schedule_rejected(&s, 40000001));
	assert_true(token_schedule_rejected(&s, 40000000 + TOKEN_REJECT_AGE_MS));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(token__replies_are_read_as_servers_write_them),
		cmocka_unit_test(token__bad_replies_say_what_is_wrong_and_show_no_token),
		cmocka_unit_test(token__is_renewed_a_minute_or_half_its_life_ahead),
		cmocka_unit_test(token__the_old_one_serves_while_the_new_one_is_asked_for),
		cmocka_unit_test(token__a_failing_server_is_asked_less_and_less),
		cmocka_unit_test(token__a_refused_one_is_replaced_at_once_but_not_in_circles),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
