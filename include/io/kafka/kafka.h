/* SPDX-License-Identifier: Apache-2.0 */
/*
 * kafka.h - what every librdkafka client of ours shares: made from "name=value" properties
 * with clear errors, its queue on the loop, its state and its log in our words.
 *
 * A client has one main queue. The loop is woken by an eventfd when something arrives there,
 * and looks into it once a second whatever happens. Log lines and errors are dealt with
 * here, all other events go to on_event().
 *
 * Properties come in three layers. The defaults are ours and the user may change them; one
 * that this librdkafka is too old to know is left out. The user's come next, in order. The
 * fixed ones are what our promises stand on: the user may repeat them, but not change them
 * (ERR_INVALID, with the reason).
 *
 * Reachable means that a connection to some broker is up (and authenticated). The log says
 * kafka_unreachable once, when no client of this process reaches a broker any more that did
 * before or should by now, and kafka_reachable once when all do again. Names of log lines
 * that come from here: kafka_unreachable, kafka_reachable, kafka_client (a warning of
 * librdkafka's own), kafka_scram_old_library.
 *
 * Owned by one loop, but for kafka_reap(), which any thread may call.
 */
#ifndef IO_KAFKA_KAFKA_H
#define IO_KAFKA_KAFKA_H

#include "base/err.h"
#include "io/loop.h"

/* librdkafka's, so that its header stays out of ours. */
struct rd_kafka_s;
struct rd_kafka_queue_s;
struct rd_kafka_op_s;

struct kafka_property {
	const char *name, *value;
	const char *reason; /* of a fixed one: "Postrider commits …" */
};

struct kafka_client_settings {
	const char *name; /* "consumer of lane 'billing'", for texts; copied */
	bool producer;
	/* Both end with a NULL name. */
	const struct kafka_property *defaults, *fixed;
	const char *const *properties;
	size_t property_count;
	int events; /* RD_KAFKA_EVENT_*, ERROR and LOG are added */
	/* The event is librdkafka's again afterwards. */
	void (*on_event)(void *ctx, struct rd_kafka_op_s *ev);
	/* An error that is more than a lost connection, and whether it is the end. */
	void (*on_error)(void *ctx, int code, bool fatal, const char *text);
	/* Once a second. */
	void (*on_tick)(void *ctx);
	void *ctx;
};

struct kafka_client;

struct kafka_client *kafka_client_new(
	struct loop *l, const struct kafka_client_settings *s, struct err *err);
/*
 * No callback comes after this, also when it is called by one. librdkafka's own tear-down,
 * which may hang, goes on in a thread; kafka_reap() waits for it. A consumer that was not
 * closed is dropped without leaving its group. Accepts NULL.
 */
void kafka_client_free(struct kafka_client *k);

struct rd_kafka_s *kafka_client_handle(const struct kafka_client *k);
struct rd_kafka_queue_s *kafka_client_queue(const struct kafka_client *k);

/* Something came from a broker: it is reachable. Cheap. */
void kafka_client_alive(struct kafka_client *k);

struct kafka_client_state {
	bool reachable;
	int64_t unreachable_since_ms; /* wall time; 0 while reachable */
	char last_error[256];         /* "" while all is well */
};

const struct kafka_client_state *kafka_client_get_state(const struct kafka_client *k);
void kafka_client_set_error(struct kafka_client *k, const char *text);

/*
 * Wait for the tear-down of freed clients, before exit(). False when some hang after
 * @timeout_ms: then leave by _exit(), because exit() would take librdkafka's floor away
 * under its threads. Nothing is lost by that.
 */
bool kafka_reap(int64_t timeout_ms) ATTR_MUST_CHECK;

/* The value of bootstrap.servers, or "<host:port>", for texts; the caller frees it. */
char *kafka_bootstrap_servers(const char *const *properties, size_t count);
/* "2.0.2": the librdkafka that is loaded. */
const char *kafka_library_version(void);
/* At least that version is loaded: kafka_is_version(2, 2, 0). */
bool kafka_is_version(unsigned major, unsigned minor, unsigned patch);

/* A blocking query in a thread of its own, for the few things that librdkafka has no event
 * for. The thread touches only @work and the client's handle, which outlives it; the owner
 * polls whether it is done. */
struct kafka_query;

struct kafka_query *kafka_query_start(struct kafka_client *k,
	void (*run)(struct rd_kafka_s *rk, void *work), void (*free_work)(void *work),
	void *work);
bool kafka_query_is_done(const struct kafka_query *e);
/* The answer; valid when it is done, until kafka_query_free(). */
void *kafka_query_work(const struct kafka_query *e);
/* At any time: when it is not done, the thread cleans up behind itself. Accepts NULL. */
void kafka_query_free(struct kafka_query *e);

#endif
