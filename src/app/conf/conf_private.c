/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The memory behind a configuration: the strings and arrays that its settings point to, and the
 * text with references from which a string was expanded.
 */
#include "conf_private.h"

#include <stdlib.h>

#include "base/hash.h"
#include "io/secret.h"

struct conf_original {
	const char *value;
	char *text;
	UT_hash_handle hh;
};

struct conf_private *conf_private_new(struct conf_source *source)
{
	struct conf_private *p = xcalloc(1, sizeof *p);

	p->source = source;
	return p;
}

static void wipe_and_free(char *text)
{
	explicit_bzero(text, strlen(text));
	free(text);
}

void conf_private_free(struct conf_private *p)
{
	struct conf_original *o, *next;

	HASH_ITER (hh, p->originals, o, next) {
		HASH_DEL(p->originals, o);
		free(o->text);
		free(o);
	}
	for (size_t i = 0; i < p->text_count; i++)
		wipe_and_free(p->texts[i]);
	for (size_t i = 0; i < p->block_count; i++)
		free(p->blocks[i]);
	free(p->texts);
	free(p->blocks);
	conf_mask_release(&p->mask);
	conf_source_unref(p->source);
	free(p);
}

char *conf_own_text(struct conf_private *p, char *text)
{
	if (p->text_count == p->text_cap) {
		p->text_cap = p->text_cap > 0 ? 2 * p->text_cap : 64;
		p->texts = xreallocarray(p->texts, p->text_cap, sizeof *p->texts);
	}
	return p->texts[p->text_count++] = text;
}

void *conf_own_block(struct conf_private *p, void *block)
{
	if (p->block_count == p->block_cap) {
		p->block_cap = p->block_cap > 0 ? 2 * p->block_cap : 64;
		p->blocks = xreallocarray(p->blocks, p->block_cap, sizeof *p->blocks);
	}
	return p->blocks[p->block_count++] = block;
}

void conf_note_original(struct conf_private *p, const char *value, const char *text)
{
	struct conf_original *o = xcalloc(1, sizeof *o);

	o->value = value;
	o->text = xstrdup(text);
	HASH_ADD_PTR(p->originals, value, o);
}

const char *conf_original_text(const struct conf_private *p, const char *value)
{
	struct conf_original *o;

	HASH_FIND_PTR(p->originals, &value, o);
	return o != NULL ? o->text : value;
}

size_t conf_private_secret_files(
	const struct conf_private *p, const char *base_dir, char ***paths)
{
	struct conf_original *o, *next;
	size_t count = 0;

	*paths = NULL;
	HASH_ITER (hh, p->originals, o, next)
		count = secret_files(o->text, base_dir, paths, count);
	return count;
}
