/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a server answers: whatever it is, the request ends once, with a verdict that makes
 * sense, and the next one gets its own reply and no rest of this one's.
 *
 * The first byte says how: 1: the connection stays open behind the reply; 2: HEAD; 4: GET. The
 * others are the reply.
 */
#include <assert.h>
#include <stdio.h>
#include <sys/un.h>

#include "../unit/http_script.h"
#include "io/http/http.h"

#define KEEP_BYTES 1024
#define MAX_BYTES  8192

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct loop *loop;
static struct script server;
static struct script_step step;
static struct http_client *client;
static unsigned done;
static struct http_result last;
static char body[KEEP_BYTES];

static void stop_later(struct loop_call *c)
{
	(void)c;
	loop_stop(loop);
}

static struct loop_call stopper = {{&stopper.node, &stopper.node}, stop_later};

static void on_done(struct http_request *r, const struct http_result *result)
{
	assert(r->transfer == NULL);
	assert(result->body.len <= KEEP_BYTES);
	assert(result->status >= 0 && result->status <= 999);
	assert(result->status != 0 || result->transport != RETRY_TRANSPORT_OK);
	last = *result;
	memcpy(body, result->body.data ? result->body.data : "", result->body.len);
	done++;
	loop_defer(loop, &stopper);
}

static void ask(const char *method)
{
	struct http_request r = {.method = method,
		.url = "http://127.0.0.1/hook",
		.url_is_constant = true,
		.has_body = strcmp(method, "POST") == 0,
		.body = SLICE("{}"),
		.done = on_done};

	done = 0;
	http_submit(client, &r);
	loop_run(loop);
	assert(done == 1);
}

/* A socket of the file system: it does not run out of ports. */
static void serve(const char *path)
{
	struct sockaddr_un un = {.sun_family = AF_UNIX};

	snprintf(un.sun_path, sizeof un.sun_path, "%s", path);
	unlink(path);
	server = (struct script){.loop = loop, .steps = &step, .step_count = 1};
	buf_init(&server.last, BUF_UNLIMITED);
	list_init(&server.connections);
	server.listener = (struct loop_fd){
		.fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0),
		.events = LOOP_READ,
		.ready = script_accept};
	if (bind(server.listener.fd, (struct sockaddr *)&un, sizeof un) != 0 ||
		listen(server.listener.fd, 64) != 0)
		abort();
	loop_watch(loop, &server.listener);
}

static void begin(void)
{
	struct http_settings settings = http_default_settings;
	char path[64];
	struct err err;

	snprintf(path, sizeof path, "/tmp/fuzz-response-%d", (int)getpid());
	http_global_init();
	loop = loop_new();
	serve(path);
	settings.name = "fuzzed";
	settings.timeout_ms = 20;
	settings.response_keep_bytes = KEEP_BYTES;
	settings.response_max_bytes = MAX_BYTES;
	settings.unix_socket = path;
	client = http_client_new(loop, &settings, &err);
	assert(client != NULL);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size < 2)
		return 0;
	if (loop == NULL)
		begin();
	step = (struct script_step){.reply = (const char *)data + 1,
		.then = data[0] & 1 ? SCRIPT_KEEP : SCRIPT_CLOSE};
	server.reply_len = size - 1;
	ask(data[0] & 2 ? "HEAD" : data[0] & 4 ? "GET" : "POST");

	step = (struct script_step){.reply = SCRIPT_OK};
	server.reply_len = 0;
	ask("POST");
	if (last.transport == RETRY_TRANSPORT_TIMEOUT)
		return 0; /* of a busy machine: the time is short for the sake of speed */
	assert(last.transport == RETRY_TRANSPORT_OK && last.status == 200);
	assert(last.body.len == 2 && memcmp(body, "ok", 2) == 0);
	return 0;
}
