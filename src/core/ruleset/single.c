/* SPDX-License-Identifier: Apache-2.0 */
/* Matching one pattern alone, without the structures of a ruleset. */
#include "core/pattern/pattern.h"
#include "core/ruleset/ruleset.h"

bool pattern_matches(const struct pattern *p, const struct jx_index *ix)
{
	struct ruleset *rs = ruleset_new(&p, 1);
	struct ruleset_scratch *scratch = ruleset_scratch_new(rs);
	const uint32_t *hits;
	bool matches = ruleset_match(rs, scratch, ix, &hits) > 0;

	ruleset_scratch_free(scratch);
	ruleset_free(rs);
	return matches;
}
