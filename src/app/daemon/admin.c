/* SPDX-License-Identifier: Apache-2.0 */
#include "admin.h"

#include <pthread.h>
#include <stdlib.h>
#include <unistd.h>

#include "page.h"
#include "status.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/thread.h"

struct admin_api {
	struct admin *admin;
	struct engine **engines;
	size_t engine_count;
	struct metrics *metrics;
	int64_t started_ms;
	void (*reload)(void *ctx);
	void *ctx;
	struct loop *control_loop;
	struct loop_call reload_call;
	pthread_mutex_t lock; /* of all below */
	struct conf *conf;
	uint64_t reloads;
	bool last_reload_successful;
	/* Requests for a reload, by number: the last one that has come, the last one that the reload
	 * under way answers, and the last one that is answered. */
	uint64_t requested, begun, answered;
	bool reload_posted;
};

/* --- the status of the engines ---------------------------------------------------------- */

/* What an engine's loop does for a request. */
typedef void (*collect_fn)(const struct engine *e, struct status_parts *parts);

/* A request for the status of one engine. It is freed by whoever is the last to use it: the one
 * who asked, or, if that one has stopped waiting, the engine's loop. */
struct status_request {
	struct loop_call call;
	struct engine *engine;
	collect_fn collect;
	struct status_parts parts;
	pthread_mutex_t lock;
	pthread_cond_t answered_cond;
	bool answered, abandoned;
};

static void status_request_free(struct status_request *r)
{
	status_release(&r->parts);
	pthread_mutex_destroy(&r->lock);
	pthread_cond_destroy(&r->answered_cond);
	free(r);
}

static void status_request_run(struct loop_call *call)
{
	struct status_request *r = container_of(call, struct status_request, call);
	bool abandoned;

	r->collect(r->engine, &r->parts);
	pthread_mutex_lock(&r->lock);
	r->answered = true;
	abandoned = r->abandoned;
	pthread_cond_signal(&r->answered_cond);
	pthread_mutex_unlock(&r->lock);
	if (abandoned)
		status_request_free(r);
}

static struct status_request *status_request_new(struct engine *engine, collect_fn fn)
{
	struct status_request *r = xcalloc(1, sizeof *r);

	r->engine = engine;
	r->collect = fn;
	status_init(&r->parts);
	pthread_mutex_init(&r->lock, NULL);
	pthread_cond_init(&r->answered_cond, NULL);
	loop_call_init(&r->call, status_request_run);
	loop_post(engine_loop(engine), &r->call);
	return r;
}

static bool wait_for(struct status_request *r)
{
	int64_t until_ms = clock_monotonic_ms() + ADMIN_API_TIMEOUT_MS;
	bool answered;

	pthread_mutex_lock(&r->lock);
	while (!r->answered && thread_cond_wait(&r->answered_cond, &r->lock, until_ms))
		;
	answered = r->answered;
	r->abandoned = !answered;
	pthread_mutex_unlock(&r->lock);
	return answered;
}

/* True if every engine has answered in time. */
static bool collect(struct admin_api *a, collect_fn fn, struct status_parts *all)
{
	struct status_request **requests = xcalloc(a->engine_count, sizeof *requests);
	bool complete = true;

	for (size_t i = 0; i < a->engine_count; i++)
		requests[i] = status_request_new(a->engines[i], fn);
	for (size_t i = 0; i < a->engine_count; i++) {
		struct status_request *r = requests[i];

		if (!wait_for(r)) {
			complete = false;
			continue;
		}
		status_append(all, &r->parts);
		status_request_free(r);
	}
	free(requests);
	return complete;
}

/* --- routes ----------------------------------------------------------------------------- */

static struct conf *conf_now(struct admin_api *a)
{
	struct conf *conf;

	pthread_mutex_lock(&a->lock);
	conf = conf_ref(a->conf);
	pthread_mutex_unlock(&a->lock);
	return conf;
}

