/* SPDX-License-Identifier: Apache-2.0 */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "sim.h"

struct sim world;

void sim_fail(const char *fmt, ...)
{
	va_list ap;

	if (world.failure[0] != '\0')
		return;
	va_start(ap, fmt);
	vsnprintf(world.failure, sizeof world.failure, fmt, ap);
	va_end(ap);
}

uint64_t sim_random(uint64_t upto)
{
	return rng_upto(&world.rng, upto);
}

bool sim_chance(unsigned percent)
{
	return rng_upto(&world.rng, 99) < percent;
}

unsigned sim_lane_of(const char *name)
{
	return strstr(name, "two") != NULL ? 1 : 0;
}

struct sim_record *sim_find(unsigned lane, int32_t partition, int64_t offset)
{
	struct sim_partition *p = &world.lanes[lane].partitions[partition];
	size_t low = 0, high = p->count;

	while (low < high) {
		size_t middle = (low + high) / 2;

		if (p->records[middle].offset < offset)
			low = middle + 1;
		else
			high = middle;
	}
	if (low == p->count || p->records[low].offset != offset) {
		sim_fail("there is no record %d/%lld", partition, (long long)offset);
		return NULL;
	}
	return &p->records[low];
}

bool sim_wants(const struct sim_record *r, unsigned lane, unsigned target)
{
	static const unsigned lane_of_target[SIM_TARGETS] = {0, 1, 1};

	if (r->invalid || r->tombstone || lane_of_target[target] != lane)
		return false;
	return target < 2 || r->offset % 3 == 0;
}

bool sim_is_settled(const struct sim_record *r, unsigned lane, unsigned target)
{
	return !sim_wants(r, lane, target) || r->to[target].delivered || r->to[target].dead;
}

static bool record_is_settled(const struct sim_record *r, unsigned lane)
{
	if (r->invalid)
		return r->dead_as_invalid;
	for (unsigned t = 0; t < SIM_TARGETS; t++)
		if (!sim_is_settled(r, lane, t))
			return false;
	return true;
}

bool sim_is_complete(void)
{
	for (unsigned lane = 0; lane < SIM_DESTINATIONS; lane++)
		for (unsigned i = 0; i < SIM_PARTITIONS; i++) {
			const struct sim_partition *p = &world.lanes[lane].partitions[i];

			if (p->count > 0 && p->committed <= p->records[p->count - 1].offset)
				return false;
		}
	return true;
}

/* Records of one key reach a destination in order: none is sent while
 * an earlier one is open. */
static void check_order(
	unsigned lane, int32_t partition, const struct sim_record *r, unsigned target)
{
	const struct sim_partition *p = &world.lanes[lane].partitions[partition];

	if (r->key == 0)
		return;
	for (const struct sim_record *earlier = r; earlier-- > p->records;) {
		if (earlier->key != r->key)
			continue;
		for (unsigned t = 0; t < SIM_TARGETS; t++)
			if (!sim_is_settled(earlier, lane, t))
				sim_fail("%d/%lld (key %u, target %u) was sent before %lld",
					partition, (long long)r->offset, r->key, target + 1,
					(long long)earlier->offset);
		if (p->committed > earlier->offset)
			return;
	}
}

static void check_rate(struct sim_endpoint *e, int64_t now_ms)
{
	size_t n;

	if (e->send_count == e->send_cap) {
		e->send_cap = e->send_cap ? 2 * e->send_cap : 1024;
		e->sends = xreallocarray(e->sends, e->send_cap, sizeof *e->sends);
	}
	e->sends[e->send_count++] = now_ms;
	/* Each engine has a token at least. */
	n = (size_t)(e->rate_per_s + e->burst) + world.engines - 1;
	if (e->rate_per_s > 0 && e->send_count - e->rate_since > n &&
		now_ms - e->sends[e->send_count - 1 - n] < 1000)
		sim_fail("more than %zu sends in a second", n);
}

void sim_sent(
	unsigned engine, unsigned endpoint, int32_t partition, int64_t offset, unsigned target)
{
	struct sim_record *r = sim_find(endpoint, partition, offset);
	struct sim_endpoint *e = &world.endpoints[endpoint];
	struct sim_delivery *d = &r->to[target];
	/* And a slot. */
	unsigned window = e->window > world.engines ? e->window : world.engines, in_flight;

	if (!sim_wants(r, endpoint, target))
		sim_fail("%d/%lld was sent to target %u, which does not want it", partition,
			(long long)offset, target + 1);
	if (d->on_wire)
		sim_fail("%d/%lld was sent twice at once", partition, (long long)offset);
	if (d->delivered || d->dead) {
		d->repeats++;
		world.repeats++;
	}
	d->on_wire = true;
	d->sends++;
	e->on_wire++;
	e->on_wire_of[engine]++;
	e->fresh++;
	d->sent_in = world.reloads;
	/* When a reload has made the window narrower, the other engines' older requests count
	 * for none of an engine's share. */
	in_flight = world.engines > 1 ? e->fresh : e->on_wire;
	if (in_flight > window)
		sim_fail("%u requests in flight, over the window of %u", in_flight, window);
	check_order(endpoint, partition, r, target);
	check_rate(e, sim_now_ms());
}

void sim_left_wire(unsigned engine, unsigned endpoint, struct sim_record *r, unsigned target,
	bool delivered)
{
	r->to[target].on_wire = false;
	r->to[target].delivered |= delivered;
	world.endpoints[endpoint].on_wire--;
	world.endpoints[endpoint].on_wire_of[engine]--;
	if (r->to[target].sent_in == world.reloads)
		world.endpoints[endpoint].fresh--;
}

void sim_committed(unsigned lane, int32_t partition, int64_t offset, const char *metadata)
{
	struct sim_partition *p = &world.lanes[lane].partitions[partition];

	if (offset < p->committed)
		sim_fail("partition %d was committed back from %lld to %lld", partition,
			(long long)p->committed, (long long)offset);
	if (strlen(metadata) > 4096)
		sim_fail("metadata of %zu bytes", strlen(metadata));
	for (size_t i = 0; i < p->count && p->records[i].offset < offset; i++)
		if (p->records[i].offset >= p->committed &&
			!record_is_settled(&p->records[i], lane))
			sim_fail("partition %d was committed to %lld past the unsettled %lld",
				partition, (long long)offset, (long long)p->records[i].offset);
	p->committed = offset;
	free(p->metadata);
	p->metadata = xstrdup(metadata);
}
