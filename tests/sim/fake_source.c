/* SPDX-License-Identifier: Apache-2.0 */
/* io/source.h over the world's logs: commits are slow and fail, groups rebalance, assignments
 * get lost. */
#include <stdio.h>
#include <stdlib.h>

#include "io/source.h"
#include "sim.h"

struct fake_partition {
	struct source_partition public;
	size_t next; /* index of the next record */
	bool assigned, held, revoked;
};

struct source {
	struct loop *loop;
	const struct source_callbacks *cb;
	void *ctx;
	unsigned lane;
	struct fake_partition partitions[SIM_PARTITIONS];
	unsigned turn;
	struct loop_timer group;  /* assignment or rebalance */
	struct loop_timer answer; /* to the commit in flight */
	bool committing, commit_will_fail, closing, is_assigned;
	struct {
		int64_t offset; /* -1: not part of it */
		char *metadata;
	} commit[SIM_PARTITIONS];
	char key[16], value[64];
};

static void source_assign(struct source *s)
{
	for (int32_t i = 0; i < SIM_PARTITIONS; i++) {
		struct sim_partition *p = &world.lanes[s->lane].partitions[i];
		struct fake_partition *f = &s->partitions[i];
		int64_t from;

		*f = (struct fake_partition){
			.public = {.topic = "orders", .partition = i}, .assigned = true};
		from = s->cb->assigned(
			s->ctx, &f->public, p->committed, slice_str(p->metadata));
		if (from < p->committed)
			sim_fail("assigned at %lld, reads from %lld", (long long)p->committed,
				(long long)from);
		while (f->next < p->count && p->records[f->next].offset < from)
			f->next++;
	}
	s->is_assigned = true;
	s->cb->share_changed(s->ctx, SIM_PARTITIONS, SIM_PARTITIONS);
	s->cb->readable(s->ctx);
}

static bool none_assigned(const struct source *s)
{
	for (unsigned i = 0; i < SIM_PARTITIONS; i++)
		if (s->partitions[i].assigned)
			return false;
	return true;
}

static void all_released(struct source *s)
{
	s->is_assigned = false;
	if (s->closing)
		s->cb->closed(s->ctx);
	else
		loop_timer_set(
			s->loop, &s->group, loop_now_ms(s->loop) + (int64_t)sim_random(3000));
}

static void commit_applies(struct source *s)
{
	for (int32_t i = 0; i < SIM_PARTITIONS; i++)
		if (s->commit[i].metadata != NULL)
			sim_committed(s->lane, i, s->commit[i].offset, s->commit[i].metadata);
}

/*
 * A lost assignment is of an older generation: its commit has reached the coordinator by now,
 * or will be refused there. Either way the answer is a failure.
 */
static void commit_is_fenced(struct source *s)
{
	if (!s->committing)
		return;
	if (!s->commit_will_fail && sim_chance(50))
		commit_applies(s);
	s->commit_will_fail = true;
}

static void source_revoke(struct source *s, bool lost)
{
	if (lost)
		commit_is_fenced(s);
	for (unsigned i = 0; i < SIM_PARTITIONS; i++)
		s->partitions[i].revoked = s->partitions[i].assigned;
	for (unsigned i = 0; i < SIM_PARTITIONS; i++)
		if (s->partitions[i].assigned)
			s->cb->revoked(s->ctx, &s->partitions[i].public, lost);
}

static void group_happens(struct loop_timer *t)
{
	struct source *s = container_of(t, struct source, group);

	if (!s->is_assigned)
		source_assign(s);
	else
		source_revoke(s, sim_chance(30));
	if (s->is_assigned && sim_chance(world.rebalances_percent))
		loop_timer_set(
			s->loop, &s->group, loop_now_ms(s->loop) + (int64_t)sim_random(20000));
}

static void commit_forget(struct source *s)
{
	for (unsigned i = 0; i < SIM_PARTITIONS; i++) {
		free(s->commit[i].metadata);
		s->commit[i].metadata = NULL;
	}
	s->committing = false;
}

