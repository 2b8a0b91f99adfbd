/* SPDX-License-Identifier: Apache-2.0 */
/*
 * credentials - what an attempt's credentials cost on the event's path: a header that is there
 * (the same code as for a token), and a signature of 1 KB by Standard Webhooks.
 */
#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "io/auth/connection.h"

#define ROUNDS 1000000

static void measure(struct loop *l, const char *what, const struct connection_settings *s)
{
	static char body[1024];
	struct connection_message m = {.id = SLICE("msg_00000001_3_12d687_deadbeef"),
		.body = {body, sizeof body},
		.wall_ms = 1614265330000};
	struct connection_credentials cr;
	struct err err;
	struct connection *c = connection_new(l, s, &err);
	int64_t began_us;

	if (c == NULL) {
		fprintf(stderr, "credentials: %s\n", err.text);
		exit(1);
	}
	connection_credentials_init(&cr);
	began_us = clock_monotonic_us();
	for (unsigned i = 0; i < ROUNDS; i++)
		connection_authorise(c, &m, &cr);
	printf("credentials %s ns=%.0f\n", what,
		(double)(clock_monotonic_us() - began_us) * 1000 / ROUNDS);
	connection_credentials_release(&cr);
	connection_free(c);
}

int main(void)
{
	static const char *const keys[] = {"whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"};
	struct loop *l;

	http_global_init();
	l = loop_new();
	measure(l, "bearer",
		&(struct connection_settings){.name = "b",
			.type = CONNECTION_BEARER,
			.token =
				"eyJhbGciOiJSUzI1NiIsImtpZCI6IjEifQ.eyJzdWIiOiIxIn0.c2lnbmF0dXJl"});
	measure(l, "standard_webhooks_1KB",
		&(struct connection_settings){.name = "w",
			.type = CONNECTION_STANDARD_WEBHOOKS,
			.signing_keys = keys,
			.signing_key_count = 1});
	loop_free(l);
	return 0;
}
