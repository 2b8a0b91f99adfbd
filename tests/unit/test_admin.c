/* SPDX-License-Identifier: Apache-2.0 */
#include "unit.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/clock.h"
#include "io/httpd/access.h"
#include "io/httpd/clients.h"

static unsigned hello(void *ctx, struct buf *out, const char **type)
{
	*type = "application/json";
	buf_addf(out, "{\"n\":%d}", *(int *)ctx);
	return 503;
}

/* More than the kernel takes for a client that does not read. */
static unsigned much(void *ctx, struct buf *out, const char **type)
{
	char block[1024];

	(void)ctx;
	*type = "text/plain";
	memset(block, 'x', sizeof block);
	for (size_t i = 0; i < 32768; i++)
		buf_add(out, block, sizeof block);
	return 200;
}

static unsigned set(
	void *ctx, const struct admin_change *change, struct buf *out, const char **type)
{
	(void)ctx;
	(void)type;
	buf_addf(out, "%s from %s", change->argument ? change->argument : "nothing",
		change->from);
	return 202;
}

static const struct admin_route routes[] = {
	{"/hello", hello, .open = false},
	{"/open", hello, .open = true},
	{"/much", much, .open = true},
	{"/set", hello, .open = true, .change = set, .argument = "to"},
	{NULL, NULL, .open = false},
};
#define POLICY "default-src 'none'"
static int number = 7;

static int connected(const struct admin *a)
{
	struct sockaddr_in to = {.sin_family = AF_INET,
		.sin_port = htons((uint16_t)atoi(strrchr(admin_address(a), ':') + 1)),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	assert_int_equal(connect(fd, (struct sockaddr *)&to, sizeof to), 0);
	return fd;
}

/* Send @request to 127.0.0.1:port of @a and read all that comes back. */
static const char *exchange(const struct admin *a, const char *request)
{
	static char reply[4096];
	int fd = connected(a);
	size_t len = 0;
	ssize_t n;

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
		&(struct admin_settings){.listen = "127.0.0.1:0", .content_policy = POLICY},
		routes, &number, &err);

	assert_non_null(a);
	return a;
}

static void admin__a_route_answers_with_its_status_type_and_text(void **state)
{
	struct admin *a = listening();
	const char *reply = exchange(
		a, "GET /hello HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");

	(void)state;
	assert_non_null(strstr(reply, "HTTP/1.1 503 "));
	assert_non_null(strstr(reply, "Content-Type: application/json\r\n"));
	assert_non_null(strstr(reply, "Content-Security-Policy: " POLICY "\r\n"));
	assert_non_null(strstr(reply, "X-Frame-Options: DENY\r\n"));
	assert_non_null(strstr(reply, "Cross-Origin-Resource-Policy: same-origin\r\n"));
	assert_non_null(strstr(reply, "\r\n\r\n{\"n\":7}"));
	admin_free(a);
}

static void admin__what_is_not_there_or_not_asked_for_politely_is_refused(void **state)
{
	struct admin *a = listening();

	(void)state;
	assert_non_null(strstr(
		exchange(a,
			"GET /other HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"),
		" 404 "));
	assert_non_null(strstr(
		exchange(a, "POST /hello HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n"
			    "Content-Length: 2\r\n\r\nhi"),
		" 405 "));
	exchange(a, "\x16\x03\x01 garbage\r\n\r\n");
	assert_non_null(strstr(
		exchange(a,
			"GET /hello HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"),
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
			&(struct admin_settings){.listen = bad[i], .content_policy = POLICY},
			routes, NULL, &err));
		assert_non_null(strstr(err.text, bad[i]));
	}
}

/* --- a Unix socket ---------------------------------------------------------------------- */

static char unix_path[64], unix_listen[80];
static const struct admin_settings on_unix = {.listen = unix_listen, .content_policy = POLICY};

static int name_unix_socket(void **state)
{
	(void)state;
	snprintf(unix_path, sizeof unix_path, "/tmp/postrider-admin-%d.sock", (int)getpid());
	snprintf(unix_listen, sizeof unix_listen, "unix:%s", unix_path);
	unlink(unix_path);
	return 0;
}

