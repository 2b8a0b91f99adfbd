/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Printing the effective configuration: what the files set, and all defaults, secrets masked.
 */
#include "conf_private.h"
#include "write.h"

/* Is the key printed? Keys of other authorization_types are not. */
static bool is_shown(
	const struct conf_section *section, const struct conf_key *key, const void *settings)
{
	const struct conf_connection *c = settings;
	const struct conf_key *type;

	if ((key->flags & (CONF_HIDDEN | CONF_NOT_SHOWN)) != 0 ||
		!conf_write_is_set(key, settings))
		return false;
	if (section != &conf_connection_section || key->of == NULL)
		return true;
	type = conf_key_find(section, "authorization_type");
	for (const struct conf_choice *choice = type->choices; choice->name != NULL; choice++)
		if (choice->value == (int)c->settings.type)
			return strcmp(choice->name, key->of) == 0;
	return false;
}

static void write_keys(
	struct conf_writer *w, const struct conf_section *section, const void *settings);

/* A list of groups. In libconfig a comma stands between them, and nothing behind them. */
static void write_list(struct conf_writer *w, const struct conf_key *key, const void *settings)
{
	const char *array = *(const char *const *)conf_key_field(key, settings);
	size_t count = *(const size_t *)((const char *)settings + key->count_offset);

	conf_write_begin_list(w, key->name);
	for (size_t i = 0; i < count; i++) {
		if (i > 0 && !w->json)
			buf_add_char(w->out, ',');
		conf_write_begin(w, NULL);
		write_keys(w, key->section, array + i * key->section->size);
		conf_write_end(w);
		if (!w->json)
			buf_truncate(w->out, w->out->len - 1);
	}
	conf_write_end_list(w);
}

static void write_keys(
	struct conf_writer *w, const struct conf_section *section, const void *settings)
{
	for (size_t i = 0; i < section->key_count; i++) {
		const struct conf_key *key = &section->keys[i];

		if (!is_shown(section, key, settings))
			continue;
		if (key->type == CONF_GROUP) {
			conf_write_begin(w, key->name);
			write_keys(w, key->section, settings);
			conf_write_end(w);
		} else if (key->type == CONF_LIST) {
			write_list(w, key, settings);
		} else {
			conf_write_name(w, key->name);
			conf_write_value(w, key, settings);
			conf_write_done(w);
		}
	}
}

static void write_section(
	struct conf_writer *w, const struct conf *c, const struct conf_section *section)
{
	const struct conf_named *thing;

	conf_write_begin(w, section->name);
	for (size_t i = 0; (thing = conf_section_thing(c, section, i)) != NULL; i++) {
		conf_write_begin(w, thing->name);
		write_keys(w, section, thing);
		conf_write_end(w);
	}
	conf_write_end(w);
}

static void write_all(struct conf_writer *w, const struct conf *c)
{
	write_keys(w, &conf_top_section, c);
	conf_write_begin(w, "kafka");
	write_keys(w, &conf_kafka_section, c);
	conf_write_end(w);
	write_section(w, c, &conf_consumer_section);
	write_section(w, c, &conf_connection_section);
	write_section(w, c, &conf_destination_section);
	write_section(w, c, &conf_rule_section);
}

const struct conf_mask *conf_get_mask(const struct conf *c)
{
	return &c->priv->mask;
}

void conf_mask_text(const struct conf *c, struct slice text, struct buf *out)
{
	conf_mask_apply(&c->priv->mask, text, out);
}

void conf_print(const struct conf *c, struct buf *out)
{
	struct conf_writer w = {.out = out, .conf = c, .empty = true};

	write_all(&w, c);
	buf_add_char(out, '\n');
}

void conf_print_json(const struct conf *c, struct buf *out)
{
	struct conf_writer w = {.out = out, .conf = c, .json = true, .depth = 1, .empty = true};

	buf_add_char(out, '{');
	write_all(&w, c);
	buf_add_str(out, "\n}\n");
}
