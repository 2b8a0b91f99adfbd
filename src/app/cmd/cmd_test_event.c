/* SPDX-License-Identifier: Apache-2.0 */
/* The `postrider test-event` command: which rules match an event, and the requests that
 * would be sent for it. With --send it sends them. */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>

#include "cmd.h"
#include "app/preview/preview.h"
#include "base/clock.h"

#define MAX_FILE_BYTES ((size_t)64 << 20)

static const char usage[] =
	"usage: postrider test-event -c FILE --event FILE [OPTIONS]\n"
	"\n"
	"Show for each rule whether it matches the event, and if not, why; and for each of its\n"
	"targets the request that would be sent, secrets masked. Nothing is sent without --send.\n"
	"\n"
	"  -c, --config FILE       the configuration: a file, or a directory of *.cfg files\n"
	"      --event FILE        the event, a record's value; - is standard input\n"
	"      --rule NAME         only this rule\n"
	"      --topic NAME        the record's topic (default: the first of the rule's consumer)\n"
	"      --key TEXT          its key\n"
	"      --header NAME=TEXT  one of its headers; may be repeated; NAME alone has no value\n"
	"      --send              really send each request, once, and show the reply\n"
	"      --json              for programs\n"
	"  -h, --help              this text\n"
	"\n"
	"Exit status: 0, 1 when the configuration has faults, the event is invalid, a request cannot be\n"
	"made, or a reply was no success, 2 for wrong usage.\n";

struct test_event_arguments {
	const char *config, *event_file, *rule, *topic;
	struct event_fields record;
	struct event_header *headers;
	bool send, json;
};

/* What is printed, and how it went. */
struct output {
	struct buf out;
	struct json_writer json; /* into out, if programs are to read it */
	const struct conf *conf;
	bool as_json, failed;
};

static int read_event(const char *path, struct buf *out)
{
	struct err err = {0};
	int code = cmd_read_input(path, out, &err);

	if (code != 0)
		fprintf(stderr, "postrider test-event: %s\n", err.text);
	return code;
}

static void add_error(struct output *o, const char *code, const char *text)
{
	struct buf masked;

	o->failed = true;
	buf_init(&masked, BUF_UNLIMITED);
	conf_mask_text(o->conf, slice_str(text), &masked);
	if (o->as_json) {
		jw_open(&o->json, "error", '{');
		jw_text(&o->json, "code", slice_str(code));
		jw_text(&o->json, "message", slice_str(buf_str(&masked)));
		jw_close(&o->json);
	} else {
		buf_addf(&o->out, "    %s: %s\n", code, buf_str(&masked));
	}
	buf_release(&masked);
}

static void add_reply(struct output *o, const struct preview_reply *r)
{
	struct buf body;

	if (r->error != NULL) {
		add_error(o, "not sent", r->error);
		return;
	}
	o->failed = o->failed || r->status < 200 || r->status > 299;
	buf_init(&body, BUF_UNLIMITED);
	conf_mask_text(o->conf, buf_slice(&r->body), &body);
	if (o->as_json) {
		jw_open(&o->json, "reply", '{');
		jw_int(&o->json, "status", r->status);
		jw_int(&o->json, "total_ms", r->total_ms);
		jw_text(&o->json, "body", slice_of(buf_str(&body), body.len));
		jw_close(&o->json);
	} else {
		buf_addf(&o->out, "\n    reply: %d in %lld ms\n", r->status,
			(long long)r->total_ms);
		preview_print_lines(buf_slice(&body), "    ", &o->out);
	}
	buf_release(&body);
}

static void add_request(
	struct output *o, const struct preview *p, const struct conf_target *target)
{
	struct preview_mask mask;
	struct preview_shown shown;

	preview_mask_init(&mask, o->conf, target->destination->connection);
	preview_show(p, target, &mask, &shown);
	if (o->as_json)
		preview_shown_write(&shown, &o->json);
	else
		preview_shown_print(&shown, "    ", &o->out);
	preview_shown_release(&shown);
	preview_mask_release(&mask);
}

static void try_target(
	struct output *o, struct preview *p, const struct conf_target *target, bool send)
{
	const char *code = "";
	struct err err = {0};
	struct preview_reply reply;

