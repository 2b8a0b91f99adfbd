/* SPDX-License-Identifier: Apache-2.0 */
/* Building triggers: each condition of the rules is sorted into the structure that finds it
 * (hash table, prefix or suffix tree, substrings, numeric ranges). */
#include "core/pattern/casefold.h"
#include "core/json/scan.h"
#include "core/pattern/number.h"
#include "triggers.h"

#include <stdlib.h>

enum place {
	IN_TREE, /* + enum triggers_tree */
	IN_SUBSTRINGS = IN_TREE + TREE_NR_VALUES,
	IN_RANGES,
	IN_TABLE,
};

/* What a post waits for, until the structures are built. */
struct triggers_entry {
	enum place place;
	uint32_t field, post;
	struct slice text; /* IN_TREE, IN_SUBSTRINGS */
	uint64_t hash;     /* IN_TABLE */
};

void triggers_init(struct triggers *t, uint32_t field_count)
{
	*t = (struct triggers){0};
	t->fields = xcalloc((size_t)field_count + 1, sizeof *t->fields);
	for (uint32_t f = 0; f < field_count; f++) {
		t->fields[f].any = TRIGGERS_NONE;
		for (int i = 0; i < TREE_NR_VALUES; i++)
			t->fields[f].roots[i] = RADIX_NONE;
	}
	for (int i = 0; i < TREE_NR_VALUES; i++)
		radix_init(&t->trees[i], i == TREE_SUFFIX || i == TREE_FOLDED_SUFFIX);
	substring_init(&t->substring);
}

void triggers_release(struct triggers *t)
{
	free(t->fields);
	free(t->posts);
	free(t->table);
	for (int i = 0; i < TREE_NR_VALUES; i++)
		radix_release(&t->trees[i]);
	substring_release(&t->substring);
	free(t->ranges);
	free(t->entries);
	arena_release(&t->arena);
}

uint64_t triggers_hash_text(uint32_t field, enum test_kind kind, struct slice text)
{
	return jx_fold(jx_hash(text.data, text.len) ^ (uint64_t)kind << 32 ^ field,
		0x8ebc6af09c88c6e3ULL);
}

uint64_t triggers_hash_key(uint32_t field, int64_t key)
{
	return jx_fold((uint64_t)key ^ field, 0x8ebc6af09c88c6e3ULL);
}

/* The canonical form of @text, in the arena. */
static struct slice keep_canonical(struct triggers *t, struct slice text)
{
	struct buf canonical;
	struct slice kept;

	buf_init(&canonical, BUF_UNLIMITED);
	casemap_canonical(text, &canonical);
	kept = arena_copy(&t->arena, buf_slice(&canonical));
	buf_release(&canonical);
	return kept;
}

static uint64_t hash_canonical(uint32_t field, struct slice text)
{
	struct buf canonical;
	uint64_t hash;

	buf_init(&canonical, BUF_UNLIMITED);
	casemap_canonical(text, &canonical);
	hash = triggers_hash_text(field, TEST_EQUALS_FOLDED, buf_slice(&canonical));
	buf_release(&canonical);
	return hash;
}

bool triggers_value_hash(uint32_t field, const struct test *test, uint64_t *ret_hash)
{
	switch (test->kind) {
	case TEST_WILDCARD:
		if (test->wildcard->has_star)
			return false;
		*ret_hash = triggers_hash_text(field, TEST_STRING, test->wildcard->head);
		return true;
	case TEST_STRING:
	case TEST_NUMBER_TEXT:
	case TEST_TRUE:
	case TEST_FALSE:
	case TEST_NULL:
		*ret_hash = triggers_hash_text(field, test->kind, test->text);
		return true;
	case TEST_EQUALS_FOLDED:
		*ret_hash = hash_canonical(field, test->text);
		return true;
	case TEST_NUMBER:
		*ret_hash = triggers_hash_key(field, test->low);
		return true;
	case TEST_RANGE:
		*ret_hash = triggers_hash_key(field, test->low);
		return test->low == test->high;
	default:
		return false;
	}
}

