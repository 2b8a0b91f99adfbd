/* SPDX-License-Identifier: Apache-2.0 */
/*
 * gen-conf-docs - print the documentation of every configuration key, from the tables of keys
 * (src/app/conf/keys*.c) that the parser reads. `make documents` writes the files:
 *
 *   reference  etc/postrider.cfg.reference: every key with its default, commented out
 *   manual     the section KEYS of etc/man/postrider.cfg.5, in mdoc
 *   keys       "destinations.timeout", one a line, for scripts/check-docs.sh
 */
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>

#include "app/conf/keys.h"
#include "app/conf/write.h"

#define MOST_COLUMNS 78

/* The section that is being documented. */
struct walk {
	struct buf *out;
	const struct conf_section *section;
	void *defaults;   /* its struct as defaults() fills it */
	const char *base; /* "retry_policy." within a group, else "" */
};

typedef void (*visit_fn)(struct walk *w, const struct conf_key *key);

static void visit_keys(struct walk *w, const struct conf_section *section, visit_fn visit)
{
	for (size_t i = 0; i < section->key_count; i++) {
		const struct conf_key *key = &section->keys[i];
		const char *outer = w->base;
		char base[64];

		if ((key->flags & CONF_HIDDEN) != 0)
			continue;
		visit(w, key);
		if (key->type != CONF_GROUP)
			continue;
		snprintf(base, sizeof base, "%s%s.", outer, key->name);
		w->base = base;
		visit_keys(w, key->section, visit);
		w->base = outer;
	}
}

static void visit_section(struct buf *out, const struct conf_section *section, visit_fn visit)
{
	struct walk w = {.out = out, .section = section, .base = ""};

	w.defaults = xcalloc(1, section->size);
	section->defaults(w.defaults);
	visit_keys(&w, section, visit);
	free(w.defaults);
}

/* --- the description of a key ----------------------------------------------------------- */

/* The default as it would be written, or "". */
static void add_default(const struct walk *w, const struct conf_key *key, struct buf *out)
{
	struct conf_writer writer = {.out = out, .empty = true};
	bool is_choice = key->type == CONF_CHOICE && (key->flags & CONF_REQUIRED) != 0;

	if (key->type != CONF_GROUP && !is_choice && conf_write_is_set(key, w->defaults) &&
		(key->absent == NULL || *(char **)conf_key_field(key, w->defaults) != NULL))
		conf_write_value(&writer, key, w->defaults);
}

static void add_range(const struct conf_key *key, struct buf *out)
{
	bool number = key->type == CONF_INTEGER || key->type == CONF_DURATION ||
		      key->type == CONF_SIZE || key->type == CONF_CONCURRENCY;

	if (number) {
		buf_add_str(out, ", from ");
		conf_key_format(key, key->min, out);
		buf_add_str(out, " to ");
		conf_key_format(key, key->max, out);
	} else if (key->type == CONF_RATE) {
		buf_add_str(out, ", at most ");
		conf_key_format(key, key->max, out);
		buf_add_str(out, " a second");
	} else if (key->type == CONF_TEXT && key->max > 0) {
		buf_addf(out, " of at most %lld characters", (long long)key->max);
	}
}

/* Sentences, each ending with a full stop: what it does, its type, its default. */
static void describe(const struct walk *w, const struct conf_key *key, struct buf *out)
{
	const char *type = conf_type_name(key);
	struct buf value;

	buf_init(&value, BUF_UNLIMITED);
	add_default(w, key, &value);
	buf_addf(out, "%s. ", key->sentence);
	if (key->choices != NULL) {
		buf_add_str(out, "One of ");
		for (const struct conf_choice *c = key->choices; c->name != NULL; c++)
			buf_addf(out, "%s\"%s\"", c == key->choices ? "" : ", ", c->name);
	} else {
		buf_addf(out, "%c%s", toupper((unsigned char)type[0]), type + 1);
		add_range(key, out);
	}
	buf_add_char(out, '.');
	if (value.len > 0)
		buf_addf(out, " Default: %s.", buf_str(&value));
	else if ((key->flags & CONF_REQUIRED) != 0)
		buf_add_str(out, " Required.");
	if (key->of != NULL)
		buf_addf(out, " Only for %s.", key->of);
	if (key->alias != NULL)
		buf_addf(out, " May be written %s.", key->alias);
	if ((key->flags & CONF_SECRET) != 0)
		buf_add_str(out, " Never shown.");
	if ((key->flags & CONF_RESTART) != 0)
		buf_add_str(out, " A change needs a restart.");
	buf_release(&value);
}

