/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Checks of the configuration as a whole: things that nothing uses, and groups that two consumers
 * share.
 */
#include <stdio.h>
#include <stdlib.h>

#include "conf_private.h"

static void warn_unused(struct conf_reader *r, const char *kind, const char *name,
	struct conf_place place, const char *text)
{
	conf_warning(&r->faults, place, "%s '%s': %s", kind, name, text);
}

/* Bits of who uses a thing: any rule; an enabled rule. */
enum {
	NAMED = 1,
	ENABLED = 2,
};

static void warn_of_consumers(struct conf_reader *r, const unsigned *used)
{
	const struct conf *c = r->conf;

	for (size_t i = 0; i < c->consumer_count; i++)
		if (used[i] == 0)
			warn_unused(r, "consumer", c->consumers[i].name, c->consumers[i].place,
				"no rule uses it: its topics are not read");
		else if ((used[i] & ENABLED) == 0)
			warn_unused(r, "consumer", c->consumers[i].name, c->consumers[i].place,
				"all rules that use it are DISABLED: its topics are not read");
}

static void warn_of_destinations(struct conf_reader *r, const unsigned *used)
{
	const struct conf *c = r->conf;

	for (size_t i = 0; i < c->destination_count; i++)
		if (used[i] == 0)
			warn_unused(r, "destination", c->destinations[i].name,
				c->destinations[i].place, "no rule's target uses it");
}

static void warn_of_connections(struct conf_reader *r)
{
	const struct conf *c = r->conf;

	for (size_t i = 0; i < c->connection_count; i++) {
		bool used = false;

		for (size_t k = 0; k < c->destination_count; k++)
			used = used || c->destinations[k].connection == &c->connections[i];
		if (!used)
			warn_unused(r, "connection", c->connections[i].name,
				c->connections[i].place, "no destination uses it");
	}
}

/* Does an enabled rule bring @consumer's events to destination @d? */
static bool feeds(const struct conf *c, const struct conf_consumer *consumer, size_t d)
{
	for (size_t i = 0; i < c->rule_count; i++)
		for (size_t k = 0; k < c->rules[i].target_count; k++)
			if (c->rules[i].consumer == consumer &&
				c->rules[i].targets[k].destination == &c->destinations[d])
				return true;
	return false;
}

/* Two consumers in one group would each get a part of the other's topics. */
static void check_groups(
	struct conf_reader *r, const struct conf_consumer *x, const struct conf_consumer *y)
{
	const struct conf *c = r->conf;

	if (!str_eq(x->group_id, y->group_id) || x->group_id == NULL ||
		x->isolation != y->isolation)
		return;
	if (x->isolation == CONF_ISOLATION_SHARED) {
		conf_fault(&r->faults, y->place,
			"consumer '%s': group_id: consumer '%s' has the group '%s' "
			"too; give each its own",
			y->name, x->name, y->group_id);
		return;
	}
	for (size_t d = 0; d < c->destination_count; d++)
		if (feeds(c, x, d) && feeds(c, y, d))
			conf_fault(&r->faults, y->place,
				"consumer '%s': group_id: it and consumer '%s' both feed "
				"destination '%s' in the group '%s.%s'; give each its "
				"own group_id",
				y->name, x->name, c->destinations[d].name, y->group_id,
				c->destinations[d].name);
}

void conf_check_all(struct conf_reader *r)
{
	const struct conf *c = r->conf;
	unsigned *consumers = xcalloc(c->consumer_count, sizeof *consumers);
	unsigned *destinations = xcalloc(c->destination_count, sizeof *destinations);

	for (size_t i = 0; i < c->rule_count; i++) {
		const struct conf_rule *rule = &c->rules[i];
		unsigned bits = NAMED | (rule->enabled ? ENABLED : 0);

		if (rule->consumer != NULL)
			consumers[rule->consumer - c->consumers] |= bits;
		for (size_t k = 0; k < rule->target_count; k++)
			if (rule->targets[k].destination != NULL)
				destinations[rule->targets[k].destination - c->destinations] |=
					bits;
	}
	/* Only without faults: the target of a broken reference would be reported as unused. */
	if (r->faults.fault_count == 0) {
		warn_of_consumers(r, consumers);
		warn_of_destinations(r, destinations);
		warn_of_connections(r);
	}
	if (r->faults.fault_count == 0 && c->rule_count == 0)
		conf_warning(&r->faults, (struct conf_place){0},
			"there is no rule: nothing will be read or sent");
	for (size_t i = 0; i < c->consumer_count; i++)
		for (size_t k = 0; k < i; k++)
			check_groups(r, &c->consumers[k], &c->consumers[i]);
	free(consumers);
	free(destinations);
}
