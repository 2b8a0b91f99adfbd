/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The keys of connections and destinations.
 */
#include "keys_private.h"

#define C struct conf_connection
#define D struct conf_destination

static const struct conf_choice authorization_types[] = {
	{"NONE", CONNECTION_NONE},
	{"BASIC", CONNECTION_BASIC},
	{"API_KEY", CONNECTION_API_KEY},
	{"OAUTH_CLIENT_CREDENTIALS", CONNECTION_OAUTH_CLIENT_CREDENTIALS},
	{"BEARER", CONNECTION_BEARER},
	{"AWS_SIGV4", CONNECTION_AWS_SIGV4},
	{"STANDARD_WEBHOOKS", CONNECTION_STANDARD_WEBHOOKS},
	{NULL, 0},
};
static const struct conf_choice client_auths[] = {
	{"body", CONNECTION_AUTH_BODY},
	{"basic", CONNECTION_AUTH_BASIC},
	{"basic_raw", CONNECTION_AUTH_BASIC_RAW},
	{NULL, 0},
};
static const struct conf_choice token_methods[] = {
	{"POST", 0}, {"GET", 0}, {"PUT", 0}, {NULL, 0}};
static const struct conf_choice methods[] = {{"POST", 0}, {"PUT", 0}, {"PATCH", 0},
	{"DELETE", 0}, {"GET", 0}, {"HEAD", 0}, {"OPTIONS", 0}, {NULL, 0}};
static const struct conf_choice orderings[] = {
	{"key", CONF_ORDERING_KEY},
	{"none", CONF_ORDERING_NONE},
	{"partition", CONF_ORDERING_PARTITION},
	{NULL, 0},
};

static const struct conf_key parameter_keys[] = {
	{"header_parameters", CONF_PAIRS,
		COUNTED(C, parameters.header, parameters.header_count), .alias = "header",
		.flags = CONF_SECRET, .example = "X-Account = \"42\"", .sentence = "Headers"},
	{"query_string_parameters", CONF_PAIRS,
		COUNTED(C, parameters.query, parameters.query_count), .alias = "query",
		.flags = CONF_SECRET, .example = "version = \"2\"",
		.sentence = "Query parameters"},
	{"body_parameters", CONF_PAIRS, COUNTED(C, parameters.body, parameters.body_count),
		.alias = "body", .flags = CONF_SECRET,
		.example = "routing_key = \"${file:/run/secrets/pagerduty}\"",
		.sentence = "Members to add to a body that is a JSON object"},
};

static const struct conf_section parameters_section = {.name = "invocation_http_parameters",
	.keys = parameter_keys,
	.key_count = COUNT_OF(parameter_keys)};

static const struct conf_key oauth_parameter_keys[] = {
	{"header_parameters", CONF_PAIRS,
		COUNTED(C, oauth_parameters.header, oauth_parameters.header_count),
		.alias = "header", .flags = CONF_SECRET | CONF_KEPT,
		.example = "X-Tenant = \"42\"", .sentence = "Headers of the token request"},
	{"query_string_parameters", CONF_PAIRS,
		COUNTED(C, oauth_parameters.query, oauth_parameters.query_count),
		.alias = "query", .flags = CONF_SECRET | CONF_KEPT,
		.example = "tenant = \"42\"", .sentence = "Its query parameters"},
	{"body_parameters", CONF_PAIRS,
		COUNTED(C, oauth_parameters.body, oauth_parameters.body_count), .alias = "body",
		.flags = CONF_SECRET | CONF_KEPT,
		.example = "resource = \"https://api.example.com\"",
		.sentence = "Its form fields besides grant_type, client_id and client_secret"},
};

static const struct conf_section oauth_parameters_section = {.name = "oauth_http_parameters",
	.keys = oauth_parameter_keys,
	.key_count = COUNT_OF(oauth_parameter_keys)};

#define OAUTH  "OAUTH_CLIENT_CREDENTIALS"
#define SECRET (CONF_SECRET | CONF_KEPT)

