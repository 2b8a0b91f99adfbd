/* SPDX-License-Identifier: Apache-2.0 */
/* Reading of the headers that say when to come back. */
#include "core/gate/retry_after.h"

#include "base/time_text.h"

/* Up to where a number counts seconds from now, and seconds since 1970. */
#define FROM_NOW_BELOW      INT64_C(100000000)
#define EPOCH_SECONDS_BELOW INT64_C(100000000000)
/* No number needs to be larger than this, in milliseconds the year 33658. */
#define NUMBER_MAX INT64_C(1000000000000000)

typedef enum retry_after_kind (*read_fn)(struct slice value, int64_t wall_ms, int64_t *ret);

static enum retry_after_kind read_rate_limit(
	struct slice value, int64_t wall_ms, int64_t *ret_delay_ms);

/* In the order in which they are asked, behind Retry-After and the configured ones. */
static const struct {
	const char *name;
	read_fn read;
} known[] = {
	{"X-RateLimit-Retry-After", retry_after_parse},
	{"RateLimit-Reset", retry_after_parse},
	{"RateLimit", read_rate_limit},
	{"X-RateLimit-Reset-After", retry_after_parse},
	{"X-RateLimit-Reset", retry_after_parse},
	{"X-Rate-Limit-Reset", retry_after_parse},
};

/* --- one value -------------------------------------------------------------------------- */

static struct slice trim(struct slice s)
{
	while (s.len > 0 && (s.data[0] == ' ' || s.data[0] == '\t'))
		s = slice_of(s.data + 1, s.len - 1);
	while (s.len > 0 && (s.data[s.len - 1] == ' ' || s.data[s.len - 1] == '\t' ||
				    s.data[s.len - 1] == '\r'))
		s.len--;
	return s;
}

/* The number at the front of @s, which is cut off; false when there is none. */
static bool take_number(struct slice *s, int64_t *ret)
{
	size_t i;

	*ret = 0;
	for (i = 0; i < s->len && s->data[i] >= '0' && s->data[i] <= '9'; i++)
		*ret = min_i64(*ret * 10 + (s->data[i] - '0'), NUMBER_MAX);
	*s = slice_of(s->data + i, s->len - i);
	return i > 0;
}

/* A number with or without a fraction, rounded up. */
static bool parse_number(struct slice s, bool *ret_negative, int64_t *ret_number)
{
	bool negative = s.data[0] == '-';
	int64_t whole, fraction = 0;

	s = slice_of(s.data + negative, s.len - negative);
	if (!take_number(&s, &whole))
		return false;
	if (s.len > 0 && s.data[0] == '.') {
		s = slice_of(s.data + 1, s.len - 1);
		if (!take_number(&s, &fraction))
			return false;
	}
	*ret_number = whole + (fraction > 0);
	*ret_negative = negative && *ret_number > 0;
	return s.len == 0;
}

static int64_t delay_of(int64_t number, int64_t wall_ms)
{
	if (number < FROM_NOW_BELOW)
		return number * 1000;
	return (number < EPOCH_SECONDS_BELOW ? number * 1000 : number) - wall_ms;
}

enum retry_after_kind retry_after_parse(
	struct slice value, int64_t wall_ms, int64_t *ret_delay_ms)
{
	struct slice s = trim(value);
	int64_t number, at_ms, delay_ms;
	bool negative;

	if (s.len == 0)
		return RETRY_AFTER_NONE;
	if (parse_number(s, &negative, &number)) {
		if (negative)
			return RETRY_AFTER_STOP;
		delay_ms = delay_of(number, wall_ms);
	} else if (time_text_parse_http(s, &at_ms) || time_text_parse_iso8601(s, &at_ms)) {
		delay_ms = at_ms - wall_ms;
	} else {
		return RETRY_AFTER_NONE;
	}
	*ret_delay_ms = min_i64(max_i64(delay_ms, 0), RETRY_AFTER_MAX_MS);
	return RETRY_AFTER_DELAY;
}

/* --- the structured field RateLimit ----------------------------------------------------- */

/* What stands before the next @mark outside quotes, or all; it is cut off, with the mark. */
static struct slice take_until(struct slice *s, char mark)
{
	bool quoted = false;
	struct slice item;
	size_t i;

	for (i = 0; i < s->len && (quoted || s->data[i] != mark); i++) {
		if (quoted && s->data[i] == '\\' && i + 1 < s->len)
			i++;
		else if (s->data[i] == '"')
			quoted = !quoted;
	}
	item = slice_of(s->data, i);
	*s = i < s->len ? slice_of(s->data + i + 1, s->len - i - 1) : slice_of(NULL, 0);
	return item;
}

