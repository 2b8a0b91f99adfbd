/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One value of the configuration into its field: texts, words, files, references.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "conf_private.h"
#include "io/secret.h"

/* Where a reference can't be resolved and need not be (check --no-secrets): good as a host, a
 * port and a word. */
#define STAND_IN "1"
/* Shorter words behind a blank are not what a scheme stands before. */
#define SCHEMED_LEAST_BYTES 8

static size_t count_characters(const char *text)
{
	size_t n = 0;

	for (; *text != '\0'; text++)
		n += ((unsigned char)*text & 0xc0) != 0x80;
	return n;
}

static void store_text(const struct conf_key *key, void *settings, const char *text)
{
	*(const char **)conf_key_field(key, settings) = text;
}

/* Put STAND_IN in the place of every reference of @text. */
static char *stand_in(const char *text)
{
	struct buf out;
	char *result;

	buf_init(&out, BUF_UNLIMITED);
	while (*text != '\0') {
		const char *end = strncmp(text, "${", 2) == 0 ? strchr(text, '}') : NULL;

		if (end != NULL) {
			buf_add_str(&out, STAND_IN);
			text = end + 1;
		} else {
			buf_add_char(&out, *text++);
		}
	}
	result = xstrdup(buf_str(&out));
	buf_release(&out);
	return result;
}

void conf_mask_secrets(struct conf_reader *r, const char *text, bool literal)
{
	struct conf_mask *mask = &r->priv->mask;
	const char *blank = strchr(text, ' ');

	if (literal && !secret_has_reference(text)) {
		conf_mask_add(mask, slice_str(text));
		/* "Bearer xyz": also without its scheme. */
		if (blank != NULL && strlen(blank + 1) >= SCHEMED_LEAST_BYTES)
			conf_mask_add(mask, slice_str(blank + 1));
		return;
	}
	for (; *text != '\0'; text++) {
		size_t len = conf_mask_reference(slice_str(text));
		char *reference = len > 0 ? xmemdup(text, len) : NULL;
		struct secret value = {0};

		if (len > 0 && secret_expand(&value, reference, r->conf->base_dir, NULL) == 0)
			conf_mask_add(mask, secret_value(&value));
		secret_release(&value);
		free(reference);
	}
}

/* The password in a URL's authority: of a proxy. */
static void mask_url_password(struct conf_mask *mask, const char *url)
{
	const char *authority = strstr(url, "://"), *end, *at, *colon;

	if (authority == NULL)
		return;
	authority += 3;
	end = authority + strcspn(authority, "/?#");
	at = memrchr(authority, '@', (size_t)(end - authority));
	colon = at ? memchr(authority, ':', (size_t)(at - authority)) : NULL;
	if (colon != NULL)
		conf_mask_add(mask, slice_of(colon + 1, (size_t)(at - colon - 1)));
}

/* A text whose references were resolved, owned; NULL: a fault was told. */
static char *expand(struct conf_reader *r, struct conf_subject *s, const struct conf_key *key,
	const struct conf_node *n, const char *text)
{
	struct secret value = {0};
	struct err err = {0};
	char *result;

	if (secret_expand(&value, text, r->conf->base_dir, &err) != 0) {
		if (r->options->skip_secrets && err.code != ERR_INVALID)
			return conf_own_text(r->priv, stand_in(text));
		conf_refuse(r, s, key->name, n->place, "%s", err.text);
		return NULL;
	}
	if ((key->flags & (CONF_SECRET | CONF_GUARDED)) != 0)
		conf_mask_secrets(r, text, (key->flags & CONF_SECRET) != 0);
	if ((key->flags & CONF_GUARDED) != 0)
		mask_url_password(&r->priv->mask, secret_value(&value).data);
	result = conf_own_text(r->priv, xmemdup(secret_value(&value).data, value.len));
	secret_release(&value);
	return result;
}

