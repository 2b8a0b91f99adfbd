/* SPDX-License-Identifier: Apache-2.0 */
#include "unit.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "io/httpd.h"

static unsigned hello(void *ctx, struct buf *out, const char **type)
{
	*type = "application/json";
	buf_addf(out, "{\"n\":%d}", *(int *)ctx);
	return 503;
}

static const struct admin_route routes[] = {
	{"/hello", hello, false}, {"/open", hello, true}, {NULL, NULL, false}};
static int number = 7;

/* Send @request to 127.0.0.1:port of @a and read all that comes back. */
static const char *exchange(const struct admin *a, const char *request)
{
	static char reply[4096];
	struct sockaddr_in to = {.sin_family = AF_INET,
		.sin_port = htons((uint16_t)atoi(strrchr(admin_address(a), ':') + 1)),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	int fd = socket(AF_INET, SOCK_STREAM, 0);
	size_t len = 0;
	ssize_t n;

	assert_int_equal(connect(fd, (struct sockaddr *)&to, sizeof to), 0);
	assert_int_equal(write(fd, request, strlen(request)), (ssize_t)strlen(request));
	while (len < sizeof reply - 1 &&
		(n = read(fd, reply + len, sizeof reply - 1 - len)) > 0)
		len += (size_t)n;
	reply[len] = '\0';
	close(fd);
	return reply;
}

static struct admin *listening(void)
{
	struct err err;
	struct admin *a = admin_new(
		&(struct admin_settings){.listen = "127.0.0.1:0"}, routes, &number, &err);

	assert_non_null(a);
	return a;
}

static void admin__a_route_answers_with_its_status_type_and_text(void **state)
{
	struct admin *a = listening();
	const char *reply =
		exchange(a, "GET /hello HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");

	(void)state;
	assert_non_null(strstr(reply, "HTTP/1.1 503 "));
	assert_non_null(strstr(reply, "Content-Type: application/json\r\n"));
	assert_non_null(strstr(reply, "\r\n\r\n{\"n\":7}"));
	admin_free(a);
}

static void admin__what_is_not_there_or_not_asked_for_politely_is_refused(void **state)
{
	struct admin *a = listening();

	(void)state;
	assert_non_null(strstr(
		exchange(a, "GET /other HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"),
		" 404 "));
	assert_non_null(
		strstr(exchange(a, "POST /hello HTTP/1.1\r\nHost: x\r\nConnection: close\r\n"
				   "Content-Length: 2\r\n\r\nhi"),
			" 405 "));
	exchange(a, "\x16\x03\x01 garbage\r\n\r\n");
	assert_non_null(strstr(
		exchange(a, "GET /hello HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"),
		" 503 "));
	admin_free(a);
}

static void admin__an_address_that_cannot_be_is_an_error_that_names_it(void **state)
{
	static const char *const bad[] = {"9464", "127.0.0.1:http-alt-none", "256.1.1.1:80"};
	struct err err;

	(void)state;
	for (size_t i = 0; i < COUNT_OF(bad); i++) {
		assert_null(admin_new(
			&(struct admin_settings){.listen = bad[i]}, routes, NULL, &err));
		assert_non_null(strstr(err.text, bad[i]));
	}
}

static void admin__a_unix_socket_is_gone_afterwards(void **state)
{
	char path[64], listen_on[80];
	struct admin *a;
	struct err err;

	(void)state;
	snprintf(path, sizeof path, "/tmp/postrider-admin-%d.sock", (int)getpid());
	snprintf(listen_on, sizeof listen_on, "unix:%s", path);
	a = admin_new(&(struct admin_settings){.listen = listen_on}, routes, NULL, &err);
	assert_non_null(a);
	assert_int_equal(access(path, F_OK), 0);
	admin_free(a);
	assert_int_not_equal(access(path, F_OK), 0);
}

static void admin__a_token_is_wanted_by_all_but_open_routes(void **state)
{
	static const char *const refused[] = {"", "Authorization: Bearer s3cre\r\n",
		"Authorization: Bearer s3cret2\r\n", "Authorization: Basic s3cret\r\n",
		"Authorization: s3cret\r\n", "Authorization: Bearer \r\n"};
	const struct admin_settings s = {.listen = "127.0.0.1:0", .token = "s3cret"};
	struct err err;
	struct admin *a = admin_new(&s, routes, &number, &err);

	(void)state;
	assert_non_null(a);
	for (size_t i = 0; i < COUNT_OF(refused); i++) {
		char *request = xasprintf(
			"GET /hello HTTP/1.1\r\nHost: x\r\nConnection: close\r\n%s\r\n",
			refused[i]);
		const char *reply = exchange(a, request);

		assert_non_null(strstr(reply, "HTTP/1.1 401"));
		assert_non_null(strstr(reply, "WWW-Authenticate: Bearer"));
		assert_null(strstr(reply, "\"n\""));
		free(request);
	}
	assert_non_null(
		strstr(exchange(a, "GET /hello HTTP/1.1\r\nHost: x\r\nConnection: close\r\n"
				   "authorization: bearer s3cret\r\n\r\n"),
			"\"n\":7"));
	assert_non_null(strstr(
		exchange(a, "GET /open HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"),
		"\"n\":7"));
	admin_free(a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(admin__a_token_is_wanted_by_all_but_open_routes),
		cmocka_unit_test(admin__a_route_answers_with_its_status_type_and_text),
		cmocka_unit_test(admin__what_is_not_there_or_not_asked_for_politely_is_refused),
		cmocka_unit_test(admin__an_address_that_cannot_be_is_an_error_that_names_it),
		cmocka_unit_test(admin__a_unix_socket_is_gone_afterwards),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
