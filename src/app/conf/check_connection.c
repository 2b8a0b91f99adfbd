/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Checks of connections: the keys that an authorization_type requires, and their values.
 */
#include <stdio.h>
#include <stdlib.h>

#include "conf_private.h"
#include "core/header/header.h"
#include "io/secret.h"

/* The longest credential that EventBridge allows. */
#define MAX_CREDENTIAL 512

static const char *const required_of[][4] = {
	[CONNECTION_NONE] = {NULL},
	[CONNECTION_BASIC] = {"username", "password"},
	[CONNECTION_API_KEY] = {"api_key_name", "api_key_value"},
	[CONNECTION_OAUTH_CLIENT_CREDENTIALS] = {"authorization_endpoint", "client_id",
		"client_secret"},
	[CONNECTION_BEARER] = {"token"},
	[CONNECTION_AWS_SIGV4] = {"aws_access_key_id", "aws_secret_access_key", "aws_region",
		"aws_service"},
	[CONNECTION_STANDARD_WEBHOOKS] = {"signing_keys"},
};

static const char *type_name(enum connection_type type)
{
	const struct conf_key *key =
		conf_key_find(&conf_connection_section, "authorization_type");

	for (const struct conf_choice *c = key->choices; c->name != NULL; c++)
		if (c->value == (int)type)
			return c->name;
	return "?";
}

static void check_fields(
	struct conf_reader *r, const struct conf_subject *s, enum connection_type type)
{
	const char *name = type_name(type);

	for (size_t i = 0; i < COUNT_OF(required_of[type]) && required_of[type][i] != NULL; i++)
		if (conf_given_node(s, required_of[type][i]) == NULL)
			conf_refuse(r, s, required_of[type][i], s->node->place,
				"is missing; %s needs it", name);
	for (size_t i = 0; i < s->given_count; i++) {
		const struct conf_key *key = s->given[i].key;

		if (key->of != NULL && strcmp(key->of, name) != 0)
			conf_refuse(r, s, key->name, s->given[i].node->place,
				"belongs to authorization_type %s; this one is %s", key->of,
				name);
	}
}

static bool has_control(const char *text)
{
	for (; *text != '\0'; text++)
		if ((unsigned char)*text < ' ' || *text == 0x7f)
			return true;
	return false;
}

/* Expand @text for checking; the settings keep its references. The caller releases *ret, which
 * wipes it. False: it cannot be expanded, which was reported when it was read. */
static bool get_value(struct conf_reader *r, const char *text, struct secret *ret)
{
	*ret = (struct secret){0};
	if (text == NULL || (r->options->skip_secrets && secret_has_reference(text)))
		return false;
	return secret_expand(ret, text, r->conf->base_dir, NULL) == 0;
}

static void check_credential(struct conf_reader *r, const struct conf_subject *s,
	const char *key, const char *text, bool no_colon)
{
	const struct conf_node *n = conf_given_node(s, key);
	struct secret value;

	if (n == NULL || !get_value(r, text, &value))
		return;
	if (has_control(secret_value(&value).data))
		conf_refuse(r, s, key, n->place,
			"contains a control character, perhaps a line end; a "
			"credential is a single line");
	else if (strchr(secret_value(&value).data, ':') != NULL && no_colon)
		conf_refuse(r, s, key, n->place,
			"must not contain a colon, which ends the user name in Basic "
			"authorization");
	else if (value.len > MAX_CREDENTIAL)
		conf_warn(r, s, key, n->place,
			"is longer than the %d characters that EventBridge allows; it "
			"works here, but not in EventBridge",
			MAX_CREDENTIAL);
	secret_release(&value);
}

static void check_api_key(struct conf_reader *r, const struct conf_subject *s)
{
	const struct connection_settings *c =
		&((struct conf_connection *)s->settings)->settings;
	const struct conf_node *n = conf_given_node(s, "api_key_name");
	const char *name = c->api_key_name;

	if (name != NULL && !header_is_name(slice_str(name)))
		conf_refuse(r, s, "api_key_name", n->place, "'%s' is not the name of a header",
			name);
	else if (name != NULL && (header_is_transport(name) || header_is_ours(name)))
		conf_refuse(r, s, "api_key_name", n->place,
			"'%s' is set already, by the transport or by Postrider; name the header "
			"that the API wants, such as X-Api-Key or Authorization",
			name);
	check_credential(r, s, "api_key_value", c->api_key_value, false);
}

