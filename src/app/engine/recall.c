/* SPDX-License-Identifier: Apache-2.0 */
#include "recall.h"

#include <stdlib.h>

struct entry {
	struct list node;
	char *topic;
	int32_t partition;
	struct recall_mark acknowledged, sent;
	int64_t position;
	struct buf map;
};

struct recall_mark recall_mark(int64_t offset, struct slice metadata)
{
	return (struct recall_mark){offset, util_hash(metadata.data, metadata.len)};
}

static bool is_same(struct recall_mark a, struct recall_mark b)
{
	return a.offset == b.offset && a.metadata == b.metadata;
}

void recall_init(struct recall *r)
{
	list_init(&r->entries);
}

static void forget(struct entry *e)
{
	list_remove(&e->node);
	buf_release(&e->map);
	free(e->topic);
	free(e);
}

void recall_release(struct recall *r)
{
	struct list *node;

	while ((node = list_first(&r->entries)) != NULL)
		forget(list_entry(node, struct entry, node));
}

static struct entry *find(const struct recall *r, const char *topic, int32_t partition)
{
	list_foreach (node, &r->entries) {
		struct entry *e = list_entry(node, struct entry, node);

		if (e->partition == partition && strcmp(e->topic, topic) == 0)
			return e;
	}
	return NULL;
}

void recall_keep(struct recall *r, const char *topic, int32_t partition,
	struct recall_mark acknowledged, struct recall_mark sent, int64_t position,
	struct buf *map)
{
	struct entry *e = find(r, topic, partition);

	if (e != NULL)
		forget(e);
	e = xcalloc(1, sizeof *e);
	e->topic = xstrdup(topic);
	e->partition = partition;
	e->acknowledged = acknowledged;
	e->sent = sent;
	e->position = position;
	e->map = *map;
	list_append(&r->entries, &e->node);
}

bool recall_take(struct recall *r, const char *topic, int32_t partition,
	struct recall_mark found, int64_t *ret_position, struct buf *ret_map)
{
	struct entry *e = find(r, topic, partition);
	bool believed =
		e != NULL && (is_same(found, e->acknowledged) || is_same(found, e->sent));

	if (e == NULL)
		return false;
	if (believed) {
		*ret_position = e->position;
		*ret_map = e->map;
		buf_init(&e->map, BUF_UNLIMITED);
	}
	forget(e);
	return believed;
}