/* "name=value" of this name: then @s is the value. */
static bool take_parameter(struct slice *s, const char *name)
{
	size_t len = strlen(name);
	struct slice t = trim(*s);

	if (t.len <= len || t.data[len] != '=' ||
		!slice_ieq(slice_of(t.data, len), slice_of(name, len)))
		return false;
	*s = slice_of(t.data + len + 1, t.len - len - 1);
	return true;
}

/* One policy: is anything left of it, and when does it begin anew? */
struct rate_limit {
	bool is_used_up, has_reset;
	int64_t delay_ms;
};

static void read_parameter(struct rate_limit *r, struct slice s, int64_t wall_ms)
{
	int64_t left, delay_ms;
	bool negative;

	if (take_parameter(&s, "r") || take_parameter(&s, "remaining")) {
		r->is_used_up = s.len > 0 && parse_number(s, &negative, &left) && left == 0;
	} else if ((take_parameter(&s, "t") || take_parameter(&s, "reset")) &&
		   retry_after_parse(s, wall_ms, &delay_ms) == RETRY_AFTER_DELAY) {
		r->has_reset = true;
		r->delay_ms = delay_ms;
	}
}

/*
 * Two forms are in use. The later one has an item for each policy, with parameters (r=0;t=30);
 * the earlier one is a single policy, as a dictionary (remaining=0, reset=30). The longest delay
 * of the policies that are used up counts; where none says that it is, the shortest of all.
 */
static enum retry_after_kind read_rate_limit(
	struct slice value, int64_t wall_ms, int64_t *ret_delay_ms)
{
	struct rate_limit one = {0};
	int64_t longest_ms = -1, shortest_ms = INT64_MAX;

	while (value.len > 0) {
		struct slice item = take_until(&value, ',');
		bool is_policy = memchr(item.data, ';', item.len) != NULL;
		struct rate_limit of_item = {0}, *r = is_policy ? &of_item : &one;

		while (item.len > 0)
			read_parameter(r, take_until(&item, ';'), wall_ms);
		if (!r->has_reset)
			continue;
		shortest_ms = min_i64(shortest_ms, r->delay_ms);
		if (r->is_used_up)
			longest_ms = max_i64(longest_ms, r->delay_ms);
	}
	if (shortest_ms == INT64_MAX)
		return RETRY_AFTER_NONE;
	*ret_delay_ms = longest_ms >= 0 ? longest_ms : shortest_ms;
	return RETRY_AFTER_DELAY;
}

/* --- a reply's head --------------------------------------------------------------------- */

static bool is_called(struct slice name, const char *text)
{
	return slice_ieq(name, slice_str(text));
}

bool retry_after_is_named(struct slice name, const struct retry_after_names *more)
{
	if (is_called(name, "Retry-After"))
		return true;
	for (size_t i = 0; i < COUNT_OF(known); i++)
		if (is_called(name, known[i].name))
			return true;
	for (size_t i = 0; more != NULL && i < more->count; i++)
		if (is_called(name, more->names[i]))
			return true;
	return false;
}

/* The value of the last header @name in @head; absent when there is none. */
static struct slice find(struct slice head, const char *name)
{
	size_t name_len = strlen(name);
	struct slice value = {NULL, 0};

	while (head.len > 0) {
		const char *end = memchr(head.data, '\n', head.len);
		size_t len = end ? (size_t)(end - head.data) : head.len;

		if (len > name_len && head.data[name_len] == ':' &&
			is_called(slice_of(head.data, name_len), name))
			value = slice_of(head.data + name_len + 1, len - name_len - 1);
		len += end != NULL;
		head = slice_of(head.data + len, head.len - len);
	}
	return value;
}

static bool ask(struct slice head, const char *name, read_fn read, int64_t wall_ms,
	int64_t *ret_delay_ms)
{
	struct slice value = find(head, name);

	return value.data != NULL && read(value, wall_ms, ret_delay_ms) == RETRY_AFTER_DELAY;
}

enum retry_after_kind retry_after_read(struct slice head, const struct retry_after_names *more,
	bool throttled, int64_t wall_ms, int64_t *ret_delay_ms)
{
	enum retry_after_kind kind =
		retry_after_parse(find(head, "Retry-After"), wall_ms, ret_delay_ms);

	if (kind != RETRY_AFTER_NONE || !throttled)
		return kind;
	for (size_t i = 0; more != NULL && i < more->count; i++)
		if (ask(head, more->names[i], retry_after_parse, wall_ms, ret_delay_ms))
			return RETRY_AFTER_DELAY;
	for (size_t i = 0; i < COUNT_OF(known); i++)
		if (ask(head, known[i].name, known[i].read, wall_ms, ret_delay_ms))
			return RETRY_AFTER_DELAY;
	return RETRY_AFTER_NONE;
}
