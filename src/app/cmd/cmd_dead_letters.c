/* SPDX-License-Identifier: Apache-2.0 */
/* The `postrider dead-letters` command: parses its options and calls list, show or redrive
 * (app/deadletters). */
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>

#include "cmd.h"
#include "app/deadletters/letters_list.h"
#include "app/deadletters/redrive.h"
#include "base/clock.h"
#include "io/http/http.h"

static const char usage[] =
	"usage: postrider dead-letters list -c FILE [FILTERS] [--follow] [--summary] [--json]\n"
	"       postrider dead-letters show -c FILE TOPIC/PARTITION/OFFSET [--json]\n"
	"       postrider dead-letters redrive -c FILE [FILTERS] [--dry-run] [--rate N]\n"
	"                                      [--to-target ID | --all-targets] [--force]\n"
	"                                      [--json]\n"
	"\n"
	"See dead letters, understand them, and send them again. Listing and showing commit\n"
	"nothing; redrive commits in the group <group_id>.redrive, sends no letter twice, and\n"
	"when it was interrupted goes on where it was.\n"
	"\n"
	"  -c, --config FILE    the configuration: a file, or a directory of *.cfg files\n"
	"  -h, --help           this text\n"
	"\n"
	"Filters; by default all dead-letter topics of the configuration, from their beginning:\n"
	"      --topic TOPIC    this dead-letter topic alone\n"
	"      --rule NAME      letters of this rule\n"
	"      --target ID      of this target\n"
	"      --code CODE      with this ERROR_CODE, or this HTTP status\n"
	"      --since TIME     written at or after: 2026-11-23T09:05:04Z, 2026-11-23, or how\n"
	"                       long ago: 90s, 15m, 6h, 2d\n"
	"      --until TIME     written at or before\n"
	"      --limit N        at most so many\n"
	"\n"
	"list:\n"
	"      --follow         do not end at the topics' end, but wait for more\n"
	"      --summary        count them by rule, target, status and code\n"
	"      --json           one object a line\n"
	"\n"
	"redrive: each letter goes to the one target that failed, as it is configured today. The\n"
	"exit status is 0 only when all chosen letters were delivered.\n"
	"      --dry-run        only say what would be sent\n"
	"      --rate N         at most N letters a second, also where the destination allows more\n"
	"      --to-target ID   to this target of the letter's rule instead\n"
	"      --all-targets    to all targets of the letter's rule\n"
	"      --force          also letters that may be forged: found in another topic than\n"
	"                       their target's letters go to, of a topic that the rule's\n"
	"                       consumer does not read, or of an event that the rule does not\n"
	"                       match\n"
	"      --json           the summary as one object\n";

enum {
	LIST = 1 << 0,
	SHOW = 1 << 1,
	REDRIVE = 1 << 2,
};

enum option_code {
	TOPIC = 256,
	RULE,
	TARGET,
	CODE,
	SINCE,
	UNTIL,
	LIMIT,
	FOLLOW,
	SUMMARY,
	JSON,
	DRY_RUN,
	RATE,
	TO_TARGET,
	ALL_TARGETS,
	FORCE,
};

/* Which of the three each option belongs to. */
static const struct {
	enum option_code code;
	unsigned commands;
} belongs[] = {
	{TOPIC, LIST | REDRIVE},
	{RULE, LIST | REDRIVE},
	{TARGET, LIST | REDRIVE},
	{CODE, LIST | REDRIVE},
	{SINCE, LIST | REDRIVE},
	{UNTIL, LIST | REDRIVE},
	{LIMIT, LIST | REDRIVE},
	{FOLLOW, LIST},
	{SUMMARY, LIST},
	{JSON, LIST | SHOW | REDRIVE},
	{DRY_RUN, REDRIVE},
	{RATE, REDRIVE},
	{TO_TARGET, REDRIVE},
	{ALL_TARGETS, REDRIVE},
	{FORCE, REDRIVE},
};

struct dead_letters_arguments {
	unsigned command;
	const char *conf_path, *place;
	struct letters_filter filter;
	struct letters_list_options list;
	struct redrive_options redrive;
	bool json;
};

static int parse_count(const char *text, uint64_t max, uint64_t *ret, struct err *err)
{
	char *end;

	errno = 0;
	*ret = strtoull(text, &end, 10);
	if (text[0] < '0' || text[0] > '9' || *end != '\0' || errno != 0 || *ret == 0 ||
		*ret > max)
		return err_set(err, ERR_INVALID, "'%s' is not a number from 1 to %llu", text,
			(unsigned long long)max);
	return 0;
}

static int take_filter(struct letters_filter *f, int code, const char *text, struct err *err)
{
	switch (code) {
	case TOPIC:
		f->topic = text;
		return 0;
	case RULE:
		f->rule = text;
		return 0;
	case TARGET:
		f->target = text;
		return 0;
	case CODE:
		f->code = text;
		return 0;
	case SINCE:
		return letters_parse_time(text, clock_wall_ms(), &f->since_ms, err);
	case UNTIL:
		return letters_parse_time(text, clock_wall_ms(), &f->until_ms, err);
	default:
		return parse_count(text, UINT64_MAX, &f->limit, err);
	}
}

static int take_option(
	struct dead_letters_arguments *a, int code, const char *text, struct err *err)
{
	uint64_t number = 0;

