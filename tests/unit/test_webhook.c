/* SPDX-License-Identifier: Apache-2.0 */
#include "unit.h"
#include "core/auth/webhook.h"

#include <stdlib.h>

/* The example of the specification's reference libraries (svix-webhooks, standard-webhooks). */
#define KEY       "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
#define ID        "msg_p5jXN8AQM9LWM0D4loKWxJek"
#define TIME_MS   1614265330123
#define BODY      "{\"test\": 2432232314}"
#define SIGNATURE "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="

static struct err err;

static struct webhook_signer *signer_of(const char *const *texts, size_t count)
{
	struct slice keys[4];

	for (size_t i = 0; i < count; i++)
		keys[i] = slice_str(texts[i]);
	return webhook_signer_new(keys, count, &err);
}

static void sign(struct webhook_signer *s, struct buf *out)
{
	size_t count = 0;
	struct header_writer w = {.lines = out, .count = &count};

	buf_reset(out);
	webhook_sign(s, slice_str(ID), TIME_MS, slice_str(BODY), &w);
	assert_int_equal(count, 3);
}

static const char *line(const struct buf *b, unsigned n)
{
	const char *p = b->data;

	while (n-- > 0)
		p += strlen(p) + 1;
	return p;
}

static void webhook__signs_like_the_reference(void **state)
{
	static const char *const keys[] = {KEY};
	struct webhook_signer *s = signer_of(keys, 1);
	struct buf out;

	(void)state;
	assert_non_null(s);
	buf_init(&out, BUF_UNLIMITED);
	for (unsigned i = 0; i < 3; i++) {
		sign(s, &out);
		assert_string_equal(line(&out, 0), "webhook-id: " ID);
		assert_string_equal(line(&out, 1), "webhook-timestamp: 1614265330");
		assert_string_equal(line(&out, 2), "webhook-signature: " SIGNATURE);
		assert_ptr_equal(line(&out, 3), out.data + out.len);
	}
	buf_release(&out);
	webhook_signer_free(s);
}

static void webhook__several_keys_give_several_signatures(void **state)
{
	static const char *const keys[] = {
		"whsec_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA", &KEY[6]};
	struct webhook_signer *s = signer_of(keys, 2);
	const char *signature;
	struct buf out;

	(void)state;
	assert_non_null(s);
	buf_init(&out, BUF_UNLIMITED);
	sign(s, &out);
	signature = line(&out, 2);
	assert_int_equal(strlen(signature), strlen("webhook-signature: ") + 2 * 47 + 1);
	assert_string_equal(signature + strlen(signature) - 47, SIGNATURE);
	assert_int_equal(signature[strlen("webhook-signature: ") + 47], ' ');
	buf_release(&out);
	webhook_signer_free(s);
}

static void webhook__bad_keys_are_named_by_number_and_not_shown(void **state)
{
	static const char *const bad[] = {"", "whsec_",
		"whsec_c2hvcnQ=", "whsec_n*t base 64 here!!",
		("whsec_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
		 "AAAAAAAAAAAAAAAA")};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(bad); i++) {
		const char *keys[] = {KEY, bad[i]};

		assert_null(signer_of(keys, 2));
		assert_int_equal(err.code, ERR_INVALID);
		assert_non_null(strstr(err.text, "signing key 2"));
		if (strlen(bad[i]) > 6)
			assert_null(strstr(err.text, bad[i] + 6));
	}
	assert_null(signer_of(NULL, 0));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(webhook__signs_like_the_reference),
		cmocka_unit_test(webhook__several_keys_give_several_signatures),
		cmocka_unit_test(webhook__bad_keys_are_named_by_number_and_not_shown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