static const struct conf_key connection_keys[] = {
	DESCRIPTION(C),
	{"authorization_type", CONF_CHOICE, AT(C, settings.type),
		.choices = authorization_types, .flags = CONF_REQUIRED,
		.sentence = "How requests are authorized"},
	{"username", CONF_TEXT, AT(C, settings.username), .flags = CONF_KEPT, .of = "BASIC",
		.example = "postrider", .sentence = "The user name"},
	{"password", CONF_TEXT, AT(C, settings.password), .flags = SECRET, .of = "BASIC",
		.example = "${file:/run/secrets/password}", .sentence = "The user's password"},
	{"api_key_name", CONF_TEXT, AT(C, settings.api_key_name), .max = 512, .of = "API_KEY",
		.example = "X-Api-Key",
		.sentence = "The name of the header that holds the key"},
	{"api_key_value", CONF_TEXT, AT(C, settings.api_key_value), .flags = SECRET,
		.of = "API_KEY", .example = "Bearer ${env:SLACK_TOKEN}",
		.sentence = "The value of the header"},
	{"authorization_endpoint", CONF_TEXT, AT(C, settings.authorization_endpoint),
		.max = 2048, .flags = CONF_GUARDED | CONF_KEPT, .of = OAUTH,
		.example = "https://login.example.com/oauth2/token",
		.sentence = "The URL of the token endpoint"},
	{"http_method", CONF_WORD, AT(C, settings.http_method), .choices = token_methods,
		.of = OAUTH, .sentence = "The method of the token request"},
	{"client_id", CONF_TEXT, AT(C, settings.client_id), .flags = CONF_KEPT, .of = OAUTH,
		.example = "postrider", .sentence = "The client's id"},
	{"client_secret", CONF_TEXT, AT(C, settings.client_secret), .flags = SECRET,
		.of = OAUTH, .example = "${file:/run/secrets/billing}",
		.sentence = "The client's secret"},
	{"client_auth", CONF_CHOICE, AT(C, settings.client_auth), .choices = client_auths,
		.of = OAUTH,
		.sentence = "How id and secret are sent: as form fields, in a Basic header "
			    "with form-encoded values (RFC 6749), or in one with the "
			    "values as they are"},
	{"scope", CONF_TEXT, AT(C, settings.scope), .flags = CONF_KEPT, .of = OAUTH,
		.example = "invoices.write",
		.sentence = "The scopes to request, separated by spaces"},
	{"audience", CONF_TEXT, AT(C, settings.audience), .flags = CONF_KEPT, .of = OAUTH,
		.example = "https://api.example.com", .sentence = "The audience to request"},
	{"oauth_http_parameters", CONF_GROUP, .section = &oauth_parameters_section, .of = OAUTH,
		.sentence = "Additional parameters of the token request"},
	{"allow_http", CONF_BOOL, AT(C, allow_http), .of = OAUTH,
		.sentence = "Allow an authorization_endpoint with http://, which sends the "
			    "secret unencrypted"},
	{"token", CONF_TEXT, AT(C, settings.token), .flags = SECRET, .of = "BEARER",
		.example = "${file:/run/secrets/token}",
		.sentence = "The token; a ${file:PATH} is read again when it changes"},
	{"aws_access_key_id", CONF_TEXT, AT(C, settings.username), .flags = CONF_KEPT,
		.of = "AWS_SIGV4", .example = "${env:AWS_ACCESS_KEY_ID}",
		.sentence = "The access key id"},
	{"aws_secret_access_key", CONF_TEXT, AT(C, settings.password), .flags = SECRET,
		.of = "AWS_SIGV4", .example = "${env:AWS_SECRET_ACCESS_KEY}",
		.sentence = "The key"},
	{"aws_session_token", CONF_TEXT, AT(C, settings.aws_session_token), .flags = SECRET,
		.of = "AWS_SIGV4", .example = "${env:AWS_SESSION_TOKEN}",
		.sentence = "The token of temporary credentials"},
	{"aws_region", CONF_TEXT, AT(C, settings.aws_region), .of = "AWS_SIGV4",
		.example = "eu-central-1", .sentence = "The region"},
	{"aws_service", CONF_TEXT, AT(C, settings.aws_service), .of = "AWS_SIGV4",
		.example = "execute-api", .sentence = "The service"},
	{"signing_keys", CONF_TEXTS,
		COUNTED(C, settings.signing_keys, settings.signing_key_count), .flags = SECRET,
		.of = "STANDARD_WEBHOOKS", .example = "${file:/run/secrets/webhook}",
		.sentence = "The keys to sign with (\"whsec_…\"), the newest first; more "
			    "than one during a rotation"},
	{"reauthorize_on", CONF_REAUTHORIZE, AT(C, reauthorize_on_403),
		.sentence = "The statuses upon which a new token is requested"},
	{"invocation_http_parameters", CONF_GROUP, .section = &parameters_section,
		.sentence = "Parameters of every request; they override a target's"},
	HTTP_KEYS(C, settings.oauth_http, OAUTH),
};

