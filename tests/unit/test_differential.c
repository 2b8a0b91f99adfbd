/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The matcher against the slow one of tests/reference: random patterns, twenty in a ruleset,
 * and random events. PAIRS and SEED in the environment ask for more, or for others.
 */
#include "unit.h"
#include "../reference/generator.c"
#include "../reference/matcher.c"
#include "core/ruleset/ruleset.h"

#define PATTERNS 20
#define EVENTS   25

struct batch {
	struct buf text[PATTERNS];
	json_t *tree[PATTERNS];
	struct pattern *compiled[PATTERNS];
	struct ruleset *rs;
	struct ruleset_scratch *scratch;
};

static void batch_fill(struct batch *b, struct rng *r)
{
	struct err err;

	for (int i = 0; i < PATTERNS; i++) {
		buf_init(&b->text[i], BUF_UNLIMITED);
		generate_pattern(r, &b->text[i]);
		b->tree[i] = json_loadb(b->text[i].data, b->text[i].len, 0, NULL);
		b->compiled[i] = pattern_compile(buf_slice(&b->text[i]), NULL, &err);
		if (b->tree[i] == NULL || b->compiled[i] == NULL)
			fail_msg("%s: %s", b->text[i].data, err.text);
	}
	b->rs = ruleset_new((const struct pattern *const *)b->compiled, PATTERNS);
	b->scratch = ruleset_scratch_new(b->rs);
}

static void batch_release(struct batch *b)
{
	ruleset_scratch_free(b->scratch);
	ruleset_free(b->rs);
	for (int i = 0; i < PATTERNS; i++) {
		pattern_free(b->compiled[i]);
		json_decref(b->tree[i]);
		buf_release(&b->text[i]);
	}
}

/* Returns how many matched. */
static unsigned compare_event(struct batch *b, struct buf *event, struct jx_index *ix)
{
	json_t *tree = json_loadb(event->data, event->len, 0, NULL);
	struct jx_limits limits = jx_default_limits;
	const uint32_t *hits;
	size_t count, next = 0;
	struct err err;

	limits.fold_except = ruleset_keys(b->rs);
	if (tree == NULL || jx_parse(ix, buf_slice(event), &limits, &err) != 0)
		fail_msg("%s", event->data);
	count = ruleset_match(b->rs, b->scratch, ix, &hits);
	for (uint32_t i = 0; i < PATTERNS; i++) {
		bool ours = next < count && hits[next] == i;
		bool wanted = reference_matches(b->tree[i], tree);

		next += ours;
		if (ours != wanted)
			fail_msg("%s\non %s\nmust %smatch", b->text[i].data, event->data,
				wanted ? "" : "not ");
	}
	assert_int_equal(next, count);
	json_decref(tree);
	return (unsigned)count;
}

static void differential__fast_and_slow_matcher_agree(void **state)
{
	unsigned long pairs = getenv("PAIRS") ? strtoul(getenv("PAIRS"), NULL, 10) : 100000;
	unsigned long seed = getenv("SEED") ? strtoul(getenv("SEED"), NULL, 10) : 1;
	unsigned long matched = 0;
	struct jx_index ix;
	struct buf event;
	struct rng r;

	(void)state;
	jx_init(&ix);
	buf_init(&event, BUF_UNLIMITED);
	rng_seed(&r, seed);
	for (unsigned long done = 0; done < pairs; done += PATTERNS * EVENTS) {
		struct batch b;

		batch_fill(&b, &r);
		for (int e = 0; e < EVENTS; e++) {
			buf_reset(&event);
			generate_event(&r, &event);
			matched += compare_event(&b, &event, &ix);
		}
		batch_release(&b);
	}
	buf_release(&event);
	jx_release(&ix);
	/* Neither all nor none: the test would prove little. */
	assert_in_range(matched, pairs / 50, pairs / 2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(differential__fast_and_slow_matcher_agree),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
