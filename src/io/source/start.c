/* SPDX-License-Identifier: Apache-2.0 */
/*
 * start.c - where a partition begins in which the group has no offset.
 *
 * auto_offset_reset is for a group that is new to a topic. Where the group has offsets in the
 * topic, a partition without one has been added since: it begins at its beginning, or else what
 * was written before it was noticed would be lost. With a pattern, the same holds for a topic: it
 * has been added if the group has offsets in another topic that the pattern matches. What is judged
 * together, a named topic or all that a pattern matches, is called a scope.
 *
 * "latest" needs a number. Otherwise a restart before the first commit would begin at a later
 * end, and what came between would be lost. So the ends are committed before anything is read.
 *
 * Members of a new group begin at the same time, and the second must not take the first one's
 * offsets for those of an old group. So one member decides for a whole scope, the one that was
 * assigned the first partition, and commits the ends of all partitions of the scope in one
 * request. The other members wait until they see them.
 *
 * The questions go out in a thread, because librdkafka before 2.3 can only wait for answers. The
 * commit is made on the loop: as long as the assignment is not answered, the generation is the
 * one for which it was decided.
 */
#include <librdkafka/rdkafka.h>
#include <regex.h>
#include <stdlib.h>

#include "source_private.h"

#define LOOK_EVERY_MS 5
#define ANSWER_MS     5000

struct starts {
	char **topics; /* of the source */
	size_t topic_count;
	bool latest;
	/* Those without an offset; afterwards, where they begin. */
	rd_kafka_topic_partition_list_t *missing;
	/* To be committed before anything is read. */
	rd_kafka_topic_partition_list_t *commits;
	bool wait; /* another member decides, or has just done so */
	rd_kafka_resp_err_t problem;
};

static void starts_free(void *arg)
{
	struct starts *st = arg;

	for (size_t i = 0; i < st->topic_count; i++)
		free(st->topics[i]);
	free(st->topics);
	rd_kafka_topic_partition_list_destroy(st->missing);
	rd_kafka_topic_partition_list_destroy(st->commits);
	free(st);
}

static struct starts *starts_new(
	const struct source *s, const rd_kafka_topic_partition_list_t *known)
{
	struct starts *st = xcalloc(1, sizeof *st);

	st->topics = xcalloc(s->topic_count, sizeof *st->topics);
	st->topic_count = s->topic_count;
	for (size_t i = 0; i < s->topic_count; i++)
		st->topics[i] = xstrdup(s->topics[i]);
	st->latest = strcmp(s->auto_offset_reset, "latest") == 0;
	st->missing = rd_kafka_topic_partition_list_new(known->cnt);
	st->commits = rd_kafka_topic_partition_list_new(known->cnt);
	for (int i = 0; i < known->cnt; i++)
		if (known->elems[i].offset < 0)
			rd_kafka_topic_partition_list_add(
				st->missing, known->elems[i].topic, known->elems[i].partition);
	return st;
}

/* --- scopes, in the thread -------------------------------------------------------------- */

bool source_topic_matches(const char *name_or_pattern, const char *topic)
{
	regex_t re;
	bool found;

	if (strcmp(name_or_pattern, topic) == 0)
		return true;
	/* librdkafka's kind of pattern is the C library's. */
	if (name_or_pattern[0] != '^' ||
		regcomp(&re, name_or_pattern, REG_EXTENDED | REG_NOSUB) != 0)
		return false;
	found = regexec(&re, topic, 0, NULL, 0) == 0;
	regfree(&re);
	return found;
}

/* What @topic was subscribed by: its name before any pattern. */
static const char *subscribed_by(const struct starts *st, const char *topic)
{
	const char *found = topic;

	for (size_t i = 0; i < st->topic_count; i++) {
		if (strcmp(st->topics[i], topic) == 0)
			return topic;
		if (found == topic && source_topic_matches(st->topics[i], topic))
			found = st->topics[i];
	}
	return found;
}

static rd_kafka_resp_err_t ask_metadata(
	rd_kafka_t *rk, const char *scope, const struct rd_kafka_metadata **ret)
{
	rd_kafka_topic_t *topic;
	rd_kafka_resp_err_t code;

	if (scope[0] == '^')
		return rd_kafka_metadata(rk, 1, NULL, ret, ANSWER_MS);
	topic = rd_kafka_topic_new(rk, scope, NULL);
	if (topic == NULL)
		return rd_kafka_last_error();
	code = rd_kafka_metadata(rk, 0, topic, ret, ANSWER_MS);
	rd_kafka_topic_destroy(topic);
	return code;
}

