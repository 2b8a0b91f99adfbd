/* SPDX-License-Identifier: Apache-2.0 */
/*
 * rebalance.c - assignment and revocation.
 *
 * librdkafka gives us a rebalance as an event and goes on only when we answer it with assign
 * or unassign; its heartbeats are not held up by that. So both answers can wait: the first for
 * the committed offsets, the second for the owner.
 */
#include <librdkafka/rdkafka.h>

#include "base/log.h"
#include "source_private.h"

#define ASK_TIMEOUT_MS   10000
#define ASK_AGAIN_MS     500
#define CLOSE_STEP_MS    10
#define LEAVE_RESERVE_MS 2000

static bool is_cooperative(const struct source *s)
{
	return strcmp(rd_kafka_rebalance_protocol(kafka_client_handle(s->client)),
		       "COOPERATIVE") == 0;
}

/* If librdkafka refuses an answer it logs why; nothing else can be done about it. */
static void answer_assign(struct source *s, rd_kafka_topic_partition_list_t *list)
{
	rd_kafka_t *rk = kafka_client_handle(s->client);

	if (is_cooperative(s)) {
		rd_kafka_error_t *error = rd_kafka_incremental_assign(rk, list);

		if (error != NULL)
			rd_kafka_error_destroy(error);
	} else {
		rd_kafka_assign(rk, list);
	}
}

static void answer_unassign(struct source *s, rd_kafka_topic_partition_list_t *list)
{
	rd_kafka_t *rk = kafka_client_handle(s->client);

	if (is_cooperative(s) && s->phase < SOURCE_LEAVING) {
		rd_kafka_error_t *error = rd_kafka_incremental_unassign(rk, list);

		if (error != NULL)
			rd_kafka_error_destroy(error);
	} else {
		rd_kafka_assign(rk, NULL);
	}
}

static void forget_arriving(struct source *s)
{
	if (s->arriving == NULL)
		return;
	rd_kafka_topic_partition_list_destroy(s->arriving);
	s->arriving = NULL;
	s->asked++;
	source_start_cancel(s);
	loop_timer_cancel(s->loop, &s->ask_again);
}

static int64_t first_offset(const struct source *s, int64_t wanted)
{
	if (wanted >= 0)
		return wanted;
	if (strcmp(s->auto_offset_reset, "latest") == 0)
		return RD_KAFKA_OFFSET_END;
	if (strcmp(s->auto_offset_reset, "error") == 0)
		return RD_KAFKA_OFFSET_INVALID; /* librdkafka finds no offset and reports it */
	return RD_KAFKA_OFFSET_BEGINNING;
}

/* @known: what the group has committed, or NULL when nothing was asked. */
static void begin_part(struct source *s, rd_kafka_topic_partition_t *elem,
	const rd_kafka_topic_partition_list_t *known)
{
	const rd_kafka_topic_partition_t *found =
		known == NULL ? NULL
			      : rd_kafka_topic_partition_list_find(
					(rd_kafka_topic_partition_list_t *)known, elem->topic,
					elem->partition);
	int64_t committed = found != NULL && found->offset >= 0 ? found->offset : -1;
	struct slice metadata = {NULL, 0};
	struct source_part *part = source_part_new(s, elem->topic, elem->partition);

	if (committed >= 0 && found->metadata_size > 0)
		metadata = slice_of(found->metadata, found->metadata_size);
	part->next = s->cb.assigned(s->ctx, &part->public, committed, metadata);
	elem->offset = first_offset(s, part->next);
}

void source_group_apply(struct source *s, const rd_kafka_topic_partition_list_t *known)
{
	rd_kafka_topic_partition_list_t *list = s->arriving;

	s->arriving = NULL;
	for (int i = 0; i < list->cnt; i++)
		begin_part(s, &list->elems[i], known);
	answer_assign(s, list);
	rd_kafka_topic_partition_list_destroy(list);
	s->joined = true;
	kafka_client_alive(s->client);
	kafka_client_set_error(s->client, "");
	source_ends_soon(s);
	source_share_update(s);
}

/* Ask what the group has committed. The answer comes as an event. */
static void ask_committed(struct source *s)
{
	rd_kafka_t *rk = kafka_client_handle(s->client);
	rd_kafka_ListConsumerGroupOffsets_t *question =
		rd_kafka_ListConsumerGroupOffsets_new(s->group_id, s->arriving);
	rd_kafka_AdminOptions_t *options =
		rd_kafka_AdminOptions_new(rk, RD_KAFKA_ADMIN_OP_LISTCONSUMERGROUPOFFSETS);

	rd_kafka_AdminOptions_set_request_timeout(options, ASK_TIMEOUT_MS, NULL, 0);
	rd_kafka_AdminOptions_set_opaque(options, (void *)++s->asked);
	rd_kafka_ListConsumerGroupOffsets(
		rk, &question, 1, options, kafka_client_queue(s->client));
	rd_kafka_AdminOptions_destroy(options);
	rd_kafka_ListConsumerGroupOffsets_destroy(question);
}