/* @text in lines of at most MOST_COLUMNS, each beginning with @prefix; @sentences: each
 * sentence on a line of its own, as mdoc wants it. */
static void wrap(struct buf *out, const char *text, const char *prefix, bool sentences)
{
	size_t column = 0;

	while (*text != '\0') {
		size_t len = strcspn(text, " ");

		if (column > 0 && column + 1 + len > MOST_COLUMNS) {
			buf_add_char(out, '\n');
			column = 0;
		}
		if (column == 0) {
			buf_add_str(out, prefix);
			column = strlen(prefix);
			if (sentences && (*text == '.' || *text == '\''))
				buf_add_str(out, "\\&");
		} else {
			buf_add_char(out, ' ');
			column++;
		}
		for (size_t i = 0; i < len; i++)
			buf_add_str(out,
				sentences && text[i] == '\\' ? "\\e" : (char[]){text[i], 0});
		column += len;
		if (sentences && text[len - 1] == '.' && text[len] == ' ') {
			buf_add_char(out, '\n');
			column = 0;
		}
		text += len + (text[len] == ' ');
	}
	buf_add_char(out, '\n');
}

/* --- the reference ---------------------------------------------------------------------- */

static void indent(struct buf *out, unsigned depth)
{
	while (depth-- > 0)
		buf_add_str(out, "  ");
}

/* A line that takes effect when the user removes its '#'. */
static void begin_line(struct buf *out, unsigned depth)
{
	buf_add_char(out, '#');
	indent(out, depth);
}

/* How @key would be written: its default, or an example. */
static void add_setting(const struct walk *w, const struct conf_key *key, struct buf *out)
{
	struct conf_writer writer = {.out = out, .empty = true};
	size_t before;

	buf_addf(out, "%s = ", key->name);
	before = out->len;
	add_default(w, key, out);
	if (out->len > before)
		buf_add_char(out, ';');
	else if (key->choices != NULL)
		buf_addf(out, "\"%s\";", key->choices[1].name);
	else if (key->type == CONF_PAIRS)
		buf_addf(out, "{ %s; };", key->example);
	else if (key->type == CONF_STATUSES || key->type == CONF_RATE)
		buf_addf(out, "%s;", key->example);
	else {
		buf_add_str(out, key->type == CONF_TEXTS ? "[ " : "");
		conf_write_text(&writer, key->example != NULL ? key->example : "");
		buf_add_str(out, key->type == CONF_TEXTS ? " ];" : ";");
	}
	buf_add_char(out, '\n');
}

static void refer_section(struct buf *out, const struct conf_section *section, unsigned depth);

static void refer_keys(struct walk *w, const struct conf_section *section, unsigned depth);

static void refer_key(struct walk *w, const struct conf_key *key, unsigned depth)
{
	struct buf text, prefix;

	buf_init(&text, BUF_UNLIMITED);
	buf_init(&prefix, BUF_UNLIMITED);
	indent(&prefix, depth);
	buf_add_str(&prefix, " // ");
	describe(w, key, &text);
	wrap(w->out, buf_str(&text), buf_str(&prefix), false);
	begin_line(w->out, depth);
	if (key->type == CONF_GROUP) {
		buf_addf(w->out, "%s = {\n", key->name);
		refer_keys(w, key->section, depth + 1);
		begin_line(w->out, depth);
		buf_add_str(w->out, "};\n");
	} else if (key->type == CONF_LIST) {
		buf_addf(w->out, "%s = ( {\n", key->name);
		refer_section(w->out, key->section, depth + 1);
		begin_line(w->out, depth);
		buf_add_str(w->out, "} );\n");
	} else {
		add_setting(w, key, w->out);
	}
	buf_release(&text);
	buf_release(&prefix);
}

