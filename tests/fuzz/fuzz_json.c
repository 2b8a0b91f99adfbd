/* SPDX-License-Identifier: Apache-2.0 */
/* The index against jansson: the same texts are accepted, and every value found in the one is
 * found, and is the same, in the other. */
#include "core/json/json.h"

#include <jansson.h>
#include <stdlib.h>

static void check(bool ok)
{
	if (!ok)
		abort();
}

static void compare(const struct jx_index *ix, uint32_t t, const json_t *j);

static void compare_object(const struct jx_index *ix, uint32_t t, const json_t *j)
{
	size_t members = 0;
	const char *key;
	json_t *value;

	for (uint32_t m = t + 1; m < jx_next(ix, t); m = jx_next(ix, m))
		members += !ix->tokens[m].shadowed;
	check(members == json_object_size(j));
	json_object_foreach((json_t *)j, key, value)
	{
		uint32_t m = jx_member(ix, t, slice_str(key));

		check(m != JX_NONE);
		compare(ix, m, value);
	}
}

static void compare(const struct jx_index *ix, uint32_t t, const json_t *j)
{
	static const enum jx_type types[] = {[JSON_OBJECT] = JX_OBJECT,
		[JSON_ARRAY] = JX_ARRAY,
		[JSON_STRING] = JX_STRING,
		[JSON_INTEGER] = JX_NUMBER,
		[JSON_REAL] = JX_NUMBER,
		[JSON_TRUE] = JX_TRUE,
		[JSON_FALSE] = JX_FALSE,
		[JSON_NULL] = JX_NULL};
	json_t *element;
	size_t i;

	check(jx_type(ix, t) == types[json_typeof(j)]);
	if (json_is_object(j)) {
		compare_object(ix, t, j);
	} else if (json_is_array(j)) {
		json_array_foreach(j, i, element) compare(ix, jx_element(ix, t, i), element);
		check(jx_element(ix, t, i) == JX_NONE);
	} else if (json_is_string(j)) {
		check(jx_equals(ix, t, slice_of(json_string_value(j), json_string_length(j))));
	}
}

/* Folding changes no answer, and hides as many values as it says. */
static void compare_folded(const struct jx_index *whole, struct slice text, int wanted)
{
	static const struct jx_key_set none;
	static struct jx_index ix;
	struct jx_limits limits = jx_default_limits;
	struct err err;

	limits.fold_except = &none;
	check(jx_parse(&ix, text, &limits, &err) == wanted);
	check(wanted != 0 || ix.count + ix.folded == whole->count);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct jx_index ix;
	json_error_t why;
	struct err err;
	json_t *j =
		json_loadb((const char *)data, size, JSON_DECODE_ANY | JSON_ALLOW_NUL, &why);
	int r = jx_parse(&ix, slice_of((const char *)data, size), &jx_default_limits, &err);

	compare_folded(&ix, slice_of((const char *)data, size), r);
	if (j == NULL) {
		/* The differences that core/json/json.h lists, and jansson's greater depth. */
		check(r != 0 || json_error_code(&why) == json_error_numeric_overflow ||
			json_error_code(&why) == json_error_null_byte_in_key);
	} else if (r == 0) {
		compare(&ix, 0, j);
	} else {
		check(r == ERR_LIMIT || memchr(data, 0, size) != NULL);
	}
	json_decref(j);
	return 0;
}
