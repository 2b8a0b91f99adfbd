/* SPDX-License-Identifier: Apache-2.0 */
/* io/source/source.h over the world's letters, with one member in the group: commits are slow and
 * fail, assignments are revoked and lost, and come back. */
#include <stdio.h>
#include <stdlib.h>

#include "io/source/source.h"
#include "redrive_sim.h"

struct fake_part {
	struct source_partition public;
	size_t next; /* index of the next letter */
	bool assigned, held, revoked;
};

/* What is committed: with it go the letters that the run knew to be done. */
struct fake_commit {
	int64_t offset;
	char *metadata; /* NULL: the partition is not part of it */
	bool *known;
};

struct source {
	struct loop *loop;
	const struct source_callbacks *cb;
	void *ctx;
	struct fake_part parts[SIM_PARTS];
	struct fake_commit commit[SIM_PARTS];
	struct loop_timer answer, group;
	unsigned turn;
	bool committing, will_fail, closing, joined;
	char text[7][24];
	struct event_header headers[6];
};

static void check_position(const struct sim_part *p, int64_t offset)
{
	if (offset < p->committed)
		redrive_fail("committed back from %lld to %lld", (long long)p->committed,
			(long long)offset);
	for (size_t i = 0; i < p->count && p->letters[i].offset < offset; i++)
		if (!p->letters[i].done && !p->letters[i].foreign &&
			p->letters[i].offset >= p->low)
			redrive_fail("committed to %lld past the letter %lld",
				(long long)offset, (long long)p->letters[i].offset);
}

static void commit_applies(struct source *s)
{
	for (unsigned i = 0; i < SIM_PARTS; i++) {
		struct sim_part *p = &redrive_world.parts[i];
		struct fake_commit *c = &s->commit[i];

		if (c->metadata == NULL)
			continue;
		if (strlen(c->metadata) > 4096)
			redrive_fail("metadata of %zu bytes", strlen(c->metadata));
		check_position(p, c->offset);
		p->committed = c->offset;
		free(p->metadata);
		p->metadata = xstrdup(c->metadata);
		for (size_t k = 0; k < p->count; k++)
			p->letters[k].told |= c->known[k];
	}
}

static void commit_forget(struct source *s)
{
	for (unsigned i = 0; i < SIM_PARTS; i++) {
		free(s->commit[i].metadata);
		free(s->commit[i].known);
		s->commit[i] = (struct fake_commit){0};
	}
	s->committing = false;
}

static void commit_answers(struct loop_timer *t)
{
	struct source *s = container_of(t, struct source, answer);
	bool fails = s->will_fail;

	if (!fails)
		commit_applies(s);
	commit_forget(s);
	redrive_world.commits++;
	s->cb->committed(s->ctx, fails ? ERR_IO : ERR_OK, fails ? "not now" : "");
}

static void group_in(struct source *s, uint64_t within_ms)
{
	loop_timer_set(
		s->loop, &s->group, loop_now_ms(s->loop) + (int64_t)redrive_random(within_ms));
}

static void assign(struct source *s)
{
	for (int32_t i = 0; i < SIM_PARTS; i++) {
		struct sim_part *p = &redrive_world.parts[i];
		struct fake_part *f = &s->parts[i];
		int64_t from;

		*f = (struct fake_part){
			.public = {.topic = SIM_TOPIC, .partition = i}, .assigned = true};
		from = s->cb->assigned(
			s->ctx, &f->public, p->committed, slice_str(p->metadata));
		if (from < p->low)
			redrive_fail("it reads from %lld, and %lld is the first",
				(long long)from, (long long)p->low);
		for (size_t k = 0; k < p->count; k++)
			p->letters[k].known = p->letters[k].told;
		while (f->next < p->count && p->letters[f->next].offset < from)
			f->next++;
	}
	s->joined = true;
	s->cb->readable(s->ctx);
	if (redrive_chance(redrive_world.rebalances_percent))
		group_in(s, 5000);
}

static bool none_assigned(const struct source *s)
{
	for (unsigned i = 0; i < SIM_PARTS; i++)
		if (s->parts[i].assigned)
			return false;
	return true;
}

static void source_revoke(struct source *s, bool lost)
{
	if (lost && s->committing) {
		if (!s->will_fail && redrive_chance(50))
			commit_applies(s);
		s->will_fail = true;
	}
	for (unsigned i = 0; i < SIM_PARTS; i++) {
		struct fake_part *f = &s->parts[i];

		if (!f->assigned || f->revoked)
			continue;
		f->revoked = true;
		s->cb->revoked(s->ctx, &f->public, lost ? SOURCE_LOST : SOURCE_REVOKED);
	}
}

static void group_happens(struct loop_timer *t)
{
	struct source *s = container_of(t, struct source, group);

	if (none_assigned(s))
		assign(s);
	else
		source_revoke(s, redrive_chance(40));
}

