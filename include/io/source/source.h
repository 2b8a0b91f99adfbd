/* SPDX-License-Identifier: Apache-2.0 */
/*
 * source.h - a lane's Kafka consumer on the loop, without a blocking call.
 *
 * The owner pulls records (source_next), so that back-pressure is simply not pulling: no
 * pause call. Each assigned partition has a queue of its own in librdkafka
 * that wakes the loop; the main queue (rebalances, commits, errors) is always served, so a lane
 * that does not pull for an hour keeps its membership.
 *
 * A partition's life:
 *
 *   assigned() --> records by source_next() --> revoked() --> source_release()
 *
 * On assignment the committed offset and its metadata are fetched without blocking and
 * handed to assigned(), which answers where to read from. On revocation the source gives
 * no more records of it; the owner lets what is on the wire finish, commits, and calls
 * source_release(); when all revoked partitions are released the group goes on. A lost
 * partition (SOURCE_LOST) is another's already: it must not be committed (source_commit()
 * leaves it out), and the group does not wait for it. Every partition is given back by
 * source_release() once, a lost one too, at the latest before source_free(); until then its
 * pointer is good. Releasing within revoked() is fine.
 *
 * auto_offset_reset is for a group that is new to a topic, or to all topics that a pattern matches.
 * With "latest" the source commits the ends, and then hands them to assigned() as @committed, so
 * that a restart before the first event loses nothing. A partition without an offset in a topic
 * where the group has some was added later: it begins at its beginning (start.c).
 *
 * When a topic is made anew or truncated, its offsets begin again: its partition is revoked
 * (SOURCE_ANEW) and assigned again, without a rebalance. This happens within source_next().
 *
 * Prefetch: librdkafka's limit holds for each partition and is fixed before the number of
 * partitions is known. So prefetch_bytes (0: 32 MiB) is divided by 8, but at least 1 MiB, and
 * at most one message for each 64 bytes of it or 100,000. A lane with more than 8 busy
 * partitions that does not pull can hold more than prefetch_bytes; set
 * queued.max.messages.kbytes in the properties where that matters. A small limit costs no
 * throughput: newer versions look again after fetch.queue.backoff.ms, older ones, which by
 * themselves would after a second, are nudged (stall.c).
 *
 * Properties that carry our promises are refused with the reason (enable.auto.commit,
 * group.id, auto.offset.reset ...); all other defaults may be changed.
 *
 * Log lines from here: those of kafka.h, and topic_began_again, offset_out_of_range,
 * partition_error, committed_offsets_unknown, kafka_error, kafka_cooperative_old_library.
 *
 * Owned by one loop; every callback comes from it, and none before source_new() has returned.
 * source_free() may be called by closed() and fenced(), and by no other callback.
 */
#ifndef IO_SOURCE_SOURCE_H
#define IO_SOURCE_SOURCE_H

#include "base/buf.h"
#include "base/err.h"
#include "core/event/event.h"
#include "io/loop.h"

struct source_settings {
	const char *name; /* of the lane, for texts */
	const char *group_id;
	const char *instance_id;   /* NULL: dynamic membership */
	const char *const *topics; /* names, and patterns that begin with ^ */
	size_t topic_count;
	const char *auto_offset_reset; /* "earliest", "latest", "error" */
	const char *const
		*properties; /* "name=value" for librdkafka, in order; secrets expanded */
	size_t property_count;
	size_t prefetch_bytes; /* of the whole lane, divided among its partitions */
};

struct source;

struct source_partition {
	const char *topic; /* the source's, until source_release() */
	int32_t partition;
	void *owner; /* the lane's: what assigned() put there */
};

enum source_end {
	SOURCE_REVOKED, /* to be committed and released */
	SOURCE_LOST,    /* is another's already: no commit is taken */
	SOURCE_ANEW,    /* lost, and its offsets mean nothing any more */
};

