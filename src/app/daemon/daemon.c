/* SPDX-License-Identifier: Apache-2.0 */
/* The process from its start to its end: engines and their threads, signals, reloads, the
 * watchdog. What a reload reads is in reload.c. */
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "daemon_private.h"
#include "status.h"
#include "base/log.h"
#include "io/kafka/kafka.h"
#include "io/notify.h"

/* How long the end waits for librdkafka to close its clients; beyond that the process just exits. */
#define REAP_MS 3000
#define TRIM_MS 10000
/* NTP slews by less than a millisecond a second. */
#define CLOCK_STEP_MS 1000

/* --- commands to the engines ------------------------------------------------------------ */

static void run_apply(struct engine_thread *t, void *ctx)
{
	struct daemon *d = ctx;

	t->code = engine_apply(t->engine, d->conf, d->connections, &t->err);
}

static void apply_done(struct engine_thread *t, void *ctx);

/* All engines take over d->conf. */
static void apply(struct daemon *d)
{
	d->applying_count = d->thread_count;
	d->apply_failed = false;
	for (unsigned i = 0; i < d->thread_count; i++)
		thread_call(&d->threads[i].commands, run_apply, apply_done, d);
}

static void run_drain(struct engine_thread *t, void *ctx)
{
	const struct daemon *d = ctx;

	engine_drain(t->engine, d->conf->shutdown_grace_ms);
}

static void drain(struct daemon *d)
{
	for (unsigned i = 0; i < d->thread_count; i++)
		thread_call(&d->threads[i].commands, run_drain, NULL, d);
}

/* For a bug report: the state of everything, one line of JSON for each engine. */
static void run_dump(struct engine_thread *t, void *ctx)
{
	struct status_parts parts;
	struct json_writer w;
	struct buf line;

	(void)ctx;
	status_init(&parts);
	status_collect(t->engine, &parts);
	buf_init(&line, BUF_UNLIMITED);
	jw_init(&w, &line);
	jw_open(&w, NULL, '{');
	jw_int(&w, "worker", t->number);
	status_write(&parts, &w);
	jw_close(&w);
	buf_add_char(&line, '\n');
	log_plain(buf_slice(&line));
	buf_release(&line);
	status_release(&parts);
}

static void dump(struct daemon *d)
{
	for (unsigned i = 0; i < d->thread_count; i++)
		thread_call(&d->threads[i].dump, run_dump, NULL, NULL);
}

/* --- another configuration -------------------------------------------------------------- */

/* False: not now. While one is being applied, *again has it done after that. */
static bool may_reload(struct daemon *d, bool *again)
{
	*again = d->applying_count > 0 && !d->stopping;
	return d->applying_count == 0 && !d->stopping;
}

static void reload(struct daemon *d)
{
	if (may_reload(d, &d->reload_again) && reload_files(d))
		apply(d);
}

static void on_reload_requested(void *ctx)
{
	reload(ctx);
}

static void on_secret_changed(void *ctx)
{
	struct daemon *d = ctx;

	if (may_reload(d, &d->refresh_again) && reload_secrets(d))
		apply(d);
}

static void apply_done(struct engine_thread *t, void *ctx)
{
	struct daemon *d = ctx;

	if (t->code != 0) {
		d->apply_failed = true;
		log_error("reload_failed",
			"an engine could not take over the new configuration",
			log_int("worker", t->number), log_str("reason", t->err.text));
	}
	if (--d->applying_count > 0)
		return;
	if (d->stopping) {
		drain(d);
		return;
	}
	reload_done(d);
	if (d->reload_again)
		reload(d);
	else if (d->refresh_again)
		on_secret_changed(d);
}

/* --- stopping --------------------------------------------------------------------------- */

static void stop(struct daemon *d)
{
	char state[64];

	if (d->stopping)
		return;
	d->stopping = true;
	snprintf(state, sizeof state, "STOPPING=1\nEXTEND_TIMEOUT_USEC=%lld",
		(long long)(d->conf->shutdown_grace_ms + 10000) * 1000);
	notify_systemd(state);
	log_info("stopping", "stopping: finishing requests in flight",
		log_int("grace_ms", d->conf->shutdown_grace_ms));
	if (d->applying_count == 0)
		drain(d);
}

static void on_drained(void *ctx)
{
	struct daemon *d = ctx;

	if (++d->drained_count < d->thread_count)
		return;
	for (unsigned i = 0; i < d->thread_count; i++)
		loop_stop(d->threads[i].loop);
}