/* All partitions of @scope in order, or NULL with st->problem. */
static rd_kafka_topic_partition_list_t *list_scope(
	rd_kafka_t *rk, struct starts *st, const char *scope)
{
	const struct rd_kafka_metadata *md;
	rd_kafka_topic_partition_list_t *list;

	st->problem = ask_metadata(rk, scope, &md);
	if (st->problem != RD_KAFKA_RESP_ERR_NO_ERROR)
		return NULL;
	list = rd_kafka_topic_partition_list_new(16);
	for (int i = 0; i < md->topic_cnt; i++) {
		const rd_kafka_metadata_topic_t *t = &md->topics[i];

		if (strcmp(subscribed_by(st, t->topic), scope) == 0 && t->partition_cnt > 0)
			rd_kafka_topic_partition_list_add_range(
				list, t->topic, 0, t->partition_cnt - 1);
	}
	rd_kafka_metadata_destroy(md);
	rd_kafka_topic_partition_list_sort(list, NULL, NULL);
	return list;
}

static rd_kafka_resp_err_t first_error(
	rd_kafka_resp_err_t code, const rd_kafka_topic_partition_list_t *list)
{
	for (int i = 0; code == RD_KAFKA_RESP_ERR_NO_ERROR && i < list->cnt; i++)
		code = list->elems[i].err;
	return code;
}

/* Fill in the ends, or the beginnings, of all in @list. What "end" means depends on
 * isolation.level, which librdkafka knows. */
static void ask_ends(
	rd_kafka_t *rk, struct starts *st, rd_kafka_topic_partition_list_t *list, int64_t which)
{
	for (int i = 0; i < list->cnt; i++)
		list->elems[i].offset = which;
	if (list->cnt > 0)
		st->problem =
			first_error(rd_kafka_offsets_for_times(rk, list, ANSWER_MS), list);
}

static bool has_offsets(const rd_kafka_topic_partition_list_t *list)
{
	for (int i = 0; i < list->cnt; i++)
		if (list->elems[i].offset >= 0)
			return true;
	return false;
}

static void set_starts(struct starts *st, const rd_kafka_topic_partition_list_t *from)
{
	for (int i = 0; i < from->cnt; i++)
		rd_kafka_topic_partition_list_set_offset(st->missing, from->elems[i].topic,
			from->elems[i].partition, from->elems[i].offset);
}

/* The group is new in the scope @all: the owner of the first partition decides for all. */
static void begin_at_ends(
	rd_kafka_t *rk, struct starts *st, rd_kafka_topic_partition_list_t *all)
{
	if (all->cnt == 0 || rd_kafka_topic_partition_list_find(st->missing,
				     all->elems[0].topic, all->elems[0].partition) == NULL) {
		st->wait = true;
		return;
	}
	ask_ends(rk, st, all, RD_KAFKA_OFFSET_END);
	if (st->problem != RD_KAFKA_RESP_ERR_NO_ERROR)
		return;
	set_starts(st, all);
	for (int i = 0; i < all->cnt; i++)
		rd_kafka_topic_partition_list_add(
			st->commits, all->elems[i].topic, all->elems[i].partition)
			->offset = all->elems[i].offset;
}

/* The group is known in @scope: what it has no offset in was added. */
static void begin_at_beginnings(rd_kafka_t *rk, struct starts *st, const char *scope)
{
	rd_kafka_topic_partition_list_t *added =
		rd_kafka_topic_partition_list_new(st->missing->cnt);

	for (int i = 0; i < st->missing->cnt; i++) {
		const rd_kafka_topic_partition_t *elem = &st->missing->elems[i];

		if (strcmp(subscribed_by(st, elem->topic), scope) == 0)
			rd_kafka_topic_partition_list_add(added, elem->topic, elem->partition);
	}
	ask_ends(rk, st, added, RD_KAFKA_OFFSET_BEGINNING);
	if (st->problem == RD_KAFKA_RESP_ERR_NO_ERROR)
		set_starts(st, added);
	rd_kafka_topic_partition_list_destroy(added);
}

/* Has another member decided since this one asked for its offsets? */
static bool is_outdated(const struct starts *st, rd_kafka_topic_partition_list_t *all)
{
	for (int i = 0; i < st->missing->cnt; i++) {
		const rd_kafka_topic_partition_t *now = rd_kafka_topic_partition_list_find(
			all, st->missing->elems[i].topic, st->missing->elems[i].partition);

		if (now != NULL && now->offset >= 0)
			return true;
	}
	return false;
}

