/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What rendering a request costs, beside the scan of its event: an event and a body of
 * 1 KB each, a JSON template that takes five paths, a path value, a header. Prints the best of
 * several runs, and how many allocations a warm one makes.
 */
#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "core/request/request.h"

#define RUNS  100
#define TIMES 5000

/* Counted by the library's own allocator in libc, whoever asks for it. */
extern void *__libc_malloc(size_t size);
extern void *__libc_realloc(void *ptr, size_t size);
static size_t allocations;

void *malloc(size_t size);
void *realloc(void *ptr, size_t size);

void *malloc(size_t size)
{
	allocations++;
	return __libc_malloc(size);
}

void *realloc(void *ptr, size_t size)
{
	allocations++;
	return __libc_realloc(ptr, size);
}

static struct request_parameter map[] = {
	{(char[]){"order"}, (char[]){"$.detail.order.id"}},
	{(char[]){"amount"}, (char[]){"$.detail.order.amount"}},
	{(char[]){"customer"}, (char[]){"$.detail.customer"}},
	{(char[]){"sku"}, (char[]){"$.detail.items[1].sku"}},
	{(char[]){"time"}, (char[]){"$.time"}},
};

static char template_text[] =
	"{\"text\": \"New order <order> for <amount> EUR at <time>\", \"order\": <order>,\n"
	" \"customer\": <customer>, \"sku\": <sku>, \"source\": \"postrider\",\n"
	" \"blocks\": [{\"type\": \"section\", \"text\": {\"type\": \"mrkdwn\", \"text\": "
	"\"Order *<order>* by a customer of ours, to be packed and sent on the same day if it "
	"came before noon\"}}, {\"type\": \"divider\"}, {\"type\": \"context\", \"elements\": "
	"[{\"type\": \"mrkdwn\", \"text\": \"Sent by Postrider from <kafka.topic>, which carries "
	"orders of all shops in every country\"}]}], \"unfurl_links\": false, \"note\": \"This "
	"message was made from a template with literal text enough that the request has about "
	"the size that requests have: links to the order in the shop, to the customer in the "
	"CRM and to the parcel at the carrier, a hint whom to ask, and a sentence that asks "
	"nobody to answer here. It is copied in a few slices, and so it costs next to nothing "
	"beside the values, each of which has to be found in the event by its path first.\"}";

/* An envelope of 1 KB. */
static void make_event(struct buf *out)
{
	buf_add_str(out,
		"{\"version\":\"0\",\"id\":\"6a7e8feb-b491-4cf7-a9f1-bf3703467718\","
		"\"detail-type\":\"Order Placed\",\"source\":\"shop.orders\","
		"\"account\":\"111122223333\",\"time\":\"2026-11-23T09:05:04Z\","
		"\"region\":\"eu-central-1\",\"resources\":[\"orders/4711\"],\"detail\":{"
		"\"customer\":{\"id\":\"c-19\",\"name\":\"Ada Lovelace\",\"email\":"
		"\"ada@example.com\",\"vip\":true},\"items\":[{\"sku\":\"A-1\",\"count\":2,"
		"\"price\":19.90},{\"sku\":\"B-2\",\"count\":1,\"price\":5.00},{\"sku\":\"C-3\","
		"\"count\":7,\"price\":0.10}],\"address\":{\"street\":\"12 Analytical Way\","
		"\"city\":\"London\",\"zip\":\"E1 6AN\",\"country\":\"GB\"},\"order\":{\"id\":"
		"\"o-4711\",\"amount\":49.90,\"currency\":\"EUR\",\"channel\":\"C024BE91L\"},"
		"\"note\":\"");
	while (out->len < 1020)
		buf_add_str(out, "leave it at the door ");
	buf_add_str(out, "\"}}");
}

static struct request_plan *make_plan(void)
{
	struct request_parameter headers[] = {
		{(char[]){"X-Order"}, (char[]){"$.detail.order.id"}}};
	char *paths[] = {(char[]){"T000"}, (char[]){"$.detail.order.channel"}};
	struct request_parameters target = {
		.header = headers,
		.header_count = COUNT_OF(headers),
		.path_values = paths,
		.path_value_count = COUNT_OF(paths),
	};
	struct request_input in = {
		.input_template = template_text,
		.input_paths_map = map,
		.input_paths_count = COUNT_OF(map),
		.escape = true,
	};
	struct request_settings s = {
		.rule_name = "order_notifications",
		.target_id = "slack",
		.endpoint = "https://hooks.slack.com/services/*/*",
		.http_method = "POST",
		.target = &target,
		.input = &in,
	};

	return request_plan_new(&s, NULL, NULL);
}

struct bench {
	struct request_plan *plan;
	struct event *ev;
	struct jx_index ix;
	struct request_work work;
	struct request request;
};

static void scan(struct bench *b)
{
	if (jx_parse(&b->ix, b->ev->f.value, &jx_default_limits, NULL) != 0)
		abort();
}

static void render(struct bench *b)
{
	struct request_context context = {.ev = b->ev, .ix = &b->ix};
	const char *code;

	if (request_render(b->plan, &context, &b->request, &code, NULL) != 0)
		abort();
}

/* Nanoseconds of one, in the best of the runs. */
static double measure(struct bench *b, void (*step)(struct bench *b))
{
	int64_t best_us = INT64_MAX;

	step(b);
	for (int run = 0; run < RUNS; run++) {
		int64_t start_us = clock_monotonic_us();

		for (int i = 0; i < TIMES; i++)
			step(b);
		best_us = min_i64(best_us, clock_monotonic_us() - start_us);
	}
	return (double)best_us * 1000 / TIMES;
}

int main(void)
{
	struct bench b = {.plan = make_plan()};
	struct buf text;
	double scan_ns, render_ns;
	size_t before;

	buf_init(&text, BUF_UNLIMITED);
	make_event(&text);
	b.ev = event_new(&(struct event_fields){.topic = "orders",
		.partition = 3,
		.offset = 123456789,
		.timestamp_ms = 1,
		.value = buf_slice(&text)});
	jx_init(&b.ix);
	request_work_init(&b.work);
	request_init(&b.request, &b.work);
	scan_ns = measure(&b, scan);
	render_ns = measure(&b, render);
	before = allocations;
	render(&b);
	before = allocations - before;
	printf("event %zu bytes, request %zu bytes of body and %zu of headers\n", text.len,
		b.request.body.len, b.request.headers.len);
	printf("scan   %6.0f ns\nrender %6.0f ns (goal: under 2000), %zu allocations when warm\n",
		scan_ns, render_ns, before);
	request_release(&b.request);
	request_work_release(&b.work);
	request_plan_free(b.plan);
	jx_release(&b.ix);
	event_unref(b.ev);
	buf_release(&text);
	return 0;
}
