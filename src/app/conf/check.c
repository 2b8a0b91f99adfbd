/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Checks that no table of keys can express: of the process, of kafka, of consumers and of
 * destinations.
 */
#include <arpa/inet.h>
#include <ctype.h>
#include <regex.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "conf_private.h"
#include "io/kafka/check.h"
#include "io/secret.h"

/* Of the admin listener's token. */
#define TOKEN_MIN_BYTES 16

bool conf_is_name(const char *name)
{
	size_t len = strlen(name);

	return len >= 1 && len <= 64 &&
	       strspn(name,
		       "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789.-_") ==
		       len;
}

static void check_listen(
	struct conf_reader *r, const struct conf_subject *s, const struct conf_node *n)
{
	const char *text = r->conf->admin.listen, *colon;
	char *end;
	long port;

	if (strncmp(text, "unix:", 5) == 0) {
		if (text[5] == '\0')
			conf_refuse(r, s, "admin.listen", n->place,
				"the path is missing; for example: "
				"unix:/run/postrider/admin.sock");
		return;
	}
	colon = strrchr(text, ':');
	port = colon != NULL ? strtol(colon + 1, &end, 10) : -1;
	if (colon == NULL || !isdigit((unsigned char)colon[1]) || *end != '\0' || port > 65535)
		conf_refuse(r, s, "admin.listen", n->place,
			"must be \"HOST:PORT\", \"[IPV6]:PORT\", \"unix:PATH\" or \"none\"");
}

/* Is what begins at @authority, a URL's HOST[:PORT] and all behind it, this machine? A name or an
 * address whole: 127.evil.example is none. */
static bool is_loopback(const char *authority)
{
	size_t end = strcspn(authority, "/?#"), len;
	struct in_addr v4;
	char *host;
	bool is;

	while (memchr(authority, '@', end) != NULL) { /* "user:password@" */
		size_t user = strcspn(authority, "@") + 1;

		authority += user;
		end -= user;
	}
	len = authority[0] == '[' ? strcspn(authority, "]") + 1 : strcspn(authority, ":");
	host = xmemdup(authority, len < end ? len : end);
	is = strcasecmp(host, "localhost") == 0 || strcmp(host, "[::1]") == 0 ||
	     (inet_pton(AF_INET, host, &v4) == 1 && ntohl(v4.s_addr) >> 24 == 127);
	free(host);
	return is;
}

/* Does the traffic stay on this machine? */
static bool is_private(const char *listen)
{
	return strncmp(listen, "unix:", 5) == 0 || listen[0] == ':' || is_loopback(listen);
}

static void check_admin(struct conf_reader *r, const struct conf_subject *s)
{
	const struct conf_node *listen = conf_given_node(s, "listen");
	const struct conf_node *token = conf_given_node(s, "token");
	const struct conf_node *certificate = conf_given_node(s, "certificate_file");
	const struct conf_node *key = conf_given_node(s, "key_file");
	const char *address = r->conf->admin.listen;
	bool off = address == NULL || strcmp(address, "none") == 0;
	bool is_open = !off && strchr(address, ':') != NULL && !is_private(address);

	if (listen != NULL && !off)
		check_listen(r, s, listen);
	if ((certificate != NULL) != (key != NULL))
		conf_refuse(r, s, "admin", (certificate != NULL ? certificate : key)->place,
			"certificate_file and key_file go together; set both or none");
	if (token != NULL && r->conf->admin.token != NULL && !r->options->skip_secrets &&
		strlen(r->conf->admin.token) < TOKEN_MIN_BYTES)
		conf_warn(r, s, "admin.token", token->place,
			"is short enough to be guessed: use at least %d characters, for example of "
			"`openssl rand -hex 16`",
			TOKEN_MIN_BYTES);
	if (listen != NULL && token == NULL && is_open)
		conf_warn(r, s, "admin.listen", listen->place,
			"without a token, everybody who reaches this address can read the "
			"configuration and the state; set admin.token, or listen on loopback or "
			"on unix:PATH");
	if (token != NULL && certificate == NULL && is_open)
		conf_warn(r, s, "admin.token", token->place,
			"is sent unencrypted over the network; set certificate_file "
			"and key_file, or listen on loopback");
}

