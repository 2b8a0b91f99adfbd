/* SPDX-License-Identifier: Apache-2.0 */
/* io/http/http.h with made-up endpoints. What was sent is read back from the Idempotency-Key. */
#include <stdio.h>
#include <stdlib.h>

#include "io/http/http.h"
#include "sim.h"

#define AN_HOUR_MS 3600000

const struct http_settings http_default_settings = {
	.connect_timeout_ms = 10000,
	.timeout_ms = 30000,
	.max_lifetime_ms = 300000,
	.idle_timeout_ms = 90000,
	.response_keep_bytes = 16384,
	.response_max_bytes = 1048576,
	.http2_max_connections = 4,
};

struct http_client {
	struct loop *loop;
	unsigned endpoint, in_flight;
};

struct http_transfer {
	struct http_client *client;
	struct http_request *request;
	struct loop_timer answer;
	int32_t partition;
	int64_t offset;
	unsigned target;
	struct sim_record *record;
	bool served; /* the endpoint has taken it, whatever we get to know */
	char head[32];
	struct http_result result;
};

bool http_settings_equal(const struct http_settings *a, const struct http_settings *b)
{
	return a->timeout_ms == b->timeout_ms;
}

struct http_client *http_client_new(
	struct loop *l, const struct http_settings *s, struct err *err)
{
	struct http_client *c = xcalloc(1, sizeof *c);

	(void)err;
	c->loop = l;
	c->endpoint = sim_lane_of(s->name);
	return c;
}

void http_client_free(struct http_client *c)
{
	if (c != NULL && c->in_flight > 0)
		sim_fail("a client was freed with %u requests in flight", c->in_flight);
	free(c);
}

static const char *header(const struct http_request *r, const char *name)
{
	const char *line = r->headers;
	size_t len = strlen(name);

	for (size_t i = 0; i < r->header_count; i++, line += strlen(line) + 1)
		if (strncmp(line, name, len) == 0 && line[len] == ':')
			return line + len + 2;
	return "";
}

static void identify(struct http_transfer *t)
{
	const char *key = header(t->request, "Idempotency-Key");
	long long offset;
	int partition;
	unsigned target;
	char rule;

	if (sscanf(key, "orders-%d-%lld-%c-%u", &partition, &offset, &rule, &target) != 4) {
		sim_fail("no Idempotency-Key that says what this is: '%s'", key);
		return;
	}
	t->partition = partition;
	t->offset = offset;
	t->target = target - 1;
	t->record = sim_find(t->client->endpoint, partition, offset);
}

static void reply(struct http_transfer *t, int status)
{
	t->result.transport = RETRY_TRANSPORT_OK;
	t->result.status = status;
	t->served = status >= 200 && status <= 299;
}

static void reset(struct http_transfer *t, bool served)
{
	t->result.transport = RETRY_TRANSPORT_RESET;
	t->result.status = 0;
	t->served = served;
}

/* Decides the answer; returns after how long it comes. */
static int64_t behave(struct http_transfer *t)
{
	bool early = loop_now_ms(t->client->loop) < AN_HOUR_MS;

	reply(t, 204);
	switch (world.endpoints[t->client->endpoint].behaviour) {
	case SIM_INSTANT:
		return (int64_t)sim_random(2);
	case SIM_20_MS:
		return 20;
	case SIM_10_S:
		return 10000;
	case SIM_DOWN_FOR_AN_HOUR:
		if (early)
			reply(t, 503);
		return 5;
	case SIM_THROTTLES:
		if (sim_chance(20)) {
			reply(t, 429);
			snprintf(t->head, sizeof t->head, "Retry-After: %u\n",
				(unsigned)sim_random(5));
			t->result.head = slice_str(t->head);
		}
		return 5;
	case SIM_RESETS:
		if (sim_chance(33))
			reset(t, sim_chance(50));
		return (int64_t)sim_random(30);
	case SIM_HALF_OF_KEYS_FAIL:
		if (t->record->key % 4 == 1)
			reply(t, 400);
		else if (t->record->key % 4 == 3 && early)
			reply(t, 503);
		return 5;
	case SIM_NR_BEHAVIOURS:
		break;
	}
	return 0;
}

static void transfer_ends(struct http_transfer *t)
{
	t->request->transfer = NULL;
	t->client->in_flight--;
	if (t->record != NULL)
		sim_left_wire(sim_loop_engine(t->client->loop), t->client->endpoint, t->record,
			t->target, t->served);
}

static void answer_comes(struct loop_timer *timer)
{
	struct http_transfer *t = container_of(timer, struct http_transfer, answer);

	transfer_ends(t);
	t->request->done(t->request, &t->result);
	free(t);
}

void http_submit(struct http_client *c, struct http_request *r)
{
	struct http_transfer *t = xcalloc(1, sizeof *t);

	t->client = c;
	t->request = r;
	r->transfer = t;
	t->answer.fire = answer_comes;
	c->in_flight++;
	identify(t);
	if (t->record == NULL)
		return;
	sim_sent(sim_loop_engine(c->loop), c->endpoint, t->partition, t->offset, t->target);
	loop_timer_set(c->loop, &t->answer, loop_now_ms(c->loop) + behave(t));
}

void http_cancel(struct http_request *r)
{
	struct http_transfer *t = r->transfer;

	if (t == NULL)
		return;
	/* The endpoint may have had it already. */
	t->served = t->served && sim_chance(50);
	transfer_ends(t);
	loop_timer_cancel(t->client->loop, &t->answer);
	free(t);
}

struct http_client_state http_client_get_state(const struct http_client *c)
{
	return (struct http_client_state){.in_flight = c->in_flight};
}
