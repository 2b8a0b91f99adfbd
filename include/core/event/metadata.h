/* SPDX-License-Identifier: Apache-2.0 */
/*
 * metadata.h - the Kafka side of a record as JSON, for rules whose `kafka` pattern looks at it.
 *
 *   {"topic":"orders","partition":3,"key":"o-1","headers":{"kind":"x","trace":null}}
 *
 * The key is null when the record has none, and so is a header without a value. Bytes that are
 * no UTF-8 become U+FFFD. Of two headers with the same name a pattern sees the last.
 */
#ifndef CORE_EVENT_METADATA_H
#define CORE_EVENT_METADATA_H

#include "base/buf.h"
#include "core/event/event.h"
#include "core/json/json.h"

/* Room that is kept from record to record. Belongs to one thread. */
struct metadata {
	struct buf text;
	struct jx_index ix; /* over text */
};

void metadata_init(struct metadata *m);
void metadata_release(struct metadata *m);
/* The index over the metadata of @f, valid until the next call. */
const struct jx_index *metadata_index(struct metadata *m, const struct event_fields *f);

#endif