static void check_oauth(struct conf_reader *r, const struct conf_subject *s)
{
	const struct conf_connection *c = s->settings;
	const struct conf_node *n = conf_given_node(s, "authorization_endpoint");
	struct secret url;
	struct err err = {0};

	check_credential(r, s, "client_id", c->settings.client_id, false);
	check_credential(r, s, "client_secret", c->settings.client_secret, false);
	conf_check_tls(r, s, &c->settings.oauth_http);
	conf_check_headers(r, s, "oauth_http_parameters", NULL, c->oauth_parameters.header,
		c->oauth_parameters.header_count);
	if (n == NULL || !get_value(r, c->settings.authorization_endpoint, &url))
		return;
	if (request_check_endpoint(secret_value(&url).data, &err) != 0)
		conf_refuse(r, s, "authorization_endpoint", n->place, "%s", err.text);
	else if (strchr(secret_value(&url).data, '*') != NULL)
		conf_refuse(r, s, "authorization_endpoint", n->place,
			"a * is not filled in here; write %%2A if it belongs to the URL");
	else if (strncasecmp(secret_value(&url).data, "http://", 7) == 0 && !c->allow_http)
		conf_refuse(r, s, "authorization_endpoint", n->place,
			"http:// sends the secret unencrypted; use https://, or set "
			"allow_http = true in the connection");
	secret_release(&url);
}

static void check_signing_keys(struct conf_reader *r, const struct conf_subject *s)
{
	const struct connection_settings *c =
		&((struct conf_connection *)s->settings)->settings;
	const struct conf_node *n = conf_given_node(s, "signing_keys");

	for (size_t i = 0; i < c->signing_key_count; i++) {
		struct secret value;

		if (!get_value(r, c->signing_keys[i], &value))
			continue;
		if (strncmp(secret_value(&value).data, "whsec_", 6) != 0 || value.len < 6 + 24)
			conf_refuse(r, s, "signing_keys", n->place,
				"key %zu must be \"whsec_\" and at least 24 characters "
				"of base64",
				i + 1);
		secret_release(&value);
	}
}

/* Was a valid authorization_type given? */
static bool is_type_known(const struct conf_subject *s)
{
	const struct conf_key *key =
		conf_key_find(&conf_connection_section, "authorization_type");
	const struct conf_node *n = conf_given_node(s, key->name);

	for (const struct conf_choice *c = key->choices; n != NULL && c->name != NULL; c++)
		if (n->kind == CONF_NODE_STRING && strcmp(c->name, n->text) == 0)
			return true;
	return false;
}

void conf_check_connection(struct conf_reader *r, const struct conf_subject *s)
{
	const struct conf_connection *c = s->settings;

	if (!is_type_known(s))
		return;
	check_fields(r, s, c->settings.type);
	switch (c->settings.type) {
	case CONNECTION_BASIC:
		check_credential(r, s, "username", c->settings.username, true);
		check_credential(r, s, "password", c->settings.password, false);
		break;
	case CONNECTION_API_KEY:
		check_api_key(r, s);
		break;
	case CONNECTION_OAUTH_CLIENT_CREDENTIALS:
		check_oauth(r, s);
		break;
	case CONNECTION_BEARER:
		check_credential(r, s, "token", c->settings.token, false);
		break;
	case CONNECTION_AWS_SIGV4:
		check_credential(r, s, "aws_access_key_id", c->settings.username, false);
		check_credential(r, s, "aws_secret_access_key", c->settings.password, false);
		check_credential(
			r, s, "aws_session_token", c->settings.aws_session_token, false);
		break;
	case CONNECTION_STANDARD_WEBHOOKS:
		check_signing_keys(r, s);
		break;
	case CONNECTION_NONE:
		break;
	}
}
