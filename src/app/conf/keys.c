/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The keys of the process, of kafka and of consumers, and what is common to all tables of keys.
 */
#include "keys_private.h"

#include <stdio.h>

static const struct conf_choice log_levels[] = {{"debug", LOG_DEBUG}, {"info", LOG_INFO},
	{"warn", LOG_WARN}, {"error", LOG_ERROR}, {NULL, 0}};
static const struct conf_choice log_formats[] = {
	{"logfmt", LOG_LOGFMT}, {"json", LOG_JSON}, {NULL, 0}};

static const struct conf_key log_keys[] = {
	{"level", CONF_CHOICE, AT(struct conf, log.level), .choices = log_levels,
		.sentence = "The least severe level that is logged"},
	{"format", CONF_CHOICE, AT(struct conf, log.format), .choices = log_formats,
		.sentence = "The format of log lines"},
	{"deliveries", CONF_BOOL, AT(struct conf, log_deliveries),
		.sentence = "Log each delivery attempt, for debugging"},
	{"deliveries_sample", CONF_INTEGER, AT(struct conf, log_deliveries_sample), .min = 1,
		.max = 1000000, .sentence = "With deliveries: log one of this many attempts"},
};

static const struct conf_section log_section = {
	.name = "log", .keys = log_keys, .key_count = COUNT_OF(log_keys)};

static const struct conf_key admin_keys[] = {
	{"listen", CONF_TEXT, AT(struct conf, admin.listen), .flags = CONF_RESTART,
		.absent = "none",
		.sentence = "Where metrics, health and status are served: \"HOST:PORT\", "
			    "\"unix:PATH\", or \"none\""},
	{"token", CONF_TEXT, AT(struct conf, admin.token), .max = 1024,
		.flags = CONF_RESTART | CONF_SECRET,
		.sentence = "Required as \"Authorization: Bearer TOKEN\" by every path but "
			    "/, /healthz and /readyz; without it these want an IP address, "
			    "localhost or the host of listen as their Host header"},
	{"certificate_file", CONF_FILE, AT(struct conf, admin.certificate_file),
		.flags = CONF_RESTART,
		.sentence = "The listener's certificate and its chain (PEM); with it the "
			    "listener uses TLS"},
	{"key_file", CONF_FILE, AT(struct conf, admin.key_file), .flags = CONF_RESTART,
		.sentence = "The certificate's private key (PEM)"},
	{"ca_file", CONF_FILE, AT(struct conf, admin.ca_file),
		.sentence = "The authorities with which the commands status and reload "
			    "verify the certificate, instead of the system's"},
};

static const struct conf_section admin_section = {
	.name = "admin", .keys = admin_keys, .key_count = COUNT_OF(admin_keys)};

static const struct conf_key tracing_keys[] = {
	{"otlp_endpoint", CONF_TEXT, AT(struct conf, tracing.otlp_endpoint), .max = 2048,
		.example = "http://127.0.0.1:4318/v1/traces",
		.sentence = "The URL of an OTLP/HTTP collector; it gets a span for each "
			    "attempt whose record has a sampled traceparent"},
	{"header_parameters", CONF_PAIRS,
		COUNTED(struct conf, tracing.headers, tracing.header_count),
		.flags = CONF_SECRET,
		.example = "Authorization = \"Bearer ${file:/run/secrets/collector}\"",
		.sentence = "Headers of the requests to the collector"},
	{"ca_file", CONF_FILE, AT(struct conf, tracing.ca_file),
		.sentence = "The authorities with which its certificate is verified, "
			    "instead of the system's"},
};

static const struct conf_section tracing_section = {
	.name = "tracing", .keys = tracing_keys, .key_count = COUNT_OF(tracing_keys)};

static const struct conf_key dead_letter_create_keys[] = {
	{"enabled", CONF_BOOL, AT(struct conf, dead_letter_create.enabled),
		.sentence = "Create dead-letter topics that do not exist"},
	{"partitions", CONF_INTEGER, AT(struct conf, dead_letter_create.partitions), .min = -1,
		.max = 10000,
		.sentence = "Their number of partitions; -1: the broker's default"},
	{"replication_factor", CONF_INTEGER,
		AT(struct conf, dead_letter_create.replication_factor), .min = -1, .max = 100,
		.sentence = "Their number of replicas; -1: the broker's default"},
	{"retention", CONF_DURATION, AT(struct conf, dead_letter_create.retention_ms),
		.min = -1, .max = 3650 * DAY,
		.sentence = "How long dead letters are kept; -1: the broker's default"},
};

