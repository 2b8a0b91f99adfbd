/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Any text as a path over any text as an event: the path is refused with its column, or it
 * finds tokens that are there, in document order, none of them hidden.
 *
 * The path ends at the first byte 0x1e; the rest is the event.
 */
#include <assert.h>
#include <stdlib.h>

#include "core/json/path.h"

#define MAX_HITS 64

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void evaluate(const struct path *p, const struct jx_index *ix)
{
	uint32_t hits[MAX_HITS], first = path_find(p, ix, 0);
	size_t count = path_find_all(p, ix, 0, hits, MAX_HITS);

	assert((count == 0) == (first == JX_NONE));
	assert(count == 0 || hits[0] == first);
	assert(count <= 1 || path_has_wildcard(p));
	for (size_t i = 0; i < count && i < MAX_HITS; i++) {
		assert(hits[i] < ix->count && !ix->tokens[hits[i]].shadowed);
		assert(i == 0 || hits[i] > hits[i - 1]);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const uint8_t *end = size > 0 ? memchr(data, 0x1e, size) : NULL;
	size_t len = end != NULL ? (size_t)(end - data) : size;
	struct slice event = {"null", 4};
	struct jx_index ix;
	struct err err = {0};
	struct path *p = path_compile(slice_of((const char *)data, len), &err);

	if (p == NULL) {
		assert(err.code == ERR_INVALID && err.text[0] != '\0');
		return 0;
	}
	if (end != NULL)
		event = slice_of((const char *)end + 1, size - len - 1);
	jx_init(&ix);
	if (jx_parse(&ix, event, &jx_default_limits, NULL) == 0)
		evaluate(p, &ix);
	jx_release(&ix);
	path_free(p);
	return 0;
}
