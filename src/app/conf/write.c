/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Values of the configuration as text: libconfig syntax or JSON, secrets masked.
 */
#include "write.h"

#include <ctype.h>
#include <stdlib.h>

#include "conf_private.h"

static void indent(struct conf_writer *w)
{
	for (unsigned i = 0; i < w->depth; i++)
		buf_add_str(w->out, "  ");
}

/* Begin the line of the next member or element. */
static void begin_member(struct conf_writer *w)
{
	if (!w->empty && w->json)
		buf_add_char(w->out, ',');
	if (w->out->len > 0)
		buf_add_char(w->out, '\n');
	indent(w);
	w->empty = false;
}

void conf_write_name(struct conf_writer *w, const char *name)
{
	begin_member(w);
	if (w->json) {
		buf_add_json_string(w->out, slice_str(name));
		buf_add_str(w->out, ": ");
	} else {
		buf_addf(w->out, "%s = ", name);
	}
}

void conf_write_done(struct conf_writer *w)
{
	if (!w->json)
		buf_add_char(w->out, ';');
}

static void begin(struct conf_writer *w, const char *name, char bracket)
{
	if (name != NULL)
		conf_write_name(w, name);
	else
		begin_member(w);
	buf_add_char(w->out, bracket);
	w->depth++;
	w->empty = true;
}

void conf_write_begin(struct conf_writer *w, const char *name)
{
	begin(w, name, '{');
}

static void end(struct conf_writer *w, char bracket)
{
	w->depth--;
	if (!w->empty) {
		buf_add_char(w->out, '\n');
		indent(w);
	} else {
		buf_add_char(w->out, ' ');
	}
	buf_add_char(w->out, bracket);
	w->empty = false;
}

void conf_write_end(struct conf_writer *w)
{
	end(w, '}');
	conf_write_done(w);
}

void conf_write_begin_list(struct conf_writer *w, const char *name)
{
	begin(w, name, w->json ? '[' : '(');
}

void conf_write_end_list(struct conf_writer *w)
{
	end(w, w->json ? ']' : ')');
	conf_write_done(w);
}

void conf_write_text(struct conf_writer *w, const char *text)
{
	struct buf *out = w->out;

	if (w->json) {
		buf_add_json_string(out, slice_str(text));
		return;
	}
	buf_add_char(out, '"');
	for (; *text != '\0'; text++) {
		unsigned char c = (unsigned char)*text;

		if (c == '"' || c == '\\')
			buf_addf(out, "\\%c", c);
		else if (c == '\n')
			buf_add_str(out, "\\n");
		else if (c == '\t')
			buf_add_str(out, "\\t");
		else if (c == '\r')
			buf_add_str(out, "\\r");
		else if (c < ' ' || c == 0x7f)
			buf_addf(out, "\\x%02x", c);
		else
			buf_add_char(out, (char)c);
	}
	buf_add_char(out, '"');
}

/* A string with its references as written and its secrets masked. */
static void write_shown(struct conf_writer *w, const struct conf_key *key, const char *value)
{
	const char *text = w->conf != NULL ? conf_original_text(w->conf->priv, value) : value;
	struct buf shown;

	buf_init(&shown, BUF_UNLIMITED);
	if ((key->flags & CONF_SECRET) != 0)
		conf_mask_references(slice_str(text), &shown);
	else if (w->conf != NULL)
		conf_mask_apply(&w->conf->priv->mask, slice_str(text), &shown);
	else
		buf_add_str(&shown, text);
	conf_write_text(w, buf_str(&shown));
	buf_release(&shown);
}

/* "sasl.password=***" */
static void write_property(struct conf_writer *w, const char *property)
{
	size_t len = strcspn(property, "=");
	struct buf shown;

	buf_init(&shown, BUF_UNLIMITED);
	if (property[len] == '=' && conf_is_secret_property(slice_of(property, len))) {
		buf_add(&shown, property, len + 1);
		conf_mask_references(slice_str(property + len + 1), &shown);
	} else {
		buf_add_str(&shown, property);
	}
	conf_write_text(w, buf_str(&shown));
	buf_release(&shown);
}

static void write_texts(struct conf_writer *w, const struct conf_key *key, const void *settings)
{
	char *const *texts = *(char *const *const *)conf_key_field(key, settings);
	size_t count = *(const size_t *)((const char *)settings + key->count_offset);
	bool properties = strcmp(key->name, "properties") == 0;

	buf_add_char(w->out, '[');
	for (size_t i = 0; i < count; i++) {
		buf_add_str(w->out, i > 0 ? ", " : " ");
		if (properties)
			write_property(w, texts[i]);
		else
			write_shown(w, key, texts[i]);
	}
	buf_add_str(w->out, " ]");
}

static bool is_spelt(const char *name)
{
	if (!isalpha((unsigned char)name[0]) || strcasecmp(name, "true") == 0 ||
		strcasecmp(name, "false") == 0)
		return false;
	for (; *name != '\0'; name++)
		if (!isalnum((unsigned char)*name) && *name != '-' && *name != '_')
			return false;
	return true;
}

