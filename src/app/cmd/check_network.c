/* SPDX-License-Identifier: Apache-2.0 */
#include "check_network.h"

#include <stdio.h>
#include <stdlib.h>

#include "app/deadletters/letters.h"
#include "io/kafka/topics.h"

/* How often a connection is asked whether it has its token. */
#define LOOK_EVERY_MS 20

struct network;

/* One thing to be tried. */
struct network_check {
	struct network *network;
	const char *kind, *name;
	bool done, ok;
	int64_t took_ms;
	char text[600]; /* what was found, or why not */

	const struct conf_connection *login; /* of a connection: */
	struct connection *connection;
	struct connection_credentials credentials;
	struct http_client *client; /* of a destination: */
	struct http_request request;
};

struct network {
	struct loop *loop;
	struct conf *conf;
	int64_t began_ms;
	struct network_check *steps;
	size_t count, open;
	size_t topic_count,
		letters_from; /* the first steps are topics; from there on, letters' */
	struct topics *topics;
	struct loop_timer look, patience;
};

static void end(struct network_check *s, bool ok, const char *text)
{
	struct network *n = s->network;

	if (s->done)
		return;
	s->done = true;
	s->ok = ok;
	s->took_ms = loop_now_ms(n->loop) - n->began_ms;
	snprintf(s->text, sizeof s->text, "%s", text);
	if (--n->open == 0)
		loop_stop(n->loop);
}

/* --- topics ----------------------------------------------------------------------------- */

static void topic_known(
	struct network_check *s, const struct topics_info *info, bool will_be_made)
{
	char text[64];

	if (info->presence == TOPICS_THERE) {
		snprintf(text, sizeof text, "%u partitions", info->partitions);
		end(s, true, text);
	} else if (info->presence == TOPICS_MISSING && will_be_made) {
		end(s, true, "is missing, and will be made at the start (dead_letter_create)");
	} else {
		end(s, false, info->reason);
	}
}

static void topics_known(void *ctx, const struct topics_info *infos, size_t count)
{
	struct network *n = ctx;

	for (size_t i = 0; i < count; i++)
		topic_known(&n->steps[i], &infos[i],
			i >= n->letters_from && n->conf->dead_letter_create.enabled);
}

static void begin_topics(struct network *n)
{
	struct topics_settings s = {
		.name_count = n->topic_count,
		.timeout_ms = NETWORK_TIMEOUT_MS - 1000,
	};
	const char **names = xcalloc(n->topic_count + 1, sizeof *names);
	char **properties;
	struct err err;

	for (size_t i = 0; i < n->topic_count; i++)
		names[i] = n->steps[i].name;
	s.names = names;
	if (conf_kafka_properties(n->conf, NULL, &properties, &s.property_count, &err) == 0) {
		s.properties = (const char *const *)properties;
		n->topics = topics_look_up(n->loop, &s, topics_known, n, &err);
		conf_free_properties(properties, s.property_count);
	}
	for (size_t i = 0; n->topics == NULL && i < n->topic_count; i++)
		end(&n->steps[i], false, err.text);
	free(names);
}

/* --- connections ------------------------------------------------------------------------ */

static void look_at_connection(struct network_check *s)
{
	struct connection_message message = {.id = SLICE("msg_check"),
		.body = SLICE(""),
		.wall_ms = loop_wall_ms(s->network->loop),
		.method = "GET",
		.url = "https://localhost/"};
	struct connection_status status;

	if (connection_authorise(s->connection, &message, &s->credentials)) {
		end(s, true,
			s->login->settings.type == CONNECTION_OAUTH_CLIENT_CREDENTIALS
				? "a token was got"
				: "its credentials are there");
		return;
	}
	connection_get_status(s->connection, &status);
	if (status.state == CONNECTION_DEAUTHORIZED)
		end(s, false, status.reason);
}

static void begin_connection(struct network_check *s)
{
	struct err err;

	s->connection = connection_new(s->network->loop, &s->login->settings, &err);
	if (s->connection == NULL)
		end(s, false, err.text);
	else
		look_at_connection(s);
}

static void look_fire(struct loop_timer *timer)
{
	struct network *n = container_of(timer, struct network, look);

	for (size_t i = 0; i < n->count; i++)
		if (n->steps[i].connection != NULL && !n->steps[i].done)
			look_at_connection(&n->steps[i]);
	loop_timer_set(n->loop, timer, loop_now_ms(n->loop) + LOOK_EVERY_MS);
}

/* --- destinations ----------------------------------------------------------------------- */

static void connected(struct http_request *r, const struct http_result *result)
{
	struct network_check *s = container_of(r, struct network_check, request);
	char text[128];

	if (result->transport != RETRY_TRANSPORT_OK) {
		end(s, false, result->error);
		return;
	}
	if (result->tls_us > 0)
		snprintf(text, sizeof text, "connected, TLS in %lld ms",
			(long long)(result->tls_us - result->connect_us) / 1000);
	else
		snprintf(text, sizeof text, "connected");
	end(s, true, text);
}

