/* SPDX-License-Identifier: Apache-2.0 */
/* The `postrider test-transform` command: reads a transformer as EventBridge writes it and
 * prints the body that it makes of an event. */
#include <getopt.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>

#include "cmd.h"
#include "base/clock.h"
#include "core/request/template.h"

#define MAX_FILE_BYTES ((size_t)64 << 20)

static const char usage[] =
	"usage: postrider test-transform --transformer FILE --event FILE [OPTIONS]\n"
	"\n"
	"Print the body that a transformer makes of an event. Exit status 2, and the reason on\n"
	"standard error, when it could not be sent.\n"
	"\n"
	"      --transformer FILE  {\"InputPathsMap\": {\"name\": \"$.path\"}, \"InputTemplate\": \"…\"},\n"
	"                          {\"InputPath\": \"$.path\"} or {\"Input\": \"JSON text\"}\n"
	"      --event FILE        the event, as JSON; in one of the two - is standard input\n"
	"      --escape            as the setting `escape` of an input transformer\n"
	"      --rule NAME         for <aws.events.rule-name> (default: test)\n"
	"      --topic NAME        for <kafka.topic> (default: test)\n"
	"      --key TEXT          for <kafka.key>\n"
	"      --header NAME=TEXT  for <kafka.headers.NAME>; may be repeated\n"
	"  -h, --help              this text\n";

struct transform_arguments {
	const char *transformer_file, *event_file, *rule;
	bool escape;
	struct event_fields record; /* but for the value */
	struct event_header *headers;
};

/* A transformer's file as settings, which point into the document. */
struct transformer {
	json_t *document;
	struct request_input input;
};

/* What the file calls the settings that complaints are about. */
static const struct {
	const char *setting, *member;
} names[] = {
	{"input_template", "InputTemplate"},
	{"input_paths_map", "InputPathsMap"},
	{"input_path", "InputPath"},
	{"input", "Input"},
};

static void print_complaint(void *ctx, bool is_warning, const char *field, const char *text)
{
	(void)ctx;
	for (size_t i = 0; i < COUNT_OF(names); i++) {
		size_t len = strlen(names[i].setting);

		if (strncmp(field, names[i].setting, len) != 0 ||
			(field[len] != '\0' && field[len] != '.'))
			continue;
		fprintf(stderr, "postrider test-transform: %s%s%s: %s\n",
			is_warning ? "warning: " : "", names[i].member, field + len, text);
		return;
	}
	fprintf(stderr, "postrider test-transform: %s: %s\n", field, text);
}

/* Member values live as long as the document. */
static int take_string(json_t *value, const char *name, char **ret, struct err *err)
{
	if (!json_is_string(value))
		return err_set(err, ERR_INVALID, "%s has to be a string", name);
	*ret = (char *)(uintptr_t)json_string_value(value);
	return 0;
}

static int take_map(json_t *map, struct request_input *in, struct err *err)
{
	const char *name;
	json_t *path;

	if (!json_is_object(map))
		return err_set(err, ERR_INVALID, "InputPathsMap has to be an object");
	in->input_paths_map = xcalloc(json_object_size(map) + 1, sizeof *in->input_paths_map);
	json_object_foreach(map, name, path)
	{
		struct request_parameter *p = &in->input_paths_map[in->input_paths_count++];

		p->name = (char *)(uintptr_t)name;
		if (take_string(path, "a path of InputPathsMap", &p->value, err) != 0)
			return err_wrap(err, "%s", name);
	}
	return 0;
}

/* A member of the file. InputTransformer, as in a target of
 * PutTargets, holds members itself. */
static int take_member(
	struct request_input *in, const char *name, json_t *value, struct err *err)
{
	json_t *inner;
	const char *inner_name;
	int failed = 0;

	if (strcmp(name, "InputTemplate") == 0)
		return take_string(value, name, &in->input_template, err);
	if (strcmp(name, "InputPath") == 0)
		return take_string(value, name, &in->input_path, err);
	if (strcmp(name, "Input") == 0)
		return take_string(value, name, &in->input, err);
	if (strcmp(name, "InputPathsMap") == 0 && in->input_paths_map == NULL)
		return take_map(value, in, err);
	if (strcmp(name, "InputTransformer") == 0 && json_is_object(value)) {
		json_object_foreach(value, inner_name, inner) if (!failed) failed =
			strcmp(inner_name, name) == 0
				? err_set(err, ERR_INVALID, "InputTransformer within itself")
				: take_member(in, inner_name, inner, err);
		return failed;
	}
	return err_set(err, ERR_INVALID,
		"%s is not known here: there are InputPathsMap, InputTemplate, InputPath and "
		"Input",
		name);
}

static int transformer_parse(
	struct transformer *t, const char *path, struct slice text, struct err *err)
{
	const char *name;
	json_t *value;
	json_error_t why;
	int failed = 0;

	t->document = json_loadb(text.data, text.len, JSON_REJECT_DUPLICATES, &why);
	if (t->document == NULL)
		return err_set(
			err, ERR_INVALID, "%s:%d:%d: %s", path, why.line, why.column, why.text);
	if (!json_is_object(t->document))
		return err_set(err, ERR_INVALID, "%s: it has to be a JSON object", path);
	json_object_foreach(t->document, name, value) if (!failed) failed =
		take_member(&t->input, name, value, err);
	return failed ? err_wrap(err, "%s", path) : 0;
}

static void transformer_release(struct transformer *t)
{
	free(t->input.input_paths_map);
	json_decref(t->document);
}