static void connection_defaults(void *settings)
{
	struct conf_connection *c = settings;

	c->settings.http_method = "POST";
	c->settings.oauth_http = http_default_settings;
}

const struct conf_section conf_connection_section = {
	.name = "connections",
	.singular = "connection",
	.sentence = "Credentials and how they are sent",
	.keys = connection_keys,
	.key_count = COUNT_OF(connection_keys),
	.size = sizeof(C),
	THINGS(connections, connection_count),
	.defaults = connection_defaults,
};

static const struct conf_key destination_keys[] = {
	DESCRIPTION(D),
	{"connection", CONF_REFERENCE, AT(D, connection), .section = &conf_connection_section,
		.flags = CONF_REQUIRED, .example = "slack",
		.sentence = "The connection to use"},
	{"endpoint", CONF_TEXT, AT(D, endpoint), .max = 2048,
		.flags = CONF_REQUIRED | CONF_GUARDED,
		.example = "https://hooks.slack.com/services/*",
		.sentence = "The URL; a target's path_parameter_values replace each *"},
	{"http_method", CONF_WORD, AT(D, http_method), .choices = methods,
		.sentence = "The method; GET and HEAD have no body"},
	{"allow_http", CONF_BOOL, AT(D, allow_http),
		.sentence =
			"Allow an endpoint with http://, which sends everything unencrypted"},
	{"invocation_rate_limit_per_second", CONF_RATE, AT(D, gate.rate_per_1000s), .min = 1,
		.max = 1000000 * (int64_t)1000, .example = "10",
		.sentence = "Requests a second, over all instances of the group; without it "
			    "there is no limit"},
	{"burst", CONF_INTEGER, AT(D, gate.burst), .min = 0, .max = 1000000,
		.sentence = "Requests that may be sent at once after a pause; 0: as many "
			    "as the rate allows in 100 ms, at least 1"},
	{"max_concurrency", CONF_CONCURRENCY, AT(D, gate), .min = 1, .max = 100000,
		.sentence = "Requests in flight; \"auto\" adapts to what the API can handle"},
	{"max_concurrency_limit", CONF_INTEGER, AT(D, gate.max_concurrency_limit), .min = 1,
		.max = 100000, .sentence = "The limit of \"auto\""},
	{"ordering", CONF_CHOICE, AT(D, ordering), .choices = orderings,
		.sentence = "Which records are delivered in order: those of a key, those "
			    "of a partition, or none"},
	{"breaker_failures", CONF_INTEGER, AT(D, gate.breaker_failures), .min = 0,
		.max = 1000000,
		.sentence = "Consecutive failures of the site that open the circuit "
			    "breaker: deliveries wait, and probes are sent; 0: never"},
	{"breaker_probe_interval", CONF_DURATION, AT(D, gate.breaker_probe_ms), .min = 1,
		.max = HOUR, .flags = CONF_SECONDS,
		.sentence = "The time until the first probe"},
	{"breaker_probe_interval_max", CONF_DURATION, AT(D, gate.breaker_probe_max_ms),
		.min = 1, .max = DAY, .flags = CONF_SECONDS,
		.sentence = "The longest time between two probes"},
	{"breaker_retry_after", CONF_DURATION, AT(D, gate.breaker_retry_after_ms), .min = 0,
		.max = 7 * DAY, .flags = CONF_SECONDS,
		.sentence = "A longer Retry-After opens the breaker at once; 0: none does"},
	{"dead_letter_guard", CONF_BOOL, AT(D, dead_letter_guard),
		.sentence = "When the last 100 deliveries to a target all finally failed for "
			    "the same reason, hold its others and send probes"},
	RESPONSE_RULES(D, "What replies mean that their status does not tell; the first that "
			  "matches decides"),
	{"retry_after_headers", CONF_TEXTS,
		COUNTED(D, retry_after_headers, retry_after_header_count), .max = 128,
		.flags = CONF_PLAIN, .example = "X-Busy-Until",
		.sentence = "Headers that say when to come back, beside the usual ones"},
	{"idempotency_header", CONF_TEXT, AT(D, idempotency_header), .max = 512,
		.sentence = "The header with the id of a delivery, which stays the same at "
			    "every attempt"},
	{"max_request_size", CONF_SIZE, AT(D, max_request_bytes), .min = 1,
		.max = (int64_t)REQUEST_MAX_BODY_BYTES, .example = "2MiB",
		.sentence =
			"A larger body is not sent: the delivery becomes a dead letter with "
			"RESOURCE_LIMIT_EXCEEDED; without it twice max_record_size, at most 64MiB"},
	{"http2", CONF_BOOL, AT(D, http.http2), .sentence = "Use HTTP/2, over TLS only"},
	{"http2_max_connections", CONF_INTEGER, AT(D, http.http2_max_connections), .min = 1,
		.max = 1000,
		.sentence = "The most HTTP/2 connections, each with many requests"},
	HTTP_KEYS(D, http, NULL),
};

