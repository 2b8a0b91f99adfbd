/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The compiler, and the matcher on whatever it accepts. The input is a pattern and, behind a
 * NUL, an event. Two ways of asking, alone and in a ruleset with itself, must agree.
 */
#include "core/pattern/pattern.h"
#include "core/ruleset/ruleset.h"

#include <stdlib.h>

static void ignore_warning(void *data, const char *text)
{
	(void)data;
	(void)text;
}

static void match(const struct pattern *p, struct slice event)
{
	const struct pattern *twice[] = {p, p};
	struct ruleset *rs = ruleset_new(twice, 2);
	struct ruleset_scratch *scratch = ruleset_scratch_new(rs);
	const uint32_t *hits;
	struct jx_index ix;
	struct buf out;
	bool matches;

	jx_init(&ix);
	buf_init(&out, BUF_UNLIMITED);
	if (jx_parse(&ix, event, &jx_default_limits, NULL) == 0) {
		matches = pattern_matches(p, &ix);
		if (ruleset_match(rs, scratch, &ix, &hits) != (matches ? 2 : 0))
			abort();
		if (pattern_explain(p, &ix, &out) != matches)
			abort();
	}
	buf_release(&out);
	jx_release(&ix);
	ruleset_scratch_free(scratch);
	ruleset_free(rs);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct pattern_options options = {.warn = ignore_warning};
	const uint8_t *nul = memchr(data, 0, size);
	size_t len = nul != NULL ? (size_t)(nul - data) : size;
	struct pattern *p, *strict;
	struct err err;

	p = pattern_compile(slice_of((const char *)data, len), &options, &err);
	options.strict = true;
	strict = pattern_compile(slice_of((const char *)data, len), &options, &err);
	if (strict != NULL && p == NULL)
		abort();
	if (p != NULL && nul != NULL)
		match(p, slice_of((const char *)nul + 1, size - len - 1));
	pattern_free(p);
	pattern_free(strict);
	return 0;
}