static void write_configuration(
	struct admin_api *a, const struct conf *conf, struct json_writer *w)
{
	jw_open(w, "configuration", '{');
	jw_text(w, "file", slice_str(conf->path));
	jw_int(w, "generation", (int64_t)conf->generation);
	pthread_mutex_lock(&a->lock);
	jw_int(w, "reloads", (int64_t)a->reloads);
	jw_bool(w, "last_reload_successful", a->last_reload_successful);
	pthread_mutex_unlock(&a->lock);
	jw_close(w);
}

static unsigned get_status(void *ctx, struct buf *out, const char **type)
{
	struct admin_api *a = ctx;
	struct conf *conf = conf_now(a);
	struct status_parts all;
	struct json_writer w;
	bool complete;

	status_init(&all);
	complete = collect(a, status_collect, &all);
	*type = "application/json";
	jw_init(&w, out);
	jw_open(&w, NULL, '{');
	jw_text(&w, "version", SLICE(POSTRIDER_VERSION));
	jw_int(&w, "pid", getpid());
	jw_int(&w, "uptime_ms", clock_monotonic_ms() - a->started_ms);
	jw_bool(&w, "complete", complete);
	jw_bool(&w, "ready", complete && all.ready);
	write_configuration(a, conf, &w);
	status_write(&all, &w);
	jw_close(&w);
	buf_add_char(out, '\n');
	status_release(&all);
	conf_unref(conf);
	return 200;
}

/* Anybody may ask this, as often as they like: no loop writes its whole status for it. True if
 * all loops have answered in time. */
static bool probe(struct admin_api *a, bool *ret_ready)
{
	struct status_parts all;
	bool complete;

	status_init(&all);
	complete = collect(a, status_collect_ready, &all);
	*ret_ready = complete && all.ready;
	status_release(&all);
	return complete;
}

static unsigned get_health(void *ctx, struct buf *out, const char **type)
{
	bool ready, turns = probe(ctx, &ready);

	(void)type;
	buf_add_str(out, turns ? "ok\n" : "an event loop does not respond\n");
	return turns ? 200 : 503;
}

/* Not ready: Kafka is not reached, a group not joined, or a partition not read. A failing endpoint is no reason. */
static unsigned get_ready(void *ctx, struct buf *out, const char **type)
{
	bool ready;

	(void)type;
	probe(ctx, &ready);
	buf_add_str(out,
		ready ? "ready\n"
		      : "not every lane has reached Kafka, joined its group, and can read its partitions\n");
	return ready ? 200 : 503;
}

static unsigned get_config(void *ctx, struct buf *out, const char **type)
{
	struct conf *conf = conf_now(ctx);

	*type = "application/json";
	conf_print_json(conf, out);
	conf_unref(conf);
	return 200;
}

/* --- reload ----------------------------------------------------------------------------- */

static void reload_call_run(struct loop_call *call)
{
	struct admin_api *a = container_of(call, struct admin_api, reload_call);

	pthread_mutex_lock(&a->lock);
	a->reload_posted = false;
	pthread_mutex_unlock(&a->lock);
	a->reload(a->ctx);
}

/* Both names lead to one file here, in the daemon's own view of the file system. */
static bool is_same_file(const char *one, const char *other)
{
	char *a = realpath(one, NULL), *b = realpath(other, NULL);
	const bool same = a != NULL && b != NULL && strcmp(a, b) == 0;

	free(a);
	free(b);
	return same;
}

static unsigned post_reload(
	void *ctx, const struct admin_change *change, struct buf *out, const char **type)
{
	struct admin_api *a = ctx;
	struct conf *conf = conf_now(a);
	const bool same =
		change->argument != NULL && is_same_file(change->argument, conf->path);
	uint64_t number;

	log_info("reload_requested", "a reload was requested at the admin listener",
		log_str("from", change->from),
		log_str("file", change->argument ? change->argument : ""),
		log_str("result", same ? "accepted" : "refused: another file"));
	if (!same)
		buf_addf(out, "this daemon runs on %s, which is another file\n", conf->path);
	conf_unref(conf);
	if (!same)
		return 409;
	pthread_mutex_lock(&a->lock);
	number = ++a->requested;
	if (!a->reload_posted)
		loop_post(a->control_loop, &a->reload_call);
	a->reload_posted = true;
	pthread_mutex_unlock(&a->lock);
	*type = "application/json";
	buf_addf(out, "{\"requested\":%llu}\n", (unsigned long long)number);
	return 202;
}

