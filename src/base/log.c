/* SPDX-License-Identifier: Apache-2.0 */
#include "base/log.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/time_text.h"

#define LINE_MAX_BYTES 8192
/* Room that is kept for "suppressed" and the end of a line. */
#define END_MAX_BYTES 64
/* What waits while nobody reads standard error. */
#define PENDING_MAX_BYTES (256 * 1024)

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
	struct buf pending; /* whole lines, of which the first may be written in part */
	uint64_t dropped;   /* lines that there was no room for, since it was last said */
} logger = {
	.lock = PTHREAD_MUTEX_INITIALIZER,
	.settings = {.level = LOG_INFO},
	.line = {.max_bytes = LINE_MAX_BYTES},
	.pending = {.max_bytes = BUF_UNLIMITED},
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

/* As much of @f as there is room for: its text is cut on a character, and ends with "…". */
static void add_cut(struct buf *b, enum log_format format, const struct log_field *f)
{
	size_t before = b->len, len = f->text.data ? f->text.len : 0;

	b->failed = false;
	len = len < LINE_MAX_BYTES - before ? len : LINE_MAX_BYTES - before;
	while (len > 0) {
		char *text;

		len -= len / 8 + 1;
		while (len > 0 && ((unsigned char)f->text.data[len] & 0xc0) == 0x80)
			len--;
		text = xasprintf("%.*s\xe2\x80\xa6", (int)len, f->text.data);
		add_field(b, format, &(struct log_field){f->key, slice_str(text), 0});
		free(text);
		if (!b->failed)
			return;
		b->failed = false;
		buf_truncate(b, before);
	}
}

/* The fields; the first one that there is no room for is cut, and the last. */
static void add_fields(struct buf *b, enum log_format format, const struct log_field *fields)
{
	for (; fields->key != NULL; fields++) {
		size_t before = b->len;

		add_field(b, format, fields);
		if (!b->failed)
			continue;
		buf_truncate(b, before);
		add_cut(b, format, fields);
		return;
	}
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
	b->max_bytes = LINE_MAX_BYTES - END_MAX_BYTES;
	add_fields(b, format,
		LOG_FIELDS(log_str("time", time), log_str("level", level_names[level]),
			log_str("id", id), log_str("msg", msg)));
	add_fields(b, format, fields);
	b->max_bytes = LINE_MAX_BYTES;
	if (suppressed > 0)
		add_field(b, format, &(struct log_field){"suppressed", {NULL, 0}, suppressed});
	if (format == LOG_JSON)
		buf_add_char(b, '}');
	buf_add_char(b, '\n');
}

/* --- writing ------------------------------------------------------------------------------ */

/* Write what standard error takes without waiting. A pipe that poll() calls writable takes
 * PIPE_BUF bytes at once. */
static void drain(void)
{
	struct pollfd p = {.fd = STDERR_FILENO, .events = POLLOUT};
	size_t done = 0;

	if (logger.pending.len == 0)
		return;
	while (done < logger.pending.len && poll(&p, 1, 0) > 0) {
		size_t len = logger.pending.len - done;
		ssize_t n = write(STDERR_FILENO, logger.pending.data + done,
			len < PIPE_BUF ? len : PIPE_BUF);

		if (n < 0 && errno == EAGAIN)
			break; /* somebody else has filled it meanwhile */
		if (n < 0 && errno != EINTR)
			n = (ssize_t)
				len; /* nobody can read it any more: closed, or the disk is full */
		done += n > 0 ? (size_t)n : 0;
	}
	memmove(logger.pending.data, logger.pending.data + done, logger.pending.len - done);
	buf_truncate(&logger.pending, logger.pending.len - done);
}

static void put(struct slice line)
{
	drain();
	if (logger.pending.len > 0 && logger.pending.len + line.len > PENDING_MAX_BYTES) {
		logger.dropped++;
		return;
	}
	buf_add_slice(&logger.pending, line);
	drain();
}

void log_flush(void)
{
	uint64_t dropped = 0;

	pthread_mutex_lock(&logger.lock);
	drain();
	if (logger.pending.len == 0) {
		dropped = logger.dropped;
		logger.dropped = 0;
	}
	pthread_mutex_unlock(&logger.lock);
	if (dropped > 0)
		log_warn("log_lines_dropped", "nobody read the log: lines were dropped",
			log_int("count", (int64_t)dropped));
}

void log_plain(struct slice line)
{
	pthread_mutex_lock(&logger.lock);
	put(line);
	pthread_mutex_unlock(&logger.lock);
}

void log_event(
	enum log_level level, const char *id, const char *msg, const struct log_field *fields)
{
	unsigned suppressed = 0;

	if (!is_enabled(level))
		return;
	pthread_mutex_lock(&logger.lock);
	if (logger.sink != NULL) {
		compose(&logger.line, level, id, msg, fields, suppressed);
		logger.sink(level, id, buf_slice(&logger.line));
	} else if (!suppress(id, fields, &suppressed)) {
		compose(&logger.line, level, id, msg, fields, suppressed);
		put(buf_slice(&logger.line));
	}
	pthread_mutex_unlock(&logger.lock);
}
