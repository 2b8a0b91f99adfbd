/* SPDX-License-Identifier: Apache-2.0 */
#include "base/log.h"

#include <pthread.h>
#include <stdio.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/time_text.h"

#define LINE_MAX_BYTES 8192

/* How often lines of one kind came lately. The table is small and lossy: two kinds in
 * one slot only suppress less. */
struct burst {
	uint64_t kind;
	int64_t since_ms;
	unsigned written, suppressed;
};

static struct {
	pthread_mutex_t lock;
	struct log_settings settings;
	log_sink_fn sink;
	struct burst bursts[256];
	struct buf line;
} logger = {
	.lock = PTHREAD_MUTEX_INITIALIZER,
	.settings = {.level = LOG_INFO},
	.line = {.max_bytes = LINE_MAX_BYTES},
};

static const char *const level_names[LOG_NR_VALUES] = {
	[LOG_DEBUG] = "debug",
	[LOG_INFO] = "info",
	[LOG_WARN] = "warn",
	[LOG_ERROR] = "error",
};

/* syslog(3) priorities. */
static const char *const priorities[LOG_NR_VALUES] = {
	[LOG_DEBUG] = "<7>",
	[LOG_INFO] = "<6>",
	[LOG_WARN] = "<4>",
	[LOG_ERROR] = "<3>",
};

void log_configure(const struct log_settings *s)
{
	pthread_mutex_lock(&logger.lock);
	logger.settings = *s;
	pthread_mutex_unlock(&logger.lock);
}

void log_set_sink(log_sink_fn sink)
{
	pthread_mutex_lock(&logger.lock);
	logger.sink = sink;
	pthread_mutex_unlock(&logger.lock);
}

static bool is_enabled(enum log_level level)
{
	return level >= logger.settings.level;
}

/* logfmt quotes only what needs it. */
static bool is_bare(struct slice s)
{
	if (s.len == 0)
		return false;
	for (size_t i = 0; i < s.len; i++)
		if (s.data[i] <= ' ' || s.data[i] == '"' || s.data[i] == '=' ||
			s.data[i] == '\\' || (unsigned char)s.data[i] >= 0x7f)
			return false;
	return true;
}

static void add_field(struct buf *b, enum log_format format, const struct log_field *f)
{
	if (b->len > 0 && b->data[b->len - 1] != '{' && b->data[b->len - 1] != '>')
		buf_add_char(b, format == LOG_JSON ? ',' : ' ');
	if (format == LOG_JSON)
		buf_add_json_string(b, slice_str(f->key));
	else
		buf_add_str(b, f->key);
	buf_add_char(b, format == LOG_JSON ? ':' : '=');
	if (f->text.data == NULL)
		buf_add_int(b, f->number);
	else if (format == LOG_LOGFMT && is_bare(f->text))
		buf_add_slice(b, f->text);
	else
		buf_add_json_string(b, f->text);
}

/* True when this line must not be written; else how many before it were not. */
static bool suppress(const char *id, const struct log_field *fields, unsigned *ret_suppressed)
{
	int64_t now_ms = clock_monotonic_ms();
	uint64_t kind = util_hash(id, strlen(id));
	struct burst *b;

	if (fields->key != NULL)
		kind ^= util_hash(fields->text.data, fields->text.len) +
			(uint64_t)fields->number;
	b = &logger.bursts[kind % COUNT_OF(logger.bursts)];
	*ret_suppressed = 0;
	if (b->kind != kind || now_ms - b->since_ms >= LOG_BURST_MS) {
		*ret_suppressed = b->kind == kind ? b->suppressed : 0;
		*b = (struct burst){.kind = kind, .since_ms = now_ms};
	}
	if (b->written >= LOG_BURST) {
		b->suppressed++;
		return true;
	}
	b->written++;
	return false;
}

static void compose(struct buf *b, enum log_level level, const char *id, const char *msg,
	const struct log_field *fields, unsigned suppressed)
{
	enum log_format format = logger.settings.format;
	char time[TIME_TEXT_ISO8601_BYTES];

	time_text_format_iso8601(clock_wall_ms(), time);
	buf_reset(b);
	if (logger.settings.journald_priority)
		buf_add_str(b, priorities[level]);
	if (format == LOG_JSON)
		buf_add_char(b, '{');
	add_field(b, format, &(struct log_field){"time", slice_str(time), 0});
	add_field(b, format, &(struct log_field){"level", slice_str(level_names[level]), 0});
	add_field(b, format, &(struct log_field){"id", slice_str(id), 0});
	add_field(b, format, &(struct log_field){"msg", slice_str(msg), 0});
	for (; fields->key != NULL; fields++)
		add_field(b, format, fields);
	if (suppressed > 0)
		add_field(b, format, &(struct log_field){"suppressed", {NULL, 0}, suppressed});
	if (b->failed)
		b->failed = false; /* a line over the maximum is cut, not lost */
	if (format == LOG_JSON)
		buf_add_char(b, '}');
	buf_add_char(b, '\n');
}

void log_event(
	enum log_level level, const char *id, const char *msg, const struct log_field *fields)
{
	unsigned suppressed = 0;

	if (!is_enabled(level))
		return;
	pthread_mutex_lock(&logger.lock);
	if (logger.sink != NULL || !suppress(id, fields, &suppressed)) {
		compose(&logger.line, level, id, msg, fields, suppressed);
		if (logger.sink != NULL)
			logger.sink(level, id, buf_slice(&logger.line));
		else
			(void)!write(STDERR_FILENO, logger.line.data, logger.line.len);
	}
	pthread_mutex_unlock(&logger.lock);
}
