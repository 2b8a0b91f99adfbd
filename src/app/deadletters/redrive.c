/* SPDX-License-Identifier: Apache-2.0 */
#include "app/deadletters/redrive.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "app/engine/destination.h"
#include "redrive_private.h"
#include "io/kafka/kafka.h"

#define TICK_MS 250
#define REAP_MS 5000

/* --- the end ---------------------------------------------------------------------------- */

static bool all_over(const struct redrive *run)
{
	for (size_t i = 0; i < run->group_count; i++)
		if (!run->groups[i].consumer_loop.closing &&
			!redrive_group_is_over(&run->groups[i]))
			return false;
	return true;
}

static bool all_closed(const struct redrive *run)
{
	for (size_t i = 0; i < run->group_count; i++)
		if (!run->groups[i].closed)
			return false;
	return true;
}

/* Partitions of ours and those there are: the difference is in other hands. */
static void note_elsewhere(struct redrive *run)
{
	size_t ours = 0;

	for (size_t i = 0; i < run->group_count; i++)
		list_foreach (node, &run->groups[i].consumer_loop.partitions) {
			const struct source_partition *p = consumer_partition_of(node)->source;

			ours += redrive_bound_find(run, p->topic, p->partition) != NULL;
		}
	run->elsewhere = run->bound_count - ours;
}

static void close_all(struct redrive *run)
{
	for (size_t i = 0; i < run->group_count; i++)
		redrive_group_close(&run->groups[i]);
}

static void end_check(struct loop_call *call)
{
	struct redrive *run = container_of(call, struct redrive, end_check);

	if (all_closed(run)) {
		loop_stop(run->context.loop);
		return;
	}
	if (run->stopping || !all_over(run))
		return;
	run->stopping = true;
	note_elsewhere(run);
	close_all(run);
}

static void stop(struct redrive *run)
{
	if (run->stopping)
		return;
	run->stopping = true;
	close_all(run);
}

static void on_signal(void *ctx, int signo)
{
	struct redrive *run = ctx;

	if (run->stopping)
		_exit(128 + signo);
	run->interrupted = true;
	stop(run);
}

/* --- once in a while -------------------------------------------------------------------- */

static void stop_if_a_guard_has_paused(struct redrive *run)
{
	for (size_t i = 0; i < run->conf->destination_count; i++) {
		struct destination_status s;

		if (run->destinations[i] == NULL)
			continue;
		destination_get_status(run->destinations[i], &s);
		if (!s.guard_paused)
			continue;
		run->stuck = run->conf->destinations[i].name;
		stop(run);
		return;
	}
}

static void tick_fire(struct loop_timer *timer)
{
	struct redrive *run = container_of(timer, struct redrive, tick);

	for (size_t i = 0; i < run->group_count; i++)
		list_foreach (node, &run->groups[i].consumer_loop.partitions)
			redrive_expire(redrive_part_of(consumer_partition_of(node)));
	stop_if_a_guard_has_paused(run);
	redrive_report_progress(run);
	loop_defer(run->context.loop, &run->end_check);
	loop_timer_set(run->context.loop, timer, loop_now_ms(run->context.loop) + TICK_MS);
}

/* --- start and finish ------------------------------------------------------------------- */

static int open_deadletter(struct redrive *run, struct err *err)
{
	struct deadletter_settings s = {0};
	char **properties;

	if (conf_kafka_properties(run->conf, NULL, &properties, &s.property_count, err) != 0)
		return ERR_INVALID;
	s.properties = (const char *const *)properties;
	run->context.deadletter = deadletter_new(run->context.loop, &s, err);
	conf_free_properties(properties, s.property_count);
	return run->context.deadletter ? 0 : ERR_INVALID;
}

static void take_signals(struct redrive *run)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	signal(SIGPIPE, SIG_IGN);
	loop_on_signals(run->context.loop, &set, on_signal, run);
}

static int start(struct redrive *run, struct err *err)
{
	struct loop *loop = loop_new();

	engine_context_init(&run->context, loop);
	budget_init(
		&run->context.budget, run->conf->max_in_flight, run->conf->max_memory_bytes);
	budget_join(&run->context.budget, &run->budget);
	take_signals(run);
	bucket_init(&run->rate, (int64_t)run->o->rate * 1000, 0, loop_now_ms(loop));
	loop_call_init(&run->end_check, end_check);
	run->tick.fire = tick_fire;
	run->terminal = isatty(STDERR_FILENO);
	run->destinations = xcalloc(run->conf->destination_count, sizeof *run->destinations);
	run->connections = connections_new(loop);
	if (connections_apply(run->connections, run->conf, err) != 0 ||
		open_deadletter(run, err) != 0)
		return ERR_INVALID;
	for (size_t i = 0; i < run->group_count; i++)
		if (redrive_group_start(&run->groups[i], err) != 0)
			return ERR_INVALID;
	loop_timer_set(loop, &run->tick, loop_now_ms(loop) + TICK_MS);
	return 0;
}

static void stop_loop(struct redrive *run)
{
	struct loop *loop = run->context.loop;

	for (size_t i = 0; i < run->conf->destination_count; i++)
		destination_free(run->destinations[i]);
	free(run->destinations);
	deadletter_free(run->context.deadletter);
	connections_free(run->connections);
	budget_part(&run->budget);
	loop_timer_cancel(loop, &run->tick);
	loop_undefer(&run->end_check);
	engine_context_release(&run->context);
	loop_free(loop);
}

static void finish(struct redrive *run)
{
	for (size_t i = 0; i < run->group_count; i++)
		redrive_group_release(&run->groups[i]);
	if (run->context.loop != NULL)
		stop_loop(run);
	for (size_t i = 0; i < run->bound_count; i++)
		free(run->bounds[i].topic);
	for (size_t i = 0; i < run->counts.reason_count; i++)
		free(run->counts.reasons[i].text);
	free(run->counts.reasons);
	free(run->bounds);
	free(run->groups);
}

static int run_it(struct redrive *run, struct err *err)
{
	int code = redrive_scan(run, err);

	if (code != 0 || run->bound_count == 0)
		return code;
	if (run->o->dry_run)
		return redrive_dry_run(run, err);
	code = start(run, err);
	if (code == 0)
		loop_run(run->context.loop);
	return code;
}

int redrive_run(struct conf *conf, const struct redrive_options *o)
{
	struct redrive run = {.o = o, .conf = conf};
	struct err err;
	int status;

	if (run_it(&run, &err) != 0) {
		fprintf(stderr, "postrider dead-letters redrive: %s\n", err.text);
		status = 1;
	} else {
		status = redrive_report_end(&run);
	}
	fflush(stdout);
	finish(&run);
	if (!kafka_reap(REAP_MS))
		_exit(status);
	return status;
}