static const struct conf_choice outcomes[] = {
	{"delivered", RETRY_DELIVERED},
	{"retry", RETRY_LATER},
	{"fail", RETRY_REFUSE},
	{"reauthorize", RETRY_REAUTHORISE},
	{NULL, 0},
};

#define P struct conf_response_rule

static const struct conf_key response_rule_keys[] = {
	{"name", CONF_TEXT, AT(P, name), .max = 64, .flags = CONF_PLAIN, .example = "too_fast",
		.sentence =
			"How log, metrics and dead letters call it; without it, its number"},
	{"pattern", CONF_JSON, AT(P, pattern), .flags = CONF_PLAIN,
		.example = "{\"body\": {\"ok\": [false]}}",
		.sentence = "The replies that it matches: postrider-patterns(7) over status, "
			    "headers and body"},
	{"pattern_file", CONF_CONTENT, AT(P, pattern), .flags = CONF_NOT_SHOWN,
		.example = "patterns/refusal.json",
		.sentence = "A file that holds the pattern"},
	{"outcome", CONF_CHOICE, AT(P, outcome), .choices = outcomes, .flags = CONF_REQUIRED,
		.example = "fail", .sentence = "What such a reply means"},
};

static void response_rule_defaults(void *settings)
{
	(void)settings;
}

const struct conf_section conf_response_rule_section = {
	.name = "response_rules",
	.singular = "response rule",
	.sentence = "What replies mean: a list in a destination or a target",
	.keys = response_rule_keys,
	.key_count = COUNT_OF(response_rule_keys),
	.size = sizeof(P),
	.defaults = response_rule_defaults,
};

static void destination_defaults(void *settings)
{
	struct conf_destination *d = settings;

	d->http_method = (char *)"POST";
	d->idempotency_header = (char *)"Idempotency-Key";
	d->dead_letter_guard = true;
	d->gate = gate_default_settings;
	d->http = http_default_settings;
}

const struct conf_section conf_destination_section = {
	.name = "destinations",
	.singular = "destination",
	.sentence = "HTTP endpoints",
	.keys = destination_keys,
	.key_count = COUNT_OF(destination_keys),
	.size = sizeof(D),
	THINGS(destinations, destination_count),
	.defaults = destination_defaults,
};
