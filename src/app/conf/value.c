/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reading one value into its field, by the type of its key. Words, files, JSON and references are
 * read here; strings, numbers and lists in files of their own.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "conf_private.h"

static void store_text(const struct conf_key *key, void *settings, const char *text)
{
	*(const char **)conf_key_field(key, settings) = text;
}

static bool must_be(struct conf_reader *r, struct conf_subject *s, const struct conf_key *key,
	const struct conf_node *n, enum conf_kind kind)
{
	if (n->kind == kind)
		return true;
	if (kind == CONF_NODE_STRING &&
		(n->kind == CONF_NODE_INTEGER || n->kind == CONF_NODE_BOOL))
		conf_refuse(r, s, key->name, n->place, "must be %s; put it in quotes",
			conf_type_name(key));
	else
		conf_refuse(r, s, key->name, n->place, "must be %s, not %s",
			conf_type_name(key), conf_node_kind_name(n));
	return false;
}

static void read_choice(struct conf_reader *r, struct conf_subject *s,
	const struct conf_key *key, const struct conf_node *n)
{
	const char *names[16] = {NULL};
	struct buf list;
	size_t count = 0;
	char hint[160];

	for (const struct conf_choice *c = key->choices; c->name != NULL; c++) {
		if (n->kind == CONF_NODE_STRING && strcmp(c->name, n->text) == 0) {
			if (key->type == CONF_WORD)
				store_text(key, s->settings, c->name);
			else
				conf_store(key, s->settings, c->value);
			return;
		}
		names[count++] = c->name;
	}
	buf_init(&list, BUF_UNLIMITED);
	for (size_t i = 0; i < count; i++)
		buf_addf(&list, "%s\"%s\"", i > 0 ? ", " : "", names[i]);
	if (n->kind == CONF_NODE_STRING) {
		conf_suggest(n->text, names, count, hint, sizeof hint);
		conf_refuse(r, s, key->name, n->place, "must be one of %s, not \"%s\"%s",
			buf_str(&list), n->text, hint);
	} else {
		conf_refuse(r, s, key->name, n->place, "must be one of %s, not %s",
			buf_str(&list), conf_node_kind_name(n));
	}
	buf_release(&list);
}

/* With --no-secrets the file, a certificate or a key, may be missing on this machine. */
static bool check_file(struct conf_reader *r, const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	struct stat st;
	int code;

	if (r->options->skip_secrets)
		code = 0;
	else if (fd < 0 || fstat(fd, &st) != 0)
		code = errno;
	else
		code = S_ISDIR(st.st_mode) ? EISDIR : S_ISREG(st.st_mode) ? 0 : EINVAL;
	if (fd >= 0)
		close(fd);
	errno = code;
	return code == 0;
}

static void refuse_file(struct conf_reader *r, struct conf_subject *s,
	const struct conf_key *key, const struct conf_node *n, const char *name)
{
	conf_refuse(r, s, key->name, n->place, "'%s': %s%s", name, strerror(errno),
		name[0] == '/' ? "" : "; paths are relative to the configuration file");
}

static void read_content(struct conf_reader *r, struct conf_subject *s,
	const struct conf_key *key, const struct conf_node *n, const char *path)
{
	size_t len;
	const char *content = conf_source_content(r->priv->source, path, &len);

	if (content == NULL) {
		refuse_file(r, s, key, n, n->text);
		return;
	}
	if (memchr(content, '\0', len) != NULL)
		conf_refuse(r, s, key->name, n->place,
			"'%s': contains a NUL byte; it must be a text file", n->text);
	/* The line end that editors add at the end of a file is dropped. */
	len -= len > 0 && content[len - 1] == '\n';
	store_text(key, s->settings, conf_own_text(r->priv, xmemdup(content, len)));
}

static void read_file(struct conf_reader *r, struct conf_subject *s, const struct conf_key *key,
	const struct conf_node *n)
{
	const char *value = conf_read_text(r, s, key, n, n->text);
	const char *path;

	if (value == NULL)
		return;
	path = conf_own_text(r->priv, conf_source_join(r->priv->source, value));
	if (key->type == CONF_CONTENT)
		read_content(r, s, key, n, path);
	else if (check_file(r, path))
		store_text(key, s->settings, path);
	else
		refuse_file(r, s, key, n, value);
}

