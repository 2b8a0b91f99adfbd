/* SPDX-License-Identifier: Apache-2.0 */
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "daemon_private.h"
#include "status.h"
#include "base/log.h"
#include "io/kafka/kafka.h"
#include "io/notify.h"

/* What librdkafka may take to tear itself down; beyond that it is left where it is. */
#define REAP_MS 3000
#define TRIM_MS 10000

/* --- errands ---------------------------------------------------------------------------- */

static void errand_back(struct loop_call *call);
static void drain(struct daemon *d);

/* For a bug report: everything as it is, one line of JSON a worker. */
static void crew_dump(struct loop_call *call)
{
	struct crew *c = container_of(call, struct crew, dump);
	struct status_parts parts;

	atomic_store(&c->dumping, false);

	status_init(&parts);
	status_collect(c->engine, &parts);
	fprintf(stderr,
		"{\"worker\":%u,\"lanes\":[%s],\"destinations\":[%s],\"dead_letter_topics\":[%s]}\n",
		(unsigned)(c - c->daemon->crews), buf_str(&parts.lanes),
		buf_str(&parts.destinations), buf_str(&parts.dead_letter_topics));
	status_release(&parts);
}

static void errand_do(struct loop_call *call)
{
	struct errand *e = container_of(call, struct errand, call);
	struct daemon *d = e->crew->daemon;

	switch (e->kind) {
	case ERRAND_APPLY:
		e->code = engine_apply(e->crew->engine, e->conf, d->connections, &e->err);
		break;
	case ERRAND_DRAIN:
		engine_drain(e->crew->engine, d->conf->shutdown_grace_ms);
		break;
	}
	loop_call_init(&e->call, errand_back);
	loop_post(d->loop, &e->call);
}

static void errand_back(struct loop_call *call)
{
	struct errand *e = container_of(call, struct errand, call);
	struct daemon *d = e->crew->daemon;

	if (e->kind != ERRAND_APPLY)
		return;
	if (e->code != 0)
		log_error("reload_failed", "a worker could not take over the new configuration",
			log_int("worker", (int64_t)(e->crew - d->crews)),
			log_str("reason", e->err.text));
	if (--d->applying > 0)
		return;
	if (d->stopping)
		drain(d);
	else
		daemon_applied(d);
}

static void send_errand(struct crew *c, int kind, struct conf *conf)
{
	c->errand.crew = c;
	c->errand.kind = kind;
	c->errand.conf = conf;
	loop_call_init(&c->errand.call, errand_do);
	loop_post(c->loop, &c->errand.call);
}

void daemon_apply(struct daemon *d)
{
	d->applying = d->crew_count;
	for (unsigned i = 0; i < d->crew_count; i++)
		send_errand(&d->crews[i], ERRAND_APPLY, d->conf);
}

static void drain(struct daemon *d)
{
	for (unsigned i = 0; i < d->crew_count; i++)
		send_errand(&d->crews[i], ERRAND_DRAIN, NULL);
}

/* --- what engines say ------------------------------------------------------------------- */

static void crew_drained(struct loop_call *call)
{
	struct crew *c = container_of(call, struct crew, drained);
	struct daemon *d = c->daemon;

	if (++d->drained_count < d->crew_count)
		return;
	for (unsigned i = 0; i < d->crew_count; i++)
		loop_stop(d->crews[i].loop);
}

static void on_drained(void *ctx, struct engine *e)
{
	struct crew *c = ctx;

	(void)e;
	loop_post(c->daemon->loop, &c->drained);
}

static void stop(struct daemon *d)
{
	char state[64];

	if (d->stopping)
		return;
	d->stopping = true;
	snprintf(state, sizeof state, "STOPPING=1\nEXTEND_TIMEOUT_USEC=%lld",
		(long long)(d->conf->shutdown_grace_ms + 10000) * 1000);
	notify_systemd(state);
	log_info("stopping", "no more is read; what is on the wire may end",
		log_int("grace_ms", d->conf->shutdown_grace_ms));
	if (d->applying == 0)
		drain(d);
}

static void crew_fenced(struct loop_call *call)
{
	struct crew *c = container_of(call, struct crew, fenced);

	c->daemon->exit_status = DAEMON_EXIT_FENCED;
	stop(c->daemon);
}

static void on_fenced(void *ctx, struct engine *e, const char *text)
{
	struct crew *c = ctx;

	(void)e;
	log_error("fenced",
		"another process has our instance_id: this one stops sending; give every process its own",
		log_str("reason", text));
	if (!atomic_exchange(&c->was_fenced, true))
		loop_post(c->daemon->loop, &c->fenced);
}

static const struct engine_callbacks engine_events = {
	.drained = on_drained, .fenced = on_fenced};

/* --- signals ---------------------------------------------------------------------------- */

