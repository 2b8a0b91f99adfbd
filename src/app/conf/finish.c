/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is made of a section once it has been read and checked: compiled patterns, envelopes and
 * request plans, and the values that follow from other keys. Compiling finds faults too; they are
 * reported like those of a check.
 */
#include <stdio.h>
#include <stdlib.h>

#include "conf_private.h"

/* --- digests ---------------------------------------------------------------------------- */

/* Of what stands in the file: two that are equal say the same. */
static uint64_t digest_node(const struct conf_node *n)
{
	struct buf json;
	uint64_t digest;

	buf_init(&json, BUF_UNLIMITED);
	conf_node_json(n, &json);
	digest = util_hash(buf_str(&json), json.len);
	if (json.len > 0) /* there may be a secret in it */
		explicit_bzero(json.data, json.len);
	buf_release(&json);
	return digest;
}

/* Of a text that may stand in a file of its own; NULL: none. */
static uint64_t digest_text(uint64_t digest, const char *text)
{
	return digest * 31 + (text != NULL ? util_hash(text, strlen(text)) : 0);
}

static uint64_t digest_response_rules(
	uint64_t digest, const struct conf_response_rule *rules, size_t count)
{
	for (size_t i = 0; i < count; i++)
		digest = digest_text(digest, rules[i].pattern);
	return digest;
}

static uint64_t digest_target(const struct conf_subject *s)
{
	const struct conf_target *t = s->settings;
	uint64_t digest = digest_text(digest_node(s->node), t->input.input_template);

	digest = digest_response_rules(digest, t->response_rules, t->response_rule_count);
	return digest * 31 + (t->destination != NULL ? t->destination->digest : 0);
}

/* --- patterns --------------------------------------------------------------------------- */

struct pattern_warning {
	struct conf_reader *r;
	const struct conf_subject *s;
	const char *key;
	struct conf_place place;
};

static void warn_pattern(void *data, const char *text)
{
	struct pattern_warning *w = data;

	conf_warn(w->r, w->s, w->key, w->place, "%s", text);
}

static struct pattern *compile_pattern(
	struct conf_reader *r, const struct conf_subject *s, const char *key, const char *text)
{
	const struct conf_node *n = conf_given_node(s, key);
	struct pattern_warning w = {r, s, key, n->place};
	const struct pattern_options options = {.warn = warn_pattern, .warn_data = &w};
	struct err err = {0};
	struct pattern *p = pattern_compile(slice_str(text), &options, &err);

	if (p == NULL)
		conf_refuse(r, s, n->name, n->place, "%s", err.text);
	return p;
}

void conf_finish_rule(struct conf_reader *r, const struct conf_subject *s)
{
	struct conf_rule *rule = s->settings;
	const bool is_file = conf_given_node(s, "event_pattern_file") != NULL;

	if (rule->event_pattern != NULL)
		rule->pattern = compile_pattern(r, s,
			is_file ? "event_pattern_file" : "event_pattern", rule->event_pattern);
	if (rule->kafka != NULL)
		rule->kafka_pattern = compile_pattern(r, s, "kafka", rule->kafka);
}

void conf_finish_response_rule(struct conf_reader *r, const struct conf_subject *s)
{
	struct conf_response_rule *rule = s->settings;
	const char *key =
		conf_given_node(s, "pattern_file") != NULL ? "pattern_file" : "pattern";
	struct err err = {0};

	if (rule->pattern == NULL)
		return;
	rule->compiled = compile_pattern(r, s, key, rule->pattern);
	if (rule->compiled != NULL && reply_pattern_check(rule->compiled, &err) != 0)
		conf_refuse(r, s, key, conf_given_node(s, key)->place, "%s", err.text);
}

/* --- requests --------------------------------------------------------------------------- */

struct plan_complaints {
	struct conf_reader *r;
	const struct conf_subject *s; /* the target */
	bool alone; /* its destination is unknown or incomplete: only what it says itself counts */
};

#define CREDENTIAL_HEADERS_MAX 4

/* The headers that the connection sets, so that no parameter may set them; a NULL behind them. */
static void list_credential_headers(
	const struct connection_settings *c, const char *ret[CREDENTIAL_HEADERS_MAX + 1])
{
	static const char *const of[][CREDENTIAL_HEADERS_MAX] = {
		[CONNECTION_BASIC] = {"Authorization"},
		[CONNECTION_OAUTH_CLIENT_CREDENTIALS] = {"Authorization"},
		[CONNECTION_BEARER] = {"Authorization"},
		[CONNECTION_AWS_SIGV4] = {"Authorization", "X-Amz-Date",
			"X-Amz-Security-Token"},
		[CONNECTION_STANDARD_WEBHOOKS] = {"webhook-id", "webhook-timestamp",
			"webhook-signature"},
	};

	memset(ret, 0, (CREDENTIAL_HEADERS_MAX + 1) * sizeof *ret);
	if (c->type == CONNECTION_API_KEY)
		ret[0] = c->api_key_name;
	else if ((size_t)c->type < COUNT_OF(of))
		memcpy(ret, of[c->type], sizeof of[c->type]);
}

