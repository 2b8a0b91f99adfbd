/* SPDX-License-Identifier: Apache-2.0 */
#include "app/engine/redact.h"

#include "app/conf/mask.h"
#include "base/base64.h"

/* "user:password"; the user is not a secret. */
static void add_basic(struct conf_mask *m, const char *encoded)
{
	struct buf plain;
	const char *colon;

	buf_init(&plain, BUF_UNLIMITED);
	if (base64_decode(&plain, slice_str(encoded)) == 0) {
		conf_mask_add(m, buf_slice(&plain));
		colon = memchr(plain.data, ':', plain.len);
		if (colon != NULL)
			conf_mask_add(m, slice_of(colon + 1,
						 plain.len - 1 - (size_t)(colon - plain.data)));
	}
	if (plain.data != NULL)
		explicit_bzero(plain.data, plain.len);
	buf_release(&plain);
}

static void add_line(struct conf_mask *m, const char *line)
{
	const char *value = strchr(line, ':'), *blank = strrchr(line, ' ');

	if (value == NULL)
		return;
	value += 1 + strspn(value + 1, " ");
	conf_mask_add(m, slice_str(value));
	if (blank != NULL && blank > value)
		conf_mask_add(m, slice_str(blank + 1));
	if (strncmp(value, "Basic ", 6) == 0)
		add_basic(m, value + 6);
}

void redact_reply(const struct conf *conf, const struct connection_credentials *cr,
	struct slice body, struct buf *out)
{
	const char *line = cr->headers.data;
	struct conf_mask mask = {0};
	struct buf once;
	size_t cut, known;

	if (body.len == 0)
		return;
	for (size_t i = 0; i < cr->header_count; i++, line += strlen(line) + 1)
		add_line(&mask, line);
	cut = conf_mask_cut(&mask, body);
	known = conf_mask_cut(conf_get_mask(conf), body);
	cut = known > cut ? known : cut;
	buf_init(&once, BUF_UNLIMITED);
	conf_mask_reply(&mask, slice_of(body.data, body.len - cut), &once);
	conf_mask_reply(conf_get_mask(conf), buf_slice(&once), out);
	if (cut > 0)
		buf_add_str(out, CONF_MASK_TEXT);
	buf_release(&once);
	conf_mask_release(&mask);
}
