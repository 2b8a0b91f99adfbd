/* SPDX-License-Identifier: Apache-2.0 */
#include "partition.h"

#include <stdlib.h>

#include "base/log.h"

static uint64_t place_of(const char *group, const struct source_partition *source)
{
	uint64_t place = util_hash(group, strlen(group)) * 31 +
			 util_hash(source->topic, strlen(source->topic));

	return place * 31 + (uint64_t)source->partition;
}

struct partition *partition_new(struct lane *lane, const char *group,
	struct source_partition *source, const struct offsets_settings *s, int64_t committed,
	struct slice metadata)
{
	struct partition *p = xcalloc(1, sizeof *p);
	struct offsets_settings mine = *s;
	struct err err;

	p->lane = lane;
	p->source = source;
	mine.place = place_of(group, source);
	p->tracker = offsets_new(&mine, committed);
	list_init(&p->node);
	list_init(&p->deliveries);
	if (offsets_restore(p->tracker, metadata, &err) != 0)
		log_warn("completion_map_ignored",
			"the group's commit metadata is not ours or is damaged: what was delivered above the "
			"committed offset will be delivered again",
			log_str("topic", source->topic),
			log_int("partition", source->partition), log_int("offset", committed),
			log_str("reason", err.text));
	return p;
}

void partition_free(struct partition *p)
{
	list_remove(&p->node);
	partition_gauges_clear(&p->gauges);
	offsets_free(p->tracker);
	free(p);
}

bool partition_has_news(const struct partition *p)
{
	return offsets_position(p->tracker) >= 0 && offsets_changed(p->tracker);
}