static const struct conf_section dead_letter_create_section = {.name = "dead_letter_create",
	.keys = dead_letter_create_keys,
	.key_count = COUNT_OF(dead_letter_create_keys)};

static const struct conf_key top_keys[] = {
	{"workers", CONF_INTEGER, AT(struct conf, workers), .min = 1, .max = 256,
		.flags = CONF_RESTART,
		.sentence = "Threads, each with an event loop; one handles tens of "
			    "thousands of events a second"},
	{"max_in_flight", CONF_INTEGER, AT(struct conf, max_in_flight), .min = 1,
		.max = 100000000,
		.sentence = "Deliveries that the process may have open; at the limit it "
			    "stops reading"},
	{"max_memory", CONF_SIZE, AT(struct conf, max_memory_bytes), .min = MIB,
		.max = 1024 * GIB,
		.sentence =
			"Memory that records, and the bodies made of them, may take; at the limit the process stops reading"},
	{"max_record_size", CONF_SIZE, AT(struct conf, max_record_bytes), .min = 1, .max = GIB,
		.sentence = "A larger record is not a valid event: it becomes a dead letter"},
	{"max_record_depth", CONF_INTEGER, AT(struct conf, max_depth), .min = 1,
		.max = JX_MAX_DEPTH,
		.sentence = "A record with arrays and objects nested deeper is not a "
			    "valid event: it becomes a dead letter"},
	{"shutdown_grace", CONF_DURATION, AT(struct conf, shutdown_grace_ms), .min = 0,
		.max = HOUR, .flags = CONF_SECONDS,
		.sentence = "How long open deliveries may take to finish after SIGTERM"},
	{"log", CONF_GROUP, .section = &log_section, .sentence = "The log, on standard error"},
	{"admin", CONF_GROUP, .section = &admin_section, .sentence = "The admin listener"},
	{"tracing", CONF_GROUP, .section = &tracing_section,
		.sentence = "Tracing of delivery attempts"},
	{"dead_letter_create", CONF_GROUP, .section = &dead_letter_create_section,
		.sentence = "How dead-letter topics are created"},
};

static void top_defaults(void *settings)
{
	struct conf *c = settings;

	c->workers = 1;
	c->max_in_flight = 20000;
	c->max_memory_bytes = (size_t)(256 * MIB);
	c->max_record_bytes = (size_t)MIB;
	c->max_depth = jx_default_limits.max_depth;
	c->shutdown_grace_ms = 30 * SECOND;
	c->log = (struct log_settings){.level = LOG_INFO, .format = LOG_LOGFMT};
	c->log_deliveries_sample = 1;
	c->admin.listen = (char *)"127.0.0.1:9464";
	c->dead_letter_create = (struct conf_topic_create){true, -1, -1, -1};
}

const struct conf_section conf_top_section = {
	.name = "",
	.sentence = "The process",
	.keys = top_keys,
	.key_count = COUNT_OF(top_keys),
	.size = sizeof(struct conf),
	.defaults = top_defaults,
};

static const struct conf_key kafka_keys[] = {
	{"bootstrap_servers", CONF_TEXT, AT(struct conf, bootstrap_servers),
		.flags = CONF_REQUIRED, .example = "kafka-1:9092,kafka-2:9092",
		.sentence =
			"The brokers to contact first, as HOST:PORT with commas between them"},
	{"properties", CONF_TEXTS, COUNTED(struct conf, properties, property_count),
		.flags = CONF_KEPT, .example = "security.protocol=SASL_SSL",
		.sentence = "Properties of librdkafka for consumers and the dead-letter "
			    "producer, as \"name=value\"; plugin.library.paths, which names "
			    "code, is used by run alone"},
};

const struct conf_section conf_kafka_section = {
	.name = "kafka",
	.sentence = "The cluster",
	.keys = kafka_keys,
	.key_count = COUNT_OF(kafka_keys),
	.size = sizeof(struct conf),
	.defaults = top_defaults,
};

static const struct conf_choice offset_resets[] = {
	{"earliest", 0}, {"latest", 0}, {"error", 0}, {NULL, 0}};
static const struct conf_choice isolations[] = {{"destination", CONF_ISOLATION_DESTINATION},
	{"shared", CONF_ISOLATION_SHARED}, {NULL, 0}};
