/* SPDX-License-Identifier: Apache-2.0 */
/*
 * redrive_sim.h - a world for `dead-letters redrive`: one dead-letter topic, its broker and the
 * API are made up, in virtual time.
 *
 * The redrive, its consumer loop and its tracker are the real ones. Each seed is a history of runs
 * with filters; some are killed, some interrupted, some lose their partitions. What must never be
 * false: nothing is committed past a letter that is not done; what was done when a commit was
 * gathered that Kafka has is never sent again; a run sends what its filter wants and no more; the
 * last runs find whatever the others have left.
 */
#ifndef REDRIVE_SIM_H
#define REDRIVE_SIM_H

#include "base/rng.h"
#include "base/util.h"
#include "io/loop.h"

#define SIM_TOPIC "dead"
#define SIM_GROUP "shop.redrive"

enum {
	SIM_PARTS = 2,
	SIM_RULES = 3,
};

struct sim_letter {
	int64_t offset; /* with holes */
	unsigned rule;
	bool foreign; /* a record that is no letter */
	bool on_wire, done;
	bool known; /* done, and this run knows it: by itself, or by the group's commit */
	bool told;  /* done, and the group's commit says so */
	unsigned sends;
};

struct sim_part {
	struct sim_letter *letters;
	size_t count;
	int64_t low, from, end, committed; /* committed -1: never */
	char *metadata;
};

struct redrive_world {
	struct rng rng;
	struct loop *loop;
	struct sim_part parts[SIM_PARTS];
	int wanted_rule; /* of this run; -1: any */
	unsigned commit_failures_percent, rebalances_percent;
	bool killed, was_killed, loop_stopped;
	unsigned steps_to_live; /* of this run; 0: as many as it wants */
	unsigned steps_to_signal;
	uint64_t commits, repeats, kills;
	char failure[256]; /* the first broken promise; empty: none */
};

extern struct redrive_world redrive_world;

void redrive_fail(const char *fmt, ...) ATTR_PRINTF(1, 2);
uint64_t redrive_random(uint64_t upto);
bool redrive_chance(unsigned percent);

/* tests/sim/fake_loop.c */
void sim_time_begin(void);
void sim_time_end(void);
int64_t sim_now_ms(void);
struct loop *sim_loop_new(unsigned engine);
bool sim_time_step(void);

#endif
