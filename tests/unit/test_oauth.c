/* SPDX-License-Identifier: Apache-2.0 */
#include "unit.h"
#include "io/auth/oauth.h"

#include <stdio.h>
#include <stdlib.h>

static struct err err;
static struct oauth_request request;

static struct connection_settings base_settings(void)
{
	return (struct connection_settings){
		.name = "billing",
		.type = CONNECTION_OAUTH_CLIENT_CREDENTIALS,
		.authorization_endpoint = "https://login.example.com/token",
		.client_id = "post rider",
		.client_secret = "s3:c/r+t %",
	};
}

static void render(const struct connection_settings *s)
{
	err = (struct err){0};
	if (oauth_request_render(&request, s, &err) != 0)
		fail_msg("%s", err.text);
}

/* The value of a header of the request, or NULL. */
static const char *header(const char *name)
{
	const char *p = request.headers.data;
	size_t len = strlen(name);

	for (size_t i = 0; i < request.header_count; i++) {
		if (strncmp(p, name, len) == 0 && p[len] == ':')
			return p + len + 2;
		p += strlen(p) + 1;
	}
	return NULL;
}

static void oauth__credentials_go_into_a_form(void **state)
{
	struct connection_settings s = base_settings();

	(void)state;
	s.scope = "invoices.write read";
	s.audience = "https://api.example.com";
	render(&s);
	assert_string_equal(request.method, "POST");
	assert_string_equal(request.url.data, "https://login.example.com/token");
	assert_string_equal(request.body.data,
		"grant_type=client_credentials&client_id=post+rider&client_secret=s3%3Ac%2Fr%2Bt+%25"
		"&scope=invoices.write+read&audience=https%3A%2F%2Fapi.example.com");
	assert_string_equal(header("Content-Type"), "application/x-www-form-urlencoded");
	assert_string_equal(header("Accept"), "application/json");
	assert_null(header("Authorization"));
	s.http_method = "PUT";
	render(&s);
	assert_string_equal(request.method, "PUT");
	assert_true(request.has_body);
}

static void oauth__a_get_has_its_fields_in_the_query(void **state)
{
	struct connection_settings s = base_settings();

	(void)state;
	s.http_method = "GET";
	s.authorization_endpoint = "https://login.example.com/token?tenant=7";
	render(&s);
	assert_string_equal(request.url.data,
		"https://login.example.com/token?tenant=7&grant_type=client_credentials&"
		"client_id=post+rider&client_secret=s3%3Ac%2Fr%2Bt+%25");
	assert_false(request.has_body);
	assert_int_equal(request.body.len, 0);
	assert_null(header("Content-Type"));
}

static void oauth__basic_is_encoded_first_or_raw_where_a_server_wants_it_so(void **state)
{
	struct connection_settings s = base_settings();

	(void)state;
	s.client_auth = CONNECTION_AUTH_BASIC;
	render(&s);
	/* post+rider:s3%3Ac%2Fr%2Bt+%25 */
	assert_string_equal(
		header("Authorization"), "Basic cG9zdCtyaWRlcjpzMyUzQWMlMkZyJTJCdCslMjU=");
	assert_string_equal(request.body.data, "grant_type=client_credentials");
	s.client_auth = CONNECTION_AUTH_BASIC_RAW;
	render(&s);
	/* post rider:s3:c/r+t % */
	assert_string_equal(header("Authorization"), "Basic cG9zdCByaWRlcjpzMzpjL3IrdCAl");
}

static void oauth__configured_parameters_are_added_and_replace_ours(void **state)
{
	static struct request_parameter headers[] = {{(char *)"X-Tenant", (char *)"7"},
		{(char *)"authorization", (char *)"Own abc"}};
	static struct request_parameter query[] = {{(char *)"v", (char *)"a b"}};
	static struct request_parameter body[] = {
		{(char *)"grant_type", (char *)"urn:x"}, {(char *)"resource", (char *)"r&s"}};
	static const struct request_parameters parameters = {.header = headers,
		.header_count = 2,
		.query = query,
		.query_count = 1,
		.body = body,
		.body_count = 2};
	struct connection_settings s = base_settings();

	(void)state;
	s.client_auth = CONNECTION_AUTH_BASIC;
	s.oauth_parameters = &parameters;
	render(&s);
	assert_string_equal(request.url.data, "https://login.example.com/token?v=a+b");
	assert_string_equal(request.body.data, "grant_type=urn%3Ax&resource=r%26s");
	assert_string_equal(header("X-Tenant"), "7");
	assert_string_equal(header("authorization"), "Own abc");
	assert_null(header("Authorization"));
}