	for (size_t i = 0; i < COUNT_OF(belongs); i++)
		if ((int)belongs[i].code == code && (belongs[i].commands & a->command) == 0)
			return err_set(err, ERR_INVALID,
				"an option of another of list, show and redrive");
	switch (code) {
	case FOLLOW:
		a->list.follow = true;
		return 0;
	case SUMMARY:
		a->list.summary = true;
		return 0;
	case JSON:
		a->json = true;
		return 0;
	case DRY_RUN:
		a->redrive.dry_run = true;
		return 0;
	case TO_TARGET:
		a->redrive.to_target = text;
		return 0;
	case ALL_TARGETS:
		a->redrive.all_targets = true;
		return 0;
	case FORCE:
		a->redrive.force = true;
		return 0;
	case RATE:
		if (parse_count(text, 1000000, &number, err) != 0)
			return ERR_INVALID;
		a->redrive.rate = (unsigned)number;
		return 0;
	default:
		return take_filter(&a->filter, code, text, err);
	}
}

/* --- running ---------------------------------------------------------------------------- */

static int run(struct dead_letters_arguments *a)
{
	struct conf_options options = {.purpose = CONF_TO_READ_LETTERS, .generation = 1};
	struct conf *conf = conf_load(a->conf_path, &options, cmd_print_fault, NULL);
	struct log_settings log;
	struct err err;
	int code = 0, status;

	if (conf == NULL)
		return 1;
	log = conf->log;
	log.level = log.level > LOG_WARN ? log.level : LOG_WARN;
	log_configure(&log);
	a->list.filter = a->redrive.filter = a->filter;
	a->list.json = a->redrive.json = a->json;
	if (a->command == REDRIVE) {
		status = redrive_run(conf, &a->redrive);
	} else {
		code = a->command == LIST ? letters_list(conf, &a->list, &err)
					  : letters_show(conf, a->place, a->json, &err);
		status = code == 0 ? 0 : 1;
	}
	if (code != 0)
		fprintf(stderr, "postrider dead-letters: %s\n", err.text);
	conf_unref(conf);
	return status;
}

/* What is missing or wrong, or NULL. */
static const char *check_arguments(const struct dead_letters_arguments *a, int left)
{
	if (a->conf_path == NULL)
		return "a configuration is needed: -c FILE";
	if (a->command == SHOW && left != 1)
		return "show needs the place of one letter: TOPIC/PARTITION/OFFSET";
	if (a->command != SHOW && left > 0)
		return "there is an argument too many";
	if (a->redrive.to_target != NULL && a->redrive.all_targets)
		return "only one of --to-target and --all-targets";
	if (a->list.follow && a->list.summary)
		return "only one of --follow and --summary";
	return NULL;
}

static int parse_and_run(struct dead_letters_arguments *a, int argc, char **argv)
{
	static const struct option options[] = {
		{"config", required_argument, NULL, 'c'},
		{"topic", required_argument, NULL, TOPIC},
		{"rule", required_argument, NULL, RULE},
		{"target", required_argument, NULL, TARGET},
		{"code", required_argument, NULL, CODE},
		{"since", required_argument, NULL, SINCE},
		{"until", required_argument, NULL, UNTIL},
		{"limit", required_argument, NULL, LIMIT},
		{"follow", no_argument, NULL, FOLLOW},
		{"summary", no_argument, NULL, SUMMARY},
		{"json", no_argument, NULL, JSON},
		{"dry-run", no_argument, NULL, DRY_RUN},
		{"rate", required_argument, NULL, RATE},
		{"to-target", required_argument, NULL, TO_TARGET},
		{"all-targets", no_argument, NULL, ALL_TARGETS},
		{"force", no_argument, NULL, FORCE},
		{"help", no_argument, NULL, 'h'},
		{NULL, 0, NULL, 0},
	};
	int c, index = -1;
	const char *why;
	struct err err;

	while ((c = getopt_long(argc, argv, "c:h", options, &index)) != -1) {
		if (c == 'h') {
			fputs(usage, stdout);
			return 0;
		}
		if (c == '?')
			return cmd_wrong_usage("dead-letters", NULL);
		if (c == 'c') {
			a->conf_path = optarg;
		} else if (take_option(a, c, optarg, &err) != 0) {
			err_wrap(&err, "--%s", options[index].name);
			return cmd_wrong_usage("dead-letters", err.text);
		}
	}
	why = check_arguments(a, argc - optind);
	if (why != NULL)
		return cmd_wrong_usage("dead-letters", why);
	a->place = argv[optind];
	http_global_init();
	return run(a);
}

int cmd_dead_letters(int argc, char **argv)
{
	struct dead_letters_arguments a = {.filter = letters_filter_any};
	const char *name = argc > 1 ? argv[1] : "";

	if (strcmp(name, "--help") == 0 || strcmp(name, "-h") == 0) {
		fputs(usage, stdout);
		return 0;
	}
	if (strcmp(name, "list") == 0)
		a.command = LIST;
	else if (strcmp(name, "show") == 0)
		a.command = SHOW;
	else if (strcmp(name, "redrive") == 0)
		a.command = REDRIVE;
	else
		return cmd_wrong_usage("dead-letters", "say list, show or redrive");
	argv[1] = argv[0]; /* for getopt()'s messages */
	return parse_and_run(&a, argc - 1, argv + 1);
}
