/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How fast are patterns matched, from the bytes of an event to the list of its rules?
 *
 *   bench-match --patterns FILE --events FILE [--seconds N] [--lists FILE] [--scan]
 *
 * Both files have one JSON text a line. Prints one line:
 *
 *   events=… matches=… events_per_second=… ns_per_event=… load_ms=… rss_kb=…
 *
 * matches: (event, pattern) pairs of one pass over the events; load_ms: from the texts of the
 * patterns to a ruleset; rss_kb: the process with its ruleset, before the events are
 * read. --lists writes, a line an event, the numbers of the patterns that matched it. --scan
 * only indexes the events and matches nothing: what the index alone costs.
 */
#include "base/clock.h"
#include "core/ruleset/ruleset.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

struct lines {
	char *text;
	struct slice *lines;
	size_t count;
};

static void lines_read(struct lines *l, const char *path)
{
	FILE *f = fopen(path, "r");
	size_t len = 0, cap = 1 << 20, got;

	if (f == NULL) {
		perror(path);
		exit(2);
	}
	l->text = xmalloc(cap);
	while ((got = fread(l->text + len, 1, cap - len, f)) > 0) {
		len += got;
		if (len == cap)
			l->text = xrealloc(l->text, cap *= 2);
	}
	fclose(f);
	l->lines = NULL;
	l->count = 0;
	for (char *p = l->text, *end = p + len; p < end;) {
		char *newline = memchr(p, '\n', (size_t)(end - p));
		char *stop = newline != NULL ? newline : end;

		if ((l->count & (l->count + 1)) == 0)
			l->lines = xreallocarray(l->lines, 2 * l->count + 2, sizeof *l->lines);
		if (stop > p)
			l->lines[l->count++] = slice_of(p, (size_t)(stop - p));
		p = stop + 1;
	}
}

static void lines_release(struct lines *l)
{
	free(l->text);
	free(l->lines);
}

static long rss_kb(void)
{
	long pages = 0;
	FILE *f = fopen("/proc/self/statm", "r");

	if (f != NULL && fscanf(f, "%*d %ld", &pages) != 1)
		pages = 0;
	if (f != NULL)
		fclose(f);
	return pages * (sysconf(_SC_PAGESIZE) / 1024);
}

static struct ruleset *load(
	const struct lines *patterns, struct pattern ***ret_compiled, int64_t *ret_us)
{
	struct pattern **compiled = xcalloc(patterns->count + 1, sizeof *compiled);
	int64_t start_us = clock_monotonic_us();
	struct ruleset *rs;
	struct err err;

	for (size_t i = 0; i < patterns->count; i++) {
		compiled[i] = pattern_compile(patterns->lines[i], NULL, &err);
		if (compiled[i] == NULL) {
			fprintf(stderr, "pattern %zu: %s\n", i, err.text);
			exit(2);
		}
	}
	rs = ruleset_new((const struct pattern *const *)compiled, patterns->count);
	*ret_us = clock_monotonic_us() - start_us;
	*ret_compiled = compiled;
	return rs;
}

struct bench {
	const struct ruleset *rs;
	struct ruleset_scratch *scratch;
	struct jx_index ix;
	FILE *lists;
	bool scan_only;
};

static size_t match_all(struct bench *b, const struct lines *events)
{
	struct jx_limits limits = jx_default_limits;
	size_t matches = 0;

	/* As in the program: see app/engine/router.c. */
	limits.fold_except = ruleset_keys(b->rs);
	for (size_t i = 0; i < events->count; i++) {
		const uint32_t *hits;
		struct err err;
		size_t n;

		if (jx_parse(&b->ix, events->lines[i], &limits, &err) != 0) {
			fprintf(stderr, "event %zu: %s\n", i, err.text);
			exit(2);
		}
		if (b->scan_only)
			continue;
		n = ruleset_match(b->rs, b->scratch, &b->ix, &hits);
		matches += n;
		for (size_t h = 0; b->lists != NULL && h < n; h++)
			fprintf(b->lists, "%s%u", h ? " " : "", hits[h]);
		if (b->lists != NULL)
			fputc('\n', b->lists);
	}
	return matches;
}

static void run(
	struct bench *b, const struct lines *events, double seconds, int64_t load_us, long rss)
{
	size_t matches = match_all(b, events);
	uint64_t done = 0;
	int64_t start_us, took_us;

	if (b->lists != NULL)
		fclose(b->lists);
	b->lists = NULL;
	start_us = clock_monotonic_us();
	do {
		match_all(b, events);
		done += events->count;
		took_us = clock_monotonic_us() - start_us;
	} while ((double)took_us < seconds * 1e6);
	printf("events=%zu matches=%zu events_per_second=%.0f ns_per_event=%.0f load_ms=%.1f "
	       "rss_kb=%ld\n",
		events->count, matches, (double)done * 1e6 / (double)took_us,
		(double)took_us * 1e3 / (double)done, (double)load_us / 1e3, rss);
}

int main(int argc, char **argv)
{
	static const struct option options[] = {{"patterns", required_argument, NULL, 'p'},
		{"events", required_argument, NULL, 'e'},
		{"seconds", required_argument, NULL, 's'},
		{"lists", required_argument, NULL, 'l'}, {"scan", no_argument, NULL, 'i'}, {0}};
	const char *patterns_path = NULL, *events_path = NULL, *lists_path = NULL;
	struct lines patterns, events;
	struct pattern **compiled;
	struct bench b = {0};
	double seconds = 2;
	int64_t load_us;
	long rss;
	int o;

	while ((o = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (o == 'p')
			patterns_path = optarg;
		else if (o == 'e')
			events_path = optarg;
		else if (o == 's')
			seconds = atof(optarg);
		else if (o == 'l')
			lists_path = optarg;
		else if (o == 'i')
			b.scan_only = true;
	}
	if (patterns_path == NULL || events_path == NULL) {
		fprintf(stderr,
			"usage: bench-match --patterns FILE --events FILE [--seconds N] "
			"[--lists FILE] [--scan]\n");
		return 2;
	}
	lines_read(&patterns, patterns_path);
	b.rs = load(&patterns, &compiled, &load_us);
	b.scratch = ruleset_scratch_new(b.rs);
	rss = rss_kb();
	lines_read(&events, events_path);
	if (lists_path != NULL && (b.lists = fopen(lists_path, "w")) == NULL) {
		perror(lists_path);
		return 2;
	}
	jx_init(&b.ix);
	if (events.count > 0)
		run(&b, &events, seconds, load_us, rss);
	jx_release(&b.ix);
	ruleset_scratch_free(b.scratch);
	ruleset_free((struct ruleset *)b.rs);
	for (size_t i = 0; i < patterns.count; i++)
		pattern_free(compiled[i]);
	free(compiled);
	lines_release(&patterns);
	lines_release(&events);
	return 0;
}
