/* SPDX-License-Identifier: Apache-2.0 */
#include "commit_cache.h"

#include <stdlib.h>

struct lost_partition {
	struct list node;
	char *topic;
	int32_t partition;
	struct commit_mark acknowledged, sent;
	int64_t position;
	struct buf map;
};

struct commit_mark commit_mark(int64_t offset, struct slice metadata)
{
	return (struct commit_mark){offset, util_hash(metadata.data, metadata.len)};
}

static bool is_same(struct commit_mark a, struct commit_mark b)
{
	return a.offset == b.offset && a.metadata == b.metadata;
}

void commit_cache_init(struct commit_cache *c)
{
	list_init(&c->entries);
}

static void forget(struct lost_partition *e)
{
	list_remove(&e->node);
	buf_release(&e->map);
	free(e->topic);
	free(e);
}

void commit_cache_release(struct commit_cache *c)
{
	struct list *node;

	while ((node = list_first(&c->entries)) != NULL)
		forget(list_entry(node, struct lost_partition, node));
}

static struct lost_partition *find(
	const struct commit_cache *c, const char *topic, int32_t partition)
{
	list_foreach (node, &c->entries) {
		struct lost_partition *e = list_entry(node, struct lost_partition, node);

		if (e->partition == partition && strcmp(e->topic, topic) == 0)
			return e;
	}
	return NULL;
}

void commit_cache_keep(struct commit_cache *c, const char *topic, int32_t partition,
	struct commit_mark acknowledged, struct commit_mark sent, int64_t position,
	struct buf *map)
{
	struct lost_partition *e = find(c, topic, partition);

	if (e != NULL)
		forget(e);
	e = xcalloc(1, sizeof *e);
	e->topic = xstrdup(topic);
	e->partition = partition;
	e->acknowledged = acknowledged;
	e->sent = sent;
	e->position = position;
	e->map = *map;
	list_append(&c->entries, &e->node);
}

bool commit_cache_take(struct commit_cache *c, const char *topic, int32_t partition,
	struct commit_mark found, int64_t *ret_position, struct buf *ret_map)
{
	struct lost_partition *e = find(c, topic, partition);
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
