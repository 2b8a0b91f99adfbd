/* SPDX-License-Identifier: Apache-2.0 */
/* stall.c - a workaround for a stall of librdkafka before 2.2. It can be deleted when Debian
 * 12, which has 2.0.2, is no longer supported; newer versions have fetch.queue.backoff.ms.
 *
 * When the queues of all partitions on a broker are full, the broker's thread looks at them
 * again only when something else wakes it, at the latest after a second, however soon they
 * are read empty. So a lane is limited to its prefetch a second: 43,000 records of 1 KB with
 * 32 MiB.
 *
 * Sending a request to a broker wakes its thread. So while a queue is empty although the log
 * has more records, we ask for metadata and don't wait for the answer. librdkafka chooses
 * the broker, so with several brokers it may take several requests. Only lanes that starve
 * do this. */
#include <librdkafka/rdkafka.h>

#include "source_private.h"

#define NUDGE_EVERY_MS 5

static bool is_starving(const struct source_part *part)
{
	int64_t low, high;

	if (part->has_records || part->revoked || part->held || part->next < 0)
		return false;
	source_watermarks(part->source, &part->public, &low, &high);
	return high > part->next;
}

static bool has_starving(const struct source *s)
{
	list_foreach (node, &s->parts)
		if (is_starving(list_entry(node, struct source_part, node)))
			return true;
	return false;
}

static void on_nudge(struct loop_timer *t)
{
	struct source *s = container_of(t, struct source, nudge);
	const struct rd_kafka_metadata *md = NULL;

	if (s->phase != SOURCE_RUNNING || !has_starving(s))
		return;
	rd_kafka_metadata(kafka_client_handle(s->client), 0, NULL, &md, 0);
	if (md != NULL)
		rd_kafka_metadata_destroy(md);
	loop_timer_set(s->loop, t, loop_now_ms(s->loop) + NUDGE_EVERY_MS);
}

void source_nudge_init(struct source *s)
{
	s->nudge.fire = on_nudge;
	s->nudge_needed = !kafka_is_version(2, 2, 0);
}

void source_nudge_release(struct source *s)
{
	loop_timer_cancel(s->loop, &s->nudge);
}

void source_nudge_empty(struct source_part *part)
{
	struct source *s = part->source;

	if (s->nudge_needed && !loop_timer_is_set(&s->nudge) && is_starving(part))
		loop_timer_set(s->loop, &s->nudge, loop_now_ms(s->loop) + 1);
}