struct source_callbacks {
	/* Where to read from: @committed (or -1) is what the group has, @metadata what was
	 * committed with it, both gone when this returns. Return the offset of the first record
	 * wanted, or -1 for auto_offset_reset. */
	int64_t (*assigned)(void *ctx, struct source_partition *p, int64_t committed,
		struct slice metadata);
	void (*revoked)(void *ctx, struct source_partition *p, enum source_end end);
	/* There may be records to pull. It comes again only when source_next() has returned
	 * false, or a hold was lifted, or a second has passed. */
	void (*readable)(void *ctx);
	/* The commit that was in flight has ended: ERR_OK; ERR_STATE: the group is changing
	 * hands, commit again when it is settled what is ours; ERR_LIMIT: the metadata is
	 * larger than the broker allows; ERR_DENIED; ERR_IO: anything else. */
	void (*committed)(void *ctx, int code, const char *text);
	/* The number of partitions of all topics, or of ours, has changed. The whole is asked
	 * for after each assignment and once a minute; until it is known it equals ours. */
	void (*share_changed)(void *ctx, unsigned assigned, unsigned whole);
	/* There are no records between the last one and @offset, and none was there to be read:
	 * aborted transactions, or what compaction removed. */
	void (*passed)(void *ctx, struct source_partition *p, int64_t offset);
	/* Retention has eaten @count records before they were read. */
	void (*records_lost)(
		void *ctx, struct source_partition *p, int64_t from, int64_t count);
	/* Another process has our instance id: stop sending; the source is dead. */
	void (*fenced)(void *ctx, const char *text);
	/* source_close() is complete. */
	void (*closed)(void *ctx);
};

/* Starts to join. ERR_INVALID when librdkafka refuses a property: the text names it. */
struct source *source_new(struct loop *l, const struct source_settings *s,
	const struct source_callbacks *cb, void *ctx, struct err *err);

/*
 * The next record of any partition that is not held, in turn; false when there is none
 * now (readable() will tell). What *ret points to is valid until the next call.
 */
bool source_next(struct source *s, struct source_partition **ret_p, struct event_fields *ret);
/* While held, a partition gives no records (its prefetch stops at its limit). */
void source_hold(struct source *s, struct source_partition *p, bool held);
void source_release(struct source *s, struct source_partition *p);

struct source_commit {
	struct source_partition *partition;
	int64_t offset;
	struct slice metadata;
};

/* One at a time: ERR_STATE while one is in flight, or when nothing of it is ours (any more).
 * Copies what it is given. The metadata holds no NUL. */
int source_commit(
	struct source *s, const struct source_commit *items, size_t count) ATTR_MUST_CHECK;
bool source_is_committing(const struct source *s);

/*
 * Leave the group: revoked() for each partition, and when all are released and no commit is in
 * flight (or little of @timeout_ms is left) the group is told; then closed(), within
 * @timeout_ms. A static member (instance_id) does not tell the group: it is expected back.
 */
void source_close(struct source *s, int64_t timeout_ms);
/* After closed(), or at once when nothing matters any more. Accepts NULL. */
void source_free(struct source *s);

struct source_state {
	bool reachable;               /* a broker answers */
	bool joined;                  /* has an assignment, perhaps an empty one */
	int64_t unreachable_since_ms; /* wall time */
	char last_error[256];
	unsigned assigned, whole;
	uint64_t rebalances;
};

void source_get_state(const struct source *s, struct source_state *ret);

struct source_health {
	int64_t low, end; /* of the partition's log, as the broker says; -1: unknown now */
	/* Why it cannot be read; NULL: it can. Valid until the loop turns. */
	const char *problem;
};

void source_get_health(
	const struct source *s, const struct source_partition *p, struct source_health *ret);
/* The last known ends of the partition's log, or -1. No I/O. */
void source_watermarks(const struct source *s, const struct source_partition *p,
	int64_t *ret_low, int64_t *ret_high);
/* "librdkafka 2.0.2", for --version. */
const char *source_library_version(void);

#endif
