/* SPDX-License-Identifier: Apache-2.0 */
#include "base/arena.h"

#include <stdlib.h>

#define CHUNK_BYTES_FIRST 480
#define CHUNK_BYTES_MOST  65536

struct arena_chunk {
	struct arena_chunk *next;
	size_t size;
	max_align_t data[];
};

void arena_release(struct arena *a)
{
	struct arena_chunk *next;

	for (struct arena_chunk *c = a->chunks; c != NULL; c = next) {
		next = c->next;
		free(c);
	}
	*a = (struct arena){0};
}

/* At least @bytes more; each chunk is twice as large as the one before. */
static void add_chunk(struct arena *a, size_t bytes)
{
	size_t size = a->chunks == NULL ? CHUNK_BYTES_FIRST : a->chunks->size * 2;
	struct arena_chunk *c;

	if (size > CHUNK_BYTES_MOST)
		size = CHUNK_BYTES_MOST;
	if (size < bytes)
		size = bytes;
	c = xmalloc(sizeof *c + size);
	c->next = a->chunks;
	c->size = size;
	a->chunks = c;
	a->free = (char *)c->data;
	a->end = a->free + size;
}

static char *take(struct arena *a, size_t bytes, size_t align)
{
	size_t pad = -(uintptr_t)a->free & (align - 1);
	char *p;

	if (a->free == NULL || (size_t)(a->end - a->free) < pad ||
		(size_t)(a->end - a->free) - pad < bytes) {
		add_chunk(a, bytes);
		pad = 0;
	}
	p = a->free + pad;
	a->free = p + bytes;
	return p;
}

void *arena_alloc(struct arena *a, size_t count, size_t size)
{
	size_t bytes;
	void *p;

	if (__builtin_mul_overflow(count, size, &bytes))
		abort();
	p = take(a, bytes,
		bytes >= sizeof(max_align_t) ? _Alignof(max_align_t) : sizeof(void *));
	memset(p, 0, bytes);
	return p;
}

struct slice arena_copy(struct arena *a, struct slice s)
{
	char *p = take(a, s.len, 1);

	if (s.len > 0)
		memcpy(p, s.data, s.len);
	return slice_of(p, s.len);
}
