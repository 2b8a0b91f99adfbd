/* SPDX-License-Identifier: Apache-2.0 */
/* The `postrider test-event` command: which rules match an event, and the requests that
 * would be sent for it. With --send it sends them. */
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>

#include "cmd.h"
#include "trial.h"
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
	"      --header NAME=TEXT  one of its headers; may be repeated\n"
	"      --send              really send each request, once, and show the reply\n"
	"      --json              for programs\n"
	"  -h, --help              this text\n"
	"\n"
	"Exit status: 0, 1 when the configuration has faults, the event is none, a request cannot be\n"
	"made, or a reply was no success, 2 for wrong usage.\n";

struct arguments {
	const char *config, *event_file, *rule, *topic;
	struct event_fields record;
	struct event_header *headers;
	bool send, json;
};

/* What is printed, and how it went. */
struct output {
	struct buf out;
	const struct conf *conf;
	bool json, failed;
	bool comma; /* before the next rule */
};

static void complain(void *ctx, enum conf_severity severity, const char *line)
{
	(void)ctx;
	if (severity == CONF_FAULT)
		fprintf(stderr, "%s\n", line);
}

static int read_event(const char *path, struct buf *out)
{
	bool standard = strcmp(path, "-") == 0;
	FILE *f = standard ? stdin : fopen(path, "re");
	char chunk[16384];
	size_t len;

	if (f == NULL) {
		fprintf(stderr, "postrider test-event: %s: %s\n", path, strerror(errno));
		return -1;
	}
	while ((len = fread(chunk, 1, sizeof chunk, f)) > 0)
		buf_add(out, chunk, len);
	if (ferror(f) || buf_failed(out)) {
		fprintf(stderr, "postrider test-event: %s: %s\n", path,
			ferror(f) ? strerror(errno) : "is too large");
		return -1;
	}
	if (!standard)
		fclose(f);
	return 0;
}

/* Text in lines, each behind @prefix. */
static void add_lines(struct buf *out, const char *prefix, struct slice text)
{
	while (text.len > 0) {
		const char *end = memchr(text.data, '\n', text.len);
		size_t len = end != NULL ? (size_t)(end - text.data) : text.len;

		buf_add_str(out, prefix);
		buf_add(out, text.data, len);
		buf_add_char(out, '\n');
		len += end != NULL;
		text = slice_of(text.data + len, text.len - len);
	}
}

static void add_json_headers(struct buf *out, const char *lines)
{
	bool comma = false;

	for (; *lines != '\0'; lines += strcspn(lines, "\n") + 1) {
		size_t name = strcspn(lines, ":"), line = strcspn(lines, "\n");
		size_t value = name + 1 + strspn(lines + name + 1, " ");

		buf_add_str(out, comma ? ",{\"name\":" : "{\"name\":");
		buf_add_json_string(out, slice_of(lines, name));
		buf_add_str(out, ",\"value\":");
		buf_add_json_string(
			out, slice_of(lines + value, line > value ? line - value : 0));
		buf_add_char(out, '}');
		comma = true;
	}
}

static void add_request(struct output *o, const struct trial *t, const struct trial_shown *s)
{
	struct buf *out = &o->out;

	if (!o->json) {
		buf_addf(out, "    %s %s\n", t->request.method, buf_str(&s->url));
		add_lines(out, "    ", buf_slice(&s->headers));
		if (t->request.has_body) {
			buf_add_str(out, "\n");
			add_lines(out, "    ", buf_slice(&s->body));
		}
		return;
	}
	buf_addf(out, ",\"request\":{\"method\":\"%s\",\"url\":", t->request.method);
	buf_add_json_string(out, buf_slice(&s->url));
	buf_add_str(out, ",\"headers\":[");
	add_json_headers(out, buf_str(&s->headers));
	buf_add_str(out, "],\"body\":");
	if (t->request.has_body)
		buf_add_json_string(out, slice_of(buf_str(&s->body), s->body.len));
	else
		buf_add_str(out, "null");
	buf_add_char(out, '}');
}