static void write_pairs(struct conf_writer *w, const struct conf_key *key, const void *settings)
{
	const struct request_parameter *pairs =
		*(const struct request_parameter *const *)conf_key_field(key, settings);
	size_t count = *(const size_t *)((const char *)settings + key->count_offset);
	bool group = true;

	for (size_t i = 0; i < count; i++)
		group = group && (w->json || is_spelt(pairs[i].name));
	buf_add_str(w->out, group ? "{ " : "( ");
	for (size_t i = 0; i < count; i++) {
		if (i > 0)
			buf_add_str(w->out, group && !w->json ? " " : ", ");
		if (w->json)
			conf_write_text(w, pairs[i].name);
		else if (group)
			buf_add_str(w->out, pairs[i].name);
		else
			buf_add_str(w->out, "{ key = ");
		if (!group) {
			conf_write_text(w, pairs[i].name);
			buf_add_str(w->out, "; value");
		}
		buf_add_str(w->out, w->json ? ": " : " = ");
		write_shown(w, key, pairs[i].value);
		if (!w->json)
			buf_add_str(w->out, group ? ";" : "; }");
	}
	buf_add_str(w->out, group ? " }" : " )");
}

static void write_statuses(struct conf_writer *w, const struct retry_statuses *s)
{
	const char *comma = " ";

	buf_add_char(w->out, '[');
	for (int class = 1; class <= 5; class ++) {
		bool all = true;

		for (int i = 0; i < 100; i++)
			all = all && retry_statuses_have(s, class * 100 + i);
		if (all) {
			buf_addf(w->out, "%s\"%dxx\"", comma, class);
			comma = ", ";
		}
		for (int i = 0; i < 100 && !all; i++)
			if (retry_statuses_have(s, class * 100 + i)) {
				buf_addf(w->out, "%s\"%d\"", comma, class * 100 + i);
				comma = ", ";
			}
	}
	buf_add_str(w->out, " ]");
}

static int64_t number_of(const struct conf_key *key, const void *settings)
{
	const void *field = conf_key_field(key, settings);

	if (key->size == 1)
		return *(const bool *)field;
	if (key->size == 4)
		return *(const int32_t *)field;
	return *(const int64_t *)field;
}

static void write_number(struct conf_writer *w, const struct conf_key *key, int64_t value)
{
	bool quoted = value > 0 && (key->type == CONF_DURATION || key->type == CONF_SIZE);

	if (quoted)
		buf_add_char(w->out, '"');
	conf_key_format(key, value, w->out);
	if (quoted)
		buf_add_char(w->out, '"');
	else if (!w->json && value > INT32_MAX && key->type == CONF_INTEGER)
		buf_add_char(w->out, 'L');
}

static void write_choice(struct conf_writer *w, const struct conf_key *key, int64_t value)
{
	for (const struct conf_choice *c = key->choices; c->name != NULL; c++)
		if (c->value == value) {
			conf_write_text(w, c->name);
			return;
		}
}

bool conf_write_is_set(const struct conf_key *key, const void *settings)
{
	static const struct retry_statuses none;
	const void *field = conf_key_field(key, settings);

	switch (key->type) {
	case CONF_TEXT:
	case CONF_FILE:
	case CONF_CONTENT:
	case CONF_JSON:
	case CONF_WORD:
	case CONF_REFERENCE:
		return *(const void *const *)field != NULL || key->absent != NULL;
	case CONF_TEXTS:
	case CONF_PAIRS:
	case CONF_LIST:
		return *(const size_t *)((const char *)settings + key->count_offset) > 0;
	case CONF_STATUSES:
		return memcmp(field, &none, sizeof none) != 0;
	case CONF_RATE:
		return number_of(key, settings) > 0;
	case CONF_SIZE: /* what can't be 0 and is has a default that depends on another key */
		return key->min == 0 || number_of(key, settings) > 0;
	case CONF_GROUP:
		for (size_t i = 0; i < key->section->key_count; i++)
			/* A group is printed if any of its keys is set, apart from booleans. */
			if (key->section->keys[i].type != CONF_BOOL &&
				conf_write_is_set(&key->section->keys[i], settings))
				return true;
		return false;
	default:
		return true;
	}
}

void conf_write_value(struct conf_writer *w, const struct conf_key *key, const void *settings)
{
	const void *field = conf_key_field(key, settings);
	const char *text = NULL;

	switch (key->type) {
	case CONF_TEXT:
	case CONF_FILE:
	case CONF_CONTENT:
	case CONF_WORD:
		text = *(const char *const *)field;
		write_shown(w, key, text != NULL ? text : key->absent);
		break;
	case CONF_JSON:
		text = *(const char *const *)field;
		if (w->json)
			buf_add_str(w->out, text);
		else
			write_shown(w, key, text);
		break;
	case CONF_REFERENCE:
		conf_write_text(w, (*(const struct conf_named *const *)field)->name);
		break;
	case CONF_CHOICE:
		write_choice(w, key, number_of(key, settings));
		break;
	case CONF_BOOL:
		buf_add_str(w->out, number_of(key, settings) ? "true" : "false");
		break;
	case CONF_CONCURRENCY: {
		const struct gate_settings *g = field;

		if (g->auto_concurrency)
			conf_write_text(w, "auto");
		else
			buf_add_int(w->out, g->max_concurrency);
		break;
	}
	case CONF_STATUSES:
		write_statuses(w, field);
		break;
	case CONF_REAUTHORIZE:
		buf_add_str(w->out,
			number_of(key, settings) ? "[ 401, 403, 407 ]" : "[ 401, 407 ]");
		break;
	case CONF_TEXTS:
		write_texts(w, key, settings);
		break;
	case CONF_PAIRS:
		write_pairs(w, key, settings);
		break;
	default:
		write_number(w, key, number_of(key, settings));
	}
}
