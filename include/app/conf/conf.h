/* SPDX-License-Identifier: Apache-2.0 */
/*
 * conf.h - the configuration file, read, checked and compiled.
 *
 * conf_load() reads everything (libconfig syntax), compiles patterns and request plans, and
 * reports *all* faults, each with file, line, what, and what to do about it. What it returns is
 * immutable and shared: every delivery holds a reference to the configuration it began with, so
 * a reload never changes what is in flight. Any thread may take and drop references.
 *
 * One table of keys per section (keys.h) drives parsing, checking, the manual, and
 * GET /config.
 */
#ifndef APP_CONF_CONF_H
#define APP_CONF_CONF_H

#include <stdatomic.h>

#include "base/err.h"
#include "base/log.h"
#include "core/event/envelope.h"
#include "core/gate/gate.h"
#include "core/offsets/offsets.h"
#include "core/pattern/pattern.h"
#include "core/request/request.h"
#include "core/gate/retry.h"
#include "core/reply/reply.h"
#include "io/auth/connection.h"
#include "io/http/http.h"

struct buf;

/* A line of a file, for messages. */
struct conf_place {
	const char *file;
	unsigned line;
};

enum conf_isolation {
	CONF_ISOLATION_DESTINATION, /* a lane and a group for every destination */
	CONF_ISOLATION_SHARED,      /* one lane for all of the consumer's destinations */
};

enum conf_event_format {
	CONF_FORMAT_JSON,
	CONF_FORMAT_CLOUDEVENTS,
	CONF_FORMAT_ENVELOPE,
	CONF_FORMAT_BYTES,
};

enum conf_ordering {
	CONF_ORDERING_KEY,
	CONF_ORDERING_NONE,
	CONF_ORDERING_PARTITION,
};

/* Consumers, connections, destinations and rules all begin with place, name and description. */
struct conf_consumer {
	struct conf_place place;
	char *name;
	char *description; /* NULL: none */
	char **topics;
	size_t topic_count;
	char *group_id;
	char *instance_id;       /* NULL: dynamic membership */
	char *auto_offset_reset; /* "earliest" (default), "latest", "error" */
	char **properties; /* of librdkafka; they override kafka.properties; ${…} not expanded */
	size_t property_count;
	uint64_t kafka_digest; /* of all properties: if it changes, a new client is made */
	enum conf_isolation isolation;
	enum conf_event_format event_format;
	struct envelope *envelope; /* compiled from event_format and the next two */
	char *envelope_source, *envelope_detail_type; /* of CONF_FORMAT_ENVELOPE */
	char *dead_letter_topic;                      /* default: <group_id>.dead-letters */
	int64_t commit_interval_ms;                   /* 20 */
	int64_t rebalance_drain_ms;                   /* 10 s */
	size_t prefetch_bytes; /* 0: the process's default, divided among lanes */
	struct offsets_settings offsets;
};

struct conf_connection {
	struct conf_place place;
	char *name;
	char *description;
	uint64_t digest;                      /* of what stands in the file */
	struct connection_settings settings;  /* texts owned by the conf */
	struct request_parameters parameters; /* invocation_http_parameters, expanded */
	/* What settings.oauth_parameters points to: ${…} not expanded yet. */
	struct request_parameters oauth_parameters;
	bool allow_http; /* for the authorization_endpoint */
	bool reauthorize_on_403;
};

/* What a reply means that its status does not tell (core/reply/reply.h). */
struct conf_response_rule {
	struct conf_place place;
	char *name;
	char *pattern; /* JSON */
	enum retry_action outcome;
	struct pattern *compiled;
};

struct conf_destination {
	struct conf_place place;
	char *name;
	char *description;
	const struct conf_connection *connection;
	char *endpoint;
	char *http_method;
	char *idempotency_header;
	bool allow_http;
	enum conf_ordering ordering;
	bool dead_letter_guard; /* core/gate/guard.h */
	struct conf_response_rule *response_rules;
	size_t response_rule_count;
	char **retry_after_headers; /* beside the known ones (core/gate/retry_after.h) */
	size_t retry_after_header_count;
	size_t max_request_bytes; /* of a body: twice max_record_size */
	struct gate_settings gate;
	struct http_settings http;
	unsigned index;  /* in conf->destinations */
	uint64_t digest; /* of what it and its connection say */
};

struct conf_rule;

struct conf_target {
	struct conf_place place;
	char *id;
	const struct conf_rule *rule;
	const struct conf_destination *destination;
	struct request_plan *plan;
	struct retry_policy retry;
	char *dead_letter_topic; /* resolved: target, rule, consumer, default; NULL: "none" */
	size_t dead_letter_response_bytes; /* 1 KiB */
	offsets_target identity;           /* hash of rule name and target id */
	uint64_t digest; /* of what it, its destination and its connection say */
	struct request_parameters parameters;
	struct request_input input;
	enum request_output output;
	struct conf_response_rule *response_rules; /* its own */
	size_t response_rule_count;
	/* Its own and behind them its destination's, as one; NULL: there are none. */
	struct reply_rules *replies;
};

