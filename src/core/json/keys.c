/* SPDX-License-Identifier: Apache-2.0 */
#include "keys.h"

#include <stdlib.h>

/* Keys with escapes are rare: they are decoded again for every comparison. */
static int compare_decoded(struct slice a, struct slice b)
{
	struct buf da, db;
	int order;

	buf_init(&da, BUF_UNLIMITED);
	buf_init(&db, BUF_UNLIMITED);
	jx_decode_slice(a, &da);
	jx_decode_slice(b, &db);
	order = (da.len > db.len) - (da.len < db.len);
	if (order == 0)
		order = memcmp(buf_str(&da), buf_str(&db), da.len);
	buf_release(&da);
	buf_release(&db);
	return order;
}

/* Any total order will do in which equal keys are neighbours: by hash, length, bytes. */
static int compare_keys(const struct jx_index *ix, uint32_t a, uint32_t b)
{
	const struct jx_token *ta = &ix->tokens[a], *tb = &ix->tokens[b];

	if (ta->key_hash != tb->key_hash)
		return ta->key_hash < tb->key_hash ? -1 : 1;
	if (ta->key_escaped || tb->key_escaped)
		return compare_decoded(jx_key(ix, a), jx_key(ix, b));
	if (ta->key_len != tb->key_len)
		return ta->key_len < tb->key_len ? -1 : 1;
	return memcmp(ix->text + ta->key_start, ix->text + tb->key_start, ta->key_len);
}

bool jx_keys_near(struct jx_index *ix, uint32_t open, uint32_t t)
{
	unsigned steps = 0;

	for (uint32_t m = open + 1; m < t; m = jx_next(ix, m)) {
		if (ix->tokens[m].key_hash == ix->tokens[t].key_hash &&
			compare_keys(ix, m, t) == 0)
			ix->tokens[m].shadowed = true;
		if (++steps == JX_KEYS_NEAR)
			return false;
	}
	return true;
}

static uint32_t *scratch_of(struct jx_index *ix, size_t count)
{
	if (count > ix->scratch_cap) {
		free(ix->scratch);
		ix->scratch = xreallocarray(NULL, count, sizeof *ix->scratch);
		ix->scratch_cap = count;
	}
	return ix->scratch;
}

/* Put the members into an open table, newest occurrence last. Gives up (returns false)
 * when the hashes collide so often that somebody must have meant them to. */
static bool resolve_by_hash(struct jx_index *ix, uint32_t object, size_t members)
{
	size_t size = 64, patience = members * 8;
	uint32_t *slots;

	while (size < members * 2)
		size *= 2;
	slots = scratch_of(ix, size);
	memset(slots, 0, size * sizeof *slots);
	for (uint32_t m = object + 1; m < ix->tokens[object].next; m = jx_next(ix, m)) {
		size_t i = ix->tokens[m].key_hash & (size - 1);

		while (slots[i] != 0 && compare_keys(ix, slots[i], m) != 0) {
			i = (i + 1) & (size - 1);
			if (patience-- == 0)
				return false;
		}
		if (slots[i] != 0)
			ix->tokens[slots[i]].shadowed = true;
		slots[i] = m;
	}
	return true;
}

/* Equal keys come together in document order: a member hides its left neighbour. */
static int compare_members(const void *a, const void *b, void *data)
{
	uint32_t ma = *(const uint32_t *)a, mb = *(const uint32_t *)b;
	int order = compare_keys(data, ma, mb);

	return order != 0 ? order : (ma > mb) - (ma < mb);
}

static void resolve_by_sorting(struct jx_index *ix, uint32_t object, size_t members)
{
	uint32_t *sorted = scratch_of(ix, members);
	size_t n = 0;

	for (uint32_t m = object + 1; m < ix->tokens[object].next; m = jx_next(ix, m))
		sorted[n++] = m;
	qsort_r(sorted, n, sizeof *sorted, compare_members, ix);
	for (size_t i = 1; i < n; i++) {
		if (compare_keys(ix, sorted[i - 1], sorted[i]) == 0)
			ix->tokens[sorted[i - 1]].shadowed = true;
	}
}

void jx_keys_resolve(struct jx_index *ix, uint32_t t)
{
	size_t members = 0;

	for (uint32_t m = t + 1; m < ix->tokens[t].next; m = jx_next(ix, m))
		members++;
	if (!resolve_by_hash(ix, t, members))
		resolve_by_sorting(ix, t, members);
}