/* The place of a field such as "header_parameters.X-Order" or "path_parameter_values[0]"; if it has
 * no node, that of the nearest node around it. */
static struct conf_place find_field(const struct conf_node *target, const char *field)
{
	static const char *const groups[] = {
		"http_parameters", "input_transformer", "retry_policy"};
	size_t len = strcspn(field, ".[");
	char *name = xmemdup(field, len);
	const struct conf_node *n = conf_node_find(target, name), *inner = NULL;

	for (size_t i = 0; n == NULL && i < COUNT_OF(groups); i++)
		n = conf_node_find(conf_node_find(target, groups[i]), name);
	/* input_template_file stands for input_template. */
	if (n == NULL && strcmp(name, "input_template") == 0)
		n = conf_node_find(
			conf_node_find(target, "input_transformer"), "input_template_file");
	free(name);
	if (n == NULL)
		return target->place;
	if (field[len] == '.')
		return conf_pair_place(n, field + len + 1);
	if (field[len] == '[' && n->kind == CONF_NODE_LIST &&
		strtoul(field + len + 1, NULL, 10) < n->child_count)
		inner = n->children[strtoul(field + len + 1, NULL, 10)];
	return inner != NULL ? inner->place : n->place;
}

/* Does the complaint depend on the destination or its connection? */
static bool is_about_destination(const char *field)
{
	static const char *const begins[] = {"endpoint", "http_method", "idempotency_header",
		"invocation_http_parameters.", "path_parameter_values"};

	for (size_t i = 0; i < COUNT_OF(begins); i++)
		if (strncmp(field, begins[i], strlen(begins[i])) == 0)
			return true;
	return false;
}

static void complain_of_plan(void *ctx, bool is_warning, const char *field, const char *text)
{
	struct plan_complaints *c = ctx;
	const struct conf_target *t = c->s->settings;
	static const char connections[] = "invocation_http_parameters.";
	struct conf_subject other = {.node = c->s->node};
	struct conf_place place;

	/* Names were checked before. */
	if (strcmp(field, "id") == 0 || strcmp(field, "rule") == 0 ||
		(c->alone && is_about_destination(field)))
		return;
	/* A fault of the destination or the connection is reported there, not in each target. */
	if (strcmp(field, "endpoint") == 0 || strcmp(field, "http_method") == 0 ||
		strcmp(field, "idempotency_header") == 0) {
		snprintf(other.what, sizeof other.what, "destination '%s'",
			t->destination->name);
		place = t->destination->place;
		if (strcmp(field, "endpoint") == 0 &&
			request_check_endpoint(t->destination->endpoint, NULL) != 0)
			return;
	} else if (strncmp(field, connections, sizeof connections - 1) == 0) {
		snprintf(other.what, sizeof other.what, "connection '%s'",
			t->destination->connection->name);
		place = t->destination->connection->place;
	} else {
		snprintf(other.what, sizeof other.what, "%s", c->s->what);
		place = find_field(c->s->node, field);
	}
	(is_warning ? conf_warn : conf_refuse)(c->r, &other, field, place, "%s", text);
}

/* Only to find the target's own faults: its destination's were reported when that was read. */
static void check_alone(struct request_settings *settings, struct plan_complaints *complaints)
{
	complaints->alone = true;
	settings->endpoint = "https://localhost/";
	request_plan_free(request_plan_new(settings, complain_of_plan, complaints));
}

static void compile_plan(struct conf_reader *r, const struct conf_subject *s)
{
	struct conf_target *t = s->settings;
	const struct conf_destination *d = t->destination;
	const char *credentials[CREDENTIAL_HEADERS_MAX + 1] = {NULL};
	struct plan_complaints complaints = {.r = r, .s = s};
	struct request_settings settings = {
		.rule_name = t->rule->name,
		.target_id = t->id != NULL ? t->id : "id",
		.http_method = "POST",
		.target = &t->parameters,
		.input = &t->input,
		.output = t->output,
		.credential_headers = credentials,
	};

	/* Missing keys were reported when the section was read. */
	if (t->id == NULL || d == NULL || d->endpoint == NULL || d->connection == NULL) {
		check_alone(&settings, &complaints);
		return;
	}
	settings.endpoint = d->endpoint;
	settings.http_method = d->http_method;
	settings.idempotency_header = d->idempotency_header;
	settings.max_body_bytes = d->max_request_bytes;
	settings.connection = &d->connection->parameters;
	list_credential_headers(&d->connection->settings, credentials);
	t->plan = request_plan_new(&settings, complain_of_plan, &complaints);
}

/* --- targets ---------------------------------------------------------------------------- */

static size_t add_replies(
	struct reply_rule *to, size_t at, const struct conf_response_rule *from, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (from[i].compiled != NULL)
			to[at++] = (struct reply_rule){
				from[i].compiled, from[i].outcome, from[i].name};
	return at;
}

