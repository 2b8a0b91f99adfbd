/* SPDX-License-Identifier: Apache-2.0 */
#include "admin.h"

#include <pthread.h>
#include <stdlib.h>
#include <unistd.h>

#include "page.h"
#include "status.h"
#include "base/clock.h"
#include "base/thread.h"

struct observer {
	struct admin *admin;
	struct engine **engines;
	size_t engine_count;
	struct metrics *metrics;
	int64_t started_ms;
	pthread_mutex_t lock; /* of conf */
	struct conf *conf;
	uint64_t reloads;
	bool last_reload_successful;
};

/* --- asking the loops ------------------------------------------------------------------- */

/* One question to one loop. Whoever comes last, the loop or the one who asked, frees it. */
struct question {
	struct loop_call call;
	struct engine *engine;
	struct status_parts parts;
	pthread_mutex_t lock;
	pthread_cond_t answered_cond;
	bool answered, abandoned;
};

static void question_free(struct question *q)
{
	status_release(&q->parts);
	pthread_mutex_destroy(&q->lock);
	pthread_cond_destroy(&q->answered_cond);
	free(q);
}

static void answer(struct loop_call *call)
{
	struct question *q = container_of(call, struct question, call);
	bool abandoned;

	status_collect(q->engine, &q->parts);
	pthread_mutex_lock(&q->lock);
	q->answered = true;
	abandoned = q->abandoned;
	pthread_cond_signal(&q->answered_cond);
	pthread_mutex_unlock(&q->lock);
	if (abandoned)
		question_free(q);
}

static struct question *ask(struct engine *engine)
{
	struct question *q = xcalloc(1, sizeof *q);

	q->engine = engine;
	status_init(&q->parts);
	pthread_mutex_init(&q->lock, NULL);
	pthread_cond_init(&q->answered_cond, NULL);
	loop_call_init(&q->call, answer);
	loop_post(engine_loop(engine), &q->call);
	return q;
}

static bool await(struct question *q)
{
	int64_t until_ms = clock_monotonic_ms() + OBSERVER_PATIENCE_MS;
	bool answered;

	pthread_mutex_lock(&q->lock);
	while (!q->answered && thread_cond_wait(&q->answered_cond, &q->lock, until_ms))
		;
	answered = q->answered;
	q->abandoned = !answered;
	pthread_mutex_unlock(&q->lock);
	return answered;
}

static void append(struct buf *to, const struct buf *from)
{
	if (to->len > 0 && from->len > 0)
		buf_add_char(to, ',');
	buf_add_slice(to, buf_slice(from));
}

/* True when every loop has answered in time. */
static bool collect(struct observer *o, struct status_parts *all)
{
	struct question **questions = xcalloc(o->engine_count, sizeof *questions);
	bool complete = true;

	for (size_t i = 0; i < o->engine_count; i++)
		questions[i] = ask(o->engines[i]);
	for (size_t i = 0; i < o->engine_count; i++) {
		struct question *q = questions[i];

		if (!await(q)) {
			complete = false;
			continue;
		}
		append(&all->lanes, &q->parts.lanes);
		append(&all->destinations, &q->parts.destinations);
		append(&all->dead_letter_topics, &q->parts.dead_letter_topics);
		all->ready &= q->parts.ready;
		question_free(q);
	}
	free(questions);
	return complete;
}

/* --- routes ----------------------------------------------------------------------------- */

static struct conf *conf_now(struct observer *o)
{
	struct conf *conf;

	pthread_mutex_lock(&o->lock);
	conf = conf_ref(o->conf);
	pthread_mutex_unlock(&o->lock);
	return conf;
}

