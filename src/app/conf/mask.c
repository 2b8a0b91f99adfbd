/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Replacing secrets in text with "***".
 */
#include "app/conf/mask.h"

#include <stdlib.h>

#include "core/request/form.h"

void conf_mask_release(struct conf_mask *m)
{
	for (size_t i = 0; i < m->count; i++) {
		explicit_bzero((char *)m->values[i].data, m->values[i].len);
		free((char *)m->values[i].data);
	}
	free(m->values);
	*m = (struct conf_mask){0};
}

static void add_form(struct conf_mask *m, struct slice value)
{
	size_t at = 0;

	if (value.len < CONF_MASK_LEAST_BYTES)
		return;
	for (size_t i = 0; i < m->count; i++)
		if (slice_eq(m->values[i], value))
			return;
	/* Longest first: if one secret is a prefix of another, the longer one must be found. */
	while (at < m->count && m->values[at].len >= value.len)
		at++;
	m->values = xreallocarray(m->values, m->count + 1, sizeof *m->values);
	memmove(m->values + at + 1, m->values + at, (m->count - at) * sizeof *m->values);
	m->values[at] = slice_of(xmemdup(value.data, value.len), value.len);
	m->count++;
}

void conf_mask_add(struct conf_mask *m, struct slice value)
{
	struct buf form;

	add_form(m, value);
	buf_init(&form, BUF_UNLIMITED);
	buf_add_json_string(&form, value);
	add_form(m, slice_of(form.data + 1, form.len - 2));
	buf_reset(&form);
	form_add_percent(&form, value);
	add_form(m, buf_slice(&form));
	if (form.data != NULL)
		explicit_bzero(form.data, form.len);
	buf_release(&form);
}

size_t conf_mask_cut(const struct conf_mask *m, struct slice text)
{
	size_t longest = 0;

	for (size_t i = 0; i < m->count; i++) {
		struct slice v = m->values[i];
		size_t len = v.len - 1 < text.len ? v.len - 1 : text.len;

		while (len > longest && memcmp(text.data + text.len - len, v.data, len) != 0)
			len--;
		if (len > longest)
			longest = len;
	}
	return longest < CONF_MASK_LEAST_BYTES ? 0 : longest;
}

static size_t secret_at(const struct conf_mask *m, struct slice text)
{
	for (size_t i = 0; i < m->count; i++) {
		struct slice v = m->values[i];

		if (v.len <= text.len && v.data[0] == text.data[0] &&
			memcmp(v.data, text.data, v.len) == 0)
			return v.len;
	}
	return 0;
}

void conf_mask_apply(const struct conf_mask *m, struct slice text, struct buf *out)
{
	size_t plain = 0, i = 0;

	while (i < text.len) {
		size_t len = secret_at(m, slice_of(text.data + i, text.len - i));

		if (len == 0) {
			i++;
			continue;
		}
		buf_add(out, text.data + plain, i - plain);
		buf_add_str(out, CONF_MASK_TEXT);
		i += len;
		plain = i;
	}
	buf_add(out, text.data + plain, text.len - plain);
}

size_t conf_mask_reference(struct slice text)
{
	unsigned open = 0;

	if (text.len < 2 || text.data[0] != '$' || text.data[1] != '{')
		return 0;
	for (size_t i = 0; i < text.len; i++) {
		if (text.data[i] == '{')
			open++;
		else if (text.data[i] == '}' && --open == 0)
			return i + 1;
	}
	return 0;
}

void conf_mask_references(struct slice text, struct buf *out)
{
	bool masked = false;

	for (size_t i = 0; i < text.len;) {
		struct slice rest = slice_of(text.data + i, text.len - i);
		size_t len = conf_mask_reference(rest);

		if (len > 0)
			buf_add(out, rest.data, len);
		else if (!masked)
			buf_add_str(out, CONF_MASK_TEXT);
		masked = len == 0;
		/* "$${" is not a reference. */
		if (len == 0)
			len = rest.len > 1 && rest.data[0] == '$' && rest.data[1] == '$' ? 2
											 : 1;
		i += len;
	}
}

bool conf_is_secret_property(struct slice name)
{
	static const char *const words[] = {
		"password", "secret", ".pem", "oauthbearer.config", "token", "jaas"};

	for (size_t i = 0; i < COUNT_OF(words); i++)
		if (memmem(name.data, name.len, words[i], strlen(words[i])) != NULL)
			return true;
	return false;
}
