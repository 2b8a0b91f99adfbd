/* SPDX-License-Identifier: Apache-2.0 */
/*
 * preview.h - what a configuration makes of one record, without Kafka: which rules match it, and
 * the request that would be sent.
 *
 * It runs the daemon's own compiled patterns, plans and signers. `test-event`, `check --tests`
 * and `dead-letters show` are its users:
 *
 *   preview_init()     one record
 *   preview_match()    against a rule; or preview_index(), when the rule is known to match
 *   preview_render()   the request for one of the rule's targets
 *   preview_show()     that request as lines, with its secrets masked or plain
 *   preview_send()     that request, really sent, once
 *
 * A preview belongs to one thread and borrows its configuration.
 */
#ifndef APP_PREVIEW_PREVIEW_H
#define APP_PREVIEW_PREVIEW_H

#include "app/conf/conf.h"
#include "app/conf/mask.h"
#include "base/json_writer.h"
#include "core/event/envelope.h"
#include "core/event/metadata.h"
#include "core/reply/reply.h"

struct preview {
	const struct conf *conf;
	struct event *ev;
	struct jx_index ix;
	struct envelope_work work;
	struct metadata metadata;
	struct request request; /* the last one rendered */
	struct request_work request_work;
};

/* Copies the record. */
void preview_init(
	struct preview *p, const struct conf *conf, const struct event_fields *record);
void preview_release(struct preview *p);

/* Read the record as its consumer does. ERR_INVALID, ERR_LIMIT: it is no event of the consumer's
 * format, and @ret_code, if not NULL, is "INVALID_EVENT". */
int preview_index(struct preview *p, const struct conf_consumer *consumer,
	const char **ret_code, struct err *err) ATTR_MUST_CHECK;

/* preview_index(), and then 1: the rule matches, or 0: it does not. @why (NULL: not wanted) gets
 * lines for a person. */
int preview_match(
	struct preview *p, const struct conf_rule *rule, struct buf *why, struct err *err);

/* After the record was indexed: fill p->request. As request_render(). */
int preview_render(struct preview *p, const struct conf_target *target, const char **ret_code,
	struct err *err) ATTR_MUST_CHECK;

/*
 * What is hidden in a request that is shown: every secret that the configuration knows, and all
 * values that the connection adds as parameters, however short. In a header that the connection
 * sets, its whole value is hidden.
 */
struct preview_mask {
	const struct conf *conf;
	struct conf_mask parameters; /* of the connection */
};

void preview_mask_init(struct preview_mask *m, const struct conf *conf,
	const struct conf_connection *connection);
void preview_mask_release(struct preview_mask *m);
/* Append @text to @out, masked. */
void preview_mask_text(const struct preview_mask *m, struct slice text, struct buf *out);

/* A request in the form in which it is shown. */
struct preview_shown {
	const char *method;
	struct buf url, headers, body; /* headers: "Name: value" lines, newlines behind them */
	bool has_body;
};

/* p->request, for @target. With a @mask its secrets are hidden; without (NULL) they stand there
 * plainly, to be compared. The headers that are made anew for each attempt are always hidden. */
void preview_show(const struct preview *p, const struct conf_target *target,
	const struct preview_mask *mask, struct preview_shown *ret);
void preview_shown_release(struct preview_shown *s);
/* As lines for a person, each behind @indent; without control characters. */
void preview_shown_print(const struct preview_shown *s, const char *indent, struct buf *out);
/* As the member "request" for a program. */
void preview_shown_write(const struct preview_shown *s, struct json_writer *w);
/* Append @text in lines, each behind @indent; without control characters. */
void preview_print_lines(struct slice text, const char *indent, struct buf *out);

/* What @reply would mean for @target: "delivered", "retry", "fail" or "reauthorize". *ret_rule is the
 * response rule that says so, or NULL: its status does. */
const char *preview_outcome(
	const struct conf_target *target, const struct reply *reply, const char **ret_rule);

/* What came back when p->request was really sent, once. */
struct preview_reply {
	int status;      /* 0: none */
	char *error;     /* NULL: there is a status */
	struct buf body; /* its beginning */
	int64_t total_ms;
};

void preview_send(
	struct preview *p, const struct conf_target *target, struct preview_reply *ret);
void preview_reply_release(struct preview_reply *r);

#endif
