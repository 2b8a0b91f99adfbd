/* SPDX-License-Identifier: Apache-2.0 */
/* The places of the admin listener's clients, and their time limits. */
#include "clients.h"

#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#include "base/util.h"

/* Whoever has an IPv6 address has a network of them: these are one client. */
#define IPV6_NETWORK_BYTES 8

void clients_init(struct clients *set, const struct admin_limits *limits)
{
	set->limits = limits;
	list_init(&set->list);
}

static struct client *client_of(struct list *node)
{
	return list_entry(node, struct client, node);
}

static void note_ipv4(struct client *c, const unsigned char ipv4[4])
{
	memset(c->address + 10, 0xff, 2);
	memcpy(c->address + 12, ipv4, 4);
	c->local = ipv4[0] == 127;
}

static void note_address(struct client *c, const struct sockaddr *address)
{
	if (address == NULL || address->sa_family == AF_UNIX) {
		c->local = true;
	} else if (address->sa_family == AF_INET) {
		const struct sockaddr_in *in =
			(const struct sockaddr_in *)(const void *)address;

		note_ipv4(c, (const unsigned char *)&in->sin_addr);
	} else if (address->sa_family == AF_INET6) {
		const struct sockaddr_in6 *in6 =
			(const struct sockaddr_in6 *)(const void *)address;

		if (IN6_IS_ADDR_V4MAPPED(&in6->sin6_addr)) {
			note_ipv4(c, in6->sin6_addr.s6_addr + 12);
			return;
		}
		memcpy(c->address, &in6->sin6_addr, IPV6_NETWORK_BYTES);
		c->local = IN6_IS_ADDR_LOOPBACK(&in6->sin6_addr);
	}
}

/* The listener's library sees the end of the stream, and closes. What the client has not taken
 * yet is discarded. */
static void cut_off(struct client *c)
{
	const struct linger discard = {.l_onoff = 1, .l_linger = 0};

	c->cut_off = true;
	setsockopt(c->fd, SOL_SOCKET, SO_LINGER, &discard, sizeof discard);
	shutdown(c->fd, SHUT_RDWR);
}

typedef bool (*same_fn)(const struct client *a, const struct client *b);

static bool same_address(const struct client *a, const struct client *b)
{
	return memcmp(a->address, b->address, sizeof a->address) == 0 && a->local == b->local;
}

static bool both_from_elsewhere(const struct client *a, const struct client *b)
{
	return !a->local && !b->local;
}

static bool any(const struct client *a, const struct client *b)
{
	(void)a;
	(void)b;
	return true;
}

/* No more than @most of those that are the @same as @c. Returns when to look again. */
static int64_t make_room(const struct clients *set, const struct client *c, same_fn same,
	unsigned most, int64_t now_ms)
{
	struct client *victim = NULL;
	unsigned count = 0;

	list_foreach (node, &set->list) {
		struct client *other = client_of(node);

		if (other->cut_off || !same(c, other))
			continue;
		count++;
		if (victim == NULL && !other->asked)
			victim = other;
	}
	if (count <= most || victim == NULL)
		return INT64_MAX;
	if (victim->since_ms + CLIENTS_GRACE_MS <= now_ms)
		cut_off(victim);
	return victim->since_ms + CLIENTS_GRACE_MS;
}

/* Each client stands once for its kind, so a kind loses as many as it has to. */
static int64_t settle(struct clients *set, int64_t now_ms)
{
	const struct {
		same_fn same;
		unsigned most;
	} limits[] = {{same_address, set->limits->per_address},
		{both_from_elsewhere, set->limits->from_elsewhere},
		{any, set->limits->connections}};
	int64_t next_ms = INT64_MAX;

	for (size_t i = 0; i < COUNT_OF(limits); i++) {
		list_foreach (node, &set->list) {
			const struct client *c = client_of(node);
			int64_t again_ms = c->cut_off ? INT64_MAX
						      : make_room(set, c, limits[i].same,
								limits[i].most, now_ms);

			if (again_ms > now_ms && again_ms < next_ms)
				next_ms = again_ms;
		}
	}
	set->is_unsettled = next_ms != INT64_MAX;
	return next_ms;
}

struct client *clients_add(
	struct clients *set, const struct sockaddr *address, int fd, int64_t now_ms)
{
	struct client *c = xcalloc(1, sizeof *c);

	c->fd = fd;
	c->since_ms = now_ms;
	note_address(c, address);
	list_append(&set->list, &c->node);
	set->is_unsettled = true;
	return c;
}

void clients_remove(struct client *c)
{
	list_remove(&c->node);
	free(c);
}

int64_t clients_expire(struct clients *set, int64_t now_ms)
{
	int64_t next_ms = set->is_unsettled ? settle(set, now_ms) : INT64_MAX;

	list_foreach (node, &set->list) {
		struct client *c = client_of(node);
		int64_t limit_ms = c->asked ? set->limits->reply_ms : set->limits->request_ms;

		if (c->cut_off)
			continue;
		if (c->since_ms + limit_ms <= now_ms)
			cut_off(c);
		else if (c->since_ms + limit_ms < next_ms)
			next_ms = c->since_ms + limit_ms;
	}
	return next_ms;
}