static void on_signal(void *ctx, int signo)
{
	struct daemon *d = ctx;

	if (signo == SIGHUP) {
		daemon_reload(d);
	} else if (signo == SIGQUIT) {
		for (unsigned i = 0; i < d->crew_count; i++)
			if (!atomic_exchange(&d->crews[i].dumping, true))
				loop_post(d->crews[i].loop, &d->crews[i].dump);
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

static void *crew_main(void *arg)
{
	struct crew *c = arg;

	loop_run(c->loop);
	return NULL;
}

static int crew_start(struct daemon *d, struct crew *c, unsigned number, struct err *err)
{
	c->daemon = d;
	c->loop = number == 0 ? d->loop : loop_new();
	loop_call_init(&c->drained, crew_drained);
	loop_call_init(&c->fenced, crew_fenced);
	loop_call_init(&c->dump, crew_dump);
	c->engine = engine_new(c->loop, number,
		number == 0 ? d->metrics : metrics_part(d->metrics), &engine_events, c);
	return engine_apply(c->engine, d->conf, d->connections, err);
}

static int start_crews(struct daemon *d, struct err *err)
{
	d->crews = xcalloc(d->conf->workers, sizeof *d->crews);
	for (unsigned i = 0; i < d->conf->workers; i++, d->crew_count++)
		if (crew_start(d, &d->crews[i], i, err) != 0) {
			d->crew_count++;
			return ERR_INVALID;
		}
	for (unsigned i = 1; i < d->crew_count; i++) {
		d->crews[i].threaded =
			pthread_create(&d->crews[i].thread, NULL, crew_main, &d->crews[i]) == 0;
		if (!d->crews[i].threaded)
			return err_set(err, ERR_IO, "worker %u can't have a thread", i);
	}
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
	daemon_point_at_embedded(d, d->conf);
	if (d->options->bootstrap_file == NULL)
		return 0;
	return write_bootstrap(
		d->options->bootstrap_file, embedded_bootstrap_servers(d->embedded), err);
}

static int start_observer(struct daemon *d, struct err *err)
{
	struct engine **engines;
	struct observer_settings s;

	if (d->conf->admin.listen == NULL)
		return 0;
	engines = xcalloc(d->crew_count, sizeof *engines);
	for (unsigned i = 0; i < d->crew_count; i++)
		engines[i] = d->crews[i].engine;
	s = (struct observer_settings){
		.admin = {d->conf->admin.listen, d->conf->admin.token,
			d->conf->admin.certificate_file, d->conf->admin.key_file},
		.engines = engines,
		.engine_count = d->crew_count,
		.metrics = d->metrics,
		.conf = d->conf};
	d->observer = observer_new(&s, err);
	free(engines);
	if (d->observer == NULL)
		return err_wrap(err, "admin");
	log_info("admin_listening", "metrics, health and status are served",
		log_str("address", observer_address(d->observer)));
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

static void sample_fire(struct loop_timer *timer)
{
	struct daemon *d = container_of(timer, struct daemon, sampler);

	connections_sample(d->connections, d->metrics);
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
	if (start_embedded(d, err) != 0)
		return ERR_IO;
	d->connections = connections_new(d->loop);
	if (connections_apply(d->connections, d->conf, err) != 0)
		return ERR_INVALID;
	if (start_crews(d, err) != 0)
		return ERR_INVALID;
	start_watchdog(d);
	d->sampler.fire = sample_fire;
	sample_fire(&d->sampler);
	d->trimmer.fire = trim_fire;
	trim_fire(&d->trimmer);
	daemon_note_load(d, true);
	d->letter_topics = letter_topics_new(d->loop, d->conf);
	d->refresher = refresher_new(d->loop, daemon_refresh, d);
	refresher_follow(d->refresher, d->conf);
	metric_add(metrics_obtain(d->metrics, METRIC_BUILD_INFO, POSTRIDER_VERSION, NULL, NULL),
		1);
	return start_observer(d, err);
}

static void finish(struct daemon *d)
{
	observer_free(d->observer);
	letter_topics_free(d->letter_topics);
	refresher_free(d->refresher);
	for (unsigned i = 1; i < d->crew_count; i++) {
		loop_stop(d->crews[i].loop); /* after a start that failed, nobody has yet */
		if (d->crews[i].threaded)
			pthread_join(d->crews[i].thread, NULL);
	}
	for (unsigned i = 0; i < d->crew_count; i++) {
		engine_free(d->crews[i].engine);
		if (i > 0)
			loop_free(d->crews[i].loop);
	}
	free(d->crews);
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
	d.conf = daemon_load_first(&d);
	if (d.conf == NULL)
		return DAEMON_EXIT_CONFIGURATION;
	log_configure(&d.conf->log);
	prctl(PR_SET_DUMPABLE, 0); /* no core dump holds a credential */
	if (start(&d, &err) != 0) {
		log_error("start_failed", err.text);
		finish(&d);
		return DAEMON_EXIT_CONFIGURATION;
	}
	log_info("started", "postrider runs", log_str("version", POSTRIDER_VERSION),
		log_int("destinations", (int64_t)d.conf->destination_count),
		log_int("rules", (int64_t)d.conf->rule_count),
		log_int("workers", d.crew_count));
	notify_systemd("READY=1");
	loop_run(d.loop);
	log_info("stopped", "everything settled is committed");
	finish(&d);
	if (!kafka_reap(REAP_MS))
		_exit(d.exit_status);
	return d.exit_status;
}