static void begin_destination(struct network_check *s, const struct conf_destination *d)
{
	struct err err;

	s->client = http_client_new(s->network->loop, &d->http, &err);
	if (s->client == NULL) {
		end(s, false, err.text);
		return;
	}
	s->request = (struct http_request){
		.method = "GET", .url = d->endpoint, .connect_only = true, .done = connected};
	http_submit(s->client, &s->request);
}

/* --- the whole -------------------------------------------------------------------------- */

static struct network_check *add(struct network *n, const char *kind, const char *name)
{
	struct network_check *s;

	for (size_t i = 0; i < n->count; i++)
		if (n->steps[i].kind == kind && strcmp(n->steps[i].name, name) == 0)
			return &n->steps[i];
	s = &n->steps[n->count++];
	*s = (struct network_check){.network = n, .kind = kind, .name = name};
	connection_credentials_init(&s->credentials);
	return s;
}

static const char topic_kind[] = "topic", letters_kind[] = "dead-letter topic";

static void add_topics(struct network *n)
{
	const struct conf *c = n->conf;
	size_t count;
	struct letters_topic *letters = letters_topics(c, NULL, &count);

	for (size_t i = 0; i < c->consumer_count; i++)
		for (size_t t = 0; t < c->consumers[i].topic_count; t++)
			if (c->consumers[i].topics[t][0] != '^') /* no pattern */
				add(n, topic_kind, c->consumers[i].topics[t]);
	n->letters_from = n->count;
	for (size_t i = 0; i < count; i++)
		add(n, letters_kind, letters[i].name);
	n->topic_count = n->count;
	free(letters);
}

static size_t count_most(const struct conf *c)
{
	size_t count = c->connection_count + c->destination_count, letters;

	for (size_t i = 0; i < c->consumer_count; i++)
		count += c->consumers[i].topic_count;
	free(letters_topics(c, NULL, &letters));
	return count + letters;
}

static void impatient(struct loop_timer *timer)
{
	struct network *n = container_of(timer, struct network, patience);
	char text[64];

	snprintf(text, sizeof text, "no answer within %d s", NETWORK_TIMEOUT_MS / 1000);
	for (size_t i = 0; i < n->count; i++)
		end(&n->steps[i], false, text);
}

/* Steps must not move once they have begun. */
static void begin(struct network *n)
{
	const struct conf *c = n->conf;
	size_t connections, destinations;

	n->steps = xcalloc(count_most(c) + 1, sizeof *n->steps);
	add_topics(n);
	connections = n->count;
	for (size_t i = 0; i < c->connection_count; i++)
		if (c->connections[i].settings.type != CONNECTION_NONE)
			add(n, "connection", c->connections[i].name)->login =
				&c->connections[i];
	destinations = n->count;
	for (size_t i = 0; i < c->destination_count; i++)
		add(n, "destination", c->destinations[i].name);
	n->open = n->count;
	if (n->topic_count > 0)
		begin_topics(n);
	for (size_t i = connections; i < destinations; i++)
		begin_connection(&n->steps[i]);
	for (size_t i = 0; i < c->destination_count; i++)
		begin_destination(&n->steps[destinations + i], &c->destinations[i]);
}

static void finish(struct network *n)
{
	topics_free(n->topics);
	for (size_t i = 0; i < n->count; i++) {
		struct network_check *s = &n->steps[i];

		http_cancel(&s->request);
		http_client_free(s->client);
		connection_credentials_release(&s->credentials);
		connection_free(s->connection);
	}
	loop_timer_cancel(n->loop, &n->look);
	loop_timer_cancel(n->loop, &n->patience);
	loop_free(n->loop);
	free(n->steps);
}

static void report(const struct network *n, struct buf *out, struct network_result *ret)
{
	for (size_t i = 0; i < n->count; i++) {
		const struct network_check *s = &n->steps[i];
		struct buf line;

		buf_init(&line, BUF_UNLIMITED);
		buf_addf(&line, "%-6s  %s '%s': %s (%lld ms)\n", s->ok ? "ok" : "FAILED",
			s->kind, s->name, s->text, (long long)s->took_ms);
		conf_mask_text(n->conf, buf_slice(&line), out);
		buf_release(&line);
		ret->passed += s->ok;
		ret->failed += !s->ok;
	}
}

void network_check(struct conf *conf, struct buf *out, struct network_result *ret)
{
	struct network n = {.loop = loop_new(), .conf = conf};

	*ret = (struct network_result){0};
	n.began_ms = loop_now_ms(n.loop);
	n.look.fire = look_fire;
	n.patience.fire = impatient;
	loop_timer_set(n.loop, &n.patience, n.began_ms + NETWORK_TIMEOUT_MS);
	begin(&n);
	if (n.open > 0) {
		look_fire(&n.look);
		loop_run(n.loop);
	}
	report(&n, out, ret);
	finish(&n);
}