static void read_json(struct conf_reader *r, struct conf_subject *s, const struct conf_key *key,
	const struct conf_node *n)
{
	if (n->kind == CONF_NODE_STRING) {
		store_text(key, s->settings, conf_read_text(r, s, key, n, n->text));
	} else if (n->kind == CONF_NODE_GROUP || n->kind == CONF_NODE_LIST) {
		struct buf json;

		buf_init(&json, BUF_UNLIMITED);
		conf_node_json(n, &json);
		store_text(key, s->settings,
			conf_own_text(r->priv, xmemdup(buf_str(&json), json.len)));
		buf_release(&json);
	} else {
		(void)must_be(r, s, key, n, CONF_NODE_GROUP);
	}
}

static void refuse_reference(struct conf_reader *r, struct conf_subject *s,
	const struct conf_key *key, const struct conf_node *n)
{
	const char **names = NULL;
	size_t count = 0;
	struct buf list;
	const struct conf_named *thing;

	while ((thing = conf_section_thing(r->conf, key->section, count)) != NULL) {
		names = xreallocarray(names, count + 1, sizeof *names);
		names[count++] = thing->name;
	}
	buf_init(&list, BUF_UNLIMITED);
	for (size_t i = 0; i < count && i < 8; i++)
		buf_addf(&list, "%s'%s'", i > 0 ? ", " : "", names[i]);
	if (count > 8)
		buf_addf(&list, " and %zu more", count - 8);
	if (count == 0)
		conf_refuse(r, s, key->name, n->place,
			"there is no %s '%s'; none is defined yet: add it to '%s'",
			key->section->singular, n->text, key->section->name);
	else if (conf_nearest(n->text, names, count) != NULL)
		conf_refuse(r, s, key->name, n->place,
			"there is no %s '%s'; did you mean '%s'? Defined: %s",
			key->section->singular, n->text, conf_nearest(n->text, names, count),
			buf_str(&list));
	else
		conf_refuse(r, s, key->name, n->place, "there is no %s '%s'; defined: %s",
			key->section->singular, n->text, buf_str(&list));
	buf_release(&list);
	free(names);
}

static void read_reference(struct conf_reader *r, struct conf_subject *s,
	const struct conf_key *key, const struct conf_node *n)
{
	const struct conf_named *thing;

	if (!must_be(r, s, key, n, CONF_NODE_STRING))
		return;
	for (size_t i = 0; (thing = conf_section_thing(r->conf, key->section, i)) != NULL; i++)
		if (strcmp(thing->name, n->text) == 0) {
			*(const void **)conf_key_field(key, s->settings) = thing;
			return;
		}
	refuse_reference(r, s, key, n);
}

void conf_read_value(struct conf_reader *r, struct conf_subject *s, const struct conf_key *key,
	const struct conf_node *n)
{
	switch (key->type) {
	case CONF_TEXT:
		if (must_be(r, s, key, n, CONF_NODE_STRING))
			store_text(key, s->settings, conf_read_text(r, s, key, n, n->text));
		break;
	case CONF_FILE:
	case CONF_CONTENT:
		if (must_be(r, s, key, n, CONF_NODE_STRING))
			read_file(r, s, key, n);
		break;
	case CONF_WORD:
	case CONF_CHOICE:
		read_choice(r, s, key, n);
		break;
	case CONF_BOOL:
		if (must_be(r, s, key, n, CONF_NODE_BOOL))
			conf_store(key, s->settings, n->integer);
		break;
	case CONF_JSON:
		read_json(r, s, key, n);
		break;
	case CONF_REFERENCE:
		read_reference(r, s, key, n);
		break;
	case CONF_STATUSES:
	case CONF_REAUTHORIZE:
	case CONF_TEXTS:
	case CONF_PAIRS:
		conf_read_list(r, s, key, n);
		break;
	default:
		conf_read_number(r, s, key, n);
	}
}
