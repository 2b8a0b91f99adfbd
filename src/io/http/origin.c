/* SPDX-License-Identifier: Apache-2.0 */
/* Where requests go: an origin is scheme, host and port with their addresses; its URLs are
 * parsed once and kept. */
#include "http_private.h"

#include <arpa/inet.h>
#include <curl/curl.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>

struct resolver *http_resolver;

/* --- Addresses. --- */

static void answered(struct resolver_name *name, enum resolver_news news)
{
	struct http_origin *o = container_of(name, struct http_origin, name);
	struct list waiting = o->waiting;

	if (news == RESOLVER_REPLACED)
		http_shards_retire(o->client);
	if (list_is_empty(&o->waiting))
		return;
	/* What is submitted meanwhile waits for the next answer. */
	waiting.next->prev = waiting.prev->next = &waiting;
	list_init(&o->waiting);
	while (!list_is_empty(&waiting)) {
		struct http_transfer *t =
			list_entry(list_shift(&waiting), struct http_transfer, node);

		if (name->answer.count > 0)
			http_transfer_start(t);
		else
			http_transfer_fail(t,
				name->is_our_fault ? RETRY_TRANSPORT_INTERNAL
						   : RETRY_TRANSPORT_DNS,
				name->error);
	}
}

static void add_address(struct buf *b, const union resolver_address *a)
{
	char text[INET6_ADDRSTRLEN] = "";

	if (a->sa.sa_family == AF_INET6) {
		inet_ntop(AF_INET6, &a->in6.sin6_addr, text, sizeof text);
		buf_addf(b, "[%s]", text);
	} else {
		inet_ntop(AF_INET, &a->in.sin_addr, text, sizeof text);
		buf_add_str(b, text);
	}
}

void http_origin_inform(struct http_transfer *t)
{
	const struct http_origin *o = t->origin;
	const struct http_shard *s = t->shard;
	struct buf line;

	if (!o->is_name || (s->known_origin == o && s->known_generation == o->name.generation))
		return;
	buf_init(&line, BUF_UNLIMITED);
	buf_addf(&line, "%s:%u:", o->host, o->port);
	for (size_t i = 0; i < o->name.answer.count; i++) {
		if (i > 0)
			buf_add_char(&line, ',');
		add_address(&line, &o->name.answer.addresses[i]);
	}
	t->resolve = curl_slist_append(NULL, line.data);
	t->resolve_generation = o->name.generation;
	buf_release(&line);
}

/*
 * libcurl begins each connection with the first address. The order of the families is its own
 * (it tries the second one after 200 ms), but within a family each connection begins one
 * further, and goes on from there when an address fails.
 */
void http_origin_rotate(struct http_transfer *t, struct curl_sockaddr *address)
{
	const struct resolver_answer *answer = &t->origin->name.answer;
	const union resolver_address *found[RESOLVER_ADDRESSES_MAX];
	unsigned *tries = address->family == AF_INET6 ? &t->tries_v6 : &t->tries_v4;
	union resolver_address to;
	size_t count = 0;

	if (!t->origin->is_name)
		return;
	for (size_t i = 0; i < answer->count; i++)
		if (answer->addresses[i].sa.sa_family == address->family)
			found[count++] = &answer->addresses[i];
	if (count < 2)
		return;
	if (t->tries_v4 + t->tries_v6 == 0)
		t->rotation = t->client->next_rotation++;
	to = *found[(t->rotation + (*tries)++) % count];
	if (address->family == AF_INET6)
		to.in6.sin6_port = htons((uint16_t)t->origin->port);
	else
		to.in.sin_port = htons((uint16_t)t->origin->port);
	memcpy(&address->addr, &to, address->addrlen);
}

/* --- URLs. --- */

static size_t prefix_length(const char *url)
{
	const char *authority = strstr(url, "://");

	authority = authority ? authority + 3 : url;
	return (size_t)(authority - url) + strcspn(authority, "/?#");
}

static bool has_scheme(const char *url, const char *scheme)
{
	size_t len = strlen(scheme);

	return strncasecmp(url, scheme, len) == 0 && url[len] == ':';
}

static CURLU *url_parse(const char *text)
{
	CURLU *parsed = curl_url();

	if (parsed == NULL)
		out_of_memory();
	if (curl_url_set(parsed, CURLUPART_URL, text, CURLU_PATH_AS_IS) == CURLUE_OK)
		return parsed;
	curl_url_cleanup(parsed);
	return NULL;
}

static char *url_part(CURLU *parsed, CURLUPart part)
{
	char *text = NULL, *copy;

	if (curl_url_get(parsed, part, &text, CURLU_DEFAULT_PORT) != CURLUE_OK)
		return NULL;
	copy = xstrdup(text);
	curl_free(text);
	return copy;
}