static int remove_unix_socket(void **state)
{
	(void)state;
	unlink(unix_path);
	return 0;
}

/* What a process that was killed leaves: nobody listens on it. */
static void leave_a_socket(void)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);

	snprintf(address.sun_path, sizeof address.sun_path, "%s", unix_path);
	assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof address), 0);
	close(fd);
}

static void leave_a_file(void)
{
	int fd = open(unix_path, O_CREAT | O_WRONLY | O_TRUNC, 0600);

	assert_true(fd >= 0);
	close(fd);
}

static void admin__a_unix_socket_is_its_owners_only_and_gone_afterwards(void **state)
{
	mode_t before = umask(0);
	struct admin *a;
	struct stat st;
	struct err err;

	(void)state;
	leave_a_socket();
	a = admin_new(&on_unix, routes, NULL, &err);
	umask(before);
	assert_non_null(a);
	assert_int_equal(stat(unix_path, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	admin_free(a);
	assert_int_not_equal(access(unix_path, F_OK), 0);
}

static void admin__what_is_no_socket_of_ours_is_not_removed(void **state)
{
	struct admin *a;
	struct err err;

	(void)state;
	leave_a_file();
	assert_null(admin_new(&on_unix, routes, NULL, &err));
	assert_non_null(strstr(err.text, "is not a socket"));
	assert_int_equal(access(unix_path, F_OK), 0);

	unlink(unix_path);
	a = admin_new(&on_unix, routes, NULL, &err);
	unlink(unix_path); /* and another one's file is there when it ends */
	leave_a_file();
	admin_free(a);
	assert_int_equal(access(unix_path, F_OK), 0);
}

static void admin__a_symbolic_link_is_not_removed(void **state)
{
	struct err err;

	(void)state;
	assert_int_equal(symlink("/nowhere/at/all", unix_path), 0);
	assert_null(admin_new(&on_unix, routes, NULL, &err));
	assert_non_null(strstr(err.text, "is not a socket"));
	assert_int_equal(unlink(unix_path), 0);
}

static void admin__a_socket_on_which_somebody_answers_is_left_to_them(void **state)
{
	struct admin *first, *second;
	struct err err;

	(void)state;
	first = admin_new(&on_unix, routes, NULL, &err);
	assert_non_null(first);
	second = admin_new(&on_unix, routes, NULL, &err);
	assert_null(second);
	assert_non_null(strstr(err.text, "another process listens"));
	assert_int_equal(access(unix_path, F_OK), 0);
	admin_free(first);
}

/* --- time and places -------------------------------------------------------------------- */

static struct admin *limited(const struct admin_limits *limits)
{
	const struct admin_settings s = {
		.listen = "127.0.0.1:0", .content_policy = POLICY, .limits = limits};
	struct err err;
	struct admin *a = admin_new(&s, routes, &number, &err);

	assert_non_null(a);
	return a;
}

/* Send a byte every 20 ms until the other side has had enough, at most ten seconds. */
static bool trickles_for_ever(int fd)
{
	int64_t until_ms = clock_monotonic_ms() + 10000;
	struct pollfd p = {.fd = fd, .events = POLLIN};

	while (clock_monotonic_ms() < until_ms) {
		if (send(fd, "x", 1, MSG_NOSIGNAL) != 1 || poll(&p, 1, 20) > 0)
			return false;
	}
	return true;
}

static void admin__no_byte_renews_the_time_for_a_request(void **state)
{
	const struct admin_limits limits = {16, 16, 16, .request_ms = 300, .reply_ms = 60000};
	struct admin *a = limited(&limits);
	int fd = connected(a);

	(void)state;
	assert_int_equal(write(fd, "GET /", 5), 5);
	assert_false(trickles_for_ever(fd));
	close(fd);
	admin_free(a);
}

/* Read a byte every 20 ms; false: the reply breaks off within ten seconds. */
static bool takes_for_ever(int fd)
{
	int64_t until_ms = clock_monotonic_ms() + 10000;
	struct pollfd p = {.fd = fd, .events = POLLHUP};
	char byte;

	while (clock_monotonic_ms() < until_ms) {
		poll(&p, 1, 20);
		if (p.revents != 0 || read(fd, &byte, 1) != 1)
			return false;
	}
	return true;
}

static void admin__no_byte_renews_the_time_for_taking_a_reply(void **state)
{
	const struct admin_limits limits = {16, 16, 16, .request_ms = 60000, .reply_ms = 300};
	static const char request[] = "GET /much HTTP/1.1\r\nHost: localhost\r\n\r\n";
	struct admin *a = limited(&limits);
	int fd = connected(a);

	(void)state;
	assert_int_equal(write(fd, request, sizeof request - 1), (ssize_t)sizeof request - 1);
	assert_false(takes_for_ever(fd));
	close(fd);
	admin_free(a);
}

static void admin__a_client_that_asks_is_answered_however_many_dawdle(void **state)
{
	static const struct admin_limits limits = {
		.connections = 8, .from_elsewhere = 8, .per_address = 4, 60000, 60000};
	struct admin *a = limited(&limits);
	int dawdlers[80];

	(void)state;
	for (size_t i = 0; i < COUNT_OF(dawdlers); i++) {
		dawdlers[i] = connected(a);
		send(dawdlers[i], "GET /", 5, MSG_NOSIGNAL); /* it may have been cut off */
	}
	assert_non_null(
		strstr(exchange(a, "GET /hello HTTP/1.1\r\nHost: localhost\r\n\r\n"), " 503 "));
	for (size_t i = 0; i < COUNT_OF(dawdlers); i++)
		close(dawdlers[i]);
	admin_free(a);
}

struct places {
	struct clients set;
	int fds[64];
	size_t count;
};

static struct client *arrives(struct places *p, const char *address)
{
	struct sockaddr_in6 in6 = {.sin6_family = AF_INET6};
	struct sockaddr_in in = {.sin_family = AF_INET};
	int fd = socket(AF_INET, SOCK_STREAM, 0);
	struct client *c;

	p->fds[p->count++] = fd;
	if (inet_pton(AF_INET, address, &in.sin_addr) == 1) {
		c = clients_add(&p->set, (struct sockaddr *)&in, fd, 0);
	} else {
		assert_int_equal(inet_pton(AF_INET6, address, &in6.sin6_addr), 1);
		c = clients_add(&p->set, (struct sockaddr *)&in6, fd, 0);
	}
	assert_true(
		clients_expire(&p->set, CLIENTS_GRACE_MS - 1) > 0); /* nobody is old enough */
	assert_false(c->cut_off);
	clients_expire(&p->set, CLIENTS_GRACE_MS);
	return c;
}

static void all_leave(struct places *p)
{
	list_foreach_safe (node, &p->set.list)
		clients_remove(list_entry(node, struct client, node));
	for (size_t i = 0; i < p->count; i++)
		close(p->fds[i]);
}

static void admin__places_are_shared_out_by_address_and_kept_for_this_machine(void **state)
{
	static const struct admin_limits limits = {
		.connections = 6, .from_elsewhere = 4, .per_address = 2, 100, 200};
	struct places p = {.count = 0};
	struct client *a1, *a2, *mapped, *net1, *net2, *b, *here;

	(void)state;
	clients_init(&p.set, &limits);
	a1 = arrives(&p, "192.0.2.1");
	a1->asked = true; /* who is being answered stays */
	a2 = arrives(&p, "192.0.2.1");
	mapped = arrives(&p, "::ffff:192.0.2.1");
	assert_false(a1->cut_off);
	assert_true(a2->cut_off);
	assert_false(mapped->cut_off);
	net1 = arrives(&p, "2001:db8:0:1::1");
	arrives(&p, "2001:db8:0:1::2");
	net2 = arrives(&p, "2001:db8:0:1:ffff::3"); /* of the same network */
	assert_true(net1->cut_off);
	assert_false(mapped->cut_off);
	b = arrives(&p, "198.51.100.1"); /* the fifth of those from elsewhere */
	assert_true(mapped->cut_off);
	here = arrives(&p, "127.0.0.1");
	arrives(&p, "::1");
	assert_false(here->cut_off || b->cut_off || net2->cut_off);
	all_leave(&p);
}

static void admin__time_is_over_for_the_silent_and_later_for_the_answered(void **state)
{
	static const struct admin_limits limits = {8, 8, 8, .request_ms = 100, .reply_ms = 200};
	struct places p = {.count = 0};
	struct client *silent, *answered;

	(void)state;
	clients_init(&p.set, &limits);
	assert_int_equal(clients_expire(&p.set, 0), INT64_MAX);
	silent = arrives(&p, "127.0.0.1");
	answered = arrives(&p, "127.0.0.1");
	answered->asked = true;
	assert_int_equal(clients_expire(&p.set, 99), 100);
	assert_int_equal(clients_expire(&p.set, 100), 200);
	assert_true(silent->cut_off && !answered->cut_off);
	assert_int_equal(clients_expire(&p.set, 200), INT64_MAX);
	assert_true(answered->cut_off);
	all_leave(&p);
}

/* --- who may ask ------------------------------------------------------------------------ */

static void admin__a_token_is_wanted_by_all_but_open_routes(void **state)
{
	static const char *const refused[] = {"", "Authorization: Bearer s3cre\r\n",
		"Authorization: Bearer s3cret2\r\n", "Authorization: Basic s3cret\r\n",
		"Authorization: s3cret\r\n", "Authorization: Bearer \r\n"};
	const struct admin_settings s = {
		.listen = "127.0.0.1:0", .content_policy = POLICY, .token = "s3cret"};
	struct err err;
	struct admin *a = admin_new(&s, routes, &number, &err);

	(void)state;
	assert_non_null(a);
	for (size_t i = 0; i < COUNT_OF(refused); i++) {
		char *request = xasprintf(
			"GET /hello HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n%s\r\n",
			refused[i]);
		const char *reply = exchange(a, request);

		assert_non_null(strstr(reply, "HTTP/1.1 401"));
		assert_non_null(strstr(reply, "WWW-Authenticate: Bearer"));
		assert_null(strstr(reply, "\"n\""));
		free(request);
	}
	assert_non_null(strstr(
		exchange(a, "GET /hello HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n"
			    "authorization: bearer s3cret\r\n\r\n"),
		"\"n\":7"));
	assert_non_null(strstr(
		exchange(a,
			"GET /open HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"),
		"\"n\":7"));
	admin_free(a);
}

static unsigned refused(const struct access_rules *rules, const struct access_request *request)
{
	const struct access_refusal *refusal = access_check(rules, request);

	return refusal != NULL ? refusal->status : 0;
}

static void admin__without_a_token_the_host_is_one_that_no_other_site_can_have(void **state)
{
	static const char *const good[] = {"127.0.0.1", "127.0.0.1:9464", "10.2.3.4:9464",
		"[::1]", "[::1]:9464", "localhost", "LOCALHOST:1", "a.localhost:9464",
		"postrider.example", "Postrider.Example:9464"};
	static const char *const bad[] = {"", ":9464", "evil.example", "evil.example:9464",
		"localhost.evil.example", "127.0.0.1.evil.example", "127.evil.example",
		"evillocalhost", ".localhost", "[::1", "[evil.example]", "postrider.example.",
		"127.0.0.1@evil.example", "0x7f.1"};
	struct access_rules rules = {.listen = "postrider.example:9464"};
	struct access_request r = {.local = true};

	(void)state;
	assert_int_equal(refused(&rules, &r), 421);
	for (size_t i = 0; i < COUNT_OF(good); i++) {
		r.host = good[i];
		assert_int_equal(refused(&rules, &r), 0);
	}
	for (size_t i = 0; i < COUNT_OF(bad); i++) {
		r.host = bad[i];
		assert_int_equal(refused(&rules, &r), 421);
	}
	rules.token = "t";
	assert_int_equal(refused(&rules, &r), 401);
	r.authorization = "Bearer t";
	assert_int_equal(refused(&rules, &r), 0);
	rules = (struct access_rules){.listen = "unix:/run/postrider/admin.sock"};
	assert_int_equal(refused(&rules, &r), 0);
}

static void admin__what_changes_something_is_for_no_page_of_another_site(void **state)
{
	static const char *const bad[] = {"https://evil.example", "null", "",
		"http://127.0.0.1:9464.evil.example", "https://127.0.0.1:9464",
		"http://127.0.0.1:80", "127.0.0.1:9464"};
	struct access_rules rules = {.listen = "127.0.0.1:9464"};
	struct access_request r = {.host = "127.0.0.1:9464", .changes = true, .local = true};

	(void)state;
	assert_int_equal(refused(&rules, &r), 0);
	r.origin = "http://127.0.0.1:9464";
	assert_int_equal(refused(&rules, &r), 0);
	for (size_t i = 0; i < COUNT_OF(bad); i++) {
		r.origin = bad[i];
		assert_int_equal(refused(&rules, &r), 403);
	}
	r.origin = NULL;
	r.local = false; /* without a token, not from elsewhere */
	assert_int_equal(refused(&rules, &r), 403);
	rules.token = "t";
	r.authorization = "Bearer t";
	assert_int_equal(refused(&rules, &r), 0);
	r.host = "evil.example"; /* not even with the token */
	assert_int_equal(refused(&rules, &r), 421);
}

static void admin__a_name_that_another_site_can_have_reads_nothing(void **state)
{
	struct admin *a = listening();

	(void)state;
	assert_non_null(strstr(exchange(a, "GET /hello HTTP/1.1\r\nHost: evil.example\r\n\r\n"),
		"HTTP/1.1 421 "));
	assert_non_null(strstr(exchange(a, "GET /open HTTP/1.1\r\nHost: evil.example\r\n\r\n"),
		"HTTP/1.1 503 ")); /* as the route has it */
	admin_free(a);
}

static void admin__a_change_knows_its_argument_and_who_sent_it(void **state)
{
	struct admin *a = listening();

	(void)state;
	assert_non_null(strstr(exchange(a, "POST /set?to=a%20b%26 HTTP/1.1\r\n"
					   "Host: localhost\r\nContent-Length: 0\r\n\r\n"),
		"\r\n\r\na b& from 127.0.0.1:"));
	assert_non_null(strstr(exchange(a, "POST /set HTTP/1.1\r\n"
					   "Host: localhost\r\nContent-Length: 2\r\n\r\nhi"),
		"\r\n\r\nnothing from 127.0.0.1:"));
	/* That a route is open is no leave to change anything. */
	assert_non_null(strstr(exchange(a, "POST /set HTTP/1.1\r\nHost: evil.example\r\n"
					   "Content-Length: 0\r\n\r\n"),
		"HTTP/1.1 421 "));
	admin_free(a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
			admin__without_a_token_the_host_is_one_that_no_other_site_can_have),
		cmocka_unit_test(admin__what_changes_something_is_for_no_page_of_another_site),
		cmocka_unit_test(admin__a_change_knows_its_argument_and_who_sent_it),
		cmocka_unit_test(admin__a_name_that_another_site_can_have_reads_nothing),
		cmocka_unit_test(admin__a_token_is_wanted_by_all_but_open_routes),
		cmocka_unit_test(admin__a_route_answers_with_its_status_type_and_text),
		cmocka_unit_test(admin__what_is_not_there_or_not_asked_for_politely_is_refused),
		cmocka_unit_test(admin__an_address_that_cannot_be_is_an_error_that_names_it),
		cmocka_unit_test_setup_teardown(
			admin__a_unix_socket_is_its_owners_only_and_gone_afterwards,
			name_unix_socket, remove_unix_socket),
		cmocka_unit_test_setup_teardown(admin__what_is_no_socket_of_ours_is_not_removed,
			name_unix_socket, remove_unix_socket),
		cmocka_unit_test_setup_teardown(admin__a_symbolic_link_is_not_removed,
			name_unix_socket, remove_unix_socket),
		cmocka_unit_test_setup_teardown(
			admin__a_socket_on_which_somebody_answers_is_left_to_them,
			name_unix_socket, remove_unix_socket),
		cmocka_unit_test(admin__no_byte_renews_the_time_for_a_request),
		cmocka_unit_test(admin__no_byte_renews_the_time_for_taking_a_reply),
		cmocka_unit_test(admin__a_client_that_asks_is_answered_however_many_dawdle),
		cmocka_unit_test(
			admin__places_are_shared_out_by_address_and_kept_for_this_machine),
		cmocka_unit_test(admin__time_is_over_for_the_silent_and_later_for_the_answered),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
