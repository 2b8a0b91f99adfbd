/* SPDX-License-Identifier: Apache-2.0 */
/*
 * log.h - one line an event worth an operator's eye, on standard error.
 *
 *   log_warn("destination_open", "the breaker opened; deliveries wait",
 *   	log_str("destination", name), log_int("after", failures));
 *
 * gives, as logfmt (or one JSON object with the same members):
 *
 *   time=2026-11-23T09:05:04.123Z level=warn id=destination_open
 *   msg="the breaker opened; deliveries wait" destination=billing after=10
 *
 * The id is stable: etc/man/postrider-messages.7 explains each, and what to do. Lines with the same
 * id and the same first field come at most LOG_BURST times within LOG_BURST_MS; the
 * next one after that says how many were dropped (suppressed=17). Secrets are never
 * given to a field: struct secret has no constructor here.
 *
 * A line over 8 KB is cut on a character, and still is a line of its format.
 *
 * Any thread may call; a line is written whole. Nobody ever waits for whoever reads standard
 * error: up to 256 KB wait for it, what comes then is dropped, and log_lines_dropped counts it
 * when there is a reader again.
 */
#ifndef BASE_LOG_H
#define BASE_LOG_H

#include "base/util.h"

enum log_level {
	LOG_DEBUG,
	LOG_INFO,
	LOG_WARN,
	LOG_ERROR,
	LOG_NR_VALUES
};

enum log_format {
	LOG_LOGFMT,
	LOG_JSON,
};

#define LOG_BURST    5
#define LOG_BURST_MS 10000

struct log_settings {
	enum log_level level;
	enum log_format format;
	bool journald_priority; /* "<4>" in front of each line, for systemd's journal */
};

struct log_field {
	const char *key;   /* NULL ends an array of fields */
	struct slice text; /* data is NULL for a number */
	int64_t number;
};

/* A line ready to be written, newline included. */
typedef void (*log_sink_fn)(enum log_level level, const char *id, struct slice line);

void log_configure(const struct log_settings *s);
/* For tests: lines go to @sink, and nothing is suppressed; NULL is standard error again. */
void log_set_sink(log_sink_fn sink);

/* Write what waits for a reader, if there is one. Call it now and then. */
void log_flush(void);
/* A whole line as it is, newline included, in the order of the log. */
void log_plain(struct slice line);

/* Fields are read before this returns; nothing is kept. Use the macros below. */
void log_event(
	enum log_level level, const char *id, const char *msg, const struct log_field *fields);

static inline struct log_field log_slice(const char *key, struct slice s)
{
	return (struct log_field){key, {s.data ? s.data : "", s.len}, 0};
}

static inline struct log_field log_str(const char *key, const char *s)
{
	return log_slice(key, slice_str(s));
}

static inline struct log_field log_int(const char *key, int64_t n)
{
	return (struct log_field){key, {NULL, 0}, n};
}

#define LOG_FIELDS(...) ((const struct log_field[]){__VA_ARGS__ __VA_OPT__(, ){NULL, {0}, 0}})

#define log_debug(id, msg, ...) log_event(LOG_DEBUG, id, msg, LOG_FIELDS(__VA_ARGS__))
#define log_info(id, msg, ...)  log_event(LOG_INFO, id, msg, LOG_FIELDS(__VA_ARGS__))
#define log_warn(id, msg, ...)  log_event(LOG_WARN, id, msg, LOG_FIELDS(__VA_ARGS__))
#define log_error(id, msg, ...) log_event(LOG_ERROR, id, msg, LOG_FIELDS(__VA_ARGS__))

#endif
