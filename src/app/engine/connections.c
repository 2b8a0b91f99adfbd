/* SPDX-License-Identifier: Apache-2.0 */
#include "app/engine/connections.h"

#include <stdlib.h>

#include "gauges.h"
#include "base/log.h"
#include "io/watch.h"

struct connection_entry;

/* A file that one of the connection's secrets comes from. */
struct secret_file {
	struct watch_file file;
	struct connection_entry *entry;
};

struct connection_entry {
	struct list node;
	const struct conf_connection *settings;
	struct conf *conf; /* owns the strings that the connection uses */
	struct connection *connection;
	struct secret_file *files;
	size_t file_count;
	struct gauge authorized; /* from its first sample on */
	struct token_counters {
		struct gauge refreshes, failures;
	} counters; /* likewise, of a connection that gets tokens */
	struct token_gauges {
		struct gauge age, expires_in;
	} token; /* from the first sample on at which it has a token, or could not get one */
};

struct connections {
	struct loop *loop;
	struct watch *watch;
	struct list current;
	struct list retired; /* replaced; engines may still use them, so they stay to the end */
};

struct connections *connections_new(struct loop *loop)
{
	struct connections *c = xcalloc(1, sizeof *c);

	c->loop = loop;
	c->watch = watch_new(loop);
	list_init(&c->current);
	list_init(&c->retired);
	return c;
}

static void file_changed(struct watch_file *f)
{
	struct secret_file *file = container_of(f, struct secret_file, file);

	log_info("connection_secret_changed",
		"a secret file changed; the next request uses its new contents",
		log_str("connection", file->entry->settings->name), log_str("file", f->path));
	connection_secrets_changed(file->entry->connection);
}

static void entry_watch(struct connection_entry *e, struct watch *watch)
{
	char **paths = NULL;

	e->file_count = connection_secret_files(e->connection, &paths, 0);
	e->files = xcalloc(e->file_count + 1, sizeof *e->files);
	for (size_t i = 0; i < e->file_count; i++) {
		e->files[i].entry = e;
		e->files[i].file.changed = file_changed;
		watch_add(watch, &e->files[i].file, paths[i]);
		free(paths[i]);
	}
	free(paths);
}

#define SAMPLED(id, member, kind, source)                                                      \
	GAUGE_SAMPLED(struct token_gauges, member, id, kind, struct connection_status, source)
static const struct gauge_entry of_token[] = {
	SAMPLED(TOKEN_AGE, age, VALUE, token_age_ms),
	SAMPLED(TOKEN_EXPIRES, expires_in, VALUE, token_expires_in_ms),
};
#undef SAMPLED

#define SAMPLED(id, member, kind, source)                                                      \
	GAUGE_SAMPLED(struct token_counters, member, id, kind, struct connection_status, source)
static const struct gauge_entry of_counters[] = {
	SAMPLED(TOKEN_REFRESHES, refreshes, TOTAL, refreshes),
	SAMPLED(TOKEN_FAILURES, failures, TOTAL, refresh_failures),
};
#undef SAMPLED

/* Take its gauges back, and don't show its metrics any more. */
static void entry_clear_gauges(struct connection_entry *e)
{
	metric_gauge(e->authorized.metric, &e->authorized.reported, 0);
	metric_release(e->authorized.metric);
	e->authorized.metric = NULL;
	gauges_clear(&e->counters, GAUGE_TABLE(of_counters));
	gauges_clear(&e->token, GAUGE_TABLE(of_token));
}

static void entry_unwatch(struct connection_entry *e)
{
	for (size_t i = 0; i < e->file_count; i++)
		watch_remove(&e->files[i].file);
	free(e->files);
	e->files = NULL;
	e->file_count = 0;
}

static void entry_free(struct connection_entry *e)
{
	list_remove(&e->node);
	entry_clear_gauges(e);
	entry_unwatch(e);
	connection_free(e->connection);
	conf_unref(e->conf);
	free(e);
}

static void free_all(struct list *entries)
{
	list_foreach_safe (node, entries)
		entry_free(list_entry(node, struct connection_entry, node));
}

void connections_free(struct connections *c)
{
	if (c == NULL)
		return;
	free_all(&c->current);
	free_all(&c->retired);
	watch_free(c->watch);
	free(c);
}

static struct connection_entry *entry_find(const struct connections *c, const char *name)
{
	list_foreach (node, &c->current) {
		struct connection_entry *e = list_entry(node, struct connection_entry, node);

		if (strcmp(e->settings->name, name) == 0)
			return e;
	}
	return NULL;
}

struct connection *connections_find(const struct connections *c, const char *name)
{
	struct connection_entry *e = entry_find(c, name);

	return e ? e->connection : NULL;
}

static bool same_parameters(
	const struct request_parameters *a, const struct request_parameters *b)
{
	return request_parameters_equal(
		       a->header, a->header_count, b->header, b->header_count) &&
	       request_parameters_equal(a->query, a->query_count, b->query, b->query_count) &&
	       request_parameters_equal(a->body, a->body_count, b->body, b->body_count);
}

