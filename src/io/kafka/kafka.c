/* SPDX-License-Identifier: Apache-2.0 */
#include "io/kafka/kafka.h"

#include <librdkafka/rdkafka.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "base/log.h"
#include "properties.h"
#include "handle.h"

#define TICK_MS         1000
#define EVENTS_A_PASS   1000
#define ANSWER_GRACE_MS 2000 /* a lost connection is only news when it stays lost */
#define FIRST_ANSWER_MS 5000
#define TIMER_SLACK_NS  (10 * 1000 * 1000)

struct kafka_client {
	struct loop *loop;
	struct kafka_client_settings s;
	char *name;
	struct kafka_handle *handle;
	rd_kafka_queue_t *queue;
	struct loop_fd wake;
	struct loop_timer tick;
	struct loop_call more;

	bool dispatching, freed;
	bool heard;            /* a broker has answered, ever */
	bool suspect;          /* a connection was lost since the last answer */
	int64_t suspect_at_ms; /* since when */
	bool announced;        /* counted in unreachable_clients */
	struct kafka_client_state state;
};

/* So that ten lanes do not tell ten times that one cluster is away. */
static atomic_uint unreachable_clients;

rd_kafka_t *kafka_client_handle(const struct kafka_client *k)
{
	return k->handle->rk;
}

rd_kafka_queue_t *kafka_client_queue(const struct kafka_client *k)
{
	return k->queue;
}

const struct kafka_client_state *kafka_client_get_state(const struct kafka_client *k)
{
	return &k->state;
}

void kafka_client_set_error(struct kafka_client *k, const char *text)
{
	snprintf(k->state.last_error, sizeof k->state.last_error, "%s", text);
}

static void announce_unreachable(struct kafka_client *k)
{
	if (k->announced)
		return;
	k->announced = true;
	if (atomic_fetch_add(&unreachable_clients, 1) == 0)
		log_warn("kafka_unreachable",
			"no Kafka broker can be reached; deliveries wait, and resume by themselves",
			log_str("client", k->name), log_str("error", k->state.last_error));
}

static void announce_reachable(struct kafka_client *k)
{
	if (!k->announced)
		return;
	k->announced = false;
	if (atomic_fetch_sub(&unreachable_clients, 1) == 1)
		log_info("kafka_reachable", "Kafka can be reached again",
			log_str("client", k->name));
}

void kafka_client_alive(struct kafka_client *k)
{
	if (k->state.reachable && !k->suspect)
		return;
	k->heard = true;
	k->suspect = false;
	k->state.reachable = true;
	k->state.unreachable_since_ms = 0;
	k->state.last_error[0] = '\0';
	announce_reachable(k);
}

static void begin_suspicion(struct kafka_client *k)
{
	if (k->suspect)
		return;
	k->suspect = true;
	k->suspect_at_ms = loop_now_ms(k->loop);
}

/*
 * Is a connection up? With a timeout of 0 rd_kafka_metadata() does not wait: it answers
 * _TRANSPORT when there is none, and otherwise _TIMED_OUT, because it did ask.
 */
static bool has_connection(struct kafka_client *k)
{
	const struct rd_kafka_metadata *md = NULL;
	rd_kafka_resp_err_t code = rd_kafka_metadata(k->handle->rk, 0, NULL, &md, 0);

	if (md != NULL)
		rd_kafka_metadata_destroy(md);
	return code != RD_KAFKA_RESP_ERR__TRANSPORT;
}

static void probe(struct kafka_client *k)
{
	int64_t for_ms = loop_now_ms(k->loop) - k->suspect_at_ms;

	if (has_connection(k)) {
		kafka_client_alive(k);
		return;
	}
	if (for_ms < (k->heard ? ANSWER_GRACE_MS : FIRST_ANSWER_MS))
		return;
	if (k->state.unreachable_since_ms == 0)
		k->state.unreachable_since_ms = loop_wall_ms(k->loop) - for_ms;
	k->state.reachable = false;
	announce_unreachable(k);
}

