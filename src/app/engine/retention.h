/* SPDX-License-Identifier: Apache-2.0 */
/*
 * retention.h - how long Kafka keeps the records of the topics that are read.
 *
 * What retention removes before it was delivered is the one loss that nobody can prevent but
 * the operator, so he must hear of it while there is time. A topic is asked for when a lane
 * first meets it, and again every RETENTION_ASK_MS, since its retention may be changed to
 * mend just that.
 *
 * A record is near its end from three quarters of the retention on, and no longer below half
 * of it: the two apart, so that one line is said and not a hundred.
 *
 * Belongs to its loop.
 */
#ifndef APP_ENGINE_RETENTION_H
#define APP_ENGINE_RETENTION_H

#include "app/conf/conf.h"
#include "io/loop.h"

#define RETENTION_ASK_MS (10 * 60 * 1000)

struct retention;

struct retention *retention_new(struct loop *loop);
/* Kafka is reached as @conf says, from now on. */
void retention_configure(struct retention *r, struct conf *conf);
/* Accepts NULL. */
void retention_free(struct retention *r);

/* INT64_MAX: for ever; -1: not known (now), and asked for. */
int64_t retention_of(struct retention *r, const char *topic);

/* Is a record of @age_ms near its end? @was: what was answered before. */
static inline bool retention_is_near(int64_t age_ms, int64_t retention_ms, bool was)
{
	if (retention_ms <= 0 || retention_ms == INT64_MAX)
		return false;
	return age_ms >= (was ? retention_ms / 2 : retention_ms / 4 * 3);
}

#endif