static bool goes_to_loopback(const char *url)
{
	const char *host = strstr(url, "://");

	return host != NULL && is_loopback(host + 3);
}

static void check_tracing(struct conf_reader *r, const struct conf_subject *s)
{
	const struct conf_node *endpoint = conf_given_node(s, "otlp_endpoint");
	const char *url = r->conf->tracing.otlp_endpoint;
	struct err err;

	if (endpoint != NULL && url != NULL && request_check_endpoint(url, &err) != 0)
		conf_refuse(r, s, "tracing.otlp_endpoint", endpoint->place, "%s", err.text);
	else if (endpoint == NULL && r->conf->tracing.header_count > 0)
		conf_warn(r, s, "tracing", conf_given_node(s, "header_parameters")->place,
			"has no otlp_endpoint: no spans are sent");
	else if (url != NULL && r->conf->tracing.header_count > 0 &&
		 strncasecmp(url, "http://", 7) == 0 && !goes_to_loopback(url))
		conf_warn(r, s, "tracing.otlp_endpoint", endpoint->place,
			"the header_parameters are sent unencrypted over http://; use https://");
	conf_check_headers(r, s, "tracing", "Content-Type", r->conf->tracing.headers,
		r->conf->tracing.header_count);
}

void conf_check_top(struct conf_reader *r, const struct conf_subject *s)
{
	const struct conf_topic_create *create = &r->conf->dead_letter_create;
	const struct conf_node *n;

	check_admin(r, s);
	check_tracing(r, s);
	n = conf_given_node(s, "partitions");
	if (create->partitions == 0)
		conf_refuse(r, s, "dead_letter_create.partitions", n->place,
			"a topic needs at least one; -1 is the broker's default");
	n = conf_given_node(s, "replication_factor");
	if (create->replication_factor == 0)
		conf_refuse(r, s, "dead_letter_create.replication_factor", n->place,
			"a topic needs at least one; -1 is the broker's default");
}

/* --- Kafka ------------------------------------------------------------------------------ */

/* Not shown to librdkafka, which would load a plugin at once. */
static void check_code(struct conf_reader *r, const struct conf_subject *s,
	const struct conf_node *n, const char *name)
{
	if (r->options->purpose < CONF_TO_RUN)
		conf_warn(r, s, "properties", n->place,
			"%s: names code, which is not loaded here, but by run; whoever can "
			"write this file can have it run",
			name);
}

/* Refuse properties that have a key of their own, and those that librdkafka does not accept. */
static void check_value(struct conf_reader *r, const struct conf_subject *s,
	const struct conf_node *n, const char *name, const char *value)
{
	struct secret expanded = {0};
	struct err err = {0};

	if (strcmp(name, "group.id") == 0)
		conf_refuse(r, s, "properties", n->place,
			"group.id is the group_id of a consumer; leave it out here");
	else if (strcmp(name, "bootstrap.servers") == 0)
		conf_refuse(r, s, "properties", n->place,
			"bootstrap.servers is kafka.bootstrap_servers; leave it out here");
	else if (conf_is_code_property(slice_str(name)))
		check_code(r, s, n, name);
	else if (r->options->skip_secrets && secret_has_reference(value))
		return;
	else if (secret_expand(&expanded, value, r->conf->base_dir, NULL) == 0 &&
		 kafka_check_property(name, secret_value(&expanded).data,
			 conf_is_secret_property(slice_str(name)), &err) != 0)
		conf_refuse(r, s, "properties", n->place, "%s", err.text);
	secret_release(&expanded);
}

