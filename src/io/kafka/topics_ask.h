/* SPDX-License-Identifier: Apache-2.0 */
/*
 * topics_ask.h - the blocking half of topics.h, which runs in a thread and touches only its
 * work; for topics.c.
 */
#ifndef IO_KAFKA_TOPICS_ASK_H
#define IO_KAFKA_TOPICS_ASK_H

#include "io/kafka/topics.h"

struct rd_kafka_s;

struct topics_work {
	struct topics_info *infos; /* their names are the work's */
	size_t count;
	bool create_wanted;
	struct topics_create create;
	int timeout_ms;
	bool has_controller;
	char *bootstrap_servers; /* for the commands in the reasons */
};

void topics_ask(struct rd_kafka_s *rk, struct topics_work *work);

#endif