static const struct conf_choice event_formats[] = {
	{"json", CONF_FORMAT_JSON},
	{"cloudevents", CONF_FORMAT_CLOUDEVENTS},
	{"envelope", CONF_FORMAT_ENVELOPE},
	{"bytes", CONF_FORMAT_BYTES},
	{NULL, 0},
};

static const struct conf_key envelope_keys[] = {
	{"source", CONF_TEXT, AT(struct conf_consumer, envelope_source), .example = "shop",
		.sentence = "The source of the envelope"},
	{"detail_type", CONF_TEXT, AT(struct conf_consumer, envelope_detail_type), .max = 128,
		.example = "Order Placed", .sentence = "Its detail-type"},
};

static const struct conf_section envelope_section = {
	.name = "envelope", .keys = envelope_keys, .key_count = COUNT_OF(envelope_keys)};

static const struct conf_key consumer_keys[] = {
	DESCRIPTION(struct conf_consumer),
	{"topics", CONF_TEXTS, COUNTED(struct conf_consumer, topics, topic_count),
		.flags = CONF_REQUIRED, .example = "orders",
		.sentence =
			"Topics to read; a name that starts with ^ is a regular expression"},
	{"group_id", CONF_TEXT, AT(struct conf_consumer, group_id), .max = 200,
		.flags = CONF_REQUIRED, .example = "postrider",
		.sentence = "The consumer group; each destination reads in the group "
			    "<group_id>.<destination>"},
	{"instance_id", CONF_TEXT, AT(struct conf_consumer, instance_id), .max = 200,
		.example = "${env:HOSTNAME}",
		.sentence = "The id of this process for static membership: after a crash "
			    "it gets its partitions back at once"},
	{"isolation", CONF_CHOICE, AT(struct conf_consumer, isolation), .choices = isolations,
		.sentence = "Whether each destination has its own lane and consumer group, "
			    "or all share one"},
	{"auto_offset_reset", CONF_WORD, AT(struct conf_consumer, auto_offset_reset),
		.choices = offset_resets,
		.sentence =
			"Where a group starts to read a topic, or the topics of a pattern, in "
			"which it has no committed offsets; partitions that are added "
			"later are read from their beginning"},
	{"properties", CONF_TEXTS, COUNTED(struct conf_consumer, properties, property_count),
		.flags = CONF_KEPT, .example = "fetch.wait.max.ms=100",
		.sentence = "Properties of librdkafka for this consumer; they override "
			    "kafka.properties"},
	{"event_format", CONF_CHOICE, AT(struct conf_consumer, event_format),
		.choices = event_formats,
		.sentence = "What the values of records are; \"envelope\" wraps each as "
			    "the detail of an event"},
	{"envelope", CONF_GROUP, .section = &envelope_section,
		.sentence = "For event_format = \"envelope\""},
	{"dead_letter_topic", CONF_TEXT, AT(struct conf_consumer, dead_letter_topic),
		.example = "shop.dead-letters",
		.sentence = "The dead-letter topic of rules and targets that name none; "
			    "without it <group_id>.dead-letters"},
	{"commit_interval", CONF_DURATION, AT(struct conf_consumer, commit_interval_ms),
		.min = 0, .max = HOUR,
		.sentence = "The least time between two commits, plus a millisecond for "
			    "every 400 open records; deliveries that finished after the "
			    "last commit are repeated after a crash"},
	{"rebalance_drain", CONF_DURATION, AT(struct conf_consumer, rebalance_drain_ms),
		.min = 0, .max = 10 * MINUTE, .flags = CONF_SECONDS,
		.sentence = "How long requests in flight may take to finish before their "
			    "partition is revoked"},
	{"prefetch", CONF_SIZE, AT(struct conf_consumer, prefetch_bytes), .min = 0, .max = GIB,
		.sentence = "Bytes that a lane may fetch ahead; 0: its share of the "
			    "process's limit"},
	{"offset_metadata_max_bytes", CONF_SIZE,
		AT(struct conf_consumer, offsets.map_max_bytes), .min = 0,
		.max = OFFSETS_MAP_MOST_BYTES,
		.sentence = "The brokers' offset.metadata.max.bytes; below 256 deliveries "
			    "that finished above the committed offset are not recorded"},
};

static void consumer_defaults(void *settings)
{
	struct conf_consumer *c = settings;

	c->auto_offset_reset = (char *)"earliest";
	c->commit_interval_ms = 20;
	c->rebalance_drain_ms = 10 * SECOND;
	c->offsets = offsets_default_settings;
}

