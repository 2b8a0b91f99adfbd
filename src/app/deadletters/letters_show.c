/* SPDX-License-Identifier: Apache-2.0 */
/* `dead-letters show`: one dead letter in full: its headers, the event, the request that
 * today's configuration makes of it, and the reply that was kept. */
#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>

#include "app/deadletters/letters_list.h"
#include "app/preview/preview.h"
#include "base/time_text.h"

#define WAIT_MS 10000

struct place {
	char topic[LETTER_TOPIC_BYTES];
	int32_t partition;
	int64_t offset;
};

static bool parse_last(char *text, int64_t max, int64_t *ret)
{
	char *slash = strrchr(text, '/'), *end;

	if (slash == NULL || slash[1] < '0' || slash[1] > '9')
		return false;
	*ret = strtoll(slash + 1, &end, 10);
	*slash = '\0';
	return *end == '\0' && *ret <= max;
}

static int parse_place(const char *text, struct place *ret, struct err *err)
{
	int64_t partition = 0;
	char copy[sizeof ret->topic + 40];

	if (strlen(text) < sizeof copy) {
		strcpy(copy, text);
		if (parse_last(copy, INT64_MAX, &ret->offset) &&
			parse_last(copy, INT32_MAX, &partition) && copy[0] != '\0' &&
			strlen(copy) < sizeof ret->topic) {
			strcpy(ret->topic, copy);
			ret->partition = (int32_t)partition;
			return 0;
		}
	}
	return err_set(err, ERR_INVALID,
		"'%s' is not the place of a dead letter: write TOPIC/PARTITION/OFFSET, as `list` shows it",
		text);
}

/* --- what is printed -------------------------------------------------------------------- */

static void say(const char *label, struct slice text)
{
	struct buf b;

	if (text.data == NULL)
		return;
	buf_init(&b, BUF_UNLIMITED);
	buf_add_printable(&b, text);
	printf("%-14s %s\n", label, buf_str(&b));
	buf_release(&b);
}

static void say_time(const char *label, int64_t wall_ms)
{
	char text[TIME_TEXT_ISO8601_BYTES];

	if (wall_ms <= 0)
		return;
	time_text_format_iso8601(wall_ms, text);
	say(label, slice_str(text));
}

static void show_letter(const struct letter_view *v, const struct event_fields *record)
{
	printf("%-14s %s/%d/%" PRId64 "\n", "letter", record->topic, (int)record->partition,
		record->offset);
	say_time("written", record->timestamp_ms);
	say("code", v->code);
	say("message", v->message);
	say("exhausted", v->exhausted);
	say("rule", v->rule);
	say("target", v->target);
	say("destination", v->destination);
	printf("%-14s %u\n", "retries", v->retries);
	if (v->redrives > 0)
		printf("%-14s %u\n", "redriven", v->redrives);
	say_time("first attempt", v->first_attempt_ms);
	say_time("last attempt", v->last_attempt_ms);
}

/* As JSON on several lines; numbers stay as they are only when jansson can hold them, else the
 * text stays whole. What is no JSON: its printable characters. */
static void show_value(struct slice value)
{
	json_t *json =
		json_loadb(value.data, value.len, JSON_DECODE_ANY | JSON_ALLOW_NUL, NULL);
	char *text = NULL;
	struct buf b;

	if (json != NULL && (json_is_object(json) || json_is_array(json)))
		text = json_dumps(json, JSON_INDENT(2));
	if (text != NULL) {
		puts(text);
	} else {
		buf_init(&b, BUF_UNLIMITED);
		buf_add_printable(&b, value);
		puts(buf_str(&b));
		buf_release(&b);
	}
	free(text);
	json_decref(json);
}

static void show_event(const struct letter_view *v, const struct event_fields *record)
{
	printf("\nEVENT %s/%d/%" PRId64 "\n", v->topic, (int)v->partition, v->offset);
	say_time("time", v->timestamp_ms);
	say("key", record->key);
	for (size_t i = 0; i < v->header_count; i++) {
		const struct event_header *h = &record->headers[i];
		char name[64];

		snprintf(name, sizeof name, "header %.*s", (int)h->name.len, h->name.data);
		say(name, h->value.data ? h->value : SLICE("(null)"));
	}
	show_value(record->value);
}

