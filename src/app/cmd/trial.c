/* SPDX-License-Identifier: Apache-2.0 */
#include "trial.h"

#include <stdio.h>
#include <stdlib.h>
#include <strings.h>

#include "app/conf/mask.h"

void trial_init(struct trial *t, const struct conf *conf, const struct event_fields *record)
{
	*t = (struct trial){.conf = conf, .ev = event_new(record)};
	jx_init(&t->ix);
	jx_init(&t->metadata_ix);
	envelope_work_init(&t->work);
	buf_init(&t->metadata, BUF_UNLIMITED);
	request_work_init(&t->request_work);
	request_init(&t->request, &t->request_work, REQUEST_MAX_BODY_BYTES);
}

void trial_release(struct trial *t)
{
	request_release(&t->request);
	request_work_release(&t->request_work);
	buf_release(&t->metadata);
	envelope_work_release(&t->work);
	jx_release(&t->metadata_ix);
	jx_release(&t->ix);
	event_unref(t->ev);
}

/* --- matching --------------------------------------------------------------------------- */

static int index_event(struct trial *t, const struct conf_consumer *consumer, struct err *err)
{
	struct jx_limits limits = jx_default_limits;

	limits.max_bytes = t->conf->max_record_bytes;
	limits.max_depth = t->conf->max_depth;
	return envelope_index(consumer->envelope, &t->ev->f, &t->work, &t->ix, &limits, err);
}

/* What a rule's `kafka` pattern looks at. */
static int index_metadata(struct trial *t, struct err *err)
{
	const struct event_fields *f = &t->ev->f;
	struct buf *b = &t->metadata;

	buf_reset(b);
	buf_add_str(b, "{\"topic\":");
	buf_add_json_string(b, slice_str(f->topic));
	buf_addf(b, ",\"partition\":%d,\"key\":", (int)f->partition);
	if (f->key.data == NULL)
		buf_add_str(b, "null");
	else
		buf_add_json_string(b, f->key);
	buf_add_str(b, ",\"headers\":{");
	for (size_t i = 0; i < f->header_count; i++) {
		if (i > 0)
			buf_add_char(b, ',');
		buf_add_json_string(b, f->headers[i].name);
		buf_add_char(b, ':');
		buf_add_json_string(b, f->headers[i].value);
	}
	buf_add_str(b, "}}");
	return jx_parse(&t->metadata_ix, buf_slice(b), &jx_default_limits, err);
}

int trial_match(struct trial *t, const struct conf_rule *rule, struct buf *why, struct err *err)
{
	int code = index_event(t, rule->consumer, err);
	struct buf ignored;
	bool match;

	if (code != 0)
		return code;
	if (rule->kafka_pattern != NULL && (code = index_metadata(t, err)) != 0)
		return code;
	buf_init(&ignored, BUF_UNLIMITED);
	match = pattern_explain(rule->pattern, &t->ix, why != NULL ? why : &ignored) == 1;
	if (rule->kafka_pattern != NULL && pattern_explain(rule->kafka_pattern, &t->metadata_ix,
						   why != NULL ? why : &ignored) != 1)
		match = false;
	buf_release(&ignored);
	return match;
}

int trial_render(struct trial *t, const struct conf_target *target, const char **ret_code,
	struct err *err)
{
	struct request_context context = {.ev = t->ev, .ix = t->ix.count > 0 ? &t->ix : NULL};

	return request_render(target->plan, &context, &t->request, ret_code, err);
}

/* --- showing ---------------------------------------------------------------------------- */

static void mask_values(struct conf_mask *m, const struct request_parameter *list, size_t count)
{
	for (size_t i = 0; i < count; i++)
		conf_mask_add(m, slice_str(list[i].value));
}

static void show(
	const struct trial *t, const struct conf_mask *m, struct slice text, struct buf *out)
{
	struct buf once;

	buf_init(&once, BUF_UNLIMITED);
	conf_mask_text(t->conf, text, &once);
	conf_mask_apply(m, buf_slice(&once), out);
	buf_release(&once);
}

static bool is_of_connection(const struct request_parameters *p, const char *line)
{
	size_t len = strcspn(line, ":");

	for (size_t i = 0; i < p->header_count; i++)
		if (strlen(p->header[i].name) == len &&
			strncasecmp(p->header[i].name, line, len) == 0)
			return true;
	return false;
}

/* What the connection adds at each attempt. */
static void show_credentials(const struct conf_connection *c, struct buf *out)
{
	switch (c->settings.type) {
	case CONNECTION_NONE:
		break;
	case CONNECTION_BASIC:
		buf_add_str(out, "Authorization: Basic " CONF_MASK_TEXT "\n");
		break;
	case CONNECTION_API_KEY:
		buf_addf(out, "%s: " CONF_MASK_TEXT "\n", c->settings.api_key_name);
		break;
	case CONNECTION_OAUTH_CLIENT_CREDENTIALS:
	case CONNECTION_BEARER:
		buf_add_str(out, "Authorization: Bearer " CONF_MASK_TEXT "\n");
		break;
	case CONNECTION_AWS_SIGV4:
		buf_add_str(out, "Authorization: AWS4-HMAC-SHA256 " CONF_MASK_TEXT "\n");
		break;
	case CONNECTION_STANDARD_WEBHOOKS:
		buf_add_str(out,
			"webhook-id: " CONF_MASK_TEXT "\nwebhook-timestamp: " CONF_MASK_TEXT
			"\nwebhook-signature: " CONF_MASK_TEXT "\n");
		break;
	}
}

void trial_show(const struct trial *t, const struct conf_target *target, struct trial_shown *s)
{
	const struct conf_connection *c = target->destination->connection;
	const char *line = t->request.headers.data;
	struct conf_mask mask = {0};

	buf_init(&s->url, BUF_UNLIMITED);
	buf_init(&s->headers, BUF_UNLIMITED);
	buf_init(&s->body, BUF_UNLIMITED);
	mask_values(&mask, c->parameters.query, c->parameters.query_count);
	mask_values(&mask, c->parameters.body, c->parameters.body_count);
	mask_values(&mask, c->parameters.header, c->parameters.header_count);
	show(t, &mask, slice_str(buf_str(&t->request.url)), &s->url);
	for (size_t i = 0; i < t->request.header_count; i++) {
		if (is_of_connection(&c->parameters, line))
			buf_addf(&s->headers, "%.*s: " CONF_MASK_TEXT, (int)strcspn(line, ":"),
				line);
		else
			show(t, &mask, slice_str(line), &s->headers);
		buf_add_char(&s->headers, '\n');
		line += strlen(line) + 1;
	}
	show_credentials(c, &s->headers);
	if (t->request.has_body)
		show(t, &mask, t->request.body, &s->body);
	conf_mask_release(&mask);
}

void trial_shown_release(struct trial_shown *s)
{
	buf_release(&s->url);
	buf_release(&s->headers);
	buf_release(&s->body);
}
