/* SPDX-License-Identifier: Apache-2.0 */
/* postrider test-pattern: does this event match this pattern, and if not, why not? */
#include "cmd.h"
#include "core/pattern/pattern.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>

/* A file that is larger is refused before all of it is read. */
#define MOST_BYTES ((size_t)64 << 20)

#define EXIT_DONE  0
#define EXIT_INPUT 2

static const char usage[] =
	"usage: postrider test-pattern --pattern FILE --event FILE [--explain] [--strict]\n"
	"\n"
	"Prints true if the event matches the event pattern, otherwise false.\n"
	"\n"
	"  --pattern FILE  an event pattern, in JSON; see postrider-patterns(7)\n"
	"  --event FILE    an event: a JSON object\n"
	"  --explain       also say, field by field, why\n"
	"  --strict        refuse what EventBridge refuses only because of its limits\n"
	"  --help          print this and exit\n"
	"\n"
	"FILE - is standard input; only one of the two can be. Exit status: 0 when there is an\n"
	"answer; 2 when the pattern or the event was refused, with the reason on standard\n"
	"error, or the usage is wrong.\n";

struct pattern_question {
	const char *pattern_path, *event_path;
	bool explain;
	struct pattern_options options;
};

static int read_argument(const char *path, struct buf *out)
{
	struct err err = {0};
	int code = cmd_read_input(path, out, &err);

	if (code != 0)
		fprintf(stderr, "postrider: %s\n", err.text);
	return code;
}

static void print_fault(const char *what, const char *path, const struct err *err)
{
	fprintf(stderr, "postrider: %s %s: %s\n", what,
		strcmp(path, "-") == 0 ? "standard input" : path, err->text);
}

/* Index the event, which must be an object. */
static int read_event(struct jx_index *ix, struct slice text, struct err *err)
{
	int r = jx_parse(ix, text, &jx_default_limits, err);

	if (r == 0 && jx_type(ix, 0) != JX_OBJECT)
		r = err_set(err, ERR_INVALID, "line 1, column 1: an event is an object, {...}");
	return r;
}

static void answer(
	const struct pattern_question *q, const struct pattern *p, const struct jx_index *ix)
{
	struct buf why;

	if (!q->explain) {
		puts(pattern_matches(p, ix) ? "true" : "false");
		return;
	}
	buf_init(&why, BUF_UNLIMITED);
	puts(pattern_explain(p, ix, &why) ? "true" : "false");
	fwrite(buf_str(&why), 1, why.len, stdout);
	buf_release(&why);
}

static int run(
	const struct pattern_question *q, struct slice pattern_text, struct slice event_text)
{
	struct pattern *p;
	struct jx_index ix;
	struct err err = {0};
	int status = EXIT_INPUT;

	jx_init(&ix);
	p = pattern_compile(pattern_text, &q->options, &err);
	if (p == NULL) {
		print_fault("pattern", q->pattern_path, &err);
	} else if (read_event(&ix, event_text, &err) != 0) {
		print_fault("event", q->event_path, &err);
	} else {
		answer(q, p, &ix);
		status = EXIT_DONE;
	}
	jx_release(&ix);
	pattern_free(p);
	return status;
}

/* Fills in @q. Returns -1 to go on, or the exit status. */
static int read_options(struct pattern_question *q, int argc, char **argv)
{
	static const struct option options[] = {
		{"pattern", required_argument, NULL, 'p'},
		{"event", required_argument, NULL, 'e'},
		{"explain", no_argument, NULL, 'x'},
		{"strict", no_argument, NULL, 's'},
		{"help", no_argument, NULL, 'h'},
		{0},
	};
	int o;

	optind = 0; /* the whole of argv anew, whoever has used getopt before */
	while ((o = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (o == 'p')
			q->pattern_path = optarg;
		else if (o == 'e')
			q->event_path = optarg;
		else if (o == 'x')
			q->explain = true;
		else if (o == 's')
			q->options.strict = true;
		else if (o == 'h')
			return fputs(usage, stdout) < 0;
		else
			return cmd_wrong_usage("test-pattern", NULL);
	}
	if (optind < argc)
		return cmd_wrong_usage("test-pattern", "too many arguments");
	if (q->pattern_path == NULL || q->event_path == NULL)
		return cmd_wrong_usage(
			"test-pattern", "--pattern FILE and --event FILE are needed");
	if (strcmp(q->pattern_path, "-") == 0 && strcmp(q->event_path, "-") == 0)
		return cmd_wrong_usage("test-pattern",
			"only one of --pattern and --event can be standard input");
	return -1;
}

int cmd_test_pattern(int argc, char **argv)
{
	struct pattern_question q = {0};
	struct buf pattern, event;
	int status = read_options(&q, argc, argv);

	if (status >= 0)
		return status;
	status = EXIT_INPUT;
	buf_init(&pattern, MOST_BYTES);
	buf_init(&event, MOST_BYTES);
	if (read_argument(q.pattern_path, &pattern) == 0 &&
		read_argument(q.event_path, &event) == 0)
		status = run(&q, buf_slice(&pattern), buf_slice(&event));
	buf_release(&pattern);
	buf_release(&event);
	return status;
}
