/* SPDX-License-Identifier: Apache-2.0 */
/* io/source/source.h over the world's logs: commits are slow and fail, groups rebalance, assignments
 * get lost. */
#include <stdio.h>
#include <stdlib.h>

#include "io/source/source.h"
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
	struct loop_timer answer; /* to the commit in flight */
	bool committing, commit_will_fail, closing, is_assigned;
	struct {
		int64_t offset; /* -1: not part of it */
		char *metadata;
	} commit[SIM_PARTITIONS];
	char key[16], value[64];
};

/* The consumers of one group, and the time of its next assignment or rebalance. */
static struct group {
	struct source *members[SIM_ENGINES_MAX]; /* by engine */
	struct loop_timer timer;
} groups[SIM_DESTINATIONS];

static struct group *group_of(const struct source *s)
{
	return &groups[s->lane];
}

static void group_soon(struct group *g, uint64_t within_ms)
{
	loop_timer_set(
		world.loops[0], &g->timer, sim_now_ms() + (int64_t)sim_random(within_ms));
}

static void assign_one(struct source *s, int32_t i)
{
	struct sim_partition *p = &world.lanes[s->lane].partitions[i];
	struct fake_partition *f = &s->partitions[i];
	int64_t from;

	*f = (struct fake_partition){
		.public = {.topic = "orders", .partition = i}, .assigned = true};
	from = s->cb->assigned(s->ctx, &f->public, p->committed, slice_str(p->metadata));
	if (from < p->committed)
		sim_fail("assigned at %lld, reads from %lld", (long long)p->committed,
			(long long)from);
	while (f->next < p->count && p->records[f->next].offset < from)
		f->next++;
	s->is_assigned = true;
}

static bool none_assigned(const struct source *s)
{
	for (unsigned i = 0; i < SIM_PARTITIONS; i++)
		if (s->partitions[i].assigned)
			return false;
	return true;
}

static bool group_is_free(const struct group *g)
{
	for (unsigned m = 0; m < SIM_ENGINES_MAX; m++)
		if (g->members[m] != NULL && !none_assigned(g->members[m]))
			return false;
	return true;
}

static void leave_group(struct source *s)
{
	struct group *g = group_of(s);

	for (unsigned m = 0; m < SIM_ENGINES_MAX; m++)
		if (g->members[m] == s)
			g->members[m] = NULL;
}

static void all_released(struct source *s)
{
	s->is_assigned = false;
	if (s->closing) {
		leave_group(s);
		s->cb->closed(s->ctx);
	}
	/* Also when others still hold theirs: they are asked for them then. */
	group_soon(group_of(s), 3000);
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
	s->cb->share_changed(s->ctx, 0, SIM_PARTITIONS);
	for (unsigned i = 0; i < SIM_PARTITIONS; i++) {
		struct fake_partition *f = &s->partitions[i];

		if (!f->assigned || f->revoked)
			continue;
		f->revoked = true;
		s->cb->revoked(s->ctx, &f->public, lost ? SOURCE_LOST : SOURCE_REVOKED);
	}
}

static void group_revoke(struct group *g)
{
	for (unsigned m = 0; m < SIM_ENGINES_MAX; m++)
		if (g->members[m] != NULL && !g->members[m]->closing)
			source_revoke(g->members[m], sim_chance(30));
}

static void group_assign(struct group *g)
{
	struct source *in[SIM_ENGINES_MAX];
	unsigned count = 0, first, assigned[SIM_ENGINES_MAX] = {0};

	for (unsigned m = 0; m < SIM_ENGINES_MAX; m++)
		if (g->members[m] != NULL && !g->members[m]->closing)
			in[count++] = g->members[m];
	if (count == 0)
		return;
	first = (unsigned)sim_random(count - 1);
	for (unsigned i = 0; i < SIM_PARTITIONS; i++) {
		assign_one(in[(first + i) % count], (int32_t)i);
		assigned[(first + i) % count]++;
	}
	for (unsigned m = 0; m < count; m++) {
		in[m]->cb->share_changed(in[m]->ctx, assigned[m], SIM_PARTITIONS);
		in[m]->cb->readable(in[m]->ctx);
	}
	if (sim_chance(world.rebalances_percent))
		group_soon(g, 20000);
}

static void group_happens(struct loop_timer *t)
{
	struct group *g = container_of(t, struct group, timer);

	if (group_is_free(g))
		group_assign(g);
	else
		group_revoke(g);
}

void sim_groups_reset(void)
{
	memset(groups, 0, sizeof groups);
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
	s->answer.fire = commit_answers;
	group_of(s)->members[sim_loop_engine(l)] = s;
	group_of(s)->timer.fire = group_happens;
	group_soon(group_of(s), sim_chance(50) ? 50 : 3000);
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
	if (s->is_assigned) {
		source_revoke(s, false);
		return;
	}
	leave_group(s);
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
	loop_timer_cancel(s->loop, &s->answer);
	/* The others learn of its death by the session's timeout. */
	if (group_of(s)->members[sim_loop_engine(s->loop)] == s) {
		leave_group(s);
		group_soon(group_of(s), 10000);
	}
	free(s);
}

void source_get_state(const struct source *s, struct source_state *ret)
{
	(void)s;
	*ret = (struct source_state){.reachable = true};
}

void source_get_health(
	const struct source *s, const struct source_partition *p, struct source_health *ret)
{
	(void)s;
	(void)p;
	*ret = (struct source_health){.low = -1, .end = -1};
}

void source_watermarks(const struct source *s, const struct source_partition *p,
	int64_t *ret_low, int64_t *ret_high)
{
	(void)s;
	(void)p;
	*ret_low = *ret_high = -1;
}