static int transform(const struct template *t, const struct transform_arguments *a,
	struct slice value, struct buf *out, struct err *err)
{
	struct event_fields record = a->record;
	struct template_work work = {0};
	struct value_context context;
	struct event *ev;
	struct jx_index ix;
	const char *code = "";
	int failed;

	record.value = value;
	ev = event_new(&record);
	buf_init(&work.value, MAX_FILE_BYTES);
	jx_init(&work.ix);
	jx_init(&ix);
	context = (struct value_context){.ev = ev, .ix = &ix};
	failed = jx_parse(&ix, ev->f.value, &jx_default_limits, err);
	if (failed) {
		err_wrap(err, "%s", a->event_file);
	} else {
		failed = template_render(t, &context, out, &work, &code, err);
		if (failed)
			err_wrap(err, "%s", code);
	}
	jx_release(&ix);
	jx_release(&work.ix);
	buf_release(&work.value);
	event_unref(ev);
	return failed;
}

/* 0; or 2, when everything has been said. */
static int run(const struct transform_arguments *a)
{
	struct request_complaints complaints = {.complain = print_complaint};
	struct transformer transformer = {0};
	struct buf text, event, body;
	struct template *t = NULL;
	struct err err = {0};
	int failed;

	buf_init(&text, MAX_FILE_BYTES);
	buf_init(&event, MAX_FILE_BYTES);
	buf_init(&body, BUF_UNLIMITED);
	failed = cmd_read_input(a->transformer_file, &text, &err);
	if (!failed)
		failed = transformer_parse(
			&transformer, a->transformer_file, buf_slice(&text), &err);
	if (!failed) {
		transformer.input.escape = a->escape;
		t = template_new(&transformer.input, a->rule, &complaints);
		failed = t == NULL ? ERR_INVALID : cmd_read_input(a->event_file, &event, &err);
	}
	if (!failed)
		failed = transform(t, a, slice_of(buf_str(&event), event.len), &body, &err);
	buf_add_char(&body, '\n');
	if (!failed)
		fwrite(body.data, 1, body.len, stdout);
	else if (err.text[0] != '\0')
		fprintf(stderr, "postrider test-transform: %s\n", err.text);
	template_free(t);
	transformer_release(&transformer);
	buf_release(&text);
	buf_release(&event);
	buf_release(&body);
	return failed ? 2 : 0;
}

static bool add_header(struct transform_arguments *a, const char *text)
{
	const char *equals = strchr(text, '=');

	if (equals == NULL || equals == text)
		return false;
	a->headers[a->record.header_count++] = (struct event_header){
		.name = slice_of(text, (size_t)(equals - text)),
		.value = slice_str(equals + 1),
	};
	return true;
}

enum option_code {
	TRANSFORMER = 256,
	EVENT,
	ESCAPE,
	RULE,
	TOPIC,
	KEY,
	HEADER,
};

static bool take_option(struct transform_arguments *a, int code, const char *text)
{
	switch (code) {
	case TRANSFORMER:
		a->transformer_file = text;
		return true;
	case EVENT:
		a->event_file = text;
		return true;
	case ESCAPE:
		a->escape = true;
		return true;
	case RULE:
		a->rule = text;
		return true;
	case TOPIC:
		a->record.topic = text;
		return true;
	case KEY:
		a->record.key = slice_str(text);
		return true;
	case HEADER:
		return add_header(a, text);
	default:
		return false;
	}
}

/* What is missing or wrong, or NULL. */
static const char *check_arguments(const struct transform_arguments *a, int left)
{
	if (left > 0)
		return "there is an argument too many";
	if (a->transformer_file == NULL)
		return "--transformer is missing";
	if (a->event_file == NULL)
		return "--event is missing";
	if (strcmp(a->transformer_file, "-") == 0 && strcmp(a->event_file, "-") == 0)
		return "only one of --transformer and --event can be standard input";
	return NULL;
}

static int parse_and_run(struct transform_arguments *a, int argc, char **argv)
{
	static const struct option options[] = {
		{"transformer", required_argument, NULL, TRANSFORMER},
		{"event", required_argument, NULL, EVENT},
		{"escape", no_argument, NULL, ESCAPE},
		{"rule", required_argument, NULL, RULE},
		{"topic", required_argument, NULL, TOPIC},
		{"key", required_argument, NULL, KEY},
		{"header", required_argument, NULL, HEADER},
		{"help", no_argument, NULL, 'h'},
		{NULL, 0, NULL, 0},
	};
	const char *why;
	int c;

	while ((c = getopt_long(argc, argv, "h", options, NULL)) != -1) {
		if (c == 'h') {
			fputs(usage, stdout);
			return 0;
		}
		if (!take_option(a, c, optarg))
			return cmd_wrong_usage("test-transform",
				c == HEADER ? "--header has to be NAME=TEXT" : NULL);
	}
	why = check_arguments(a, argc - optind);
	return why != NULL ? cmd_wrong_usage("test-transform", why) : run(a);
}

int cmd_test_transform(int argc, char **argv)
{
	struct transform_arguments a = {.rule = "test"};
	int status;

	a.headers = xcalloc((size_t)argc, sizeof *a.headers);
	a.record = (struct event_fields){
		.topic = "test",
		.timestamp_ms = clock_wall_ms(),
		.headers = a.headers,
	};
	a.record.taken_up_ms = a.record.timestamp_ms;
	status = parse_and_run(&a, argc, argv);
	free(a.headers);
	return status;
}