const struct conf_section conf_consumer_section = {
	.name = "consumers",
	.singular = "consumer",
	.sentence = "What is read from Kafka",
	.keys = consumer_keys,
	.key_count = COUNT_OF(consumer_keys),
	.size = sizeof(struct conf_consumer),
	THINGS(consumers, consumer_count),
	.defaults = consumer_defaults,
};

const struct conf_section *const conf_sections[] = {
	&conf_kafka_section,
	&conf_consumer_section,
	&conf_connection_section,
	&conf_destination_section,
	&conf_rule_section,
	&conf_target_section,
	&conf_response_rule_section,
	&conf_top_section,
};

const size_t conf_section_count = COUNT_OF(conf_sections);

const void *conf_section_thing(const struct conf *c, const struct conf_section *s, size_t i)
{
	const char *array = *(const char *const *)((const char *)c + s->array_offset);
	size_t count = *(const size_t *)((const char *)c + s->count_offset);

	return i < count ? array + i * s->size : NULL;
}

const struct conf_key *conf_key_find(const struct conf_section *s, const char *name)
{
	for (size_t i = 0; i < s->key_count; i++)
		if (strcmp(s->keys[i].name, name) == 0 || str_eq(s->keys[i].alias, name))
			return &s->keys[i];
	return NULL;
}

void conf_store(const struct conf_key *key, void *settings, int64_t value)
{
	void *field = conf_key_field(key, settings);

	if (key->size == 1)
		*(bool *)field = value != 0;
	else if (key->size == 4)
		*(int32_t *)field = (int32_t)value;
	else
		*(int64_t *)field = value;
}

const char *conf_type_name(const struct conf_key *key)
{
	static const char *const names[] = {
		[CONF_TEXT] = "a string",
		[CONF_WORD] = "one of its values",
		[CONF_CHOICE] = "one of its values",
		[CONF_BOOL] = "true or false",
		[CONF_INTEGER] = "a whole number",
		[CONF_DURATION] = "a duration such as \"500ms\", \"30s\", \"24h\"",
		[CONF_SIZE] = "a number of bytes or a size such as \"64KiB\", \"1MiB\"",
		[CONF_RATE] = "a number a second or a rate such as \"10/min\"",
		[CONF_CONCURRENCY] = "a whole number or \"auto\"",
		[CONF_STATUSES] = "a list of statuses such as [ \"5xx\", \"429\" ]",
		[CONF_REAUTHORIZE] = "a list of 401, 407 and perhaps 403",
		[CONF_TEXTS] = "a list of strings",
		[CONF_PAIRS] = "a group { name = \"value\"; }",
		[CONF_JSON] = "a string of JSON, a group or a list",
		[CONF_FILE] = "the path of a file",
		[CONF_CONTENT] = "the path of a file",
		[CONF_REFERENCE] = "a name",
		[CONF_GROUP] = "a group { }",
		[CONF_LIST] = "a list of groups ( { }, { } )",
	};

	if (key->type == CONF_DURATION && (key->flags & CONF_SECONDS) != 0)
		return "a number of seconds or a duration such as \"500ms\", \"30s\", \"24h\"";
	return names[key->type];
}

struct unit {
	const char *name;
	int64_t factor;
};

/* The largest unit that @value is a whole number of. */
static void format_unit(int64_t value, const struct unit *units, size_t count, struct buf *out)
{
	size_t i = 0;

	while (i + 1 < count && (value % units[i].factor != 0 || value == 0))
		i++;
	buf_addf(out, "%lld%s", (long long)(value / units[i].factor), units[i].name);
}

void conf_key_format(const struct conf_key *key, int64_t value, struct buf *out)
{
	static const struct unit times[] = {
		{"h", HOUR}, {"min", MINUTE}, {"s", SECOND}, {"ms", 1}};
	static const struct unit sizes[] = {{"GiB", GIB}, {"MiB", MIB}, {"KiB", KIB}, {"", 1}};

	if (key->type == CONF_DURATION && value > 0)
		format_unit(value, times, COUNT_OF(times), out);
	else if (key->type == CONF_SIZE && value > 0)
		format_unit(value, sizes, COUNT_OF(sizes), out);
	else if (key->type == CONF_RATE && value % 1000 != 0)
		buf_addf(out, "%.3f", (double)value / 1000);
	else if (key->type == CONF_RATE)
		buf_add_int(out, value / 1000);
	else
		buf_add_int(out, value);
}
