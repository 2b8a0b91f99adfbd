/* SPDX-License-Identifier: Apache-2.0 */
#include "unit.h"
#include "io/http/resolver.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"

#define NAMES 50

static struct loop *loop;
static struct resolver *resolver;

/* The name server of these tests. Closed, it lets nobody go. */
static struct {
	pthread_mutex_t lock;
	pthread_cond_t opened;
	bool is_closed;
	int code;
	struct resolver_answer answer;
	unsigned asked, at_once, most_at_once;
} dns = {.lock = PTHREAD_MUTEX_INITIALIZER, .opened = PTHREAD_COND_INITIALIZER};

static int lookup(void *ctx, const char *host, struct resolver_answer *ret, struct err *err)
{
	int code;

	(void)ctx;
	pthread_mutex_lock(&dns.lock);
	dns.asked++;
	if (++dns.at_once > dns.most_at_once)
		dns.most_at_once = dns.at_once;
	while (dns.is_closed)
		pthread_cond_wait(&dns.opened, &dns.lock);
	dns.at_once--;
	*ret = dns.answer;
	code = dns.code;
	pthread_mutex_unlock(&dns.lock);
	return code ? err_set(err, code, "no %s", host) : 0;
}

static void dns_close(bool closed)
{
	pthread_mutex_lock(&dns.lock);
	dns.is_closed = closed;
	pthread_cond_broadcast(&dns.opened);
	pthread_mutex_unlock(&dns.lock);
}

/* Addresses 10.0.0.x for each of @last. */
static void dns_say(const char *last)
{
	pthread_mutex_lock(&dns.lock);
	dns.code = 0;
	dns.answer = (struct resolver_answer){.count = strlen(last)};
	for (size_t i = 0; last[i]; i++)
		dns.answer.addresses[i].in = (struct sockaddr_in){.sin_family = AF_INET,
			.sin_addr.s_addr = htonl(0x0a000000u + (uint32_t)last[i])};
	pthread_mutex_unlock(&dns.lock);
}

static void dns_fail(void)
{
	pthread_mutex_lock(&dns.lock);
	dns.code = ERR_NOT_FOUND;
	pthread_mutex_unlock(&dns.lock);
}

static struct resolver_name names[NAMES];
static enum resolver_news news;
static unsigned answers, awaited;

static void answered(struct resolver_name *n, enum resolver_news what)
{
	(void)n;
	news = what;
	if (++answers == awaited)
		loop_stop(loop);
}

static void give_up(struct loop_timer *t)
{
	(void)t;
	fail_msg("no answer for 10 s");
}

static void await(unsigned count)
{
	struct loop_timer patience = {.fire = give_up};

	awaited = answers + count;
	loop_timer_set(loop, &patience, clock_monotonic_ms() + 10000);
	loop_run(loop);
	loop_timer_cancel(loop, &patience);
}

static int set_up(void **state)
{
	(void)state;
	loop = loop_new();
	resolver = resolver_new(lookup, NULL);
	memset(names, 0, sizeof names);
	answers = dns.asked = dns.most_at_once = 0;
	dns_say("a");
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	dns_close(false);
	for (size_t i = 0; i < NAMES; i++)
		resolver_unwatch(&names[i]);
	resolver_free(resolver);
	loop_free(loop);
	return 0;
}

static void watch(struct resolver_name *n)
{
	n->answered = answered;
	resolver_watch(resolver, loop, n, "api.test");
}

/* As if its time had come. */
static void ask_again(struct resolver_name *n)
{
	n->ask_at_ms = 0;
	resolver_use(n);
	await(1);
}

static void resolver__many_names_share_few_threads(void **state)
{
	(void)state;
	dns_close(true);
	for (size_t i = 0; i < NAMES; i++)
		watch(&names[i]);
	dns_close(false);
	await(NAMES);
	assert_int_equal(dns.asked, NAMES);
	assert_in_range(dns.most_at_once, 1, RESOLVER_THREADS);
	for (size_t i = 0; i < NAMES; i++)
		assert_int_equal(names[i].answer.count, 1);
}