static void add_error(struct output *o, const char *code, const char *text)
{
	struct buf masked;

	o->failed = true;
	buf_init(&masked, BUF_UNLIMITED);
	conf_mask_text(o->conf, slice_str(text), &masked);
	if (o->json) {
		buf_add_str(&o->out, ",\"error\":{\"code\":");
		buf_add_json_string(&o->out, slice_str(code));
		buf_add_str(&o->out, ",\"message\":");
		buf_add_json_string(&o->out, buf_slice(&masked));
		buf_add_char(&o->out, '}');
	} else {
		buf_addf(&o->out, "    %s: %s\n", code, buf_str(&masked));
	}
	buf_release(&masked);
}

static void add_reply(struct output *o, const struct trial_reply *r)
{
	struct buf body;

	if (r->error != NULL) {
		add_error(o, "not sent", r->error);
		return;
	}
	o->failed = o->failed || r->status < 200 || r->status > 299;
	buf_init(&body, BUF_UNLIMITED);
	conf_mask_text(o->conf, buf_slice(&r->body), &body);
	if (o->json) {
		buf_addf(&o->out,
			",\"reply\":{\"status\":%d,\"total_ms\":%lld,\"body\":", r->status,
			(long long)r->total_ms);
		buf_add_json_string(&o->out, slice_of(buf_str(&body), body.len));
		buf_add_char(&o->out, '}');
	} else {
		buf_addf(&o->out, "\n    reply: %d in %lld ms\n", r->status,
			(long long)r->total_ms);
		add_lines(&o->out, "    ", buf_slice(&body));
	}
	buf_release(&body);
}

static void try_target(
	struct output *o, struct trial *t, const struct conf_target *target, bool send)
{
	const char *code = "INVALID_EVENT";
	struct err err = {0};

	if (o->json) {
		buf_add_str(&o->out, "{\"target\":");
		buf_add_json_string(&o->out, slice_str(target->id));
		buf_add_str(&o->out, ",\"destination\":");
		buf_add_json_string(&o->out, slice_str(target->destination->name));
	} else {
		buf_addf(&o->out, "  target '%s' to destination '%s':\n", target->id,
			target->destination->name);
	}
	if (trial_render(t, target, &code, &err) != 0) {
		add_error(o, code, err.text);
	} else {
		struct trial_shown shown;
		struct trial_reply reply;

		trial_show(t, target, &shown);
		add_request(o, t, &shown);
		trial_shown_release(&shown);
		if (send) {
			trial_send(t, target, &reply);
			add_reply(o, &reply);
			trial_reply_release(&reply);
		}
	}
	if (o->json)
		buf_add_char(&o->out, '}');
}

static void try_targets(
	struct output *o, struct trial *t, const struct conf_rule *rule, bool send)
{
	for (size_t i = 0; i < rule->target_count; i++) {
		if (i > 0)
			buf_add_char(&o->out, o->json ? ',' : '\n');
		try_target(o, t, &rule->targets[i], send);
	}
}

/* The verdict on one rule: "matches", and the lines that say why not. */
static void add_verdict(struct output *o, const struct conf_rule *rule, int match,
	const struct buf *why, const struct err *err)
{
	const char *disabled = rule->enabled ? "" : " (it is DISABLED)";
	struct slice lines = match < 0 ? slice_str(err->text) : buf_slice(why);

	o->failed = o->failed || match < 0;
	if (!o->json) {
		buf_addf(&o->out, "rule '%s'%s: %s\n", rule->name, disabled,
			match < 0 ? "the record is no event of its consumer"
			: match   ? "matches"
				  : "does not match");
		if (match <= 0)
			add_lines(&o->out, "  ", lines);
		return;
	}
	buf_add_str(&o->out, o->comma ? ",\n{\"rule\":" : "{\"rule\":");
	o->comma = true;
	buf_add_json_string(&o->out, slice_str(rule->name));
	buf_addf(&o->out, ",\"enabled\":%s,\"matches\":%s", rule->enabled ? "true" : "false",
		match == 1 ? "true" : "false");
	if (match < 0)
		add_error(o, "INVALID_EVENT", err->text);
	buf_add_str(&o->out, ",\"explanation\":");
	buf_add_json_string(&o->out, slice_of(lines.data ? lines.data : "", lines.len));
	buf_add_str(&o->out, ",\"targets\":[");
}

