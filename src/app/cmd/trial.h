/* SPDX-License-Identifier: Apache-2.0 */
/*
 * trial.h - one event tried on a configuration, without Kafka: which rules match it, and what
 * would be sent.
 *
 * The same compiled patterns and plans as in the daemon say it. What is shown has its secrets
 * masked: trial_show(). A trial belongs to one thread and borrows its configuration.
 */
#ifndef APP_CMD_TRIAL_H
#define APP_CMD_TRIAL_H

#include "app/conf/conf.h"
#include "core/event/envelope.h"

struct trial {
	const struct conf *conf;
	struct event *ev;
	struct jx_index ix, metadata_ix;
	struct envelope_work work;
	struct buf metadata;
	struct request request; /* the last one rendered */
	struct request_work request_work;
};

/* Copies the record. */
void trial_init(struct trial *t, const struct conf *conf, const struct event_fields *record);
void trial_release(struct trial *t);

/* 1: the rule matches; 0: it does not; ERR_INVALID, ERR_LIMIT: the record is no event of the
 * consumer's format. @why (NULL: not wanted) gets lines for a person. */
int trial_match(
	struct trial *t, const struct conf_rule *rule, struct buf *why, struct err *err);

/* After the target's rule has matched: fill t->request. As request_render(). */
int trial_render(struct trial *t, const struct conf_target *target, const char **ret_code,
	struct err *err) ATTR_MUST_CHECK;

/* t->request as it may be seen. */
struct trial_shown {
	struct buf url, headers, body; /* headers: "Name: value" lines, newlines behind them */
};

void trial_show(const struct trial *t, const struct conf_target *target, struct trial_shown *s);
void trial_shown_release(struct trial_shown *s);

/* What came back when t->request was really sent, once. */
struct trial_reply {
	int status;      /* 0: none */
	char *error;     /* NULL: there is a status */
	struct buf body; /* its beginning */
	int64_t total_ms;
};

void trial_send(struct trial *t, const struct conf_target *target, struct trial_reply *ret);
void trial_reply_release(struct trial_reply *r);

#endif
