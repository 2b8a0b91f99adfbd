/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sim.h - a world for the whole engine: broker, endpoints, token server and time are made up.
 *
 * The engine, its lanes, destinations and all of core are the real ones; loop, source, http,
 * dead letters and connections are fakes behind the same headers, linked in their stead.
 * Everything that happens is a timer in one heap, drawn from a seed: one happening at a time,
 * and after each the world checks what must never be false (sim_check). Time costs nothing: an
 * outage of an hour takes microseconds. One to three engines share each group, as instances or
 * workers do. A crash drops an engine as kill -9 would; a new one starts from what was
 * committed. A reload changes windows, rates and clients under way.
 */
#ifndef SIM_H
#define SIM_H

#include "base/rng.h"
#include "io/loop.h"

enum {
	SIM_PARTITIONS = 3,
	/* Destination one: target 1 of rule a. Two: target 2 of rule b, and for every third
	 * event target 3 of rule c. */
	SIM_TARGETS = 3,
	SIM_DESTINATIONS = 2,
	SIM_KEYS = 17,
	SIM_ENGINES_MAX = 3,
};

/* How an endpoint behaves. */
enum sim_behaviour {
	SIM_INSTANT,
	SIM_20_MS,
	SIM_10_S,
	SIM_DOWN_FOR_AN_HOUR, /* 503 */
	SIM_THROTTLES,        /* 429 with Retry-After, now and then */
	SIM_RESETS, /* every third connection is reset, before or after it was served */
	SIM_HALF_OF_KEYS_FAIL, /* 503 for an hour for some keys, 400 for others */
	SIM_NR_BEHAVIOURS
};

/* One event on its way to one target, as the world knows it: the truth. */
struct sim_delivery {
	bool delivered, dead;
	bool on_wire;
	uint64_t sent_in;        /* after so many reloads */
	unsigned sends, repeats; /* repeats: sends after it was settled */
};

struct sim_record {
	int64_t offset; /* with holes */
	unsigned key;
	bool invalid, tombstone;
	struct sim_delivery to[SIM_TARGETS];
	bool dead_as_invalid;
};

struct sim_partition {
	struct sim_record *records;
	size_t count;
	int64_t committed; /* -1: never */
	char *metadata;
};

struct sim_lane { /* the group of one destination */
	struct sim_partition partitions[SIM_PARTITIONS];
};

struct sim_endpoint {
	enum sim_behaviour behaviour;
	unsigned on_wire, window;
	unsigned on_wire_of[SIM_ENGINES_MAX];
	unsigned fresh;            /* of these, those sent since the last reload */
	bool automatic;            /* max_concurrency = "auto", with the window as its limit */
	int64_t rate_per_s, burst; /* 0: unlimited */
	size_t rate_since;         /* the sends before this one had another rate */
	int64_t *sends;            /* the times of all of them, for the rate */
	size_t send_count, send_cap;
};

struct sim {
	uint64_t seed;
	struct rng rng;
	unsigned engines;
	struct loop *loops[SIM_ENGINES_MAX]; /* of one time */
	struct sim_lane lanes[SIM_DESTINATIONS];
	struct sim_endpoint endpoints[SIM_DESTINATIONS];
	size_t records_a_partition;
	int64_t dead_letters_fail_until_ms, no_token_until_ms;
	bool guard_is_off;
	unsigned commit_failures_percent, rebalances_percent;
	uint64_t happenings, commits, crashes, repeats, reloads;
	char failure[512]; /* the first broken promise; empty: none */
};

extern struct sim world;

/* Note that a promise is broken; the run ends. */
void sim_fail(const char *fmt, ...) ATTR_PRINTF(1, 2);
uint64_t sim_random(uint64_t upto);
bool sim_chance(unsigned percent);

/* test_sim.c */
/* A world of that seed from its beginning to its end, or to its first broken promise. */
void sim_run_world(uint64_t seed);

/* starve.c */
/* That world, so many times, an allocation failing in each. False: it ended badly. */
bool sim_starve(uint64_t seed, unsigned times);

/* fake_loop.c */
void sim_time_begin(void);
void sim_time_end(void);
int64_t sim_now_ms(void);
struct loop *sim_loop_new(unsigned engine);
unsigned sim_loop_engine(const struct loop *l);
/* One happening; false when there is none left. */
bool sim_time_step(void);

/* fake_source.c */
void sim_groups_reset(void);

/* world.c */
struct sim_record *sim_find(unsigned lane, int32_t partition, int64_t offset);
/* Which lane (destination) does a name like "shop.one" or "one" mean? */
unsigned sim_lane_of(const char *name);
bool sim_wants(const struct sim_record *r, unsigned lane, unsigned target);
bool sim_is_settled(const struct sim_record *r, unsigned lane, unsigned target);
/* Everything delivered or dead, everywhere, and committed? */
bool sim_is_complete(void);
void sim_sent(
	unsigned engine, unsigned endpoint, int32_t partition, int64_t offset, unsigned target);
void sim_left_wire(unsigned engine, unsigned endpoint, struct sim_record *r, unsigned target,
	bool delivered);
void sim_committed(unsigned lane, int32_t partition, int64_t offset, const char *metadata);

#endif
