/* SPDX-License-Identifier: Apache-2.0 */
#include "unit.h"
#include "core/auth/sigv4.h"

#include <stdlib.h>

/* AWS's test suite for Signature Version 4: one key, one moment, one service. */
static struct sigv4_settings suite(void)
{
	return (struct sigv4_settings){
		.key_id = SLICE("AKIDEXAMPLE"),
		.secret_key = SLICE("wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"),
		.region = "us-east-1",
		.service = "service",
	};
}

#define SUITE_MS 1440938160000 /* 20150830T123600Z */
#define SUITE                                                                                  \
	"Authorization: AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/service/"   \
	"aws4_request, SignedHeaders=host;x-amz-date, Signature="

static struct buf out;

static const char *line(unsigned n)
{
	const char *p = out.data;

	while (n-- > 0)
		p += strlen(p) + 1;
	return p;
}

static size_t sign_request(struct sigv4 *v, const struct sigv4_request *r)
{
	size_t count = 0;
	struct header_writer w = {.lines = &out, .count = &count};

	buf_reset(&out);
	sigv4_sign(v, r, &w);
	return count;
}

static size_t sign(struct sigv4 *v, const char *method, const char *url)
{
	const struct sigv4_request r = {.method = method, .url = url, .wall_ms = SUITE_MS};

	return sign_request(v, &r);
}

static void sigv4__signs_like_the_test_suite(void **state)
{
	static const struct {
		const char *method, *url, *signature;
	} table[] = {
		{"GET", "https://example.amazonaws.com/",
			"5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31"},
		{"GET", "https://user@example.amazonaws.com:443",
			"5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31"},
		{"GET", "https://example.amazonaws.com/?Param2=value2&Param1=value1",
			"b97d918cfa904a5beff61c982a1b6f458b799221646efd99d3219ec94cdf2500"},
		{"POST", "https://example.amazonaws.com/",
			"5da7c1a2acd57cee7505fc6676e4e544621c30862966e37dddb68e92efbe5d6b"},
	};
	struct sigv4_settings s = suite();
	struct sigv4 *v = sigv4_new(&s);

	(void)state;
	for (size_t i = 0; i < COUNT_OF(table); i++) {
		assert_int_equal(sign(v, table[i].method, table[i].url), 2);
		assert_string_equal(line(0), "X-Amz-Date: 20150830T123600Z");
		assert_memory_equal(line(1), SUITE, sizeof SUITE - 1);
		assert_string_equal(line(1) + sizeof SUITE - 1, table[i].signature);
		assert_ptr_equal(line(2), out.data + out.len);
	}
	sigv4_free(v);
}

static void sigv4__what_is_signed_is_named_in_order(void **state)
{
	struct sigv4_settings s = suite();
	struct sigv4_request r = {
		.method = "POST",
		.url = "https://example.amazonaws.com/",
		.headers = "X-Amz-Target: AWSEvents.PutEvents\0X-Order: 7\0"
			   "Content-Type:  application/json \0X-Amz-A:\0",
		.header_count = 4,
		.body = SLICE("{}"),
		.wall_ms = SUITE_MS,
	};
	struct sigv4 *v;
	char first[1024];

	(void)state;
	s.session_token = SLICE("session");
	v = sigv4_new(&s);
	assert_int_equal(sign_request(v, &r), 3);
	assert_string_equal(line(1), "X-Amz-Security-Token: session");
	assert_non_null(strstr(line(2), "SignedHeaders=content-type;host;x-amz-a;x-amz-date;"
					"x-amz-security-token;x-amz-target, "));
	strcpy(first, line(2));
	/* What is not signed may change; what is signed may not. */
	r.headers = "X-Amz-Target: AWSEvents.PutEvents\0X-Order: 8\0"
		    "content-type: application/json\0X-Amz-A:\0";
	sign_request(v, &r);
	assert_string_equal(line(2), first);
	r.body = SLICE("{ }");
	sign_request(v, &r);
	assert_string_not_equal(line(2), first);
	/* Another day has another key. */
	r.body = SLICE("{}");
	r.wall_ms += 86400000;
	sign_request(v, &r);
	assert_non_null(strstr(line(2), "/20150831/"));
	sigv4_free(v);
}

static int tear_down(void **state)
{
	(void)state;
	buf_release(&out);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(sigv4__signs_like_the_test_suite),
		cmocka_unit_test(sigv4__what_is_signed_is_named_in_order),
	};

	buf_init(&out, BUF_UNLIMITED);
	return cmocka_run_group_tests(tests, NULL, tear_down);
}