static void decide_scope(rd_kafka_t *rk, struct starts *st, const char *scope)
{
	rd_kafka_topic_partition_list_t *all = list_scope(rk, st, scope);

	if (all == NULL)
		return;
	if (all->cnt > 0)
		st->problem = first_error(rd_kafka_committed(rk, all, ANSWER_MS), all);
	if (st->problem == RD_KAFKA_RESP_ERR_NO_ERROR && is_outdated(st, all))
		st->wait = true; /* until they are asked for again */
	else if (st->problem == RD_KAFKA_RESP_ERR_NO_ERROR && has_offsets(all))
		begin_at_beginnings(rk, st, scope);
	else if (st->problem == RD_KAFKA_RESP_ERR_NO_ERROR && st->latest)
		begin_at_ends(rk, st, all);
	rd_kafka_topic_partition_list_destroy(all);
}

static bool is_decided(const struct starts *st, int until, const char *scope)
{
	for (int i = 0; i < until; i++)
		if (strcmp(subscribed_by(st, st->missing->elems[i].topic), scope) == 0)
			return true;
	return false;
}

static void run_starts(rd_kafka_t *rk, void *arg)
{
	struct starts *st = arg;

	for (int i = 0; i < st->missing->cnt && st->problem == RD_KAFKA_RESP_ERR_NO_ERROR;
		i++) {
		const char *scope = subscribed_by(st, st->missing->elems[i].topic);

		if (!is_decided(st, i, scope))
			decide_scope(rk, st, scope);
	}
}

/* --- on the loop ------------------------------------------------------------------------ */

bool source_start_begin(struct source *s, const rd_kafka_topic_partition_list_t *known)
{
	struct starts *st;

	if (strcmp(s->auto_offset_reset, "earliest") == 0)
		return false;
	st = starts_new(s, known);
	if (st->missing->cnt == 0) {
		starts_free(st);
		return false;
	}
	source_start_cancel(s);
	s->known = rd_kafka_topic_partition_list_copy(known);
	s->starts_query = kafka_query_start(s->client, run_starts, starts_free, st);
	loop_timer_set(s->loop, &s->starts_look, loop_now_ms(s->loop) + LOOK_EVERY_MS);
	return true;
}

static void give_up(struct source *s, rd_kafka_resp_err_t problem)
{
	source_start_cancel(s);
	source_group_retry(s, rd_kafka_err2str(problem));
}

/* What was decided is committed. */
static void begin(struct source *s)
{
	const struct starts *st = kafka_query_work(s->starts_query);

	if (st->wait) {
		source_start_cancel(s);
		source_group_ask_again(s);
		return;
	}
	for (int i = 0; i < st->missing->cnt; i++)
		rd_kafka_topic_partition_list_set_offset(s->known, st->missing->elems[i].topic,
			st->missing->elems[i].partition, st->missing->elems[i].offset);
	source_group_apply(s, s->known);
	source_start_cancel(s);
}

static void commit_starts(struct source *s, const struct starts *st)
{
	rd_kafka_resp_err_t code = rd_kafka_commit_queue(kafka_client_handle(s->client),
		st->commits, kafka_client_queue(s->client), NULL, (void *)s->asked);

	if (code != RD_KAFKA_RESP_ERR_NO_ERROR)
		give_up(s, code);
}

void source_start_committed(struct source *s, rd_kafka_event_t *ev)
{
	const rd_kafka_topic_partition_list_t *list = rd_kafka_event_topic_partition_list(ev);
	rd_kafka_resp_err_t code = rd_kafka_event_error(ev);

	if (s->starts_query == NULL || (uintptr_t)rd_kafka_event_opaque(ev) != s->asked)
		return;
	if (list != NULL)
		code = first_error(code, list);
	if (code != RD_KAFKA_RESP_ERR_NO_ERROR)
		give_up(s, code);
	else
		begin(s);
}

static void on_starts_look(struct loop_timer *t)
{
	struct source *s = container_of(t, struct source, starts_look);
	const struct starts *st = kafka_query_work(s->starts_query);

	if (!kafka_query_is_done(s->starts_query))
		loop_timer_set(s->loop, t, loop_now_ms(s->loop) + LOOK_EVERY_MS);
	else if (st->problem != RD_KAFKA_RESP_ERR_NO_ERROR)
		give_up(s, st->problem);
	else if (st->commits->cnt > 0)
		commit_starts(s, st);
	else
		begin(s);
}

void source_start_init(struct source *s)
{
	s->starts_look.fire = on_starts_look;
}

void source_start_cancel(struct source *s)
{
	loop_timer_cancel(s->loop, &s->starts_look);
	kafka_query_free(s->starts_query);
	s->starts_query = NULL;
	if (s->known != NULL)
		rd_kafka_topic_partition_list_destroy(s->known);
	s->known = NULL;
}