static bool is_connection_error(rd_kafka_resp_err_t code)
{
	switch (code) {
	case RD_KAFKA_RESP_ERR__TRANSPORT:
	case RD_KAFKA_RESP_ERR__RESOLVE:
	case RD_KAFKA_RESP_ERR__TIMED_OUT:
	case RD_KAFKA_RESP_ERR__SSL:
	case RD_KAFKA_RESP_ERR__AUTHENTICATION:
	case RD_KAFKA_RESP_ERR_SASL_AUTHENTICATION_FAILED:
		return true;
	default:
		return false;
	}
}

/*
 * librdkafka does not try again to make a thread, and would wait for ever for what that one
 * should do. Another process can do better, and nothing is committed that is not settled.
 */
static ATTR_NORETURN void end_for_want_of_a_thread(struct kafka_client *k, const char *text)
{
	log_error("kafka_without_thread",
		"librdkafka could not make a thread, so the program ends; is the limit of tasks "
		"(TasksMax, pids.max) or of memory reached?",
		log_str("client", k->name), log_str("error", text));
	abort();
}

static void take_error(struct kafka_client *k, rd_kafka_event_t *ev)
{
	rd_kafka_resp_err_t code = rd_kafka_event_error(ev);
	const char *text = rd_kafka_event_error_string(ev);

	if (code == RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN) {
		/* Its text only counts the brokers; the reasons came before it. */
		begin_suspicion(k);
		if (!k->heard) /* refused outright at the start: do not wait so long */
			k->suspect_at_ms -= FIRST_ANSWER_MS - ANSWER_GRACE_MS;
		return;
	}
	kafka_client_set_error(k, text);
	if (code == RD_KAFKA_RESP_ERR__CRIT_SYS_RESOURCE)
		end_for_want_of_a_thread(k, text);
	if (is_connection_error(code)) {
		begin_suspicion(k);
		return;
	}
	k->s.on_error(k->s.ctx, code, rd_kafka_event_error_is_fatal(ev) != 0, text);
}

/* What the state, an error or a callback tells anyway. */
static bool is_told_otherwise(const char *facility)
{
	static const char *const facilities[] = {"FAIL", "ERROR", "FATAL", "CONFWARN"};

	for (size_t i = 0; i < COUNT_OF(facilities); i++)
		if (strcmp(facility, facilities[i]) == 0)
			return true;
	return false;
}

static void take_log(struct kafka_client *k, rd_kafka_event_t *ev)
{
	const char *facility, *text;
	int level;

	if (rd_kafka_event_log(ev, &facility, &text, &level) != 0)
		return;
	if (level <= 4 && !is_told_otherwise(facility)) /* 4: a warning, as in syslog */
		log_warn("kafka_client", text, log_str("facility", facility),
			log_str("client", k->name));
	else
		log_debug("kafka_client", text, log_str("facility", facility),
			log_str("client", k->name));
}

static void take_event(struct kafka_client *k, rd_kafka_event_t *ev)
{
	switch (rd_kafka_event_type(ev)) {
	case RD_KAFKA_EVENT_ERROR:
		take_error(k, ev);
		break;
	case RD_KAFKA_EVENT_LOG:
		take_log(k, ev);
		break;
	default:
		k->s.on_event(k->s.ctx, ev);
	}
}

static void finalize(struct kafka_client *k)
{
	rd_kafka_queue_io_event_enable(k->queue, -1, NULL, 0);
	rd_kafka_queue_destroy(k->queue);
	close(k->wake.fd);
	kafka_handle_unref(k->handle);
	free(k->name);
	free(k);
}

/* librdkafka tells only that the queue is no longer empty, so it is read until it is. */
static void dispatch(struct kafka_client *k)
{
	rd_kafka_event_t *ev;
	int count = 0;

	k->dispatching = true;
	while (!k->freed && count++ < EVENTS_A_PASS &&
		(ev = rd_kafka_queue_poll(k->queue, 0)) != NULL) {
		take_event(k, ev);
		rd_kafka_event_destroy(ev);
	}
	k->dispatching = false;
	if (k->freed)
		finalize(k);
	else if (count > EVENTS_A_PASS)
		loop_defer(k->loop, &k->more);
}