static void on_fenced(void *ctx)
{
	struct daemon *d = ctx;

	d->exit_status = DAEMON_EXIT_FENCED;
	stop(d);
}

static const struct engine_thread_events thread_events = {
	.drained = on_drained,
	.fenced = on_fenced,
};

/* --- signals ---------------------------------------------------------------------------- */

static void on_signal(void *ctx, int signo)
{
	struct daemon *d = ctx;

	if (signo == SIGHUP) {
		reload(d);
	} else if (signo == SIGQUIT) {
		dump(d);
	} else if (signo == SIGTERM || signo == SIGINT) {
		if (d->stopping)
			_exit(128 + signo);
		stop(d);
	}
}

static void take_signals(struct daemon *d)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGHUP);
	sigaddset(&set, SIGQUIT);
	signal(SIGPIPE, SIG_IGN);
	loop_on_signals(d->loop, &set, on_signal, d);
}

/* --- starting --------------------------------------------------------------------------- */

/* The engines begin on this thread, so that a configuration that one refuses ends the start. */
static int start_engines(struct daemon *d, struct err *err)
{
	d->threads = xcalloc(d->conf->workers, sizeof *d->threads);
	while (d->thread_count < d->conf->workers) {
		unsigned number = d->thread_count++;
		struct engine_thread *t = &d->threads[number];
		struct metrics *m = number == 0 ? d->metrics : metrics_part(d->metrics);

		engine_thread_init(t, number, d->loop, m, &thread_events, d);
		if (engine_apply(t->engine, d->conf, d->connections, err) != 0)
			return ERR_INVALID;
	}
	for (unsigned i = 1; i < d->thread_count; i++)
		if (engine_thread_start(&d->threads[i], err) != 0)
			return ERR_IO;
	return 0;
}

/* Whole or not at all: a reader that sees the file sees the address. */
static int write_bootstrap(const char *path, const char *servers, struct err *err)
{
	char *temporary = xasprintf("%s.new", path);
	FILE *f = fopen(temporary, "w");
	bool ok = f != NULL && fprintf(f, "%s\n", servers) > 0;

	ok = f != NULL && fclose(f) == 0 && ok && rename(temporary, path) == 0;
	free(temporary);
	return ok ? 0 : err_set(err, ERR_IO, "%s: can't be written", path);
}

static int start_embedded(struct daemon *d, struct err *err)
{
	if (!d->options->embedded)
		return 0;
	d->embedded = embedded_new(err);
	if (d->embedded == NULL)
		return ERR_IO;
	log_info("embedded_broker",
		"a broker for trying things out is in this process; it keeps nothing",
		log_str("bootstrap_servers", embedded_bootstrap_servers(d->embedded)));
	reload_point_at_embedded(d, d->conf);
	if (d->options->bootstrap_file == NULL)
		return 0;
	return write_bootstrap(
		d->options->bootstrap_file, embedded_bootstrap_servers(d->embedded), err);
}

static int start_admin(struct daemon *d, struct err *err)
{
	struct engine **engines;
	struct admin_api_settings s;

	if (d->conf->admin.listen == NULL)
		return 0;
	engines = xcalloc(d->thread_count, sizeof *engines);
	for (unsigned i = 0; i < d->thread_count; i++)
		engines[i] = d->threads[i].engine;
	s = (struct admin_api_settings){
		.admin = {d->conf->admin.listen, d->conf->admin.token,
			d->conf->admin.certificate_file, d->conf->admin.key_file},
		.engines = engines,
		.engine_count = d->thread_count,
		.metrics = d->metrics,
		.conf = d->conf,
		.reload = on_reload_requested,
		.ctx = d,
		.control_loop = d->loop};
	d->admin = admin_api_new(&s, err);
	free(engines);
	if (d->admin == NULL)
		return err_wrap(err, "admin");
	log_info("admin_listening", "metrics, health and status are served",
		log_str("address", admin_api_address(d->admin)));
	return 0;
}

/*
 * Memory goes back to the system when a backlog has passed. librdkafka's fetch responses of a
 * megabyte are mapped by themselves, so they go when they are freed (glibc would get used to
 * them and keep them), and what is left of smaller things is looked for every TRIM_MS.
 */
static void keep_memory_small(void)
{
#ifdef __GLIBC__
	mallopt(M_MMAP_THRESHOLD, 256 * 1024);
#endif
}

static void trim_fire(struct loop_timer *timer)
{
	struct daemon *d = container_of(timer, struct daemon, trimmer);

#ifdef __GLIBC__
	malloc_trim(0);
#endif
	loop_timer_set(d->loop, timer, loop_now_ms(d->loop) + TRIM_MS);
}

