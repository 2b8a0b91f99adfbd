/* SPDX-License-Identifier: Apache-2.0 */
#include "io/auth/connection.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/log.h"
#include "connection_private.h"

static const char *const state_names[] = {
	[CONNECTION_AUTHORIZED] = "AUTHORIZED",
	[CONNECTION_AUTHORIZING] = "AUTHORIZING",
	[CONNECTION_DEAUTHORIZED] = "DEAUTHORIZED",
};

const char *connection_state_name(enum connection_state s)
{
	return state_names[s];
}

static bool has_token(const struct connection *c)
{
	return c->settings.type == CONNECTION_OAUTH_CLIENT_CREDENTIALS;
}

/* --- State. --- */

/* Log the two states that matter to an operator, once for each change. */
static void announce(struct connection *c)
{
	enum connection_state state = c->status.state;

	if (state == CONNECTION_AUTHORIZING || state == c->announced)
		return;
	c->announced = state;
	if (state == CONNECTION_AUTHORIZED)
		log_info("connection_authorized", "the connection has valid credentials",
			log_str("connection", c->settings.name));
	else
		log_warn("connection_deauthorized", "the connection has no valid credentials",
			log_str("connection", c->settings.name),
			log_str("reason", c->status.reason));
}

void connection_set_state(struct connection *c, enum connection_state state, const char *reason)
{
	if (c->status.state != state) {
		c->status.state = state;
		c->status.since_ms = clock_wall_ms();
	}
	snprintf(c->status.reason, sizeof c->status.reason, "%s", reason);
	announce(c);
}

void connection_get_status(struct connection *c, struct connection_status *ret)
{
	int64_t now_ms = clock_monotonic_ms();
	const struct token_schedule *t = &c->schedule;

	pthread_mutex_lock(&c->lock);
	*ret = c->status;
	ret->token_age_ms = ret->token_expires_in_ms = -1;
	if (t->has_token)
		ret->token_age_ms = now_ms - t->obtained_ms;
	if (t->has_token && t->expires_ms != INT64_MAX)
		ret->token_expires_in_ms = max_i64(t->expires_ms - now_ms, 0);
	pthread_mutex_unlock(&c->lock);
}

/* --- Waiting. --- */

/* With the lock held: wake the connection's loop, which may have something to do. */
static void wake(struct connection *c)
{
	if (c->is_woken)
		return;
	c->is_woken = true;
	loop_post(c->loop, &c->wake);
}

static void call_ready(struct loop_call *call)
{
	struct connection_waiter *w = container_of(call, struct connection_waiter, call);

	w->connection = NULL;
	w->ready(w);
}

/* At any time a waiter is in one of the two lists, until it is called: connection_unwait()
 * relies on that. */
void connection_wake_waiters(struct connection *c)
{
	struct list *node;

	while ((node = list_shift(&c->waiters)) != NULL) {
		struct connection_waiter *w = list_entry(node, struct connection_waiter, node);

		loop_post(w->loop, &w->call);
	}
}

void connection_wait(struct connection *c, struct connection_waiter *w)
{
	loop_call_init(&w->call, call_ready);
	list_init(&w->node);
	w->connection = c;
	pthread_mutex_lock(&c->lock);
	list_append(&c->waiters, &w->node);
	if (!has_token(c) || token_schedule_is_usable(&c->schedule, clock_monotonic_ms()))
		connection_wake_waiters(c);
	else
		wake(c);
	pthread_mutex_unlock(&c->lock);
}

void connection_unwait(struct connection_waiter *w)
{
	struct connection *c = w->connection;

	if (c == NULL)
		return;
	pthread_mutex_lock(&c->lock);
	list_remove(&w->node);
	loop_unpost(w->loop, &w->call);
	pthread_mutex_unlock(&c->lock);
	w->connection = NULL;
}

/* --- Credentials for an attempt. --- */

static void on_wake(struct loop_call *call)
{
	struct connection *c = container_of(call, struct connection, wake);

	pthread_mutex_lock(&c->lock);
	c->is_woken = false;
	pthread_mutex_unlock(&c->lock);
	connection_token_refresh(c);
}

/* The token has expired while there was nothing to deliver. */
static void note_expiry(struct connection *c)
{
	if (c->status.state == CONNECTION_AUTHORIZED)
		connection_set_state(c, CONNECTION_AUTHORIZING, "");
}

bool connection_authorise(struct connection *c, const struct connection_message *m,
	struct connection_credentials *cr)
{
	bool usable = true;

	pthread_mutex_lock(&c->lock);
	if (has_token(c)) {
		int64_t now_ms = clock_monotonic_ms();

		usable = token_schedule_is_usable(&c->schedule, now_ms);
		if (token_schedule_should_ask(&c->schedule, now_ms))
			wake(c);
		if (!usable)
			note_expiry(c);
	}
	if (usable) {
		credentials_apply(&c->credentials, m, cr);
		cr->generation = c->generation;
	}
	pthread_mutex_unlock(&c->lock);
	return usable;
}

bool connection_is_renewable(const struct connection *c)
{
	return has_token(c) || c->has_references;
}

/* With the lock held: replace the credentials by those made of the current secrets. True:
 * they differ. */