/* The literal of a wildcard with stars by which it is found; empty: none. */
static struct slice wildcard_literal(const struct wildcard *w, enum place *ret_place)
{
	struct slice best = {0};

	for (size_t i = 0; i < w->middle_count; i++) {
		if (w->middle[i].len > best.len)
			best = w->middle[i];
	}
	*ret_place = IN_SUBSTRINGS;
	/* Literals at the ends are cheaper to look up, and as good if they are as long. */
	if (w->head.len > 0 && w->head.len + 2 >= best.len) {
		best = w->head;
		*ret_place = IN_TREE + TREE_PREFIX;
	}
	if (w->tail.len > 0 && w->tail.len > best.len) {
		best = w->tail;
		*ret_place = IN_TREE + TREE_SUFFIX;
	}
	return best;
}

/* In which structure to register @test, and by what text. False: any leaf leads to it. */
static bool place_of(struct triggers *t, const struct test *test, enum place *ret_place,
	struct slice *ret_text)
{
	static const enum place trees[TEST_NR_VALUES] = {
		[TEST_PREFIX] = IN_TREE + TREE_PREFIX,
		[TEST_SUFFIX] = IN_TREE + TREE_SUFFIX,
		[TEST_PREFIX_FOLDED] = IN_TREE + TREE_FOLDED_PREFIX,
		[TEST_SUFFIX_FOLDED] = IN_TREE + TREE_FOLDED_SUFFIX,
	};

	switch (test->kind) {
	case TEST_PREFIX:
	case TEST_SUFFIX:
		*ret_text = test->text;
		break;
	case TEST_PREFIX_FOLDED:
	case TEST_SUFFIX_FOLDED:
		*ret_text = keep_canonical(t, test->text);
		break;
	case TEST_WILDCARD:
		*ret_text = wildcard_literal(test->wildcard, ret_place);
		return ret_text->len > 0;
	case TEST_RANGE:
		*ret_place = IN_RANGES;
		*ret_text = (struct slice){0};
		return true;
	default:
		return false;
	}
	*ret_place = trees[test->kind];
	return ret_text->len > 0;
}

static uint32_t add_post(struct triggers *t, const struct test *test, uint32_t condition)
{
	if (t->post_count == t->post_cap) {
		t->post_cap = t->post_cap ? t->post_cap * 2 : 64;
		t->posts = xreallocarray(t->posts, t->post_cap, sizeof *t->posts);
	}
	t->posts[t->post_count] = (struct triggers_post){test, condition, TRIGGERS_NONE};
	return t->post_count++;
}

static struct triggers_entry *add_entry(struct triggers *t)
{
	if (t->entry_count == t->entry_cap) {
		t->entry_cap = t->entry_cap ? t->entry_cap * 2 : 64;
		t->entries = xreallocarray(t->entries, t->entry_cap, sizeof *t->entries);
	}
	t->entries[t->entry_count] = (struct triggers_entry){0};
	return &t->entries[t->entry_count++];
}

void triggers_add(
	struct triggers *t, uint32_t field, const struct test *test, uint32_t condition)
{
	struct triggers_field *f = &t->fields[field];
	uint32_t post = add_post(t, test, condition);
	struct triggers_entry entry = {.field = field, .post = post};

	f->used = true;
	if (triggers_value_hash(field, test, &entry.hash)) {
		entry.place = IN_TABLE;
		f->has_folded |= test->kind == TEST_EQUALS_FOLDED;
		f->has_values |= test->kind != TEST_EQUALS_FOLDED;
	} else if (!place_of(t, test, &entry.place, &entry.text)) {
		t->posts[post].next = f->any;
		f->any = post;
		return;
	}
	*add_entry(t) = entry;
}

