/* SPDX-License-Identifier: Apache-2.0 */
#include "io/http/fetch.h"

#include <stdlib.h>

#include "io/http/http.h"

#define TIMEOUT_MS     10000
#define BODY_MAX_BYTES (16 << 20)

struct fetch {
	struct http_request request;
	struct loop *loop;
	struct buf *out;
	int status;
	struct err *err;
	int code;
};

static void fetched(struct http_request *r, const struct http_result *result)
{
	struct fetch *f = container_of(r, struct fetch, request);

	f->status = result->status;
	if (result->transport != RETRY_TRANSPORT_OK)
		f->code = err_set(f->err, ERR_IO, "%s", result->error);
	else
		buf_add_slice(f->out, result->body);
	loop_stop(f->loop);
}

int fetch(const char *method, const char *url, const struct fetch_settings *s, struct buf *out,
	int *ret_status, struct err *err)
{
	struct http_settings settings = http_default_settings;
	char *header = s->token ? xasprintf("Authorization: Bearer %s", s->token) : NULL;
	struct fetch f = {.out = out, .err = err};
	struct http_client *client;

	settings.name = "admin";
	settings.unix_socket = s->unix_socket;
	settings.ca_file = s->ca_file;
	settings.timeout_ms = settings.connect_timeout_ms = TIMEOUT_MS;
	settings.response_keep_bytes = settings.response_max_bytes = BODY_MAX_BYTES;
	f.loop = loop_new();
	client = http_client_new(f.loop, &settings, err);
	if (client == NULL) {
		free(header);
		loop_free(f.loop);
		return ERR_INVALID;
	}
	f.request = (struct http_request){.method = method,
		.url = url,
		.headers = header ? header : "",
		.header_count = header != NULL,
		.done = fetched};
	http_submit(client, &f.request);
	loop_run(f.loop);
	http_client_free(client);
	loop_free(f.loop);
	if (header != NULL)
		explicit_bzero(header, strlen(header));
	free(header);
	*ret_status = f.status;
	return f.code;
}