static void on_ask_again(struct loop_timer *t)
{
	struct source *s = container_of(t, struct source, ask_again);

	if (s->arriving != NULL && s->phase == SOURCE_RUNNING)
		ask_committed(s);
}

/* Don't begin at all while an offset is unknown: reading from anywhere else would skip or
 * repeat records. */
static const char *first_error(const rd_kafka_topic_partition_list_t *list)
{
	for (int i = 0; i < list->cnt; i++)
		if (list->elems[i].err != RD_KAFKA_RESP_ERR_NO_ERROR &&
			list->elems[i].err != RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART)
			return rd_kafka_err2str(list->elems[i].err);
	return NULL;
}

/* The partitions of the answer, or NULL and why not. */
static const rd_kafka_topic_partition_list_t *read_answer(
	rd_kafka_event_t *ev, const char **ret_problem)
{
	const rd_kafka_ListConsumerGroupOffsets_result_t *result =
		rd_kafka_event_ListConsumerGroupOffsets_result(ev);
	const rd_kafka_topic_partition_list_t *list;
	const rd_kafka_group_result_t **groups;
	size_t count = 0;

	*ret_problem = rd_kafka_event_error_string(ev);
	if (rd_kafka_event_error(ev) != RD_KAFKA_RESP_ERR_NO_ERROR || result == NULL)
		return NULL;
	groups = rd_kafka_ListConsumerGroupOffsets_result_groups(result, &count);
	if (count == 0)
		return NULL;
	if (rd_kafka_group_result_error(groups[0]) != NULL) {
		*ret_problem = rd_kafka_error_string(rd_kafka_group_result_error(groups[0]));
		return NULL;
	}
	list = rd_kafka_group_result_partitions(groups[0]);
	*ret_problem = list ? first_error(list) : "no partitions in the answer";
	return *ret_problem == NULL ? list : NULL;
}

void source_group_ask_again(struct source *s)
{
	loop_timer_set(s->loop, &s->ask_again, loop_now_ms(s->loop) + ASK_AGAIN_MS);
}

void source_group_retry(struct source *s, const char *problem)
{
	kafka_client_set_error(s->client, problem);
	log_warn("committed_offsets_unknown",
		"the group's committed offsets cannot be read; partitions wait for them",
		log_str("group", s->group_id), log_str("error", problem));
	source_group_ask_again(s);
}

static void take_committed(struct source *s, rd_kafka_event_t *ev)
{
	const rd_kafka_topic_partition_list_t *known;
	const char *problem;

	if (s->arriving == NULL || s->phase != SOURCE_RUNNING ||
		(uintptr_t)rd_kafka_event_opaque(ev) != s->asked)
		return;
	known = read_answer(ev, &problem);
	if (known == NULL)
		source_group_retry(s, problem);
	else if (!source_start_begin(s, known))
		source_group_apply(s, known);
}

static void take_assign(struct source *s, const rd_kafka_topic_partition_list_t *list)
{
	forget_arriving(s);
	s->arriving = rd_kafka_topic_partition_list_copy(list);
	if (s->phase >= SOURCE_LEAVING) {
		forget_arriving(s);
		answer_unassign(s, NULL);
	} else if (list->cnt == 0) {
		source_group_apply(s, NULL);
	} else if (s->phase == SOURCE_RUNNING) {
		ask_committed(s);
	}
}

static void revoke_part(struct source *s, struct source_part *part, bool lost)
{
	source_part_silence(part);
	if (lost) {
		list_remove(&part->node);
		list_append(&s->lost, &part->node);
	}
	s->cb.revoked(s->ctx, &part->public, lost ? SOURCE_LOST : SOURCE_REVOKED);
}

/* Answer the revocation once the owner has released every revoked partition. */
static void try_finish_revoke(struct source *s)
{
	if (s->leaving == NULL)
		return;
	if (!s->leaving_lost && s->phase < SOURCE_LEAVING)
		list_foreach (node, &s->parts)
			if (list_entry(node, struct source_part, node)->revoked)
				return;
	answer_unassign(s, s->leaving);
	rd_kafka_topic_partition_list_destroy(s->leaving);
	s->leaving = NULL;
	source_share_update(s);
}

