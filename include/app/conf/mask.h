/* SPDX-License-Identifier: Apache-2.0 */
/*
 * mask.h - the secrets of a configuration, to be masked in everything that is printed.
 *
 * It holds what ${…} references of secrets expand to and every literal credential;
 * conf_mask_apply() replaces each with "***". Values shorter than CONF_MASK_LEAST_BYTES are not
 * masked, since they would match large parts of any text.
 */
#ifndef APP_CONF_MASK_H
#define APP_CONF_MASK_H

#include "base/buf.h"
#include "base/util.h"

#define CONF_MASK_TEXT        "***"
#define CONF_MASK_LEAST_BYTES 4
/* In what others say, so much of a secret's beginning is masked, too. */
#define CONF_MASK_BEGINNING_BYTES 8

struct conf_mask {
	struct slice *values; /* owned copies, wiped on release; longest first */
	size_t count;
};

void conf_mask_release(struct conf_mask *m);
/* Add @value, and what is seen of it where it was encoded as base64. */
void conf_mask_add(struct conf_mask *m, struct slice value);
/* How many bytes at the end of @text, which was truncated, may be the beginning of a secret. */
size_t conf_mask_cut(const struct conf_mask *m, struct slice text);
/* Append @text to @out, masked: whatever the case of its letters, with escapes of JSON, of URLs or
 * of HTML, and broken into lines. */
void conf_mask_apply(const struct conf_mask *m, struct slice text, struct buf *out);
/* The same for what others say, who may have cut it: beginnings of secrets are masked, too. */
void conf_mask_reply(const struct conf_mask *m, struct slice text, struct buf *out);
/* Append @text as it is in the configuration file: references are kept, since they reveal nothing;
 * everything between them is masked. */
void conf_mask_references(struct slice text, struct buf *out);
/* The length of the reference at the beginning of @text; 0: there is none. */
size_t conf_mask_reference(struct slice text);
/* Is the value of that property of librdkafka a secret? */
bool conf_is_secret_property(struct slice name);

#endif
