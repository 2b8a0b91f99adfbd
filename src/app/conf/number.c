/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reading numbers and their units.
 */
#include <ctype.h>
#include <math.h>
#include <stdlib.h>

#include "conf_private.h"

/* The largest whole number that a double represents exactly. */
#define MOST 9007199254740992.0

struct unit {
	const char *name;
	double factor; /* the stored value of one unit */
};

static const struct unit times[] = {{"ms", 1}, {"s", 1000}, {"min", 60000}, {"m", 60000},
	{"h", 3600000}, {"d", 86400000}, {NULL, 0}};
static const struct unit sizes[] = {{"", 1}, {"B", 1}, {"KiB", 1024}, {"MiB", 1048576},
	{"GiB", 1073741824}, {"kB", 1e3}, {"MB", 1e6}, {"GB", 1e9}, {NULL, 0}};
/* Requests in 1,000 s. */
static const struct unit rates[] = {{"", 1000}, {"/s", 1000}, {"/sec", 1000}, {"/second", 1000},
	{"/min", 1000.0 / 60}, {"/minute", 1000.0 / 60}, {"/h", 1000.0 / 3600},
	{"/hour", 1000.0 / 3600}, {NULL, 0}};

static const struct unit *units_of(enum conf_type type)
{
	switch (type) {
	case CONF_DURATION:
		return times;
	case CONF_SIZE:
		return sizes;
	case CONF_RATE:
		return rates;
	default:
		return NULL;
	}
}

/* The factor of a number without a unit; 0: a unit is required. */
static double bare_factor(const struct conf_key *key)
{
	if (key->type == CONF_DURATION)
		return (key->flags & CONF_SECONDS) != 0 ? 1000 : 0;
	return key->type == CONF_RATE ? 1000 : 1;
}

/* True: *ret is the number in the stored unit. */
static bool parse_text(const struct conf_key *key, const char *text, double *ret)
{
	const struct unit *u = units_of(key->type);
	char *end;
	double number;

	/* strtod() also accepts nan, hexadecimal numbers and leading blanks. */
	if (u == NULL || !isdigit((unsigned char)text[0]) || text[1] == 'x' || text[1] == 'X')
		return false;
	number = strtod(text, &end);
	while (*end == ' ')
		end++;
	if (*end == '\0' && key->type == CONF_DURATION) {
		*ret = number * bare_factor(key);
		return (key->flags & CONF_SECONDS) != 0 || number == 0;
	}
	for (; u->name != NULL; u++)
		if (strcmp(end, u->name) == 0) {
			*ret = number * u->factor;
			return true;
		}
	return false;
}

/* The value to store for @n; NAN: it does not have the form that the key requires. */
static double parse(const struct conf_key *key, const struct conf_node *n)
{
	double factor = bare_factor(key), number;

	if (n->kind == CONF_NODE_INTEGER && (factor != 0 || n->integer == 0))
		return (double)n->integer * factor;
	if (n->kind == CONF_NODE_INTEGER && n->integer == key->min)
		return (double)n->integer; /* -1: the default */
	if (n->kind == CONF_NODE_REAL && factor != 0 && units_of(key->type) != NULL)
		return n->real * factor;
	if (n->kind == CONF_NODE_STRING && parse_text(key, n->text, &number))
		return number;
	return NAN;
}

static void refuse_range(struct conf_reader *r, struct conf_subject *s,
	const struct conf_key *key, const struct conf_node *n)
{
	struct buf low, high;

	buf_init(&low, 64);
	buf_init(&high, 64);
	conf_key_format(key, key->min, &low);
	conf_key_format(key, key->max, &high);
	if (key->type == CONF_RATE)
		conf_refuse(r, s, key->name, n->place,
			"must be more than 0 and at most %s a second; leave it out for "
			"no limit",
			buf_str(&high));
	else
		conf_refuse(r, s, key->name, n->place, "must be from %s to %s", buf_str(&low),
			buf_str(&high));
	buf_release(&low);
	buf_release(&high);
}

static void read_concurrency(struct conf_reader *r, struct conf_subject *s,
	const struct conf_key *key, const struct conf_node *n)
{
	struct gate_settings *g = conf_key_field(key, s->settings);

	if (n->kind == CONF_NODE_STRING && strcmp(n->text, "auto") == 0) {
		g->auto_concurrency = true;
		return;
	}
	if (n->kind != CONF_NODE_INTEGER)
		conf_refuse(r, s, key->name, n->place, "must be %s, not %s",
			conf_type_name(key), conf_node_kind_name(n));
	else if (n->integer < key->min || n->integer > key->max)
		refuse_range(r, s, key, n);
	else
		g->max_concurrency = (unsigned)n->integer;
}

void conf_read_number(struct conf_reader *r, struct conf_subject *s, const struct conf_key *key,
	const struct conf_node *n)
{
	double value;

	if (key->type == CONF_CONCURRENCY) {
		read_concurrency(r, s, key, n);
		return;
	}
	value = parse(key, n);
	if (isnan(value)) {
		const char *what = conf_node_kind_name(n);

		if (n->kind == CONF_NODE_STRING && units_of(key->type) != NULL)
			conf_refuse(r, s, key->name, n->place, "'%s' is not %s", n->text,
				conf_type_name(key));
		else if (n->kind == CONF_NODE_INTEGER)
			conf_refuse(r, s, key->name, n->place,
				"%lld has no unit; it must be %s", (long long)n->integer,
				conf_type_name(key));
		else
			conf_refuse(r, s, key->name, n->place, "must be %s, not %s",
				conf_type_name(key), what);
		return;
	}
	/* A rate is rounded down, so that the limit is never exceeded. */
	value = key->type == CONF_RATE ? floor(value + 1e-6) : round(value);
	if (!(value >= (double)key->min && value <= (double)key->max && fabs(value) < MOST))
		refuse_range(r, s, key, n);
	else
		conf_store(key, s->settings, (int64_t)value);
}
