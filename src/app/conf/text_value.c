/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reading strings: ${...} references are expanded, and secrets are noted for masking.
 */
#include <stdio.h>
#include <stdlib.h>

#include "conf_private.h"
#include "io/secret.h"

/* Stands for a reference that check --no-secrets does not resolve: valid as a host, a port and a
 * word. */
#define STAND_IN "1"
/* A word of fewer bytes after a space is not taken for a credential after its scheme. */
#define SCHEMED_LEAST_BYTES 8

static size_t count_characters(const char *text)
{
	size_t n = 0;

	for (; *text != '\0'; text++)
		n += ((unsigned char)*text & 0xc0) != 0x80;
	return n;
}

/* Replace every reference in @text by STAND_IN. */
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
		/* "Bearer xyz": mask "xyz" alone too. */
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

/* Mask the password in the URL of a proxy. */
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

/* @text with its references expanded, owned by the configuration. NULL: a fault was reported. */
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
	/* All parameters are masked, but few of them are secrets. */
	if ((key->flags & CONF_SECRET) == 0 || key->type == CONF_PAIRS ||
		secret_has_reference(text) ||
		!conf_files_is_open(&r->priv->source->files, n->place))
		return;
	conf_warn(r, s, key->name, n->place,
		"the secret is in a file that other users can read; use ${file:PATH}, "
		"${credential:NAME} or ${env:NAME}, or let only its owner and Postrider's user "
		"read it");
}

/* Does @text have $NAME as a word, as the shell has it? */
static bool has_shell_reference(const char *text)
{
	static const char capitals[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_";

	for (const char *p = strchr(text, '$'); p != NULL; p = strchr(p + 1, '$')) {
		size_t len = strspn(p + 1, capitals);
		bool begins = p == text || p[-1] == ' ' || p[-1] == '=';

		if (begins && len > 1 && p[1] >= 'A' &&
			(p[1 + len] == '\0' || p[1 + len] == ' '))
			return true;
	}
	return false;
}

/* The name is not shown: it may be a part of a password. */
static void warn_shell_reference(struct conf_reader *r, struct conf_subject *s,
	const struct conf_key *key, const struct conf_node *n, const char *text)
{
	if ((key->flags & (CONF_SECRET | CONF_GUARDED | CONF_KEPT)) != 0 &&
		has_shell_reference(text))
		conf_warn(r, s, key->name, n->place,
			"a word such as $NAME is sent as it is; a variable of the environment is "
			"written ${env:NAME}");
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
		warn_shell_reference(r, s, key, n, text);
	}
	if (value[0] == '\0' && key->type != CONF_PAIRS) {
		conf_refuse(
			r, s, key->name, n->place, "is empty; give it a value or remove it");
		return NULL;
	}
	if (key->max > 0 && count_characters(value) > (size_t)key->max) {
		conf_refuse(r, s, key->name, n->place, "has %zu characters; the limit is %lld",
			count_characters(value), (long long)key->max);
		return NULL;
	}
	if ((key->flags & CONF_KEPT) != 0)
		return conf_own_text(r->priv, xstrdup(text));
	if (strcmp(value, text) != 0)
		conf_note_original(r->priv, value, text);
	return value;
}
