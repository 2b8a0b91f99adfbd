/* SPDX-License-Identifier: Apache-2.0 */
/*
 * rng.h - random numbers from a seed (xoshiro256**, public domain, by Blackman and
 * Vigna), for jitter. A struct and no global: a test that knows the seed knows the
 * numbers. Not for secrets.
 */
#ifndef BASE_RNG_H
#define BASE_RNG_H

#include "base/util.h"

struct rng {
	uint64_t state[4];
};

void rng_seed(struct rng *r, uint64_t seed);
/* Seeded by the kernel. */
void rng_seed_random(struct rng *r);
uint64_t rng_next(struct rng *r);
/* Evenly from 0 to @bound, which may be 0, both included. */
uint64_t rng_upto(struct rng *r, uint64_t bound);

#endif