struct slice conf_property_name(const char *text)
{
	const char *equals = strchr(text, '=');
	size_t begin = strspn(text, " \t");
	size_t end = equals != NULL ? (size_t)(equals - text) : begin;

	while (end > begin && (text[end - 1] == ' ' || text[end - 1] == '\t'))
		end--;
	return slice_of(text + begin, end > begin ? end - begin : 0);
}

static void check_property(struct conf_reader *r, const struct conf_subject *s,
	const struct conf_node *n, const char *text)
{
	struct slice slice = conf_property_name(text);
	const char *value;
	char *name;

	if (slice.len == 0) {
		/* The text is not shown: it may be a secret whose name was left out. */
		conf_refuse(r, s, "properties", n->place,
			"an element is not written \"name=value\"");
		return;
	}
	name = xmemdup(slice.data, slice.len);
	value = strchr(text, '=') + 1;
	if (conf_is_secret_property(slice) && !secret_has_reference(value) &&
		conf_files_is_open(&r->priv->source->files, n->place))
		conf_warn(r, s, "properties", n->place,
			"%s: the secret is in a file that other users can read; use "
			"${file:PATH}, ${credential:NAME} or ${env:NAME}, or let only its owner "
			"and Postrider's user read it",
			name);
	if (strcmp(name, "enable.ssl.certificate.verification") == 0 &&
		strcmp(value, "false") == 0)
		conf_warn(r, s, "properties", n->place,
			"%s: the brokers' certificates are not verified: anyone on the network "
			"path can read and change records; set ssl.ca.location",
			name);
	check_value(r, s, n, name, value);
	free(name);
}

static void check_properties(struct conf_reader *r, const struct conf_subject *s,
	char *const *properties, size_t count)
{
	const struct conf_node *n = conf_given_node(s, "properties");
	bool list = n != NULL && n->kind == CONF_NODE_LIST;

	for (size_t i = 0; i < count; i++)
		check_property(r, s, list && count == n->child_count ? n->children[i] : n,
			properties[i]);
}

/* The length of "ssl://" and the like, which librdkafka takes before a server; 0: none of them. */
static size_t protocol_length(const char *server)
{
	static const char *const protocols[] = {
		"plaintext://", "ssl://", "sasl_plaintext://", "sasl_ssl://"};

	for (size_t i = 0; i < COUNT_OF(protocols); i++)
		if (strncasecmp(server, protocols[i], strlen(protocols[i])) == 0)
			return strlen(protocols[i]);
	return 0;
}

static void check_server(struct conf_reader *r, const struct conf_subject *s,
	const struct conf_node *n, const char *server)
{
	const char *host = server + protocol_length(server);
	const char *bracket = strrchr(host, ']');
	const char *colon = strrchr(bracket != NULL ? bracket : host, ':');

	if (strstr(host, "://") != NULL)
		conf_refuse(r, s, "bootstrap_servers", n->place,
			"'%s': a server is HOST:PORT, without '%.*s' before it", server,
			(int)(strstr(host, "://") + 3 - host), host);
	else if (strchr(host, ';') != NULL)
		conf_refuse(r, s, "bootstrap_servers", n->place,
			"'%s': servers are separated by commas", server);
	else if (colon == NULL)
		conf_warn(r, s, "bootstrap_servers", n->place,
			"'%s' has no port, so 9092 is taken; write HOST:PORT", server);
	else if (colon[1] == '\0' || colon[1 + strspn(colon + 1, "0123456789")] != '\0')
		conf_refuse(
			r, s, "bootstrap_servers", n->place, "'%s' is not HOST:PORT", server);
}

static void check_servers(struct conf_reader *r, const struct conf_subject *s)
{
	const struct conf_node *n = conf_given_node(s, "bootstrap_servers");
	char *servers, *rest = NULL;

	if (n == NULL || r->conf->bootstrap_servers == NULL ||
		(r->options->skip_secrets && secret_has_reference(n->text)))
		return;
	servers = xstrdup(r->conf->bootstrap_servers);
	for (char *server = strtok_r(servers, ", ", &rest); server != NULL;
		server = strtok_r(NULL, ", ", &rest))
		check_server(r, s, n, server);
	free(servers);
}