/* systemd restarts us when the control loop no longer says that it turns. */
static void watchdog_fire(struct loop_timer *timer)
{
	struct daemon *d = container_of(timer, struct daemon, watchdog);

	notify_systemd("WATCHDOG=1");
	loop_timer_set(d->loop, timer, loop_now_ms(d->loop) + d->watchdog_ms);
}

static int64_t clock_gap_ms(const struct daemon *d)
{
	return loop_wall_ms(d->loop) - loop_now_ms(d->loop);
}

/* Ages run by the monotonic clock, but what is shown, signed and sent has the wall clock's time. */
static void look_at_clock(struct daemon *d)
{
	int64_t gap_ms = clock_gap_ms(d), by_ms = gap_ms - d->clock_gap_ms;

	d->clock_gap_ms = gap_ms;
	if (by_ms < -CLOCK_STEP_MS || by_ms > CLOCK_STEP_MS)
		log_warn("clock_stepped",
			"the wall clock was set, or the machine slept: nothing grew older by it",
			log_int("by_ms", by_ms));
}

static void sample_fire(struct loop_timer *timer)
{
	struct daemon *d = container_of(timer, struct daemon, sampler);

	log_flush();
	look_at_clock(d);
	connections_sample(d->connections, d->metrics);
	process_gauges_sample(&d->process);
	loop_timer_set(d->loop, timer, loop_now_ms(d->loop) + 1000);
}

static void start_watchdog(struct daemon *d)
{
	const char *usec = getenv("WATCHDOG_USEC");

	d->watchdog_ms = usec ? strtoll(usec, NULL, 10) / 1000 / 2 : 0;
	d->watchdog.fire = watchdog_fire;
	if (d->watchdog_ms > 0)
		watchdog_fire(&d->watchdog);
}

static int start(struct daemon *d, struct err *err)
{
	d->loop = loop_new();
	take_signals(d);
	d->metrics = metrics_new();
	process_gauges_init(&d->process, d->metrics);
	if (start_embedded(d, err) != 0)
		return ERR_IO;
	d->connections = connections_new(d->loop);
	if (connections_apply(d->connections, d->conf, err) != 0)
		return ERR_INVALID;
	if (start_engines(d, err) != 0)
		return ERR_INVALID;
	start_watchdog(d);
	d->clock_gap_ms = clock_gap_ms(d);
	d->sampler.fire = sample_fire;
	sample_fire(&d->sampler);
	d->trimmer.fire = trim_fire;
	trim_fire(&d->trimmer);
	reload_hold_counters(d);
	reload_note(d, true);
	d->letter_topics = letter_topics_new(d->loop, d->conf);
	d->secret_watch = secret_watch_new(d->loop, on_secret_changed, d);
	secret_watch_follow(d->secret_watch, d->conf);
	return start_admin(d, err);
}

static void finish(struct daemon *d)
{
	admin_api_free(d->admin);
	letter_topics_free(d->letter_topics);
	secret_watch_free(d->secret_watch);
	for (unsigned i = 0; i < d->thread_count; i++)
		engine_thread_stop(&d->threads[i]); /* nobody has yet if the start has failed */
	for (unsigned i = 0; i < d->thread_count; i++)
		engine_thread_release(&d->threads[i]);
	free(d->threads);
	connections_free(d->connections);
	embedded_free(d->embedded);
	metrics_free(d->metrics);
	loop_free(d->loop);
	conf_unref(d->conf);
}

int daemon_run(const struct daemon_options *options)
{
	struct daemon d = {.options = options};
	struct err err;

	keep_memory_small();
	d.conf = reload_first(&d);
	if (d.conf == NULL)
		return DAEMON_EXIT_CONFIGURATION;
	log_configure(&d.conf->log);
	if (start(&d, &err) != 0) {
		log_error("start_failed", err.text);
		finish(&d);
		return DAEMON_EXIT_CONFIGURATION;
	}
	log_info("started", "postrider has started", log_str("version", POSTRIDER_VERSION),
		log_int("destinations", (int64_t)d.conf->destination_count),
		log_int("rules", (int64_t)d.conf->rule_count),
		log_int("workers", d.thread_count));
	notify_systemd("READY=1");
	loop_run(d.loop);
	log_info("stopped", "stopped; all finished deliveries are committed");
	finish(&d);
	log_flush();
	if (!kafka_reap(REAP_MS))
		_exit(d.exit_status);
	return d.exit_status;
}