/* What the rules look at has to be there when a reply has come. */
static void keep_replies(struct conf_destination *d, const struct reply_rules *rules)
{
	if (reply_rules_want_headers(rules) || d->retry_after_header_count > 0)
		d->http.keep_head = true;
	if (reply_rules_want_body(rules))
		d->http.response_keep_bytes = d->http.response_max_bytes;
}

static void compile_replies(struct conf_reader *r, struct conf_target *t)
{
	struct conf_destination *d;
	struct reply_rule *rules;
	size_t count;

	if (t->destination == NULL)
		return;
	d = &r->conf->destinations[t->destination->index];
	rules = xcalloc(t->response_rule_count + d->response_rule_count + 1, sizeof *rules);
	count = add_replies(rules, 0, t->response_rules, t->response_rule_count);
	count = add_replies(rules, count, d->response_rules, d->response_rule_count);
	if (count > 0)
		t->replies = reply_rules_new(rules, count);
	free(rules);
	keep_replies(d, t->replies);
}

static offsets_target identity(const struct conf_target *t)
{
	struct buf b;
	uint64_t hash;

	buf_init(&b, BUF_UNLIMITED);
	buf_add_str(&b, t->rule->name);
	buf_add_char(&b, '\0');
	buf_add_str(&b, t->id != NULL ? t->id : "");
	hash = util_hash(b.data, b.len);
	buf_release(&b);
	return (offsets_target)hash;
}

void conf_finish_target(struct conf_reader *r, const struct conf_subject *s)
{
	struct conf_target *t = s->settings;

	t->identity = identity(t);
	t->dead_letter_topic = conf_effective_dead_letter_topic(t);
	t->digest = digest_target(s);
	compile_replies(r, t);
	compile_plan(r, s);
}

/* --- consumers -------------------------------------------------------------------------- */

static void compile_envelope(
	struct conf_reader *r, const struct conf_subject *s, struct conf_consumer *c)
{
	static const enum envelope_format formats[] = {
		[CONF_FORMAT_JSON] = ENVELOPE_JSON,
		[CONF_FORMAT_CLOUDEVENTS] = ENVELOPE_CLOUDEVENTS,
		[CONF_FORMAT_ENVELOPE] = ENVELOPE_WRAPPED,
		[CONF_FORMAT_BYTES] = ENVELOPE_BYTES,
	};
	const struct envelope_settings settings = {
		.format = formats[c->event_format],
		.source = c->envelope_source,
		.detail_type = c->envelope_detail_type,
		.max_bytes = r->conf->max_record_bytes,
		.max_depth = r->conf->max_depth,
	};
	struct err err = {0};

	c->envelope = envelope_new(&settings, &err);
	if (c->envelope == NULL)
		conf_refuse(r, s, "envelope", s->node->place, "%s", err.text);
}

static void mask_properties(struct conf_reader *r, char *const *properties, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		const char *text = properties[i];
		struct slice name = conf_property_name(text);

		if (name.len == 0)
			continue;
		if (conf_is_secret_property(name))
			conf_mask_secrets(r, strchr(text, '=') + 1, true);
		else
			conf_mask_secrets(r, text, false);
	}
}

void conf_finish_consumer(struct conf_reader *r, const struct conf_subject *s)
{
	struct conf_consumer *c = s->settings;

	mask_properties(r, c->properties, c->property_count);
	if (c->dead_letter_topic == NULL && c->group_id != NULL)
		c->dead_letter_topic =
			conf_own_text(r->priv, xasprintf("%s.dead-letters", c->group_id));
	compile_envelope(r, s, c);
}

/* --- the others ------------------------------------------------------------------------- */

void conf_finish_kafka(struct conf_reader *r, const struct conf_subject *s)
{
	(void)s;
	mask_properties(r, r->conf->properties, r->conf->property_count);
}

void conf_finish_top(struct conf_reader *r, const struct conf_subject *s)
{
	(void)s;
	if (str_eq(r->conf->admin.listen, "none"))
		r->conf->admin.listen = NULL;
}

void conf_finish_connection(struct conf_reader *r, const struct conf_subject *s)
{
	struct conf_connection *c = s->settings;

	c->digest = digest_node(s->node);
	c->settings.name = c->name;
	c->settings.base_dir = r->conf->base_dir;
	c->settings.oauth_parameters = &c->oauth_parameters;
	c->settings.oauth_http.name = c->name;
}

void conf_finish_destination(struct conf_reader *r, const struct conf_subject *s)
{
	struct conf_destination *d = s->settings;

	d->index = (unsigned)(d - r->conf->destinations);
	d->http.name = d->name;
	d->digest = digest_response_rules(
		digest_node(s->node), d->response_rules, d->response_rule_count);
	if (d->connection != NULL)
		d->digest = d->digest * 31 + d->connection->digest;
	if (d->max_request_bytes == 0)
		d->max_request_bytes = (size_t)min_i64(2 * (int64_t)r->conf->max_record_bytes,
			(int64_t)REQUEST_MAX_BODY_BYTES);
}