static unsigned get_status(void *ctx, struct buf *out, const char **type)
{
	struct observer *o = ctx;
	struct conf *conf = conf_now(o);
	struct status_parts all;
	bool complete;

	status_init(&all);
	complete = collect(o, &all);
	*type = "application/json";
	buf_addf(out,
		"{\"version\":\"%s\",\"pid\":%d,\"uptime_ms\":%lld,\"complete\":%s,\"ready\":%s,\"configuration\":{",
		POSTRIDER_VERSION, (int)getpid(),
		(long long)(clock_monotonic_ms() - o->started_ms), complete ? "true" : "false",
		complete && all.ready ? "true" : "false");
	buf_add_str(out, "\"file\":");
	buf_add_json_string(out, slice_str(conf->path));
	pthread_mutex_lock(&o->lock);
	buf_addf(out,
		",\"generation\":%llu,\"reloads\":%llu,\"last_reload_successful\":%s},\"lanes\":[",
		(unsigned long long)conf->generation, (unsigned long long)o->reloads,
		o->last_reload_successful ? "true" : "false");
	pthread_mutex_unlock(&o->lock);
	buf_add_slice(out, buf_slice(&all.lanes));
	buf_add_str(out, "],\"destinations\":[");
	buf_add_slice(out, buf_slice(&all.destinations));
	buf_add_str(out, "],\"dead_letter_topics\":[");
	buf_add_slice(out, buf_slice(&all.dead_letter_topics));
	buf_add_str(out, "]}\n");
	status_release(&all);
	conf_unref(conf);
	return 200;
}

static unsigned get_health(void *ctx, struct buf *out, const char **type)
{
	struct status_parts all;
	bool turns;

	(void)type;
	status_init(&all);
	turns = collect(ctx, &all);
	status_release(&all);
	buf_add_str(out, turns ? "ok\n" : "a loop does not turn\n");
	return turns ? 200 : 503;
}

/* A sick endpoint does not make us unready: Kafka that is not reached, or a group not joined,
 * does. */
static unsigned get_ready(void *ctx, struct buf *out, const char **type)
{
	struct status_parts all;
	bool ready;

	(void)type;
	status_init(&all);
	ready = collect(ctx, &all) && all.ready;
	status_release(&all);
	buf_add_str(out,
		ready ? "ready\n" : "not every lane has reached Kafka and joined its group\n");
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

static unsigned get_metrics(void *ctx, struct buf *out, const char **type)
{
	struct observer *o = ctx;

	*type = "text/plain; version=0.0.4; charset=utf-8";
	metrics_expose(o->metrics, out);
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
	{"/", get_page, .open = true}, /* it says nothing by itself */
	{"/metrics", get_metrics, .open = false},
	{"/healthz", get_health, .open = true},
	{"/readyz", get_ready, .open = true},
	{"/status", get_status, .open = false},
	{"/config", get_config, .open = false},
	{NULL, NULL, .open = false},
};

struct observer *observer_new(const struct observer_settings *s, struct err *err)
{
	struct observer *o = xcalloc(1, sizeof *o);

	pthread_mutex_init(&o->lock, NULL);
	o->engines = xcalloc(s->engine_count, sizeof *o->engines);
	memcpy(o->engines, s->engines, s->engine_count * sizeof *o->engines);
	o->engine_count = s->engine_count;
	o->metrics = s->metrics;
	o->conf = conf_ref(s->conf);
	o->last_reload_successful = true;
	o->started_ms = clock_monotonic_ms();
	o->admin = admin_new(&s->admin, routes, o, err);
	if (o->admin == NULL) {
		observer_free(o);
		return NULL;
	}
	return o;
}

void observer_reloaded(struct observer *o, struct conf *conf)
{
	struct conf *old = NULL;

	if (o == NULL)
		return;
	pthread_mutex_lock(&o->lock);
	o->reloads++;
	o->last_reload_successful = conf != NULL;
	if (conf != NULL) {
		old = o->conf;
		o->conf = conf_ref(conf);
	}
	pthread_mutex_unlock(&o->lock);
	conf_unref(old);
}

const char *observer_address(const struct observer *o)
{
	return admin_address(o->admin);
}

void observer_free(struct observer *o)
{
	if (o == NULL)
		return;
	admin_free(o->admin);
	conf_unref(o->conf);
	pthread_mutex_destroy(&o->lock);
	free(o->engines);
	free(o);
}