struct source *source_new(struct loop *l, const struct source_settings *set,
	const struct source_callbacks *cb, void *ctx, struct err *err)
{
	struct source *s = xcalloc(1, sizeof *s);

	(void)err;
	if (strcmp(set->group_id, SIM_GROUP) != 0 || set->topic_count != 1)
		redrive_fail("the group is %s", set->group_id);
	s->loop = l;
	s->cb = cb;
	s->ctx = ctx;
	s->answer.fire = commit_answers;
	s->group.fire = group_happens;
	group_in(s, 100);
	return s;
}

/* The letter as a record; its event stands at the letter's own place. */
static void fill(struct source *s, const struct sim_letter *l, int32_t partition,
	struct event_fields *ret)
{
	static const char *const names[] = {"ERROR_CODE", "RULE_NAME", "TARGET_ID",
		"SOURCE_TOPIC", "SOURCE_PARTITION", "SOURCE_OFFSET"};

	snprintf(s->text[0], 24, "HTTP");
	snprintf(s->text[1], 24, "r%u", l->rule);
	snprintf(s->text[2], 24, "1");
	snprintf(s->text[3], 24, "orders");
	snprintf(s->text[4], 24, "%d", (int)partition);
	snprintf(s->text[5], 24, "%lld", (long long)l->offset);
	snprintf(s->text[6], 24, "{\"a\":%u}", l->rule);
	for (unsigned i = 0; i < COUNT_OF(names); i++)
		s->headers[i] =
			(struct event_header){slice_str(names[i]), slice_str(s->text[i])};
	*ret = (struct event_fields){.topic = SIM_TOPIC,
		.partition = partition,
		.offset = l->offset,
		.timestamp_ms = -1,
		.value = slice_str(s->text[6]),
		.headers = s->headers,
		.header_count = l->foreign ? 0 : COUNT_OF(names)};
}

bool source_next(struct source *s, struct source_partition **ret_p, struct event_fields *ret)
{
	for (unsigned n = 0; n < SIM_PARTS; n++) {
		unsigned i = s->turn++ % SIM_PARTS;
		struct fake_part *f = &s->parts[i];
		const struct sim_part *p = &redrive_world.parts[i];

		if (!f->assigned || f->revoked || f->held || f->next == p->count)
			continue;
		fill(s, &p->letters[f->next++], (int32_t)i, ret);
		*ret_p = &f->public;
		return true;
	}
	return false;
}

void source_hold(struct source *s, struct source_partition *p, bool held)
{
	container_of(p, struct fake_part, public)->held = held;
	if (!held)
		s->cb->readable(s->ctx);
}

void source_release(struct source *s, struct source_partition *p)
{
	struct fake_part *f = container_of(p, struct fake_part, public);

	if (!f->revoked)
		redrive_fail("a partition was released that had not been revoked");
	f->assigned = f->revoked = false;
	if (!none_assigned(s))
		return;
	if (s->closing)
		s->cb->closed(s->ctx);
	else
		group_in(s, 3000);
}

static bool *known_now(const struct sim_part *p)
{
	bool *known = xcalloc(p->count, sizeof *known);

	for (size_t i = 0; i < p->count; i++)
		known[i] = p->letters[i].known;
	return known;
}

int source_commit(struct source *s, const struct source_commit *items, size_t count)
{
	if (s->committing)
		return ERR_STATE;
	for (size_t i = 0; i < count; i++) {
		int32_t n = items[i].partition->partition;

		s->commit[n] = (struct fake_commit){.offset = items[i].offset,
			.metadata = xmemdup(items[i].metadata.data, items[i].metadata.len),
			.known = known_now(&redrive_world.parts[n])};
	}
	s->committing = true;
	s->will_fail = redrive_chance(redrive_world.commit_failures_percent);
	loop_timer_set(s->loop, &s->answer, loop_now_ms(s->loop) + (int64_t)redrive_random(20));
	return 0;
}

bool source_is_committing(const struct source *s)
{
	return s->committing;
}

void source_close(struct source *s, int64_t timeout_ms)
{
	(void)timeout_ms;
	s->closing = true;
	loop_timer_cancel(s->loop, &s->group);
	if (none_assigned(s))
		s->cb->closed(s->ctx);
	else
		source_revoke(s, false);
}

void source_free(struct source *s)
{
	if (s == NULL)
		return;
	/* A commit on the wire when the process dies may or may not have reached the broker. */
	if (s->committing && !s->will_fail && redrive_chance(50))
		commit_applies(s);
	commit_forget(s);
	loop_timer_cancel(s->loop, &s->answer);
	loop_timer_cancel(s->loop, &s->group);
	free(s);
}

void source_get_state(const struct source *s, struct source_state *ret)
{
	*ret = (struct source_state){.reachable = true, .joined = s->joined};
}
