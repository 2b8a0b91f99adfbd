/* SPDX-License-Identifier: Apache-2.0 */
#include "app/deadletters/letters_list.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/hash.h"
#include "base/json_writer.h"
#include "base/time_text.h"

#define WAIT_MS 1000
/* When Kafka gives nothing for so long before the end, it is said; reading goes on. */
#define SILENCE_MS 30000

/* How many letters are alike. */
struct group {
	UT_hash_handle hh; /* by name */
	char *name;        /* rule, target, status, code, with tabs between */
	uint64_t count;
	int64_t first_ms, last_ms;
};

struct list_run {
	const struct letters_list_options *o;
	/* A hash table: whoever writes letters chooses how many groups there are. */
	struct group *groups;
	uint64_t printed, foreign;
	struct buf line;
};

/* --- for people ------------------------------------------------------------------------- */

/* A column of @width characters and a blank; what is longer pushes the rest to the right, but
 * for the last column of all. */
static void add_column(struct buf *line, struct slice text, size_t width)
{
	size_t before = line->len, columns = 0;

	if (text.data == NULL)
		text = SLICE("-");
	buf_add_printable(line, text);
	for (size_t i = before; i < line->len; i++)
		columns += (line->data[i] & 0xc0) != 0x80;
	for (; columns < width; columns++)
		buf_add_char(line, ' ');
	buf_add_char(line, ' ');
}

static void add_number_column(struct buf *line, int64_t number, size_t width)
{
	char text[24];

	snprintf(text, sizeof text, "%" PRId64, number);
	add_column(line, number ? slice_str(text) : slice_of(NULL, 0), width);
}

static void print_header(void)
{
	printf("%-24s %-20s %-14s %-6s %-22s %-14s %-28s %s\n", "WHEN", "RULE", "TARGET",
		"STATUS", "CODE", "KEY", "SOURCE", "LETTER");
}

/* Long keys are cut: `show` has them whole. */
static struct slice cut(struct slice s, size_t max)
{
	return slice_of(s.data, s.len < max ? s.len : max);
}

static void add_row(
	struct buf *line, const struct letter_view *v, const struct event_fields *record)
{
	char text[LETTER_TOPIC_BYTES + 40];

	time_text_format_iso8601(record->timestamp_ms, text);
	add_column(line, slice_str(text), 24);
	add_column(line, v->rule, 20);
	add_column(line, v->target, 14);
	add_number_column(line, v->status, 6);
	add_column(line, v->code, 22);
	add_column(line, cut(record->key, 40), 14);
	snprintf(text, sizeof text, "%s/%d/%" PRId64, v->topic, (int)v->partition, v->offset);
	add_column(line, slice_str(text), 28);
	buf_addf(line, "%s/%d/%" PRId64, record->topic, (int)record->partition, record->offset);
}

/* --- summary ---------------------------------------------------------------------------- */

static void count_alike(
	struct list_run *run, const struct letter_view *v, const struct event_fields *record)
{
	struct buf *name = &run->line;
	struct group *g = NULL;

	buf_reset(name);
	buf_add_printable(name, v->rule.data ? v->rule : SLICE("-"));
	buf_add_char(name, '\t');
	buf_add_printable(name, v->target.data ? v->target : SLICE("-"));
	buf_addf(name, "\t%d\t", v->status);
	buf_add_printable(name, v->code);
	HASH_FIND(hh, run->groups, name->data, name->len, g);
	if (g == NULL) {
		g = xcalloc(1, sizeof *g);
		*g = (struct group){.name = xstrdup(name->data),
			.first_ms = record->timestamp_ms,
			.last_ms = record->timestamp_ms};
		HASH_ADD_KEYPTR(hh, run->groups, g->name, name->len, g);
	}
	g->count++;
	g->first_ms = min_i64(g->first_ms, record->timestamp_ms);
	g->last_ms = max_i64(g->last_ms, record->timestamp_ms);
}

static int by_count(const struct group *x, const struct group *y)
{
	if (x->count != y->count)
		return x->count < y->count ? 1 : -1;
	return strcmp(x->name, y->name);
}

/* The next part of a group's name; data NULL: there is none. */
static struct slice next_part(const char **name)
{
	struct slice part = slice_of(*name, strcspn(*name, "\t"));

	*name += part.len + 1;
	return slice_eq(part, SLICE("-")) ? slice_of(NULL, 0) : part;
}

static struct slice status_part(const char **name)
{
	struct slice part = next_part(name);

	return slice_eq(part, SLICE("0")) ? slice_of(NULL, 0) : part;
}

static void add_group_row(
	struct buf *line, const struct group *g, const char *first, const char *last)
{
	const char *at = g->name;

	buf_addf(line, "%8" PRIu64 " ", g->count);
	add_column(line, next_part(&at), 20);
	add_column(line, next_part(&at), 14);
	add_column(line, status_part(&at), 6);
	add_column(line, next_part(&at), 22);
	buf_addf(line, "%-24s %s", first, last);
}