static void commit_answers(struct loop_timer *t)
{
	struct source *s = container_of(t, struct source, answer);
	bool fails = s->commit_will_fail;

	if (!fails)
		commit_applies(s);
	commit_forget(s);
	world.commits++;
	s->cb->committed(
		s->ctx, fails ? ERR_IO : ERR_OK, fails ? "the coordinator is loading" : "");
}

struct source *source_new(struct loop *l, const struct source_settings *set,
	const struct source_callbacks *cb, void *ctx, struct err *err)
{
	struct source *s = xcalloc(1, sizeof *s);

	(void)err;
	s->loop = l;
	s->cb = cb;
	s->ctx = ctx;
	s->lane = sim_lane_of(set->name);
	s->group.fire = group_happens;
	s->answer.fire = commit_answers;
	loop_timer_set(l, &s->group, loop_now_ms(l) + (int64_t)sim_random(50));
	return s;
}

bool source_next(struct source *s, struct source_partition **ret_p, struct event_fields *ret)
{
	for (unsigned n = 0; n < SIM_PARTITIONS; n++) {
		unsigned i = s->turn++ % SIM_PARTITIONS;
		struct fake_partition *f = &s->partitions[i];
		struct sim_partition *p = &world.lanes[s->lane].partitions[i];
		const struct sim_record *r;
		int len;

		if (!f->assigned || f->revoked || f->held || f->next == p->count)
			continue;
		r = &p->records[f->next++];
		*ret_p = &f->public;
		len = snprintf(s->value, sizeof s->value,
			r->invalid ? "{\"id\":%lld" : "{\"id\":%lld,\"b\":%s}",
			(long long)r->offset, r->offset % 3 == 0 ? "true" : "false");
		*ret = (struct event_fields){.topic = "orders",
			.partition = (int32_t)i,
			.offset = r->offset,
			.timestamp_ms = -1,
			.value = slice_of(s->value, (size_t)len)};
		if (r->tombstone)
			ret->value = slice_of(NULL, 0);
		if (r->key > 0)
			ret->key = slice_of(s->key,
				(size_t)snprintf(s->key, sizeof s->key, "key-%u", r->key));
		return true;
	}
	return false;
}

void source_hold(struct source *s, struct source_partition *p, bool held)
{
	(void)s;
	container_of(p, struct fake_partition, public)->held = held;
}

void source_release(struct source *s, struct source_partition *p)
{
	struct fake_partition *f = container_of(p, struct fake_partition, public);

	if (!f->revoked)
		sim_fail("a partition was released that had not been revoked");
	f->assigned = f->revoked = false;
	if (none_assigned(s))
		all_released(s);
}

int source_commit(struct source *s, const struct source_commit *items, size_t count)
{
	if (s->committing)
		return ERR_STATE;
	for (size_t i = 0; i < count; i++) {
		struct fake_partition *f =
			container_of(items[i].partition, struct fake_partition, public);

		if (!f->assigned)
			sim_fail("a commit for partition %d, which is not ours",
				f->public.partition);
		s->commit[f->public.partition].offset = items[i].offset;
		s->commit[f->public.partition].metadata =
			xmemdup(items[i].metadata.data, items[i].metadata.len);
	}
	s->committing = true;
	s->commit_will_fail = sim_chance(world.commit_failures_percent);
	loop_timer_set(s->loop, &s->answer,
		loop_now_ms(s->loop) + (int64_t)sim_random(sim_chance(5) ? 5000 : 5));
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
	if (s->is_assigned)
		source_revoke(s, false);
	else
		s->cb->closed(s->ctx);
}

void source_free(struct source *s)
{
	if (s == NULL)
		return;
	/* A commit on the wire when the process dies may or may not have reached the broker. */
	if (s->committing && !s->commit_will_fail && sim_chance(50))
		commit_applies(s);
	commit_forget(s);
	loop_timer_cancel(s->loop, &s->group);
	loop_timer_cancel(s->loop, &s->answer);
	free(s);
}

void source_get_state(const struct source *s, struct source_state *ret)
{
	(void)s;
	*ret = (struct source_state){.reachable = true};
}

void source_watermarks(const struct source *s, const struct source_partition *p,
	int64_t *ret_low, int64_t *ret_high)
{
	(void)s;
	(void)p;
	*ret_low = *ret_high = -1;
}