static unsigned get_reload(void *ctx, struct buf *out, const char **type)
{
	struct admin_api *a = ctx;
	struct json_writer w;

	*type = "application/json";
	jw_init(&w, out);
	jw_open(&w, NULL, '{');
	pthread_mutex_lock(&a->lock);
	jw_int(&w, "requested", (int64_t)a->requested);
	jw_int(&w, "answered", (int64_t)a->answered);
	jw_bool(&w, "successful", a->last_reload_successful);
	pthread_mutex_unlock(&a->lock);
	jw_close(&w);
	buf_add_char(out, '\n');
	return 200;
}

/* --- the other routes ------------------------------------------------------------------- */

static unsigned get_metrics(void *ctx, struct buf *out, const char **type)
{
	struct admin_api *a = ctx;

	*type = "text/plain; version=0.0.4; charset=utf-8";
	metrics_expose(a->metrics, out);
	return 200;
}

static unsigned get_page(void *ctx, struct buf *out, const char **type)
{
	(void)ctx;
	*type = "text/html; charset=utf-8";
	buf_add_str(out, page_html);
	return 200;
}

static const struct admin_route routes[] = {
	{"/", get_page, .open = true}, /* the page itself has no data */
	{"/metrics", get_metrics, .open = false},
	{"/healthz", get_health, .open = true},
	{"/readyz", get_ready, .open = true},
	{"/status", get_status, .open = false},
	{"/config", get_config, .open = false},
	{"/reload", get_reload, .change = post_reload, .argument = "file"},
	{NULL, NULL, .open = false},
};

struct admin_api *admin_api_new(const struct admin_api_settings *s, struct err *err)
{
	struct admin_api *a = xcalloc(1, sizeof *a);
	struct admin_settings admin = s->admin;
	char *policy = page_policy();

	admin.content_policy = policy;
	pthread_mutex_init(&a->lock, NULL);
	a->engines = xcalloc(s->engine_count, sizeof *a->engines);
	memcpy(a->engines, s->engines, s->engine_count * sizeof *a->engines);
	a->engine_count = s->engine_count;
	a->metrics = s->metrics;
	a->conf = conf_ref(s->conf);
	a->last_reload_successful = true;
	a->reload = s->reload;
	a->ctx = s->ctx;
	a->control_loop = s->control_loop;
	loop_call_init(&a->reload_call, reload_call_run);
	a->started_ms = clock_monotonic_ms();
	a->admin = admin_new(&admin, routes, a, err);
	free(policy);
	if (a->admin == NULL) {
		admin_api_free(a);
		return NULL;
	}
	return a;
}

void admin_api_reload_begins(struct admin_api *a)
{
	if (a == NULL)
		return;
	pthread_mutex_lock(&a->lock);
	a->begun = a->requested;
	pthread_mutex_unlock(&a->lock);
}

void admin_api_reloaded(struct admin_api *a, struct conf *conf)
{
	struct conf *old = NULL;

	if (a == NULL)
		return;
	pthread_mutex_lock(&a->lock);
	a->reloads++;
	a->answered = a->begun;
	a->last_reload_successful = conf != NULL;
	if (conf != NULL) {
		old = a->conf;
		a->conf = conf_ref(conf);
	}
	pthread_mutex_unlock(&a->lock);
	conf_unref(old);
}

const char *admin_api_address(const struct admin_api *a)
{
	return admin_address(a->admin);
}

void admin_api_free(struct admin_api *a)
{
	if (a == NULL)
		return;
	admin_free(a->admin);
	if (a->control_loop != NULL)
		loop_unpost(a->control_loop, &a->reload_call);
	conf_unref(a->conf);
	pthread_mutex_destroy(&a->lock);
	free(a->engines);
	free(a);
}
