/* SPDX-License-Identifier: Apache-2.0 */
/* What a redrive finds out before it sends anything; and --dry-run, which only finds out. */
#include <stdio.h>
#include <stdlib.h>

#include "redrive_private.h"

#define COMMAND "dead-letters redrive"
#define WAIT_MS 1000

static struct redrive_group *group_of(struct redrive *run, const struct conf_consumer *consumer)
{
	struct redrive_group *g;

	for (size_t i = 0; i < run->group_count; i++)
		if (run->groups[i].consumer == consumer)
			return &run->groups[i];
	g = &run->groups[run->group_count++]; /* there is room for every consumer */
	g->run = run;
	g->consumer = consumer;
	g->name = xasprintf("%s.redrive", consumer->group_id);
	return g;
}

static void add_topic(struct redrive *run, const struct letters_topic *topic, const char *name)
{
	struct redrive_group *g = group_of(run, topic->consumer);

	g->topics = xreallocarray(g->topics, g->topic_count + 1, sizeof *g->topics);
	g->topics[g->topic_count++] = name;
}

static void add_bounds(struct redrive *run, struct reader *reader)
{
	size_t count;
	const struct reader_part *parts = reader_parts(reader, &count);

	run->bounds = xcalloc(count, sizeof *run->bounds);
	for (size_t i = 0; i < count; i++)
		run->bounds[run->bound_count++] = (struct redrive_bound){
			.topic = xstrdup(parts[i].topic),
			.partition = parts[i].partition,
			.low = parts[i].low,
			.from = parts[i].from,
			.end = parts[i].end,
		};
}

static int find_topics(struct redrive *run, struct reader *reader, struct err *err)
{
	const struct letters_filter *f = &run->o->filter;
	size_t count;
	struct letters_topic *topics = letters_topics(run->conf, f->topic, &count);
	int code = 0;

	run->groups = xcalloc(run->conf->consumer_count + 1, sizeof *run->groups);
	for (size_t i = 0; i < count && code == 0; i++) {
		code = reader_add(reader, topics[i].name, f->since_ms, err);
		if (code == 0)
			add_topic(run, &topics[i], topics[i].name);
		else if (code == ERR_NOT_FOUND && f->topic == NULL)
			code = 0; /* nothing was ever written to it */
	}
	free(topics);
	add_bounds(run, reader);
	return code;
}

int redrive_scan(struct redrive *run, struct err *err)
{
	struct reader *reader = letters_reader(run->conf, COMMAND, NULL, err);
	int code;

	if (reader == NULL)
		return ERR_INVALID;
	code = find_topics(run, reader, err);
	reader_free(reader);
	return code;
}

/* --- --dry-run -------------------------------------------------------------------------- */

/* What the group has done with each of the reader's partitions; where nothing is left to look
 * at, nothing is read. */
static int ask_done(const struct redrive_group *g, struct reader *reader,
	struct offsets **trackers, struct err *err)
{
	struct buf metadata;
	size_t count;
	struct reader_part *parts = reader_parts(reader, &count);
	int code = 0;

	buf_init(&metadata, BUF_UNLIMITED);
	for (size_t i = 0; i < count && code == 0; i++) {
		const struct redrive_bound bound = {
			.low = parts[i].low, .from = parts[i].from, .end = parts[i].end};
		struct offsets_settings s = g->consumer->offsets;
		int64_t committed = -1;
		struct err ignored;

		s.place = offsets_place(g->name, parts[i].topic, parts[i].partition);
		s.leaves = true;
		buf_reset(&metadata);
		code = reader_committed(reader, &parts[i], &committed, &metadata, err);
		trackers[i] = offsets_new(&s, redrive_position(&bound, committed));
		/* A real run says when it can't read it, and goes on likewise. */
		(void)!offsets_restore(trackers[i], buf_slice(&metadata), &ignored);
		redrive_begin(trackers[i], &bound);
		parts[i].from = offsets_next(trackers[i]);
	}
	buf_release(&metadata);
	return code;
}

static void say_would_send(const struct event_fields *record, const struct letter_view *v,
	const struct conf_target *targets, size_t count)
{
	for (size_t i = 0; i < count; i++)
		printf("would send %s/%d/%lld (%s/%d/%lld, rule '%s') to target '%s', destination '%s'\n",
			record->topic, (int)record->partition, (long long)record->offset,
			v->topic, (int)v->partition, (long long)v->offset,
			targets[i].rule->name, targets[i].id, targets[i].destination->name);
}

/* What is looked at is left. False: an earlier run has done it. */
static bool is_open(struct offsets *tracker, int64_t offset)
{
	struct offsets_record *r = offsets_begin(tracker, offset);

	if (r != NULL)
		offsets_leave(tracker, r);
	return r != NULL;
}

/* False: that was the last one wanted. */
static bool weigh(struct redrive *run, struct reader *reader, struct offsets **trackers,
	const struct event_fields *record)
{
	const struct conf_target *targets;
	struct letter_view v;
	size_t count, part_count;
	const struct reader_part *parts = reader_parts(reader, &part_count);

	for (size_t i = 0; i < part_count; i++)
		if (parts[i].partition == record->partition &&
			strcmp(parts[i].topic, record->topic) == 0 &&
			!is_open(trackers[i], record->offset)) {
			run->counts.done_before++;
			return true;
		}
	if (redrive_choose(run, record, &v, &targets, &count) == REDRIVE_CHOSEN &&
		!run->o->json)
		say_would_send(record, &v, targets, count);
	return run->o->filter.limit == 0 || run->counts.chosen < run->o->filter.limit;
}

static int read_all(
	struct redrive *run, struct reader *reader, struct offsets **trackers, struct err *err)
{
	struct event_fields record;

	for (;;) {
		switch (reader_next(reader, WAIT_MS, &record, err)) {
		case READER_RECORD:
			if (!weigh(run, reader, trackers, &record))
				return 0;
			break;
		case READER_NOTHING:
			break;
		case READER_END:
			return 0;
		case READER_FAILED:
			return err->code;
		}
	}
}

static int dry_run_group(struct redrive *run, struct redrive_group *g, struct err *err)
{
	struct reader *reader = letters_reader(run->conf, COMMAND, g->name, err);
	struct offsets **trackers = NULL;
	size_t count = 0;
	int code = reader ? 0 : ERR_INVALID;

	for (size_t i = 0; i < g->topic_count && code == 0; i++)
		code = reader_add(reader, g->topics[i], run->o->filter.since_ms, err);
	if (code == 0) {
		reader_parts(reader, &count);
		trackers = xcalloc(count, sizeof *trackers);
		code = ask_done(g, reader, trackers, err);
	}
	if (code == 0)
		code = reader_start(reader, false, err);
	if (code == 0)
		code = read_all(run, reader, trackers, err);
	for (size_t i = 0; i < count; i++)
		offsets_free(trackers[i]);
	free(trackers);
	reader_free(reader);
	return code;
}

int redrive_dry_run(struct redrive *run, struct err *err)
{
	int code = 0;

	for (size_t i = 0; i < run->group_count && code == 0; i++)
		code = dry_run_group(run, &run->groups[i], err);
	return code;
}