static void oauth__secrets_are_read_for_every_request(void **state)
{
	struct connection_settings s = base_settings();
	char reply[128] = "bad secret 's3cond' (s3cond)";

	(void)state;
	s.client_secret = "${env:TEST_OAUTH_SECRET}";
	setenv("TEST_OAUTH_SECRET", "f1rst", 1);
	render(&s);
	assert_non_null(strstr(request.body.data, "client_secret=f1rst"));
	setenv("TEST_OAUTH_SECRET", "s3cond", 1);
	render(&s);
	assert_non_null(strstr(request.body.data, "client_secret=s3cond"));
	oauth_request_mask(&request, reply);
	assert_string_equal(reply, "bad secret '***' (***)");
	unsetenv("TEST_OAUTH_SECRET");
	assert_int_equal(oauth_request_render(&request, &s, &err), ERR_NOT_FOUND);
	assert_non_null(strstr(err.text, "client_secret"));
	assert_non_null(strstr(err.text, "TEST_OAUTH_SECRET"));
}

static void oauth__an_encoded_secret_is_masked_too(void **state)
{
	struct connection_settings s = base_settings();
	char plain[64] = "you sent s3:c/r+t %!", encoded[64] = "you sent s3%3Ac%2Fr%2Bt+%25!";

	(void)state;
	render(&s);
	oauth_request_mask(&request, plain);
	oauth_request_mask(&request, encoded);
	assert_string_equal(plain, "you sent ***!");
	assert_string_equal(encoded, "you sent ***!");
}

static void oauth__a_secret_that_was_cut_is_masked_too(void **state)
{
	struct connection_settings s = base_settings();
	char cut[64] = "you sent s3:c/r+t", little[64] = "you sent s3:c";

	(void)state;
	render(&s);
	oauth_request_mask(&request, cut);
	oauth_request_mask(&request, little);
	assert_string_equal(cut, "you sent ***");
	assert_string_equal(little, "you sent s3:c");
}

static void oauth__no_secret_breaks_out_of_its_header(void **state)
{
	static struct request_parameter headers[] = {
		{(char *)"X-Key", (char *)"${env:TEST_OAUTH_SECRET}"}};
	static const struct request_parameters parameters = {
		.header = headers, .header_count = 1};
	struct connection_settings s = base_settings();

	(void)state;
	s.oauth_parameters = &parameters;
	setenv("TEST_OAUTH_SECRET", "m4rker\r\nX-Evil: 1", 1);
	assert_int_equal(oauth_request_render(&request, &s, &err), ERR_INVALID);
	assert_non_null(strstr(err.text, "X-Key"));
	assert_null(strstr(err.text, "m4rker"));
	unsetenv("TEST_OAUTH_SECRET");
}

static int tear_down(void **state)
{
	(void)state;
	oauth_request_release(&request);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(oauth__credentials_go_into_a_form),
		cmocka_unit_test(oauth__a_get_has_its_fields_in_the_query),
		cmocka_unit_test(
			oauth__basic_is_encoded_first_or_raw_where_a_server_wants_it_so),
		cmocka_unit_test(oauth__configured_parameters_are_added_and_replace_ours),
		cmocka_unit_test(oauth__secrets_are_read_for_every_request),
		cmocka_unit_test(oauth__an_encoded_secret_is_masked_too),
		cmocka_unit_test(oauth__a_secret_that_was_cut_is_masked_too),
		cmocka_unit_test(oauth__no_secret_breaks_out_of_its_header),
	};

	return cmocka_run_group_tests(tests, NULL, tear_down);
}