unsigned triggers_cost(const struct test *test)
{
	uint64_t hash;
	enum place place = IN_TABLE;

	if (triggers_value_hash(0, test, &hash))
		return 1;
	switch (test->kind) {
	case TEST_PREFIX:
	case TEST_SUFFIX:
	case TEST_PREFIX_FOLDED:
	case TEST_SUFFIX_FOLDED:
		return test->text.len >= 3 ? 8 : test->text.len > 0 ? 64 : 4096;
	case TEST_WILDCARD:
		return wildcard_literal(test->wildcard, &place).len >= 3 ? 16 : 1024;
	case TEST_RANGE:
		return test->low == NUMBER_KEY_MIN || test->high == NUMBER_KEY_MAX ? 512 : 256;
	case TEST_CIDR:
		return 1024;
	default:
		return 4096;
	}
}

static void chain(void *data, uint32_t post, uint32_t next)
{
	struct triggers *t = data;

	t->posts[post].next = next;
}

static void build_table(struct triggers *t, const struct triggers_entry *e, size_t count)
{
	uint32_t size = 16;

	while (size < count * 2)
		size *= 2;
	t->table_mask = size - 1;
	t->table = xreallocarray(NULL, size, sizeof *t->table);
	for (uint32_t i = 0; i < size; i++)
		t->table[i] = (struct triggers_slot){0, TRIGGERS_NONE};
	for (size_t i = 0; i < count; i++) {
		uint32_t tag = (uint32_t)(e[i].hash >> 32), at = (uint32_t)e[i].hash;
		struct triggers_slot *slot = &t->table[at & t->table_mask];

		while (slot->post != TRIGGERS_NONE && slot->tag != tag)
			slot = &t->table[++at & t->table_mask];
		t->posts[e[i].post].next = slot->post;
		*slot = (struct triggers_slot){tag, e[i].post};
	}
}

/* The entries of one field in one structure. */
static void build_run(struct triggers *t, const struct triggers_entry *e, size_t count)
{
	struct triggers_field *f = &t->fields[e[0].field];
	struct radix_text *texts;

	if (e[0].place == IN_RANGES) {
		struct interval *list = t->ranges + f->ranges;

		for (size_t i = 0; i < count; i++) {
			const struct test *test = t->posts[e[i].post].test;

			list[i] = (struct interval){test->low, test->high, 0, e[i].post};
		}
		f->range_count = (uint32_t)count;
		intervals_build(list, count);
		return;
	}
	texts = xreallocarray(NULL, count, sizeof *texts);
	for (size_t i = 0; i < count; i++)
		texts[i] = (struct radix_text){e[i].text, e[i].post};
	if (e[0].place == IN_SUBSTRINGS)
		f->substrings = substring_build(&t->substring, texts, count, chain, t);
	else
		f->roots[e[0].place - IN_TREE] =
			radix_build(&t->trees[e[0].place - IN_TREE], texts, count, chain, t);
	free(texts);
}

static int compare_entries(const void *pa, const void *pb)
{
	const struct triggers_entry *a = pa, *b = pb;

	if (a->place != b->place)
		return (a->place > b->place) - (a->place < b->place);
	return (a->field > b->field) - (a->field < b->field);
}

void triggers_seal(struct triggers *t)
{
	const struct triggers_entry *e = t->entries;
	size_t n = t->entry_count, i = 0, end;
	uint32_t ranges = 0;

	if (n > 1)
		qsort(t->entries, n, sizeof *t->entries, compare_entries);
	t->ranges = xcalloc(n + 1, sizeof *t->ranges);
	for (; i < n && e[i].place != IN_TABLE; i = end) {
		for (end = i + 1; end < n && compare_entries(&e[i], &e[end]) == 0;)
			end++;
		if (e[i].place == IN_RANGES) {
			t->fields[e[i].field].ranges = ranges;
			ranges += (uint32_t)(end - i);
		}
		build_run(t, e + i, end - i);
	}
	t->ranges = xreallocarray(t->ranges, (size_t)ranges + 1, sizeof *t->ranges);
	build_table(t, n > 0 ? e + i : NULL, n - i);
	free(t->entries);
	t->entries = NULL;
	t->posts = xreallocarray(t->posts, (size_t)t->post_count + 1, sizeof *t->posts);
}