static void on_wake(struct loop_fd *w, unsigned events)
{
	struct kafka_client *k = container_of(w, struct kafka_client, wake);
	uint64_t count;

	(void)events;
	(void)!read(w->fd, &count, sizeof count);
	dispatch(k);
}

static void on_more(struct loop_call *c)
{
	dispatch(container_of(c, struct kafka_client, more));
}

static void on_tick(struct loop_timer *t)
{
	struct kafka_client *k = container_of(t, struct kafka_client, tick);

	loop_timer_set(k->loop, t, loop_now_ms(k->loop) + TICK_MS);
	if (!k->state.reachable || k->suspect)
		probe(k);
	loop_defer(k->loop, &k->more);
	k->s.on_tick(k->s.ctx);
}

static void watch_queue(struct kafka_client *k)
{
	static const uint64_t one = 1;

	k->wake.fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	k->wake.events = LOOP_READ;
	k->wake.ready = on_wake;
	loop_watch(k->loop, &k->wake);
	rd_kafka_queue_io_event_enable(k->queue, k->wake.fd, &one, sizeof one);
	k->tick.fire = on_tick;
	loop_timer_set(k->loop, &k->tick, loop_now_ms(k->loop) + TICK_MS);
	loop_call_init(&k->more, on_more);
	loop_defer(k->loop, &k->more);
}

/* A consumer's threads need not wake to the millisecond, and do not when the kernel is told
 * before they are made, for they inherit it: their wakes fall together, and librdkafka's main
 * thread, which sleeps for whole milliseconds and waits busily for the rest, wakes when its
 * timer is due. What a socket or another thread wakes is not late; a producer's linger would
 * be. */
static rd_kafka_t *make_handle(
	const struct kafka_client_settings *s, rd_kafka_conf_t *conf, struct err *err)
{
	rd_kafka_t *rk;
	char text[512];

	if (!s->producer)
		prctl(PR_SET_TIMERSLACK, TIMER_SLACK_NS);
	rk = rd_kafka_new(
		s->producer ? RD_KAFKA_PRODUCER : RD_KAFKA_CONSUMER, conf, text, sizeof text);
	prctl(PR_SET_TIMERSLACK, 0); /* what this thread began with */
	if (rk == NULL) {
		rd_kafka_conf_destroy(conf);
		err_set(err, ERR_INVALID, "%s: librdkafka: %s", s->name, text);
	}
	return rk;
}

struct kafka_client *kafka_client_new(
	struct loop *l, const struct kafka_client_settings *s, struct err *err)
{
	struct kafka_client *k;
	rd_kafka_conf_t *conf = kafka_conf_new(s, err);
	rd_kafka_t *rk;

	if (conf == NULL)
		return NULL;
	rd_kafka_conf_set_events(conf, s->events | RD_KAFKA_EVENT_ERROR | RD_KAFKA_EVENT_LOG);
	rk = make_handle(s, conf, err);
	if (rk == NULL)
		return NULL;
	k = xcalloc(1, sizeof *k);
	k->loop = l;
	k->s = *s;
	k->name = xstrdup(s->name);
	k->handle = kafka_handle_new(rk, !s->producer);
	if (!s->producer)
		rd_kafka_poll_set_consumer(rk);
	k->queue = s->producer ? rd_kafka_queue_get_main(rk) : rd_kafka_queue_get_consumer(rk);
	rd_kafka_set_log_queue(rk, k->queue);
	begin_suspicion(k);
	watch_queue(k);
	return k;
}

void kafka_client_free(struct kafka_client *k)
{
	if (k == NULL)
		return;
	if (k->announced)
		atomic_fetch_sub(&unreachable_clients, 1);
	loop_unwatch(k->loop, &k->wake);
	loop_timer_cancel(k->loop, &k->tick);
	loop_undefer(&k->more);
	k->freed = true;
	if (!k->dispatching)
		finalize(k);
}

struct kafka_handle *kafka_client_share(struct kafka_client *k)
{
	return kafka_handle_ref(k->handle);
}