static void try_rule(struct output *o, const struct arguments *a, const struct conf_rule *rule)
{
	struct event_fields record = a->record;
	struct err err = {0};
	struct trial t;
	struct buf why;
	int match;

	record.topic = a->topic != NULL                      ? a->topic
		       : rule->consumer->topics[0][0] == '^' ? "test"
							     : rule->consumer->topics[0];
	trial_init(&t, o->conf, &record);
	buf_init(&why, BUF_UNLIMITED);
	match = trial_match(&t, rule, &why, &err);
	add_verdict(o, rule, match, &why, &err);
	if (match == 1)
		try_targets(o, &t, rule, a->send);
	buf_add_str(&o->out, o->json ? "]}" : "");
	buf_release(&why);
	trial_release(&t);
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

static int run(struct arguments *a)
{
	struct conf_options options = {
		.generation = 1, .embedded = true, .skip_secrets = !a->send};
	struct conf *conf = conf_load(a->config, &options, complain, NULL);
	struct output o = {.conf = conf, .json = a->json};
	struct buf event;

	if (conf == NULL)
		return 1;
	buf_init(&event, MAX_FILE_BYTES);
	buf_init(&o.out, BUF_UNLIMITED);
	if (read_event(a->event_file, &event) != 0 || !has_rule(conf, a->rule)) {
		buf_release(&event);
		conf_unref(conf);
		return 2;
	}
	/* An editor's last line end is no part of it. */
	if (event.len > 0 && event.data[event.len - 1] == '\n')
		buf_truncate(&event, event.len - 1);
	a->record.value = slice_of(buf_str(&event), event.len);
	buf_add_str(&o.out, o.json ? "{\"rules\":[" : "");
	for (size_t i = 0; i < conf->rule_count; i++)
		if (a->rule == NULL || strcmp(conf->rules[i].name, a->rule) == 0)
			try_rule(&o, a, &conf->rules[i]);
	buf_add_str(&o.out, o.json ? "]}\n" : "");
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

static bool add_header(struct arguments *a, const char *text)
{
	const char *equals = strchr(text, '=');

	if (equals == NULL || equals == text)
		return false;
	a->headers[a->record.header_count++] = (struct event_header){
		slice_of(text, (size_t)(equals - text)), slice_str(equals + 1)};
	return true;
}

static bool take_option(struct arguments *a, int code, const char *text)
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

static int refuse(const char *why)
{
	fprintf(stderr, "postrider test-event: %s\n%s", why, usage);
	return 2;
}

static int parse_and_run(struct arguments *a, int argc, char **argv)
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
			return refuse(c == HEADER ? "--header has to be NAME=TEXT"
						  : "that is not understood");
	}
	if (a->config == NULL)
		return refuse("a configuration is needed: -c FILE");
	if (a->event_file == NULL)
		return refuse("an event is needed: --event FILE");
	if (optind < argc)
		return refuse("there are no arguments but options");
	/* What the connection would log is shown. */
	log_configure(&(struct log_settings){.level = LOG_ERROR});
	http_global_init();
	return run(a);
}

int cmd_test_event(int argc, char **argv)
{
	struct arguments a = {0};
	int status;

	a.headers = xcalloc((size_t)argc, sizeof *a.headers);
	a.record.headers = a.headers;
	a.record.timestamp_ms = a.record.taken_up_ms = clock_wall_ms();
	status = parse_and_run(&a, argc, argv);
	free(a.headers);
	return status;
}