static bool same_signing_keys(
	const struct connection_settings *a, const struct connection_settings *b)
{
	if (a->signing_key_count != b->signing_key_count)
		return false;
	for (size_t i = 0; i < a->signing_key_count; i++)
		if (!str_eq(a->signing_keys[i], b->signing_keys[i]))
			return false;
	return true;
}

/* Do both use the same credentials, obtained in the same way? */
static bool same_settings(const struct conf_connection *x, const struct conf_connection *y)
{
	const struct connection_settings *a = &x->settings, *b = &y->settings;

	return a->type == b->type && a->client_auth == b->client_auth &&
	       str_eq(a->base_dir, b->base_dir) && str_eq(a->username, b->username) &&
	       str_eq(a->password, b->password) && str_eq(a->api_key_name, b->api_key_name) &&
	       str_eq(a->api_key_value, b->api_key_value) && str_eq(a->token, b->token) &&
	       str_eq(a->aws_region, b->aws_region) && str_eq(a->aws_service, b->aws_service) &&
	       str_eq(a->aws_session_token, b->aws_session_token) && same_signing_keys(a, b) &&
	       str_eq(a->authorization_endpoint, b->authorization_endpoint) &&
	       str_eq(a->http_method, b->http_method) && str_eq(a->client_id, b->client_id) &&
	       str_eq(a->client_secret, b->client_secret) && str_eq(a->scope, b->scope) &&
	       str_eq(a->audience, b->audience) &&
	       http_settings_equal(&a->oauth_http, &b->oauth_http) &&
	       same_parameters(&x->oauth_parameters, &y->oauth_parameters);
}

static int add_changed(struct connections *c, struct conf *conf,
	const struct conf_connection *settings, struct list *fresh, struct err *err)
{
	struct connection_entry *old = entry_find(c, settings->name), *e;
	struct connection *connection;

	if (old != NULL && same_settings(old->settings, settings))
		return 0;
	connection = connection_new(c->loop, &settings->settings, err);
	if (connection == NULL)
		return err_wrap(err, "connection '%s'", settings->name);
	e = xcalloc(1, sizeof *e);
	e->settings = settings;
	e->conf = conf_ref(conf);
	e->connection = connection;
	entry_watch(e, c->watch);
	list_append(fresh, &e->node);
	return 0;
}

static bool is_configured(const struct conf *conf, const char *name)
{
	for (size_t i = 0; i < conf->connection_count; i++)
		if (strcmp(conf->connections[i].name, name) == 0)
			return true;
	return false;
}

static void retire(struct connections *c, struct connection_entry *e)
{
	list_remove(&e->node);
	entry_clear_gauges(e);
	entry_unwatch(e);
	list_append(&c->retired, &e->node);
}

int connections_apply(struct connections *c, struct conf *conf, struct err *err)
{
	struct list fresh;
	int code = 0;

	list_init(&fresh);
	for (size_t i = 0; i < conf->connection_count && code == 0; i++)
		code = add_changed(c, conf, &conf->connections[i], &fresh, err);
	if (code != 0) {
		free_all(&fresh);
		return code;
	}
	list_foreach_safe (node, &c->current) {
		struct connection_entry *e = list_entry(node, struct connection_entry, node);

		if (!is_configured(conf, e->settings->name))
			retire(c, e);
	}
	list_foreach_safe (node, &fresh) {
		struct connection_entry *e = list_entry(node, struct connection_entry, node);
		struct connection_entry *old = entry_find(c, e->settings->name);

		if (old != NULL)
			retire(c, old);
		list_remove(&e->node);
		list_append(&c->current, &e->node);
	}
	return 0;
}

static void sample_token(
	struct connection_entry *e, struct metrics *m, const struct connection_status *s)
{
	const char *name = e->settings->name;

	if (e->settings->settings.type != CONNECTION_OAUTH_CLIENT_CREDENTIALS)
		return;
	if (e->counters.refreshes.metric == NULL)
		gauges_init(&e->counters, GAUGE_TABLE(of_counters), m, name, NULL, NULL);
	gauges_sample(&e->counters, GAUGE_TABLE(of_counters), s);
	if (s->token_age_ms < 0 && s->refresh_failures == 0)
		return;
	if (e->token.age.metric == NULL)
		gauges_init(&e->token, GAUGE_TABLE(of_token), m, name, NULL, NULL);
	gauges_sample(&e->token, GAUGE_TABLE(of_token), s);
}

static void sample(struct connection_entry *e, struct metrics *m)
{
	const char *name = e->settings->name;
	struct connection_status s;

	connection_get_status(e->connection, &s);
	if (e->authorized.metric == NULL)
		e->authorized.metric = metrics_obtain(m, METRIC_AUTHORIZED, name, NULL, NULL);
	metric_gauge(e->authorized.metric, &e->authorized.reported,
		s.state == CONNECTION_AUTHORIZED);
	sample_token(e, m, &s);
}

void connections_sample(struct connections *c, struct metrics *m)
{
	list_foreach (node, &c->current)
		sample(list_entry(node, struct connection_entry, node), m);
}