static void take_revoke(struct source *s, const rd_kafka_topic_partition_list_t *list)
{
	bool lost = s->dead || rd_kafka_assignment_lost(kafka_client_handle(s->client));

	forget_arriving(s);
	for (int i = 0; i < list->cnt; i++) {
		struct source_part *part =
			source_part_find(s, list->elems[i].topic, list->elems[i].partition);

		if (part != NULL && !part->revoked)
			revoke_part(s, part, lost);
	}
	/* Only now: while it was told of the last partition, the owner may have released the
	 * first. */
	if (s->leaving != NULL)
		rd_kafka_topic_partition_list_destroy(s->leaving);
	s->leaving = rd_kafka_topic_partition_list_copy(list);
	s->leaving_lost = lost;
	s->joined = s->joined && !lost;
	try_finish_revoke(s);
}

void source_release(struct source *s, struct source_partition *p)
{
	source_part_free(source_part_of(p));
	try_finish_revoke(s);
}

static void take_rebalance(struct source *s, rd_kafka_event_t *ev)
{
	rd_kafka_topic_partition_list_t *list = rd_kafka_event_topic_partition_list(ev);

	switch (rd_kafka_event_error(ev)) {
	case RD_KAFKA_RESP_ERR__ASSIGN_PARTITIONS:
		s->rebalances++;
		take_assign(s, list);
		break;
	case RD_KAFKA_RESP_ERR__REVOKE_PARTITIONS:
		take_revoke(s, list);
		break;
	default:
		kafka_client_set_error(s->client, rd_kafka_event_error_string(ev));
		rd_kafka_assign(kafka_client_handle(s->client), NULL);
	}
}

void source_group_event(struct source *s, rd_kafka_event_t *ev)
{
	switch (rd_kafka_event_type(ev)) {
	case RD_KAFKA_EVENT_REBALANCE:
		take_rebalance(s, ev);
		break;
	case RD_KAFKA_EVENT_LISTCONSUMERGROUPOFFSETS_RESULT:
		take_committed(s, ev);
		break;
	default:
		break;
	}
}

static void revoke_all(struct source *s)
{
	struct list *node = s->parts.next;

	/* The owner may release partitions within the callback: start from the beginning
	 * after each. */
	while (node != &s->parts) {
		struct source_part *part = list_entry(node, struct source_part, node);

		node = node->next;
		if (part->revoked)
			continue;
		revoke_part(s, part, s->dead);
		node = s->parts.next;
	}
}

static void leave(struct source *s)
{
	rd_kafka_t *rk = kafka_client_handle(s->client);
	rd_kafka_error_t *error;

	s->phase = SOURCE_LEAVING;
	error = rd_kafka_consumer_close_queue(rk, kafka_client_queue(s->client));
	if (error != NULL)
		rd_kafka_error_destroy(error);
	/* An unanswered rebalance would hold up the whole group. */
	if (s->arriving != NULL) {
		forget_arriving(s);
		answer_unassign(s, NULL);
	}
	try_finish_revoke(s);
}

static void on_close_step(struct loop_timer *t)
{
	struct source *s = container_of(t, struct source, close_step);
	int64_t now_ms = loop_now_ms(s->loop);

	if (s->phase == SOURCE_DRAINING) {
		revoke_all(s);
		if ((list_is_empty(&s->parts) && !s->committing) || now_ms >= s->drain_by_ms)
			leave(s);
	}
	if (s->phase == SOURCE_LEAVING &&
		(rd_kafka_consumer_closed(kafka_client_handle(s->client)) ||
			now_ms >= s->close_by_ms || s->dead)) {
		s->phase = SOURCE_CLOSED;
		s->cb.closed(s->ctx);
		return;
	}
	loop_timer_set(s->loop, t, now_ms + CLOSE_STEP_MS);
}

void source_close(struct source *s, int64_t timeout_ms)
{
	if (s->phase != SOURCE_RUNNING)
		return;
	s->phase = SOURCE_DRAINING;
	s->close_by_ms = loop_now_ms(s->loop) + timeout_ms;
	s->drain_by_ms = s->close_by_ms - min_i64(LEAVE_RESERVE_MS, timeout_ms / 4);
	loop_timer_cancel(s->loop, &s->ask_again);
	source_start_cancel(s);
	loop_timer_set(s->loop, &s->close_step, loop_now_ms(s->loop));
}

void source_group_init(struct source *s)
{
	s->ask_again.fire = on_ask_again;
	s->close_step.fire = on_close_step;
	source_start_init(s);
}

void source_group_release(struct source *s)
{
	forget_arriving(s);
	if (s->leaving != NULL)
		rd_kafka_topic_partition_list_destroy(s->leaving);
	loop_timer_cancel(s->loop, &s->close_step);
}