static void warn_literal(struct conf_reader *r, struct conf_subject *s,
	const struct conf_key *key, const struct conf_node *n, const char *text)
{
	/* Parameters are masked all alike, but few of them are secrets. */
	if ((key->flags & CONF_SECRET) == 0 || key->type == CONF_PAIRS ||
		secret_has_reference(text) ||
		!conf_files_is_open(&r->priv->source->files, n->place))
		return;
	conf_warn(r, s, key->name, n->place,
		"a secret stands in a file that others can read; write ${file:PATH} or "
		"${env:NAME}, or chmod 600 the file");
}

char *conf_read_text(struct conf_reader *r, struct conf_subject *s, const struct conf_key *key,
	const struct conf_node *n, const char *text)
{
	char *value;

	if ((key->flags & CONF_PLAIN) != 0) {
		value = conf_own_text(r->priv, xstrdup(text));
	} else {
		value = expand(r, s, key, n, text);
		if (value == NULL)
			return NULL;
		warn_literal(r, s, key, n, text);
	}
	if (value[0] == '\0' && key->type != CONF_PAIRS) {
		conf_refuse(r, s, key->name, n->place, "is empty; fill it in, or leave it out");
		return NULL;
	}
	if (key->max > 0 && count_characters(value) > (size_t)key->max) {
		conf_refuse(r, s, key->name, n->place,
			"has %zu characters; at most %lld may be", count_characters(value),
			(long long)key->max);
		return NULL;
	}
	if ((key->flags & CONF_KEPT) != 0)
		return conf_own_text(r->priv, xstrdup(text));
	if (strcmp(value, text) != 0)
		conf_note_original(r->priv, value, text);
	return value;
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

/* Certificates and keys are where the secrets are: they need not be on this machine. */
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
		name[0] == '/' ? "" : "; it is looked for beside the configuration file");
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
			"'%s': holds a NUL byte, so it is no text", n->text);
	/* An editor's last line end is no part of it. */
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

/* Consumers, connections and destinations of the configuration, by their common beginning. */
static const void *named(const struct conf *c, const struct conf_section *section, size_t i)
{
	if (section == &conf_consumer_section)
		return i < c->consumer_count ? &c->consumers[i] : NULL;
	if (section == &conf_connection_section)
		return i < c->connection_count ? &c->connections[i] : NULL;
	return i < c->destination_count ? &c->destinations[i] : NULL;
}

static const char *name_of(const void *thing)
{
	/* Each of them begins with its place and its name. */
	return ((const struct conf_consumer *)thing)->name;
}

static void refuse_reference(struct conf_reader *r, struct conf_subject *s,
	const struct conf_key *key, const struct conf_node *n)
{
	const char **names = NULL;
	size_t count = 0;
	struct buf list;
	const void *thing;

	while ((thing = named(r->conf, key->section, count)) != NULL) {
		names = xreallocarray(names, count + 1, sizeof *names);
		names[count++] = name_of(thing);
	}
	buf_init(&list, BUF_UNLIMITED);
	for (size_t i = 0; i < count && i < 8; i++)
		buf_addf(&list, "%s'%s'", i > 0 ? ", " : "", names[i]);
	if (count > 8)
		buf_addf(&list, " and %zu more", count - 8);
	if (count == 0)
		conf_refuse(r, s, key->name, n->place,
			"there is no %s '%s', and no other either; add it to '%s'",
			key->section->singular, n->text, key->section->name);
	else if (conf_nearest(n->text, names, count) != NULL)
		conf_refuse(r, s, key->name, n->place,
			"there is no %s '%s'; did you mean '%s'? There %s %s",
			key->section->singular, n->text, conf_nearest(n->text, names, count),
			count == 1 ? "is only" : "are", buf_str(&list));
	else
		conf_refuse(r, s, key->name, n->place, "there is no %s '%s'; there %s %s",
			key->section->singular, n->text, count == 1 ? "is only" : "are",
			buf_str(&list));
	buf_release(&list);
	free(names);
}

static void read_reference(struct conf_reader *r, struct conf_subject *s,
	const struct conf_key *key, const struct conf_node *n)
{
	const void *thing;

	if (!must_be(r, s, key, n, CONF_NODE_STRING))
		return;
	for (size_t i = 0; (thing = named(r->conf, key->section, i)) != NULL; i++)
		if (strcmp(name_of(thing), n->text) == 0) {
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