static void print_request(
	const struct conf *conf, const struct preview *p, const struct conf_target *target)
{
	struct preview_mask mask;
	struct preview_shown shown;
	struct buf out;

	buf_init(&out, BUF_UNLIMITED);
	preview_mask_init(&mask, conf, target->destination->connection);
	preview_show(p, target, &mask, &shown);
	preview_shown_print(&shown, "", &out);
	fwrite(buf_str(&out), 1, out.len, stdout);
	preview_shown_release(&shown);
	preview_mask_release(&mask);
	buf_release(&out);
}

/* The request that would be made of the event today, or why there is none. */
static void show_request(
	const struct conf *conf, const struct letter_view *v, const struct event_fields *record)
{
	const char *why, *code = "";
	const struct conf_target *target = letters_target(conf, v->rule, v->target, &why);
	struct event_fields fields = letter_view_event(v, record);
	struct preview p;
	struct err err;

	printf("\nREQUEST that would be sent today\n");
	if (target == NULL) {
		printf("none: %s\n", why);
		return;
	}
	preview_init(&p, conf, &fields);
	if (preview_index(&p, target->rule->consumer, &code, &err) == 0 &&
		preview_render(&p, target, &code, &err) == 0)
		print_request(conf, &p, target);
	else
		printf("none: %s: %s\n", code, err.text);
	preview_release(&p);
}

static void show_reply(const struct letter_view *v)
{
	printf("\nREPLY that it got\n");
	if (v->status == 0) {
		printf("none\n");
		return;
	}
	printf("HTTP %d\n", v->status);
	if (v->response.len > 0) {
		fwrite(v->response.data, 1, v->response.len, stdout);
		putchar('\n');
	}
}

/* --- reading it ------------------------------------------------------------------------- */

static int find_letter(struct reader *reader, const struct place *place,
	struct event_fields *ret, struct err *err)
{
	size_t count;
	struct reader_part *parts;
	bool found = false;
	int code = reader_add(reader, place->topic, -1, err);

	if (code != 0)
		return code;
	parts = reader_parts(reader, &count);
	for (size_t i = 0; i < count; i++) {
		bool here = parts[i].partition == place->partition &&
			    place->offset >= parts[i].low && place->offset < parts[i].end;

		found |= here;
		parts[i].from = here ? place->offset : parts[i].end;
	}
	if (!found)
		return err_set(err, ERR_NOT_FOUND,
			"there is no record at %s/%d/%" PRId64 " (any more)", place->topic,
			(int)place->partition, place->offset);
	code = reader_start(reader, false, err);
	if (code != 0)
		return code;
	switch (reader_next(reader, WAIT_MS, ret, err)) {
	case READER_RECORD:
		return ret->offset == place->offset
			       ? 0
			       : err_set(err, ERR_NOT_FOUND, "there is no record there");
	case READER_FAILED:
		return err->code;
	case READER_NOTHING:
	case READER_END:
		break;
	}
	return err_set(err, ERR_IO, "Kafka has not given the record");
}

static int show(
	const struct conf *conf, const struct event_fields *record, bool json, struct err *err)
{
	struct letter_view v;
	struct buf b;

	if (!letter_view_read(&v, record))
		return err_set(err, ERR_INVALID,
			"the record there is not a dead letter: it has no ERROR_CODE, SOURCE_TOPIC, "
			"SOURCE_PARTITION and SOURCE_OFFSET");
	if (json) {
		buf_init(&b, BUF_UNLIMITED);
		letters_add_json(&b, &v, record);
		puts(b.data);
		buf_release(&b);
		return 0;
	}
	show_letter(&v, record);
	show_event(&v, record);
	show_request(conf, &v, record);
	show_reply(&v);
	return 0;
}

int letters_show(const struct conf *conf, const char *text, bool json, struct err *err)
{
	struct event_fields record;
	struct reader *reader;
	struct place place;
	int code = parse_place(text, &place, err);

	if (code != 0)
		return code;
	reader = letters_reader(conf, "dead-letters show", NULL, err);
	if (reader == NULL)
		return ERR_INVALID;
	code = find_letter(reader, &place, &record, err);
	if (code == 0)
		code = show(conf, &record, json, err);
	reader_free(reader);
	return code;
}