static void resolver__an_answer_is_fresh_for_a_while_and_then_asked_again(void **state)
{
	int64_t until_ms;

	(void)state;
	watch(&names[0]);
	assert_true(resolver_is_asking(&names[0]));
	await(1);
	assert_int_equal(news, RESOLVER_CHANGED);
	resolver_use(&names[0]);
	assert_false(resolver_is_asking(&names[0]));
	until_ms = names[0].ask_at_ms - loop_now_ms(loop);
	assert_in_range(until_ms, RESOLVER_FRESH_MS, RESOLVER_FRESH_MS * 3 / 2);
	/* Addresses that don't work are asked about sooner. */
	resolver_suspect(&names[0]);
	assert_int_equal(names[0].ask_at_ms - loop_now_ms(loop), RESOLVER_RETRY_MS);
	ask_again(&names[0]);
	assert_int_equal(news, RESOLVER_SAME);
	assert_int_equal(dns.asked, 2);
}

static void resolver__a_change_is_told_for_what_it_is(void **state)
{
	(void)state;
	dns_say("ab");
	watch(&names[0]);
	await(1);
	assert_int_equal(names[0].generation, 1);
	dns_say("ba");
	ask_again(&names[0]);
	assert_int_equal(news, RESOLVER_SAME);
	assert_int_equal(names[0].generation, 1);
	dns_say("bc");
	ask_again(&names[0]);
	assert_int_equal(news, RESOLVER_CHANGED);
	dns_say("xy");
	ask_again(&names[0]);
	assert_int_equal(news, RESOLVER_REPLACED);
	assert_int_equal(names[0].generation, 3);
}

static void resolver__the_last_good_answer_stays(void **state)
{
	(void)state;
	watch(&names[0]);
	await(1);
	dns_fail();
	ask_again(&names[0]);
	assert_int_equal(news, RESOLVER_FAILED);
	assert_string_equal(names[0].error, "no api.test");
	assert_int_equal(names[0].answer.count, 1);
	assert_int_equal(names[0].ask_at_ms - loop_now_ms(loop), RESOLVER_RETRY_MS);
	dns_say("a");
	ask_again(&names[0]);
	assert_int_equal(news, RESOLVER_SAME);
	assert_string_equal(names[0].error, "");
}

static void resolver__without_any_answer_each_use_asks(void **state)
{
	(void)state;
	dns_fail();
	watch(&names[0]);
	await(1);
	assert_int_equal(news, RESOLVER_FAILED);
	resolver_use(&names[0]);
	resolver_use(&names[0]);
	await(1);
	assert_int_equal(dns.asked, 2);
}

static void resolver__a_name_may_go_in_every_state(void **state)
{
	(void)state;
	/* Under way, and queued behind it. */
	dns_close(true);
	for (size_t i = 0; i < NAMES; i++)
		watch(&names[i]);
	for (size_t i = 0; i < NAMES; i++)
		if (i != 7)
			resolver_unwatch(&names[i]);
	dns_close(false);
	await(1);
	assert_int_equal(answers, 1);
	/* Answered, and on the way to the loop. */
	resolver_unwatch(&names[7]);
	watch(&names[8]);
	pthread_mutex_lock(&dns.lock);
	pthread_mutex_unlock(&dns.lock);
	resolver_unwatch(&names[8]);
	watch(&names[9]);
	await(1);
	assert_int_equal(answers, 2);
}

static void resolver__the_system_knows_its_own_name(void **state)
{
	struct resolver *system = resolver_new(NULL, NULL);
	struct resolver_name n = {.answered = answered};

	(void)state;
	resolver_watch(system, loop, &n, "localhost");
	await(1);
	assert_int_equal(news, RESOLVER_CHANGED);
	assert_true(n.answer.count > 0);
	resolver_unwatch(&n);
	n = (struct resolver_name){.answered = answered};
	resolver_watch(system, loop, &n, "no-such-name.invalid");
	await(1);
	assert_int_equal(news, RESOLVER_FAILED);
	assert_non_null(strstr(n.error, "no-such-name.invalid"));
	resolver_unwatch(&n);
	resolver_free(system);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		TEST(resolver__many_names_share_few_threads),
		TEST(resolver__an_answer_is_fresh_for_a_while_and_then_asked_again),
		TEST(resolver__a_change_is_told_for_what_it_is),
		TEST(resolver__the_last_good_answer_stays),
		TEST(resolver__without_any_answer_each_use_asks),
		TEST(resolver__a_name_may_go_in_every_state),
		TEST(resolver__the_system_knows_its_own_name),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
