/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Checks of headers that are configured for Postrider's own requests: to a token server, to a
 * collector of spans. (Those of deliveries are checked when they are compiled, in core/request.)
 */
#include <stdlib.h>

#include "conf_private.h"
#include "core/header/header.h"
#include "io/secret.h"

struct conf_place conf_pair_place(const struct conf_node *pairs, const char *name)
{
	const struct conf_node *n = conf_node_find(pairs, name);

	for (size_t i = 0; pairs->kind == CONF_NODE_LIST && i < pairs->child_count; i++) {
		const struct conf_node *key = conf_node_find(pairs->children[i], "key");

		if (key != NULL && str_eq(key->text, name))
			n = pairs->children[i];
	}
	return n != NULL ? n->place : pairs->place;
}

static struct conf_place place_of(
	const struct conf_subject *s, const char *group, const char *name)
{
	const struct conf_node *parent = conf_node_find(s->node, group);
	const struct conf_node *pairs = conf_node_find(parent, "header_parameters");

	if (pairs == NULL)
		pairs = conf_node_find(parent, "header");
	return pairs != NULL ? conf_pair_place(pairs, name) : s->node->place;
}

/* False: the value as it will be sent holds what a header cannot. What cannot be read was reported
 * when it was read. */
static bool is_sound(struct conf_reader *r, const char *text)
{
	struct secret value = {0};
	bool sound;

	if (r->options->skip_secrets && secret_has_reference(text))
		return true;
	sound = secret_expand(&value, text, r->conf->base_dir, NULL) != 0 ||
		header_is_value(secret_value(&value));
	secret_release(&value);
	return sound;
}

void conf_check_headers(struct conf_reader *r, const struct conf_subject *s, const char *group,
	const char *ours, const struct request_parameter *headers, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		const char *name = headers[i].name;
		char *key = xasprintf("%s.header_parameters.%s", group, name);
		struct conf_place place = place_of(s, group, name);

		if (!header_is_name(slice_str(name)))
			conf_refuse(r, s, key, place, "'%s' is not the name of a header", name);
		else if (header_is_transport(name))
			conf_refuse(r, s, key, place,
				"'%s' belongs to the transport, which sets it itself; leave it out",
				name);
		else if (ours != NULL && slice_ieq(slice_str(name), slice_str(ours)))
			conf_refuse(r, s, key, place,
				"Postrider sets '%s' itself; leave it out", name);
		else if (headers[i].value != NULL && !is_sound(r, headers[i].value))
			conf_refuse(r, s, key, place,
				"contains a control character, perhaps a line end; a header is "
				"a single line");
		free(key);
	}
}