static void refer_keys(struct walk *w, const struct conf_section *section, unsigned depth)
{
	for (size_t i = 0; i < section->key_count; i++)
		if ((section->keys[i].flags & CONF_HIDDEN) == 0)
			refer_key(w, &section->keys[i], depth);
}

static void refer_section(struct buf *out, const struct conf_section *section, unsigned depth)
{
	struct walk w = {.out = out, .section = section, .base = ""};

	w.defaults = xcalloc(1, section->size);
	section->defaults(w.defaults);
	refer_keys(&w, section, depth);
	free(w.defaults);
}

static void print_reference(struct buf *out)
{
	buf_add_str(out,
		"// postrider.cfg.reference: every key with its default, or with an example\n"
		"// if it has none. Generated by `make documents`.\n"
		"// Start from postrider.cfg instead; postrider.cfg(5) explains the keys.\n");
	for (size_t i = 0; i < conf_section_count; i++) {
		const struct conf_section *s = conf_sections[i];
		unsigned depth = s->singular != NULL ? 2 : s->name[0] != '\0' ? 1 : 0;

		if (conf_section_is_list(s))
			continue; /* within others */
		buf_addf(out, "\n// %s.\n", s->sentence);
		if (depth > 0)
			buf_addf(out, "#%s = {\n", s->name);
		if (depth > 1)
			buf_addf(out, "#  NAME = {\n");
		refer_section(out, s, depth);
		if (depth > 1)
			buf_addf(out, "#  };\n");
		if (depth > 0)
			buf_add_str(out, "#};\n");
	}
}

/* --- the manual ------------------------------------------------------------------------- */

static void explain(struct walk *w, const struct conf_key *key)
{
	struct buf text;

	buf_init(&text, BUF_UNLIMITED);
	describe(w, key, &text);
	buf_addf(w->out, ".It Ic %s%s\n", w->base, key->name);
	wrap(w->out, buf_str(&text), "", true);
	buf_release(&text);
}

static void print_manual(struct buf *out)
{
	for (size_t i = 0; i < conf_section_count; i++) {
		const struct conf_section *s = conf_sections[i];

		if (s->name[0] != '\0')
			buf_addf(out, ".Ss %s: %s\n", s->name, s->sentence);
		else
			buf_add_str(out, ".Ss Keys of the process, outside of any group\n");
		buf_add_str(out, ".Bl -tag -width Ds\n");
		visit_section(out, s, explain);
		buf_add_str(out, ".El\n");
	}
}

/* --- the names -------------------------------------------------------------------------- */

static void name(struct walk *w, const struct conf_key *key)
{
	buf_addf(w->out, "%s%s%s%s\n", w->section->name, w->section->name[0] != '\0' ? "." : "",
		w->base, key->name);
}

static void print_keys(struct buf *out)
{
	for (size_t i = 0; i < conf_section_count; i++)
		visit_section(out, conf_sections[i], name);
}

int main(int argc, char **argv)
{
	static const struct {
		const char *name;
		void (*print)(struct buf *out);
	} documents[] = {
		{"reference", print_reference}, {"manual", print_manual}, {"keys", print_keys}};
	struct buf out;

	for (size_t i = 0; argc == 2 && i < COUNT_OF(documents); i++) {
		if (strcmp(argv[1], documents[i].name) != 0)
			continue;
		buf_init(&out, BUF_UNLIMITED);
		documents[i].print(&out);
		fwrite(buf_str(&out), 1, out.len, stdout);
		buf_release(&out);
		return fflush(stdout) == 0 ? 0 : 1;
	}
	fputs("usage: gen-conf-docs reference | manual | keys\n", stderr);
	return 2;
}
