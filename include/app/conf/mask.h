/* SPDX-License-Identifier: Apache-2.0 */
/*
 * mask.h - the secrets that a configuration knows, to be kept out of what is printed.
 *
 * Whatever a ${…} reference gave and every literal credential goes in; conf_mask_apply() puts
 * "***" in the place of each. Shorter values than CONF_MASK_LEAST_BYTES are not searched for:
 * they would blank out half the text.
 */
#ifndef APP_CONF_MASK_H
#define APP_CONF_MASK_H

#include "base/buf.h"
#include "base/util.h"

#define CONF_MASK_TEXT        "***"
#define CONF_MASK_LEAST_BYTES 4

struct conf_mask {
	struct slice *values; /* owned copies, wiped on release; longest first */
	size_t count;
};

void conf_mask_release(struct conf_mask *m);
/* @value, and how it stands in JSON and in a URL. */
void conf_mask_add(struct conf_mask *m, struct slice value);
/* The length of the beginning of a secret that @text, which was cut somewhere, ends with. */
size_t conf_mask_cut(const struct conf_mask *m, struct slice text);
/* Append @text to @out, masked. */
void conf_mask_apply(const struct conf_mask *m, struct slice text, struct buf *out);
/* Append @text as it stands in the configuration file: references stay, since they tell
 * nothing, and what stands between them is masked. */
void conf_mask_references(struct slice text, struct buf *out);
/* The length of the reference that @text begins with; 0: with none. */
size_t conf_mask_reference(struct slice text);
/* Is the value of that property of librdkafka a secret? */
bool conf_is_secret_property(struct slice name);

#endif