void conf_check_kafka(struct conf_reader *r, const struct conf_subject *s)
{
	check_servers(r, s);
	check_properties(r, s, r->conf->properties, r->conf->property_count);
}

/* False: a fault was reported. */
static bool check_topic_name(struct conf_reader *r, const struct conf_subject *s,
	const char *key, struct conf_place place, const char *name)
{
	if (event_is_topic_name(slice_str(name)))
		return true;
	conf_refuse(r, s, key, place,
		"'%s' is not a topic name, which has 1 to %d letters, digits, '.', '_' "
		"and '-'%s",
		name, EVENT_TOPIC_MAX_BYTES,
		strcmp(key, "topics") == 0 ? "; a regular expression starts with ^" : "");
	return false;
}

void conf_check_dead_letter_topic(
	struct conf_reader *r, const struct conf_subject *s, const char *topic)
{
	const struct conf_node *n = conf_given_node(s, "dead_letter_topic");

	if (n != NULL && topic != NULL)
		(void)check_topic_name(r, s, "dead_letter_topic", n->place, topic);
}

void conf_check_default_topic(
	struct conf_reader *r, const struct conf_subject *s, const char *topic)
{
	if (str_eq(topic, "none"))
		conf_refuse(r, s, "dead_letter_topic",
			conf_given_node(s, "dead_letter_topic")->place,
			"only a target may set \"none\"; name a topic");
	else
		conf_check_dead_letter_topic(r, s, topic);
}

static void check_topic(struct conf_reader *r, const struct conf_subject *s,
	struct conf_place place, const char *topic)
{
	char text[160];
	regex_t regex;
	int code;

	if (topic[0] != '^') {
		(void)check_topic_name(r, s, "topics", place, topic);
		return;
	}
	code = regcomp(&regex, topic, REG_EXTENDED | REG_NOSUB);
	if (code == 0) {
		regfree(&regex);
		return;
	}
	regerror(code, &regex, text, sizeof text);
	conf_refuse(r, s, "topics", place, "'%s' is not a valid regular expression: %s", topic,
		text);
}

bool conf_consumer_reads(const struct conf_consumer *c, const char *topic)
{
	for (size_t i = 0; i < c->topic_count; i++) {
		regex_t regex;
		bool match;

		if (c->topics[i][0] != '^') {
			if (strcmp(c->topics[i], topic) == 0)
				return true;
			continue;
		}
		if (regcomp(&regex, c->topics[i], REG_EXTENDED | REG_NOSUB) != 0)
			continue;
		match = regexec(&regex, topic, 0, NULL, 0) == 0;
		regfree(&regex);
		if (match)
			return true;
	}
	return false;
}

void conf_check_consumer(struct conf_reader *r, const struct conf_subject *s)
{
	const struct conf_consumer *c = s->settings;
	const struct conf_node *topics = conf_given_node(s, "topics");
	const struct conf_node *envelope = conf_given_node(s, "source");

	for (size_t i = 0; i < c->topic_count; i++)
		check_topic(r, s,
			topics->kind == CONF_NODE_LIST && c->topic_count == topics->child_count
				? topics->children[i]->place
				: topics->place,
			c->topics[i]);
	check_properties(r, s, c->properties, c->property_count);
	conf_check_default_topic(r, s, c->dead_letter_topic);
	if (envelope == NULL)
		envelope = conf_given_node(s, "detail_type");
	if (envelope != NULL && c->event_format != CONF_FORMAT_ENVELOPE)
		conf_warn(r, s, "envelope", envelope->place,
			"has no effect: event_format is not \"envelope\"");
	if (c->instance_id != NULL && strpbrk(c->instance_id, " \t\r\n") != NULL)
		conf_refuse(r, s, "instance_id", conf_given_node(s, "instance_id")->place,
			"must not contain white space");
}

