/* SPDX-License-Identifier: Apache-2.0 */
/*
 * key_queue.h - who stands behind whom: a table of lines, each with one holder.
 *
 * A line exists while somebody holds it. Who comes to a line that is held is queued in it
 * and not looked at again until it is his turn; so joining and leaving cost O(1) however
 * many wait. Line objects are kept for the next ones, up to a bound.
 *
 * Numbers are expected to be hashes already (those of keys are).
 */
#ifndef CORE_GATE_KEY_QUEUE_H
#define CORE_GATE_KEY_QUEUE_H

#include "base/list.h"

struct line {
	uint64_t number;
	struct line *next; /* in its bucket, or among the spare ones */
	struct list queue;
};

struct line_table {
	struct line **buckets; /* a power of two of them */
	size_t bucket_count, count;
	struct line *spare;
	size_t spare_count;
};

void line_table_init(struct line_table *t);
/* No line may be held any more. */
void line_table_release(struct line_table *t);

/* The line of @number. It was free: *ret_held is true, the caller holds it now. Else @node has
 * been queued in it. */
struct line *line_join(
	struct line_table *t, uint64_t number, struct list *node, bool *ret_held);
/* The holder goes. The node whose turn it is, and who holds the line now; or NULL: the line is
 * gone. */
struct list *line_pass(struct line_table *t, struct line *l);

#endif