/* libcurl resolves localhost itself, without a name server (RFC 6761). A name outside
 * ASCII is left to it too: it knows how to encode it. */
static bool needs_resolver(const char *host)
{
	struct in_addr in;
	size_t len = strlen(host);

	if (host[0] == '[' || inet_pton(AF_INET, host, &in) == 1 ||
		strcasecmp(host, "localhost") == 0 ||
		(len > 10 && strcasecmp(host + len - 10, ".localhost") == 0))
		return false;
	for (const char *p = host; *p; p++)
		if ((unsigned char)*p >= 0x80)
			return false;
	return true;
}

static struct http_origin *origin_new(struct http_client *c, CURLU *dialled)
{
	struct http_origin *o = xcalloc(1, sizeof *o);
	char *port = url_part(dialled, CURLUPART_PORT);

	o->client = c;
	o->host = url_part(dialled, CURLUPART_HOST);
	o->port = port ? (unsigned)strtoul(port, NULL, 10) : 1080; /* a proxy's default */
	free(port);
	list_init(&o->waiting);
	list_append(&c->origins, &o->node);
	o->is_name = o->host != NULL && needs_resolver(o->host);
	if (o->is_name) {
		o->name.answered = answered;
		resolver_watch(http_resolver, c->loop, &o->name, o->host);
	}
	return o;
}

/* Of a URL: itself, or the proxy, which then resolves the destination's name. */
static struct http_origin *origin_make(struct http_client *c, CURLU *url)
{
	const char *proxy = c->settings.proxy;
	struct http_origin *o;
	CURLU *via;

	if (proxy == NULL)
		return origin_new(c, url);
	via = url_parse(proxy);
	if (via == NULL)
		return NULL;
	o = origin_new(c, via);
	curl_url_cleanup(via);
	return o;
}

static struct http_origin *origin_find(
	const struct http_client *c, const char *url, size_t prefix_len)
{
	list_foreach (node, &c->origins) {
		struct http_origin *o = list_entry(node, struct http_origin, node);

		if (o->prefix_len == prefix_len && memcmp(o->prefix, url, prefix_len) == 0)
			return o;
	}
	return NULL;
}

static struct http_origin *origin_obtain(struct http_client *c, const char *url, CURLU *parsed)
{
	size_t prefix_len = prefix_length(url);
	struct http_origin *o = origin_find(c, url, prefix_len);
	CURLU *own = NULL;

	if (o != NULL)
		return o;
	if (parsed == NULL)
		parsed = own = url_parse(url);
	o = parsed ? origin_make(c, parsed) : NULL;
	if (o != NULL) {
		o->prefix = xmemdup(url, prefix_len);
		o->prefix_len = prefix_len;
		o->is_plain = c->settings.proxy == NULL && has_scheme(url, "http");
	}
	curl_url_cleanup(own);
	return o;
}

static struct http_constant_url *constant_find(struct http_client *c, const char *text)
{
	for (size_t i = 0; i < c->url_count; i++)
		if (strcmp(c->urls[i].text, text) == 0)
			return &c->urls[i];
	return NULL;
}

static struct http_constant_url *constant_add(struct http_client *c, const char *text)
{
	struct http_constant_url *u = &c->urls[c->url_count];

	u->parsed = url_parse(text);
	u->origin = u->parsed ? origin_obtain(c, text, u->parsed) : NULL;
	if (u->origin == NULL) {
		curl_url_cleanup(u->parsed);
		return NULL;
	}
	u->text = xstrdup(text);
	c->url_count++;
	return u;
}

struct http_origin *http_origin_obtain(
	struct http_client *c, const struct http_request *r, void **ret_parsed_url)
{
	struct http_constant_url *u = NULL;
	struct http_origin *o;

	if (!has_scheme(r->url, "http") && !has_scheme(r->url, "https"))
		return NULL;
	if (r->url_is_constant) {
		u = constant_find(c, r->url);
		if (u == NULL && c->url_count < HTTP_CONSTANT_URLS)
			u = constant_add(c, r->url);
	}
	if (u != NULL)
		*ret_parsed_url = u->parsed;
	o = u ? u->origin : origin_obtain(c, r->url, NULL);
	if (o != NULL && o->is_name)
		resolver_use(&o->name);
	return o;
}

void http_origins_free(struct http_client *c)
{
	struct list *node;

	for (size_t i = 0; i < c->url_count; i++) {
		curl_url_cleanup(c->urls[i].parsed);
		free(c->urls[i].text);
	}
	while ((node = list_shift(&c->origins)) != NULL) {
		struct http_origin *o = list_entry(node, struct http_origin, node);

		resolver_unwatch(&o->name);
		free(o->prefix);
		free(o->host);
		free(o);
	}
}