	if (preview_render(p, target, &code, &err) != 0) {
		add_error(o, code, err.text);
		return;
	}
	add_request(o, p, target);
	if (!send)
		return;
	preview_send(p, target, &reply);
	add_reply(o, &reply);
	preview_reply_release(&reply);
}

static void try_targets(
	struct output *o, struct preview *p, const struct conf_rule *rule, bool send)
{
	for (size_t i = 0; i < rule->target_count; i++) {
		const struct conf_target *target = &rule->targets[i];

		if (o->as_json) {
			jw_open(&o->json, NULL, '{');
			jw_text(&o->json, "target", slice_str(target->id));
			jw_text(&o->json, "destination", slice_str(target->destination->name));
			try_target(o, p, target, send);
			jw_close(&o->json);
			continue;
		}
		buf_addf(&o->out, "%s  target '%s' to destination '%s':\n", i > 0 ? "\n" : "",
			target->id, target->destination->name);
		try_target(o, p, target, send);
	}
}

static void print_verdict(struct output *o, const struct conf_rule *rule, int match,
	const struct buf *why, const struct err *err)
{
	buf_addf(&o->out, "rule '%s'%s: %s\n", rule->name,
		rule->enabled ? "" : " (it is DISABLED)",
		match < 0 ? "the record is not a valid event for its consumer"
		: match   ? "matches"
			  : "does not match");
	if (match < 0)
		preview_print_lines(slice_str(err->text), "  ", &o->out);
	else if (match == 0)
		preview_print_lines(buf_slice(why), "  ", &o->out);
}

static void write_verdict(struct output *o, const struct conf_rule *rule, int match,
	const struct buf *why, const struct err *err)
{
	jw_text(&o->json, "rule", slice_str(rule->name));
	jw_bool(&o->json, "enabled", rule->enabled);
	jw_bool(&o->json, "matches", match == 1);
	if (match < 0)
		add_error(o, "INVALID_EVENT", err->text);
	jw_text(&o->json, "explanation", slice_str(match < 0 ? err->text : buf_str(why)));
}

static const char *topic_of(const struct test_event_arguments *a, const struct conf_rule *rule)
{
	if (a->topic != NULL)
		return a->topic;
	return rule->consumer->topics[0][0] == '^' ? "test" : rule->consumer->topics[0];
}

static void try_rule(
	struct output *o, const struct test_event_arguments *a, const struct conf_rule *rule)
{
	struct event_fields record = a->record;
	struct err err = {0};
	struct preview p;
	struct buf why;
	int match;

	record.topic = topic_of(a, rule);
	preview_init(&p, o->conf, &record);
	buf_init(&why, BUF_UNLIMITED);
	match = preview_match(&p, rule, &why, &err);
	o->failed = o->failed || match < 0;
	if (o->as_json) {
		jw_open(&o->json, NULL, '{');
		write_verdict(o, rule, match, &why, &err);
		jw_open(&o->json, "targets", '[');
	} else {
		print_verdict(o, rule, match, &why, &err);
	}
	if (match == 1)
		try_targets(o, &p, rule, a->send);
	if (o->as_json) {
		jw_close(&o->json);
		jw_close(&o->json);
	}
	buf_release(&why);
	preview_release(&p);
}

static void try_rules(struct output *o, const struct test_event_arguments *a)
{
	if (o->as_json) {
		jw_open(&o->json, NULL, '{');
		jw_open(&o->json, "rules", '[');
	}
	for (size_t i = 0; i < o->conf->rule_count; i++)
		if (a->rule == NULL || strcmp(o->conf->rules[i].name, a->rule) == 0)
			try_rule(o, a, &o->conf->rules[i]);
	if (o->as_json) {
		jw_close(&o->json);
		jw_close(&o->json);
		buf_add_char(&o->out, '\n');
	}
}

static bool has_rule(const struct conf *c, const char *name)
{
	for (size_t i = 0; i < c->rule_count; i++)
		if (name == NULL || strcmp(c->rules[i].name, name) == 0)
			return true;
	fprintf(stderr,
		name != NULL ? "postrider test-event: there is no rule '%s'\n"
			     : "postrider test-event: there is no rule\n",
		name);
	return false;
}

