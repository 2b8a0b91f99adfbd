/* SPDX-License-Identifier: Apache-2.0 */
/*
 * resolver.h - names to addresses by a few helper threads, never on the loop.
 *
 * getaddrinfo() blocks, for many seconds when a name server is dead; libcurl's own answer to
 * that is a thread for every transfer that starts. Here all names of the process share
 * RESOLVER_THREADS threads, started when they are first needed, so that one
 * dead name server holds up few other names.
 *
 * A name is embedded in its user and belongs to its user's loop. It is asked for when it is
 * watched; answered() tells of each answer. From then on resolver_use(), called at each use,
 * asks again when the answer is 30 to 45 s old: a changed address is known within a
 * minute, and a name that nobody uses costs nothing. When a question fails, the last good
 * answer stays.
 *
 * resolver_new() and resolver_free(): any one thread. All else: on the name's loop.
 */
#ifndef IO_HTTP_RESOLVER_H
#define IO_HTTP_RESOLVER_H

#include <netinet/in.h>

#include "base/err.h"
#include "base/rng.h"
#include "io/loop.h"

enum {
	RESOLVER_THREADS = 4,
	RESOLVER_ADDRESSES_MAX = 16,
	RESOLVER_FRESH_MS = 30000, /* and up to half of it more */
	RESOLVER_RETRY_MS = 5000,  /* after a failed question about a name that has an answer */
};

/* An address without its port. */
union resolver_address {
	struct sockaddr sa;
	struct sockaddr_in in;
	struct sockaddr_in6 in6;
};

struct resolver_answer {
	size_t count;
	union resolver_address addresses[RESOLVER_ADDRESSES_MAX];
};

/* Called on a helper thread. ERR_NOT_FOUND, ERR_IO, with the reason; ERR_FULL: this process lacks
 * something that asking needs. */
typedef int (*resolver_lookup_fn)(
	void *ctx, const char *host, struct resolver_answer *ret, struct err *err);

struct resolver;

/* @lookup: NULL for getaddrinfo(); tests have their own. */
struct resolver *resolver_new(resolver_lookup_fn lookup, void *ctx);
/* No name may be watched. Waits for questions that are under way. Accepts NULL. */
void resolver_free(struct resolver *r);

enum resolver_news {
	RESOLVER_SAME,     /* the addresses are what they were, in whatever order */
	RESOLVER_CHANGED,  /* some are new or gone */
	RESOLVER_REPLACED, /* there were some, and none of them is left */
	RESOLVER_FAILED,   /* no answer now: name->error; what was known stays */
};

/* Zero before its first use. */
struct resolver_name {
	struct resolver_answer answer; /* count is 0 until the first answer */
	uint64_t generation;           /* bumped when the set of addresses changes */
	char error[160];               /* why the last question failed, or "" */
	bool is_our_fault;             /* and it was for want of something here */
	void (*answered)(struct resolver_name *n, enum resolver_news news);

	/* The resolver's. */
	struct resolver *resolver;
	struct loop *loop;
	struct resolver_question *question;
	char *host;
	int64_t ask_at_ms;
};

/* Ask for @host, which is copied. Set answered() before; it is not
 * called before this returns. */
void resolver_watch(
	struct resolver *r, struct loop *l, struct resolver_name *n, const char *host);
/* answered() is not called again. Accepts a name that is not watched. */
void resolver_unwatch(struct resolver_name *n);
/* The name is being used: ask again when its time has come. */
void resolver_use(struct resolver_name *n);
/* Its addresses don't seem to work: ask again soon. */
void resolver_suspect(struct resolver_name *n);
/* Is an answer on its way? */
bool resolver_is_asking(const struct resolver_name *n);

#endif
