/* SPDX-License-Identifier: Apache-2.0 */
/* A reply as an event, and the rules put to it. */
#include "reply_private.h"

#include <stdlib.h>

struct reply_reader {
	const struct reply_rules *rules;
	struct ruleset_scratch *whole, *bodiless;
	struct buf text;
	struct jx_index ix;
};

struct reply_reader *reply_reader_new(const struct reply_rules *rules)
{
	struct reply_reader *reader = xcalloc(1, sizeof *reader);

	reader->rules = rules;
	reader->whole = ruleset_scratch_new(rules->whole);
	if (rules->bodiless != NULL)
		reader->bodiless = ruleset_scratch_new(rules->bodiless);
	buf_init(&reader->text, BUF_UNLIMITED);
	jx_init(&reader->ix);
	return reader;
}

void reply_reader_free(struct reply_reader *reader)
{
	if (reader == NULL)
		return;
	ruleset_scratch_free(reader->whole);
	if (reader->bodiless != NULL)
		ruleset_scratch_free(reader->bodiless);
	buf_release(&reader->text);
	jx_release(&reader->ix);
	free(reader);
}

/* --- the event -------------------------------------------------------------------------- */

static struct slice trim(struct slice s)
{
	while (s.len > 0 && strchr(" \t\r\n", s.data[s.len - 1]) != NULL)
		s.len--;
	while (s.len > 0 && strchr(" \t\r\n", s.data[0]) != NULL)
		s = slice_of(s.data + 1, s.len - 1);
	return s;
}

/* Does any rule name a header that is called so? May say yes to others, too. */
static bool is_wanted(const struct reply_reader *reader, struct slice name)
{
	return jx_key_set_has(ruleset_keys(reader->rules->whole), jx_key_hash(name)) ||
	       memchr(name.data, '.', name.len) != NULL;
}

static void add_header(struct reply_reader *reader, struct slice line)
{
	const char *colon = line.len > 0 ? memchr(line.data, ':', line.len) : NULL;
	char lower[128];
	struct slice name;

	if (colon == NULL || (size_t)(colon - line.data) >= sizeof lower)
		return;
	name = slice_of(lower, (size_t)(colon - line.data));
	for (size_t i = 0; i < name.len; i++)
		lower[i] = line.data[i] >= 'A' && line.data[i] <= 'Z'
				   ? (char)(line.data[i] | 0x20)
				   : line.data[i];
	if (!is_wanted(reader, name))
		return;
	if (reader->text.data[reader->text.len - 1] != '{')
		buf_add_char(&reader->text, ',');
	buf_add_json_string(&reader->text, name);
	buf_add_char(&reader->text, ':');
	buf_add_json_string(&reader->text,
		trim(slice_of(colon + 1, line.len - (size_t)(colon + 1 - line.data))));
}

static void add_headers(struct reply_reader *reader, struct slice head)
{
	buf_add_str(&reader->text, ",\"headers\":{");
	while (head.len > 0) {
		const char *end = memchr(head.data, '\n', head.len);
		size_t len = end ? (size_t)(end - head.data) : head.len;

		add_header(reader, slice_of(head.data, len));
		len += end != NULL;
		head = slice_of(head.data + len, head.len - len);
	}
	buf_add_char(&reader->text, '}');
}

static bool parse(struct reply_reader *reader)
{
	struct jx_limits limits = jx_default_limits;

	limits.fold_except = ruleset_keys(reader->rules->whole);
	return jx_parse(&reader->ix, buf_slice(&reader->text), &limits, NULL) == 0;
}

/* Is the last member of the event's object the whole body? With a body such as `1,"status":9`
 * the text around it is JSON, too. */
static bool ends_with_body(const struct jx_index *ix, size_t body_at)
{
	uint32_t t = 1;

	while (jx_next(ix, t) < ix->count)
		t = jx_next(ix, t);
	return (size_t)(jx_text(ix, t).data - ix->text) == body_at;
}

/* Index status, headers and @body, all that is wanted of them. */
static bool index_reply(
	struct reply_reader *reader, const struct reply *reply, struct slice body)
{
	struct buf *text = &reader->text;
	size_t before;

	buf_reset(text);
	buf_add_str(text, "{\"status\":");
	buf_add_int(text, reply->status);
	if (reader->rules->want_headers)
		add_headers(reader, reply->head);
	before = text->len;
	body = trim(body);
	if (body.len == 0) {
		buf_add_char(text, '}');
		return parse(reader);
	}
	buf_add_str(text, ",\"body\":");
	buf_add_slice(text, body);
	buf_add_char(text, '}');
	if (parse(reader) && ends_with_body(&reader->ix, before + strlen(",\"body\":")))
		return true;
	buf_truncate(text, before);
	buf_add_str(text, ",\"body\":");
	buf_add_json_string(
		text, slice_of(body.data,
			      body.len < REPLY_STRING_BYTES ? body.len : REPLY_STRING_BYTES));
	buf_add_char(text, '}');
	return parse(reader);
}

/* --- the rules -------------------------------------------------------------------------- */

static enum reply_answer judge_whole(struct reply_reader *reader, const struct reply *reply,
	const struct reply_rule **ret_rule)
{
	const struct reply_rules *r = reader->rules;
	const uint32_t *hits;

	if (!index_reply(reader, reply, r->want_body ? reply->body : SLICE("")) ||
		ruleset_match(r->whole, reader->whole, &reader->ix, &hits) == 0)
		return REPLY_NO_RULE;
	*ret_rule = &r->rules[hits[0]];
	return REPLY_RULE;
}

/* The first rule that matches, certainly or possibly; of one rule, certainly comes first. */
static enum reply_answer judge_bodiless(struct reply_reader *reader, const struct reply *reply,
	const struct reply_rule **ret_rule)
{
	const struct reply_rules *r = reader->rules;
	const uint32_t *hits;

	if (!index_reply(reader, reply, SLICE("")) ||
		ruleset_match(r->bodiless, reader->bodiless, &reader->ix, &hits) == 0)
		return REPLY_NO_RULE;
	*ret_rule = &r->rules[hits[0] / 2];
	return hits[0] % 2 == 0 ? REPLY_RULE : REPLY_UNKNOWN;
}

enum reply_answer reply_judge(struct reply_reader *reader, const struct reply *reply,
	const struct reply_rule **ret_rule)
{
	if (reply->body_is_broken && reader->rules->want_body)
		return judge_bodiless(reader, reply, ret_rule);
	return judge_whole(reader, reply, ret_rule);
}
