/* SPDX-License-Identifier: Apache-2.0 */
/* What a redrive prints: progress, dead letters left alone and why, the totals at the end. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/json_writer.h"
#include "redrive_private.h"

/* Rules and targets that do not exist are few; a forged topic must not fill the memory. */
#define REASONS_MAX 100

void redrive_report_reason(struct redrive *run, enum redrive_verdict verdict,
	const struct letter_view *v, const char *why)
{
	struct redrive_counts *c = &run->counts;
	struct buf text;
	size_t i;

	c->verdicts[verdict]++;
	buf_init(&text, 2048);
	if (v->rule.len > 0) {
		buf_add_str(&text, "rule '");
		buf_add_printable(&text, v->rule);
		buf_add_str(&text, "', target '");
		buf_add_printable(
			&text, run->o->to_target ? slice_str(run->o->to_target) : v->target);
		buf_add_str(&text, "': ");
	}
	buf_add_str(&text, why);
	for (i = 0; i < c->reason_count; i++)
		if (c->reasons[i].verdict == verdict &&
			strcmp(c->reasons[i].text, buf_str(&text)) == 0)
			break;
	if (i == c->reason_count && i < REASONS_MAX) {
		c->reasons = xreallocarray(c->reasons, i + 1, sizeof *c->reasons);
		c->reasons[c->reason_count++] =
			(struct redrive_reason){verdict, xstrdup(buf_str(&text)), 0};
	}
	if (i < c->reason_count)
		c->reasons[i].count++;
	buf_release(&text);
}

void redrive_report_progress(struct redrive *run)
{
	const struct redrive_counts *c = &run->counts;

	if (!run->terminal)
		return;
	fprintf(stderr,
		"\r\033[K%" PRIu64 " delivered, %" PRIu64
		" failed again, %zu on their way; %" PRIu64 " letters looked at",
		c->delivered, c->failed, run->open_deliveries, c->looked_at);
}

/* Of what was chosen. */
static uint64_t left(const struct redrive_counts *c)
{
	return c->verdicts[REDRIVE_UNROUTABLE] + c->verdicts[REDRIVE_DISTRUSTED];
}

static int exit_status(const struct redrive *run)
{
	const struct redrive_counts *c = &run->counts;

	if (run->o->dry_run)
		return left(c) > 0;
	return run->interrupted || run->stuck != NULL || run->crowded > 0 ||
	       run->elsewhere > 0 || c->delivered < c->chosen;
}

static void line(uint64_t count, const char *what)
{
	if (count > 0)
		printf("%8" PRIu64 "  %s\n", count, what);
}

static void print_reasons(const struct redrive_counts *c)
{
	static const char *const headings[REDRIVE_VERDICTS] = {
		[REDRIVE_UNROUTABLE] = "left, because they have no target:",
		[REDRIVE_DISTRUSTED] =
			"left, because they may be forged; --force sends them too:",
		[REDRIVE_FORCED] = "taken with --force, though they may be forged:",
	};

	for (size_t v = 0; v < REDRIVE_VERDICTS; v++) {
		line(c->verdicts[v], headings[v]);
		for (size_t i = 0; i < c->reason_count; i++)
			if (c->reasons[i].verdict == v)
				printf("%8s    %" PRIu64 ": %s\n", "", c->reasons[i].count,
					c->reasons[i].text);
	}
}

static void print_text(const struct redrive *run)
{
	const struct redrive_counts *c = &run->counts;

	if (run->o->dry_run)
		printf("%8" PRIu64 "  letters would be sent\n", c->chosen - left(c));
	else
		printf("%8" PRIu64 "  letters delivered\n", c->delivered);
	line(c->failed, "failed again: each is a new letter, with REDRIVE_COUNT");
	print_reasons(c);
	line(c->unwanted, "left by the filters");
	line(c->done_before, "redriven before");
	line(c->foreign, "records that are not dead letters");
	if (run->crowded > 0)
		printf("%8" PRIu64
		       "  partitions left before their end: between the dead letters that are "
		       "done there are more open ones than a commit can record; redrive those first\n",
			run->crowded);
	if (run->elsewhere > 0)
		printf("%8" PRIu64 "  partitions that another redrive works on\n",
			run->elsewhere);
	if (run->stuck != NULL)
		printf("stopped: nearly everything fails again at destination '%s', for one reason; "
		       "mend it and run this again\n",
			run->stuck);
	else if (run->interrupted)
		printf("interrupted: run it again, and it goes on from here\n");
}

static void write_reasons(struct json_writer *w, const struct redrive_counts *c)
{
	jw_open(w, "reasons", '[');
	for (size_t i = 0; i < c->reason_count; i++) {
		jw_open(w, NULL, '{');
		jw_int(w, "count", (int64_t)c->reasons[i].count);
		jw_text(w, "reason", slice_str(c->reasons[i].text));
		jw_close(w);
	}
	jw_close(w);
}

static void print_json(const struct redrive *run)
{
	const struct redrive_counts *c = &run->counts;
	struct json_writer w;
	struct buf b;

	buf_init(&b, BUF_UNLIMITED);
	jw_init(&w, &b);
	jw_open(&w, NULL, '{');
	if (run->o->dry_run)
		jw_int(&w, "would_send", (int64_t)(c->chosen - left(c)));
	else
		jw_int(&w, "delivered", (int64_t)c->delivered);
	jw_int(&w, "failed_again", (int64_t)c->failed);
	jw_int(&w, "without_target", (int64_t)c->verdicts[REDRIVE_UNROUTABLE]);
	jw_int(&w, "not_believed", (int64_t)c->verdicts[REDRIVE_DISTRUSTED]);
	jw_int(&w, "forced", (int64_t)c->verdicts[REDRIVE_FORCED]);
	jw_int(&w, "left_by_filters", (int64_t)c->unwanted);
	jw_int(&w, "redriven_before", (int64_t)c->done_before);
	jw_int(&w, "no_letters", (int64_t)c->foreign);
	jw_int(&w, "partitions_crowded", (int64_t)run->crowded);
	jw_int(&w, "partitions_elsewhere", (int64_t)run->elsewhere);
	jw_bool(&w, "interrupted", run->interrupted);
	jw_text(&w, "stopped_at", slice_str(run->stuck));
	write_reasons(&w, c);
	jw_close(&w);
	puts(b.data);
	buf_release(&b);
}

int redrive_report_end(struct redrive *run)
{
	if (run->terminal)
		fputs("\r\033[K", stderr);
	if (run->o->json)
		print_json(run);
	else
		print_text(run);
	return exit_status(run);
}
