/* SPDX-License-Identifier: Apache-2.0 */
#include "unit.h"

#include <pthread.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "io/loop.h"

static struct loop *loop;
static char story[64];
static size_t story_len;

static void tell(char c)
{
	story[story_len++] = c;
	story[story_len] = '\0';
}

static int begin(void **state)
{
	(void)state;
	story_len = 0;
	story[0] = '\0';
	loop = loop_new();
	return 0;
}

static int end(void **state)
{
	(void)state;
	loop_free(loop);
	return 0;
}

static void stop_run(struct loop_call *c)
{
	(void)c;
	tell('.');
	loop_stop(loop);
}

static void stop_fire(struct loop_timer *t)
{
	(void)t;
	tell('.');
	loop_stop(loop);
}

static void fire_a(struct loop_timer *t)
{
	(void)t;
	tell('a');
}

static void fire_b(struct loop_timer *t)
{
	(void)t;
	tell('b');
}

static void loop__timers_fire_in_order_and_a_cancelled_one_never(void **state)
{
	struct loop_timer a = {.fire = fire_a}, b = {.fire = fire_b}, never = {.fire = fire_a},
			  last = {.fire = stop_fire};
	int64_t now_ms = loop_now_ms(loop);

	(void)state;
	loop_timer_set(loop, &last, now_ms + 3);
	loop_timer_set(loop, &b, now_ms + 2);
	loop_timer_set(loop, &never, now_ms + 1);
	loop_timer_set(loop, &a, now_ms + 1);
	loop_timer_cancel(loop, &never);
	loop_run(loop);
	assert_string_equal(story, "ab.");
}

static struct loop_fd news;

/* What takes a pass longer than it should; meanwhile a descriptor becomes ready. */
static void dawdle_run(struct loop_call *c)
{
	uint64_t one = 1;

	(void)c;
	assert_int_equal(write(news.fd, &one, sizeof one), sizeof one);
	tell('d');
	while (!loop_is_late(loop))
		continue;
}

static void calm_run(struct loop_call *c)
{
	(void)c;
	tell('c');
}

static void drain_ready(struct loop_fd *w, unsigned events)
{
	uint64_t count;

	(void)events;
	assert_int_equal(read(w->fd, &count, sizeof count), sizeof count);
	tell('r');
}

static void wake_run(struct loop_call *c)
{
	static struct loop_call behind;

	(void)c;
	loop_call_init(&behind, stop_run);
	loop_defer(loop, &behind);
}

static void loop__long_call_lets_descriptors_come_before_the_calls_behind_it(void **state)
{
	struct loop_call wake, dawdle, calm, again;

	(void)state;
	news = (struct loop_fd){.fd = eventfd(0, EFD_NONBLOCK), .events = LOOP_READ};
	news.ready = drain_ready;
	loop_call_init(&wake, wake_run);
	loop_call_init(&dawdle, dawdle_run);
	loop_call_init(&calm, calm_run);
	loop_call_init(&again, calm_run);
	loop_defer(loop, &wake);
	loop_defer(loop, &dawdle);
	loop_defer(loop, &calm);
	loop_defer(loop, &again);
	loop_watch(loop, &news);
	loop_run(loop);
	/* The long call; the descriptor; those that were behind the call; and last what was
	 * deferred meanwhile. */
	assert_string_equal(story, "drcc.");
	loop_unwatch(loop, &news);
	close(news.fd);
}

static struct loop_call again;
static int rounds;

static void run_again(struct loop_call *c)
{
	tell('d');
	if (++rounds < 3)
		loop_defer(loop, c);
	else
		loop_stop(loop);
}

static void loop__a_deferred_call_runs_once_however_often_it_is_deferred(void **state)
{
	(void)state;
	rounds = 0;
	loop_call_init(&again, run_again);
	loop_defer(loop, &again);
	loop_defer(loop, &again);
	loop_run(loop);
	assert_string_equal(story, "ddd");
}

static struct loop_fd one, two;

static void one_is_ready(struct loop_fd *w, unsigned events)
{
	(void)w;
	(void)events;
	tell('1');
	loop_unwatch(loop, &two);
}

static void two_is_ready(struct loop_fd *w, unsigned events)
{
	(void)w;
	(void)events;
	tell('2');
	loop_unwatch(loop, &one);
}

static void loop__what_is_removed_in_a_pass_is_not_called_in_it(void **state)
{
	struct loop_timer last = {.fire = stop_fire};

	(void)state;
	one = (struct loop_fd){.fd = eventfd(1, 0), .events = LOOP_READ, .ready = one_is_ready};
	two = (struct loop_fd){.fd = eventfd(1, 0), .events = LOOP_READ, .ready = two_is_ready};
	loop_watch(loop, &one);
	loop_watch(loop, &two);
	loop_timer_set(loop, &last, loop_now_ms(loop));
	loop_run(loop);
	assert_true(strcmp(story, "1.") == 0 || strcmp(story, "2.") == 0);
	loop_unwatch(loop, &one);
	loop_unwatch(loop, &two);
	close(one.fd);
	close(two.fd);
}

static struct loop_call from_elsewhere;

static void *post(void *arg)
{
	loop_post(arg, &from_elsewhere);
	return NULL;
}

static void loop__another_thread_wakes_it_by_posting(void **state)
{
	pthread_t thread;

	(void)state;
	loop_call_init(&from_elsewhere, stop_run);
	assert_int_equal(pthread_create(&thread, NULL, post, loop), 0);
	loop_run(loop);
	pthread_join(thread, NULL);
	assert_string_equal(story, ".");
}

static void on_signal(void *ctx, int signo)
{
	(void)ctx;
	tell(signo == SIGUSR1 ? 's' : '?');
	loop_stop(loop);
}

static void loop__signals_come_as_calls(void **state)
{
	sigset_t set;

	(void)state;
	sigemptyset(&set);
	sigaddset(&set, SIGUSR1);
	loop_on_signals(loop, &set, on_signal, NULL);
	kill(getpid(), SIGUSR1);
	loop_run(loop);
	assert_string_equal(story, "s");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
			loop__timers_fire_in_order_and_a_cancelled_one_never, begin, end),
		cmocka_unit_test_setup_teardown(
			loop__long_call_lets_descriptors_come_before_the_calls_behind_it, begin,
			end),
		cmocka_unit_test_setup_teardown(
			loop__a_deferred_call_runs_once_however_often_it_is_deferred, begin,
			end),
		cmocka_unit_test_setup_teardown(
			loop__what_is_removed_in_a_pass_is_not_called_in_it, begin, end),
		cmocka_unit_test_setup_teardown(
			loop__another_thread_wakes_it_by_posting, begin, end),
		cmocka_unit_test_setup_teardown(loop__signals_come_as_calls, begin, end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
