/* SPDX-License-Identifier: Apache-2.0 */
/*
 * arena.h - memory that is given back all at once.
 *
 * For compiled things: many small objects of one owner. A zeroed struct is an empty
 * arena. Not for objects that grow.
 */
#ifndef BASE_ARENA_H
#define BASE_ARENA_H

#include "base/util.h"

struct arena_chunk;

struct arena {
	struct arena_chunk *chunks;
	char *free, *end;
};

void arena_release(struct arena *a);
/* Zeroed, aligned for anything, never NULL. */
void *arena_alloc(struct arena *a, size_t count, size_t size);
/* A copy of the bytes, aligned for bytes only. */
struct slice arena_copy(struct arena *a, struct slice s);

#endif
