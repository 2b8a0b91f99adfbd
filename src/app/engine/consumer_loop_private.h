/* SPDX-License-Identifier: Apache-2.0 */
/* What consumer_loop.c and consumer_commit.c share. */
#ifndef APP_ENGINE_CONSUMER_LOOP_PRIVATE_H
#define APP_ENGINE_CONSUMER_LOOP_PRIVATE_H

#include "app/engine/consumer_loop.h"

/* Is there anything that a commit would tell Kafka? */
bool consumer_has_news(const struct consumer_partition *p);
/* Commit now, or set the timer for it. */
void consumer_commit_if_due(struct consumer_loop *l);
void consumer_commit_timer(struct loop_timer *timer);
/* The commit in flight has ended. */
void consumer_committed(struct consumer_loop *l, int code, const char *text);

#endif
