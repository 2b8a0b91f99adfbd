/* SPDX-License-Identifier: Apache-2.0 */
#include "core/gate/quota.h"

void quota_init(struct quota *q, int64_t rate_per_1000s, unsigned burst, int64_t now_ms)
{
	*q = (struct quota){.held_until_ms = INT64_MIN};
	bucket_init(&q->bucket, rate_per_1000s, burst, now_ms);
}

void quota_set_rate(struct quota *q, int64_t rate_per_1000s, unsigned burst, int64_t now_ms)
{
	bucket_set_rate(&q->bucket, rate_per_1000s, burst, now_ms);
	q->generation++;
}

void quota_set_share(struct quota *q, unsigned part, unsigned whole, int64_t now_ms)
{
	bucket_set_share(&q->bucket, part, whole, now_ms);
	q->generation++;
}

void quota_hold(struct quota *q, int64_t until_ms)
{
	q->held_until_ms = max_i64(q->held_until_ms, until_ms);
}

int64_t quota_ready_at(struct quota *q, struct quota_member *m, int64_t now_ms)
{
	if (m->has_turn && m->generation != q->generation)
		quota_return(q, m);
	if (!m->has_turn) {
		int64_t at_ms = bucket_ready_at(&q->bucket, now_ms);

		if (at_ms == INT64_MAX)
			return at_ms;
		bucket_take(&q->bucket);
		*m = (struct quota_member){true, q->generation, at_ms};
	}
	return max_i64(max_i64(m->turn_ms, q->held_until_ms), now_ms);
}

void quota_take(struct quota_member *m)
{
	m->has_turn = false;
}

void quota_return(struct quota *q, struct quota_member *m)
{
	if (m->has_turn)
		bucket_give_back(&q->bucket);
	m->has_turn = false;
}

void quota_give_back(struct quota *q)
{
	bucket_give_back(&q->bucket);
}