static bool reread(struct connection *c)
{
	struct credentials m = {0};
	struct err err;

	if (credentials_read(&c->settings, &m, &err) != 0) {
		log_warn("connection_secret_kept",
			"a changed secret can't be used; the former one stays",
			log_str("connection", c->settings.name), log_str("reason", err.text));
		return false;
	}
	if (credentials_equal(&m, &c->credentials)) {
		credentials_release(&m);
		return false;
	}
	credentials_release(&c->credentials);
	c->credentials = m;
	c->generation++;
	connection_set_state(c, CONNECTION_AUTHORIZED, "");
	return true;
}

static bool token_rejected(struct connection *c)
{
	if (!token_schedule_rejected(&c->schedule, clock_monotonic_ms()))
		return false;
	if (c->status.state == CONNECTION_AUTHORIZED)
		connection_set_state(c, CONNECTION_AUTHORIZING, "the API refused the token");
	wake(c);
	return true;
}

/* The same credentials get a new generation: callers compare generations, and would else try
 * these again and again without counting an attempt. */
static void refused_for_good(struct connection *c)
{
	if (connection_is_renewable(c))
		c->generation++;
	connection_set_state(c, CONNECTION_DEAUTHORIZED, "the API refuses the credentials");
}

bool connection_rejected(struct connection *c, uint64_t generation)
{
	bool worth_it = true;

	pthread_mutex_lock(&c->lock);
	if (generation >= c->generation) {
		if (has_token(c))
			worth_it = token_rejected(c);
		else
			worth_it = c->has_references && reread(c);
		if (!worth_it)
			refused_for_good(c);
	}
	pthread_mutex_unlock(&c->lock);
	return worth_it;
}

void connection_accepted(struct connection *c, uint64_t generation)
{
	pthread_mutex_lock(&c->lock);
	if (c->status.state == CONNECTION_DEAUTHORIZED && generation == c->generation &&
		(!has_token(c) || token_schedule_is_usable(&c->schedule, clock_monotonic_ms())))
		connection_set_state(c, CONNECTION_AUTHORIZED, "");
	pthread_mutex_unlock(&c->lock);
}

void connection_secrets_changed(struct connection *c)
{
	pthread_mutex_lock(&c->lock);
	if (has_token(c)) {
		token_schedule_reset_backoff(&c->schedule);
		if (!token_schedule_is_usable(&c->schedule, clock_monotonic_ms()))
			wake(c);
	} else if (c->has_references) {
		reread(c);
	}
	pthread_mutex_unlock(&c->lock);
}

/* --- From birth to death. --- */

/* Collect all texts of @s that may hold references; returns how many. */
static size_t texts_of(const struct connection_settings *s, const char **out, size_t max)
{
	const char *const texts[] = {s->username, s->password, s->api_key_name,
		s->api_key_value, s->token, s->aws_session_token, s->authorization_endpoint,
		s->client_id, s->client_secret, s->scope, s->audience};
	const struct request_parameters *p = s->oauth_parameters;
	size_t count = 0;

	for (size_t i = 0; i < COUNT_OF(texts) && count < max; i++)
		if (texts[i] != NULL)
			out[count++] = texts[i];
	for (size_t i = 0; i < s->signing_key_count && count < max; i++)
		out[count++] = s->signing_keys[i];
	for (size_t i = 0; p != NULL && i < p->header_count && count < max; i++)
		out[count++] = p->header[i].value;
	for (size_t i = 0; p != NULL && i < p->query_count && count < max; i++)
		out[count++] = p->query[i].value;
	for (size_t i = 0; p != NULL && i < p->body_count && count < max; i++)
		out[count++] = p->body[i].value;
	return count;
}

enum {
	TEXTS_MAX = 512 /* eleven, and three times a hundred parameters */
};

size_t connection_secret_files(const struct connection *c, char ***paths, size_t count)
{
	const char *texts[TEXTS_MAX];
	size_t text_count = texts_of(&c->settings, texts, TEXTS_MAX);

	for (size_t i = 0; i < text_count; i++)
		count = secret_files(texts[i], c->settings.base_dir, paths, count);
	return count;
}

static bool any_reference(const struct connection_settings *s)
{
	const char *texts[TEXTS_MAX];
	size_t count = texts_of(s, texts, TEXTS_MAX);

	for (size_t i = 0; i < count; i++)
		if (secret_has_reference(texts[i]))
			return true;
	return false;
}

struct connection *connection_new(
	struct loop *l, const struct connection_settings *s, struct err *err)
{
	struct connection *c = xcalloc(1, sizeof *c);

	c->settings = *s;
	c->loop = l;
	pthread_mutex_init(&c->lock, NULL);
	list_init(&c->waiters);
	loop_call_init(&c->wake, on_wake);
	c->has_references = any_reference(s);
	c->generation = c->has_references && !has_token(c) ? 1 : 0;
	c->status.since_ms = loop_wall_ms(l);
	/* Credentials that need no token server count as good until an API refuses them. */
	c->status.state = has_token(c) ? CONNECTION_AUTHORIZING : CONNECTION_AUTHORIZED;
	c->announced = c->status.state;
	if ((has_token(c) ? connection_token_init(c, err)
			  : credentials_read(s, &c->credentials, err)) != 0) {
		connection_free(c);
		return NULL;
	}
	return c;
}

void connection_free(struct connection *c)
{
	if (c == NULL)
		return;
	loop_unpost(c->loop, &c->wake);
	connection_token_release(c);
	credentials_release(&c->credentials);
	pthread_mutex_destroy(&c->lock);
	free(c);
}