static void add_group_json(
	struct buf *line, const struct group *g, const char *first, const char *last)
{
	const char *at = g->name;
	struct json_writer w;
	struct slice status;

	jw_init(&w, line);
	jw_open(&w, NULL, '{');
	jw_int(&w, "count", (int64_t)g->count);
	jw_text(&w, "rule", next_part(&at));
	jw_text(&w, "target", next_part(&at));
	status = status_part(&at);
	jw_raw(&w, "status", status.data != NULL ? status : SLICE("null"));
	jw_text(&w, "code", next_part(&at));
	jw_text(&w, "first", slice_str(first));
	jw_text(&w, "last", slice_str(last));
	jw_close(&w);
}

static void print_group(struct list_run *run, const struct group *g)
{
	char first[TIME_TEXT_ISO8601_BYTES], last[TIME_TEXT_ISO8601_BYTES];

	time_text_format_iso8601(g->first_ms, first);
	time_text_format_iso8601(g->last_ms, last);
	buf_reset(&run->line);
	if (run->o->json)
		add_group_json(&run->line, g, first, last);
	else
		add_group_row(&run->line, g, first, last);
	puts(run->line.data);
}

static void print_summary(struct list_run *run)
{
	struct group *g, *next;

	HASH_SORT(run->groups, by_count);
	if (!run->o->json)
		printf("%8s %-20s %-14s %-6s %-22s %-24s %s\n", "LETTERS", "RULE", "TARGET",
			"STATUS", "CODE", "FIRST", "LAST");
	HASH_ITER (hh, run->groups, g, next) {
		print_group(run, g);
		HASH_DEL(run->groups, g);
		free(g->name);
		free(g);
	}
}

/* --- the run ---------------------------------------------------------------------------- */

/* False: that was the last one wanted. */
static bool take(struct list_run *run, const struct event_fields *record)
{
	const struct letters_list_options *o = run->o;
	struct letter_view v;

	if (!letter_view_read(&v, record)) {
		run->foreign++;
		return true;
	}
	if (!letters_filter_wants(&o->filter, &v, record))
		return true;
	run->printed++;
	if (o->summary) {
		count_alike(run, &v, record);
	} else {
		buf_reset(&run->line);
		if (o->json)
			letters_add_json(&run->line, &v, record);
		else
			add_row(&run->line, &v, record);
		if (run->printed == 1 && !o->json)
			print_header();
		puts(run->line.data);
	}
	return run->printed != o->filter.limit;
}

static int read_all(struct list_run *run, struct reader *reader, struct err *err)
{
	struct event_fields record;
	int64_t silent_ms = 0;

	for (;;) {
		switch (reader_next(reader, WAIT_MS, &record, err)) {
		case READER_RECORD:
			silent_ms = 0;
			if (!take(run, &record) || ferror(stdout))
				return 0;
			break;
		case READER_NOTHING:
			fflush(stdout);
			silent_ms += WAIT_MS;
			if (silent_ms == SILENCE_MS && !run->o->follow)
				fprintf(stderr,
					"postrider dead-letters list: Kafka has given nothing for %d s; waiting\n",
					SILENCE_MS / 1000);
			break;
		case READER_END:
			return 0;
		case READER_FAILED:
			return err->code;
		}
	}
}

/* A topic that nothing has been written to yet may be missing, unless it was asked for. */
static int add_topics(struct reader *reader, const struct conf *conf,
	const struct letters_list_options *o, size_t *ret_count, struct err *err)
{
	size_t count;
	struct letters_topic *topics = letters_topics(conf, o->filter.topic, &count);
	int code = 0;

	*ret_count = 0;
	for (size_t i = 0; i < count && code == 0; i++) {
		code = reader_add(reader, topics[i].name, o->filter.since_ms, err);
		if (code == 0)
			++*ret_count;
		if (code == ERR_NOT_FOUND && o->filter.topic == NULL) {
			fprintf(stderr, "postrider dead-letters list: %s (yet)\n", err->text);
			code = 0;
		}
	}
	free(topics);
	return code;
}

int letters_list(const struct conf *conf, const struct letters_list_options *o, struct err *err)
{
	struct list_run run = {.o = o};
	struct reader *reader = letters_reader(conf, "dead-letters list", NULL, err);
	size_t topics = 0;
	int code;

	if (reader == NULL)
		return ERR_INVALID;
	buf_init(&run.line, BUF_UNLIMITED);
	code = add_topics(reader, conf, o, &topics, err);
	if (code == 0)
		code = reader_start(reader, o->follow, err);
	if (code == 0 && topics > 0)
		code = read_all(&run, reader, err);
	if (code == 0 && o->summary)
		print_summary(&run);
	fflush(stdout);
	if (run.foreign > 0)
		fprintf(stderr,
			"postrider dead-letters list: %" PRIu64
			" records are not dead letters\n",
			run.foreign);
	buf_release(&run.line);
	reader_free(reader);
	return code;
}