static int run(struct test_event_arguments *a)
{
	struct conf_options options = {
		.generation = 1, .embedded = true, .skip_secrets = !a->send};
	struct conf *conf = conf_load(a->config, &options, cmd_print_fault, NULL);
	struct output o = {.conf = conf, .as_json = a->json};
	struct buf event;

	if (conf == NULL)
		return 1;
	buf_init(&event, MAX_FILE_BYTES);
	buf_init(&o.out, BUF_UNLIMITED);
	jw_init(&o.json, &o.out);
	if (read_event(a->event_file, &event) != 0 || !has_rule(conf, a->rule)) {
		buf_release(&event);
		conf_unref(conf);
		return 2;
	}
	/* An editor's last line end is no part of it. */
	if (event.len > 0 && event.data[event.len - 1] == '\n')
		buf_truncate(&event, event.len - 1);
	a->record.value = slice_of(buf_str(&event), event.len);
	try_rules(&o, a);
	fwrite(buf_str(&o.out), 1, o.out.len, stdout);
	buf_release(&o.out);
	buf_release(&event);
	conf_unref(conf);
	return o.failed ? 1 : 0;
}

/* --- the command line ------------------------------------------------------------------- */

enum option_code {
	EVENT = 256,
	RULE,
	TOPIC,
	KEY,
	HEADER,
	SEND,
	JSON,
};

/* NAME=TEXT, or NAME alone: a header without a value. */
static bool add_header(struct test_event_arguments *a, const char *text)
{
	size_t len = strcspn(text, "=");

	if (len == 0)
		return false;
	a->headers[a->record.header_count++] = (struct event_header){slice_of(text, len),
		text[len] == '=' ? slice_str(text + len + 1) : slice_of(NULL, 0)};
	return true;
}

static bool take_option(struct test_event_arguments *a, int code, const char *text)
{
	switch (code) {
	case 'c':
		a->config = text;
		return true;
	case EVENT:
		a->event_file = text;
		return true;
	case RULE:
		a->rule = text;
		return true;
	case TOPIC:
		a->topic = text;
		return true;
	case KEY:
		a->record.key = slice_str(text);
		return true;
	case HEADER:
		return add_header(a, text);
	case SEND:
		a->send = true;
		return true;
	case JSON:
		a->json = true;
		return true;
	default:
		return false;
	}
}

static int parse_and_run(struct test_event_arguments *a, int argc, char **argv)
{
	static const struct option options[] = {
		{"config", required_argument, NULL, 'c'},
		{"event", required_argument, NULL, EVENT},
		{"rule", required_argument, NULL, RULE},
		{"topic", required_argument, NULL, TOPIC},
		{"key", required_argument, NULL, KEY},
		{"header", required_argument, NULL, HEADER},
		{"send", no_argument, NULL, SEND},
		{"json", no_argument, NULL, JSON},
		{"help", no_argument, NULL, 'h'},
		{NULL, 0, NULL, 0},
	};
	int c;

	while ((c = getopt_long(argc, argv, "c:h", options, NULL)) != -1) {
		if (c == 'h') {
			fputs(usage, stdout);
			return 0;
		}
		if (!take_option(a, c, optarg))
			return cmd_wrong_usage("test-event",
				c == HEADER ? "--header has to be NAME=TEXT or NAME" : NULL);
	}
	if (a->config == NULL)
		return cmd_wrong_usage("test-event", "a configuration is needed: -c FILE");
	if (a->event_file == NULL)
		return cmd_wrong_usage("test-event", "an event is needed: --event FILE");
	if (optind < argc)
		return cmd_wrong_usage("test-event", "there are no arguments but options");
	/* What the connection would log is shown. */
	log_configure(&(struct log_settings){.level = LOG_ERROR});
	http_global_init();
	return run(a);
}

int cmd_test_event(int argc, char **argv)
{
	struct test_event_arguments a = {0};
	int status;

	a.headers = xcalloc((size_t)argc, sizeof *a.headers);
	a.record.headers = a.headers;
	a.record.timestamp_ms = a.record.taken_up_ms = clock_wall_ms();
	status = parse_and_run(&a, argc, argv);
	free(a.headers);
	return status;
}