struct conf_rule {
	struct conf_place place;
	char *name;
	char *description;
	const struct conf_consumer *consumer;
	bool enabled;
	char *event_pattern, *kafka; /* the texts of the two patterns, JSON */
	char *dead_letter_topic;     /* of targets that have none; NULL: the consumer's */
	struct pattern *pattern;
	/* over {"topic","partition","key","headers":{}}; NULL: none */
	struct pattern *kafka_pattern;
	struct conf_target *targets;
	size_t target_count;
};

struct conf_topic_create {
	bool enabled;           /* create missing dead-letter topics */
	int partitions;         /* -1: the broker's default */
	int replication_factor; /* -1: the broker's default */
	int64_t retention_ms;   /* -1: the broker's default */
};

/* What a configuration is read for. Some properties of librdkafka are code, or commands that it
 * runs: who only looks at a configuration must not run what it names. */
enum conf_purpose {
	CONF_TO_CHECK,        /* nothing that it names is run */
	CONF_TO_READ_LETTERS, /* what a connection to Kafka needs: ssl.engine.location,
				 sasl.kerberos.kinit.cmd */
	CONF_TO_RUN,          /* also plugin.library.paths */
};

struct conf {
	atomic_uint refs;
	uint64_t generation; /* 1 and up, of this process */
	enum conf_purpose purpose;
	char *path, *base_dir;
	char *bootstrap_servers; /* NULL only with --embedded */
	char **properties;       /* "name=value" of kafka.properties, ${…} not expanded yet */
	size_t property_count;
	uint64_t kafka_digest;   /* the same for clients other than consumers */
	unsigned workers;        /* 1 */
	size_t max_in_flight;    /* open deliveries of the process: 20,000 */
	size_t max_memory_bytes; /* of records held: 256 MiB */
	size_t max_record_bytes; /* 1 MiB; larger records are INVALID_EVENT */
	unsigned max_depth;
	int64_t shutdown_grace_ms; /* 30 s */
	struct log_settings log;
	bool log_deliveries;
	unsigned log_deliveries_sample; /* one of this many attempts is logged */
	struct {
		char *listen;                      /* "127.0.0.1:9464"; NULL: no listener */
		char *token;                       /* NULL: no token is required */
		char *certificate_file, *key_file; /* NULL: no TLS */
		char *ca_file;                     /* for the commands; NULL: the system's */
	} admin;
	struct conf_topic_create dead_letter_create;
	struct {
		char *otlp_endpoint; /* NULL: no spans are sent */
		struct request_parameter *headers;
		size_t header_count;
		char *ca_file;
	} tracing;

	struct conf_consumer *consumers;
	size_t consumer_count;
	struct conf_connection *connections;
	size_t connection_count;
	struct conf_destination *destinations;
	size_t destination_count;
	struct conf_rule *rules;
	size_t rule_count;
	struct conf_private *priv; /* the memory that the fields above point to */
};

struct conf_options {
	enum conf_purpose purpose;
	bool embedded;     /* bootstrap_servers may be missing */
	bool skip_secrets; /* check --no-secrets: secrets need not resolve */
	uint64_t generation;
};

enum conf_severity {
	CONF_WARNING,
	CONF_FAULT,
};

/* Called for each fault or warning, in order of file and line:
 * "etc/postrider.cfg:41: destination 'slack_orders': …". */
typedef void (*conf_complain_fn)(void *ctx, enum conf_severity severity, const char *line);

/* NULL: there was a fault. @path is a file, or a directory whose *.cfg files are read in order
 * of name. */
struct conf *conf_load(const char *path, const struct conf_options *options,
	conf_complain_fn complain, void *ctx);
/* Build @c again with the current values of its secrets. The configuration files are not read, so
 * that edits in progress have no effect. NULL: a secret is missing or invalid. */
struct conf *conf_refresh(const struct conf *c, const struct conf_options *options,
	conf_complain_fn complain, void *ctx);
/* The target of @to that corresponds to @t, a target of @from. One of the two configurations must
 * be refreshed from the other, else NULL. */
const struct conf_target *conf_counterpart(
	const struct conf *from, const struct conf_target *t, const struct conf *to);
/* The files that conf_refresh() reads again, except those of connections, which watch their own.
 * The caller frees *ret_paths and each path. */
size_t conf_secret_files(const struct conf *c, char ***ret_paths);

struct conf *conf_ref(struct conf *c);
/* Accepts NULL. */
void conf_unref(struct conf *c);
/* The whole effective configuration in the file's own syntax, defaults included, secrets
 * masked. */
void conf_print(const struct conf *c, struct buf *out);
/* The same as one JSON object, for GET /config. */
void conf_print_json(const struct conf *c, struct buf *out);

/* The secrets of the configuration. */
struct conf_mask;
const struct conf_mask *conf_get_mask(const struct conf *c);
/* Append @text with "***" in the place of every secret that the configuration knows. */
void conf_mask_text(const struct conf *c, struct slice text, struct buf *out);

/* Is @topic one that @c reads, by name or pattern? */
bool conf_consumer_reads(const struct conf_consumer *c, const char *topic);

/* Expand kafka.properties and a consumer's own (@consumer may be NULL) for librdkafka. *ret is
 * an array of "name=value" strings which the caller frees with conf_free_properties() (they are
 * wiped). */
int conf_kafka_properties(const struct conf *c, const struct conf_consumer *consumer,
	char ***ret, size_t *ret_count, struct err *err);
void conf_free_properties(char **properties, size_t count);

#endif