/* --- destinations ----------------------------------------------------------------------- */

void conf_check_tls(
	struct conf_reader *r, const struct conf_subject *s, const struct http_settings *http)
{
	const struct conf_node *n = conf_given_node(s, "client_key_file");
	struct stat st;

	if (http->client_key_file != NULL && http->client_certificate_file == NULL && n != NULL)
		conf_refuse(r, s, "client_key_file", n->place,
			"has no effect without client_certificate_file");
	if (http->client_key_file != NULL && n != NULL &&
		stat(http->client_key_file, &st) == 0 && (st.st_mode & S_IROTH) != 0)
		conf_warn(r, s, "client_key_file", n->place,
			"every user of this machine can read the key; let only its owner and "
			"Postrider's user read it");
	n = conf_given_node(s, "insecure_skip_verify");
	if (http->insecure_skip_verify && n != NULL)
		conf_warn(r, s, "insecure_skip_verify", n->place,
			"the server's certificate is not verified: anyone on the "
			"network path can read and change what is sent; for a private "
			"authority set ca_file");
}

static void check_gate(
	struct conf_reader *r, const struct conf_subject *s, const struct gate_settings *g)
{
	const struct conf_node *n = conf_given_node(s, "breaker_probe_interval_max");

	if (g->breaker_probe_max_ms < g->breaker_probe_ms) {
		if (n == NULL)
			n = conf_given_node(s, "breaker_probe_interval");
		conf_refuse(r, s, "breaker_probe_interval_max", n->place,
			"must not be less than breaker_probe_interval");
	}
	n = conf_given_node(s, "max_concurrency_limit");
	if (n != NULL && !g->auto_concurrency)
		conf_warn(r, s, "max_concurrency_limit", n->place,
			"has no effect: max_concurrency is not \"auto\"");
	n = conf_given_node(s, "burst");
	if (n != NULL && g->rate_per_1000s == 0)
		conf_warn(r, s, "burst", n->place,
			"has no effect without invocation_rate_limit_per_second");
}

static void check_http(struct conf_reader *r, const struct conf_subject *s,
	const struct conf_destination *d, const struct conf_node *endpoint)
{
	const struct conf_node *n = conf_given_node(s, "http2");

	if (d->allow_http == false) {
		conf_refuse(r, s, "endpoint", endpoint->place,
			"http:// sends everything unencrypted; use https://, or set "
			"allow_http = true");
	} else if (d->connection != NULL && d->connection->settings.type != CONNECTION_NONE &&
		   d->connection->settings.type != CONNECTION_STANDARD_WEBHOOKS &&
		   !goes_to_loopback(d->endpoint)) {
		conf_warn(r, s, "endpoint", endpoint->place,
			"the credentials of connection '%s' are sent unencrypted over http://",
			d->connection->name);
	}
	if (d->http.http2 && n != NULL)
		conf_warn(
			r, s, "http2", n->place, "has no effect: HTTP/2 is used over TLS only");
}

void conf_check_destination(struct conf_reader *r, const struct conf_subject *s)
{
	const struct conf_destination *d = s->settings;
	const struct conf_node *endpoint = conf_given_node(s, "endpoint");
	struct err err = {0};

	check_gate(r, s, &d->gate);
	conf_check_tls(r, s, &d->http);
	if (d->endpoint == NULL)
		return;
	if (request_check_endpoint(d->endpoint, &err) != 0)
		conf_refuse(r, s, "endpoint", endpoint->place, "%s", err.text);
	else if (strncasecmp(d->endpoint, "http://", 7) == 0)
		check_http(r, s, d, endpoint);
	else if (d->allow_http)
		conf_warn(r, s, "allow_http", conf_given_node(s, "allow_http")->place,
			"is not needed: the endpoint is https://");
}
