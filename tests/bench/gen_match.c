/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Write the files of a workload for bench-match: the same for the same seed.
 *
 *   gen-match WORKLOAD DIRECTORY [EVENTS [SEED]]
 *
 * makes DIRECTORY/WORKLOAD.patterns and DIRECTORY/WORKLOAD.events, one JSON text a line.
 * Workloads: orders orders-plain customers customers-few one-of-10 one-of-10000 mixed absent
 * geo.
 */
#include "base/buf.h"
#include "base/rng.h"

#include <stdio.h>
#include <stdlib.h>

#define PICK(r, list) ((list)[rng_upto(r, COUNT_OF(list) - 1)])

static const char *const sources[] = {
	"shop.orders", "shop.payments", "shop.stock", "shop.returns"};
static const char *const types[] = {"Order Placed", "Order Paid", "Order Shipped",
	"Order Cancelled", "Order Returned", "Order Refunded", "Order Held", "Order Changed"};
static const char *const currencies[] = {"EUR", "USD", "GBP", "JPY", "CHF"};
static const char *const countries[] = {"DE", "FR", "US", "GB", "JP", "NL", "IT", "ES"};
static const char *const words[] = {"lamp", "table", "chair", "mirror", "shelf", "carpet",
	"sofa", "drawer", "desk", "bench", "stool", "cabinet"};

static void add_envelope(struct rng *r, struct buf *b)
{
	buf_addf(b,
		"{\"version\":\"0\",\"id\":\"%08x-%04x-4%03x-a%03x-%012llx\",\"detail-type\":\"%s\","
		"\"source\":\"%s\",\"account\":\"123456789012\",\"time\":\"2026-%02u-%02uT%02u:%02u:"
		"%02uZ\",\"region\":\"eu-central-1\",\"resources\":[],\"detail\":",
		(unsigned)rng_upto(r, UINT32_MAX), (unsigned)rng_upto(r, 0xffff),
		(unsigned)rng_upto(r, 0xfff), (unsigned)rng_upto(r, 0xfff),
		(unsigned long long)rng_upto(r, 0xffffffffffffULL), PICK(r, types),
		PICK(r, sources), (unsigned)(1 + rng_upto(r, 11)),
		(unsigned)(1 + rng_upto(r, 27)), (unsigned)rng_upto(r, 23),
		(unsigned)rng_upto(r, 59), (unsigned)rng_upto(r, 59));
}

static void add_item(struct rng *r, struct buf *b)
{
	buf_addf(b,
		"{\"sku\":\"%s-%04u\",\"quantity\":%u,\"price\":%u.%02u,\"title\":\"A fine %s of "
		"%s\",\"gift\":%s}",
		PICK(r, words), (unsigned)rng_upto(r, 9999), (unsigned)(1 + rng_upto(r, 5)),
		(unsigned)rng_upto(r, 300), (unsigned)rng_upto(r, 99), PICK(r, words),
		PICK(r, words), rng_upto(r, 4) ? "false" : "true");
}

/* About 1 KB; from one of so many customers. */
static void add_order(struct rng *r, struct buf *b, unsigned customers)
{
	add_envelope(r, b);
	buf_addf(b,
		"{\"orderId\":\"ord-%06u\",\"customerId\":\"cust-%05u\",\"amount\":%u.%02u,"
		"\"currency\":\"%s\",\"status\":\"%s\",\"channel\":\"%s\",\"priority\":%u,"
		"\"email\":\"%s.%s@example.%s\",\"address\":{\"street\":\"%s street %u\",\"city\":"
		"\"Springfield\",\"zip\":\"%05u\",\"country\":\"%s\"},\"items\":[",
		(unsigned)rng_upto(r, 999999), (unsigned)rng_upto(r, customers - 1),
		(unsigned)rng_upto(r, 2000), (unsigned)rng_upto(r, 99), PICK(r, currencies),
		rng_upto(r, 3) ? "open" : "closed", rng_upto(r, 1) ? "web" : "store",
		(unsigned)rng_upto(r, 9), PICK(r, words), PICK(r, words),
		rng_upto(r, 1) ? "com" : "org", PICK(r, words), (unsigned)rng_upto(r, 200),
		(unsigned)rng_upto(r, 99999), PICK(r, countries));
	for (int i = 0; i < 3; i++) {
		if (i > 0)
			buf_add_char(b, ',');
		add_item(r, b);
	}
	buf_addf(b, "],\"note\":\"please leave the %s with the %s next door\"", PICK(r, words),
		PICK(r, words));
	if (rng_upto(r, 3) == 0)
		buf_addf(b, ",\"coupon\":\"SPRING%u\"", (unsigned)rng_upto(r, 50));
	buf_add_str(b, "}}");
}

/* About 4 KB, most of it coordinates. */
static void add_feature(struct rng *r, struct buf *b)
{
	buf_addf(b,
		"{\"type\":\"Feature\",\"properties\":{\"MAPBLKLOT\":\"%07u\",\"BLKLOT\":\"%07u\","
		"\"BLOCK_NUM\":\"%04u\",\"LOT_NUM\":\"%03u\",\"FROM_ST\":\"%u\",\"TO_ST\":\"%u\","
		"\"STREET\":\"%s\",\"ST_TYPE\":\"%s\",\"ODD_EVEN\":\"%c\",\"AREA\":%u.%02u},"
		"\"geometry\":{\"type\":\"Polygon\",\"coordinates\":[",
		(unsigned)rng_upto(r, 9999999), (unsigned)rng_upto(r, 9999999),
		(unsigned)rng_upto(r, 9999), (unsigned)rng_upto(r, 999),
		(unsigned)rng_upto(r, 5000), (unsigned)rng_upto(r, 5000), PICK(r, words),
		rng_upto(r, 1) ? "ST" : "AVE", rng_upto(r, 1) ? 'O' : 'E',
		(unsigned)rng_upto(r, 9000), (unsigned)rng_upto(r, 99));
	for (int ring = 0; ring < 4; ring++) {
		buf_add_str(b, ring ? ",[" : "[");
		for (int i = 0; i < 19; i++)
			buf_addf(b, "%s[-122.%014llu,37.%014llu,0.0]", i ? "," : "",
				(unsigned long long)rng_upto(r, 99999999999999ULL),
				(unsigned long long)rng_upto(r, 99999999999999ULL));
		buf_add_char(b, ']');
	}
	buf_add_str(b, "]}}");
}

static void five_rules(struct buf *b, bool numeric)
{
	buf_add_str(b, "{\"source\":[\"shop.orders\"],\"detail-type\":[\"Order Placed\"]}\n");
	if (numeric)
		buf_add_str(b,
			"{\"detail\":{\"amount\":[{\"numeric\":[\">\",100,\"<=\",500]}]}}\n");
	else
		buf_add_str(b, "{\"detail\":{\"currency\":[\"EUR\",\"CHF\"]}}\n");
	buf_add_str(b, "{\"detail\":{\"orderId\":[{\"prefix\":\"ord-12\"}]}}\n");
	buf_add_str(b, "{\"detail\":{\"status\":[{\"anything-but\":[\"closed\"]}]}}\n");
	buf_add_str(b, "{\"detail\":{\"coupon\":[{\"exists\":false}]}}\n");
}

static void customer_rules(struct rng *r, struct buf *b, unsigned count)
{
	for (unsigned i = 0; i < count; i++) {
		unsigned first = (unsigned)rng_upto(r, 7);

		buf_addf(b,
			"{\"source\":[\"shop.orders\"],\"detail-type\":[\"%s\",\"%s\",\"%s\",\"%s\"],"
			"\"detail\":{\"customerId\":[\"cust-%05u\"]}}\n",
			types[first], types[(first + 1) % 8], types[(first + 2) % 8],
			types[(first + 3) % 8], i);
	}
}

/* A rule a customer: an event of one of them matches exactly one rule,
 * however many there are. */
static void one_rule_each(struct buf *b, unsigned customers)
{
	for (unsigned i = 0; i < customers; i++)
		buf_addf(b,
			"{\"source\":[\"shop.orders\",\"shop.payments\",\"shop.stock\",\"shop.returns\"],"
			"\"detail\":{\"customerId\":[\"cust-%05u\"]}}\n",
			i);
}

/* How many customers send the events of workload @name. */
static unsigned customers_of(const char *name)
{
	if (strcmp(name, "one-of-10") == 0)
		return 10;
	return strcmp(name, "one-of-10000") == 0 ? 10000 : 20000;
}

static void mixed_rule(struct rng *r, struct buf *b, unsigned i)
{
	switch (i % 7) {
	case 0:
		buf_addf(b, "{\"detail\":{\"customerId\":[\"cust-%05u\"]}}\n",
			(unsigned)rng_upto(r, 19999));
		break;
	case 1:
		buf_addf(b, "{\"detail\":{\"orderId\":[{\"prefix\":\"ord-%03u\"}]}}\n",
			(unsigned)rng_upto(r, 999));
		break;
	case 2:
		buf_addf(b, "{\"detail\":{\"email\":[{\"suffix\":\"%s.%s@example.com\"}]}}\n",
			PICK(r, words), PICK(r, words));
		break;
	case 3:
		buf_addf(b,
			"{\"source\":[\"%s\"],\"detail\":{\"amount\":[{\"numeric\":[\">=\",%u,\"<\",%u]}]}}\n",
			PICK(r, sources), i, i + 10);
		break;
	case 4:
		buf_addf(b,
			"{\"detail\":{\"address\":{\"street\":[{\"equals-ignore-case\":\"%s STREET %u\"}]}}}\n",
			PICK(r, words), (unsigned)rng_upto(r, 200));
		break;
	case 5:
		buf_addf(b,
			"{\"detail\":{\"note\":[{\"wildcard\":\"*%s*%s*\"}],\"priority\":[%u]}}\n",
			PICK(r, words), PICK(r, words), (unsigned)rng_upto(r, 9));
		break;
	default:
		buf_addf(b,
			"{\"detail\":{\"status\":[{\"anything-but\":\"closed\"}],\"orderId\":[\"ord-%06u\"]}}\n",
			(unsigned)rng_upto(r, 999999));
	}
}

static void geo_rules(struct buf *b)
{
	buf_add_str(b,
		"{\"properties\":{\"STREET\":[\"lamp\"]}}\n"
		"{\"properties\":{\"ST_TYPE\":[\"ST\"],\"ODD_EVEN\":[\"E\"]}}\n"
		"{\"properties\":{\"LOT_NUM\":[{\"prefix\":\"12\"}]}}\n"
		"{\"properties\":{\"STREET\":[{\"anything-but\":[\"sofa\",\"desk\"]}],"
		"\"BLOCK_NUM\":[{\"prefix\":\"3\"}]}}\n"
		"{\"properties\":{\"OWNER\":[{\"exists\":false}],\"ST_TYPE\":[\"AVE\"]}}\n");
}

static bool make_patterns(const char *name, struct rng *r, struct buf *b)
{
	if (strcmp(name, "orders") == 0)
		five_rules(b, true);
	else if (strcmp(name, "orders-plain") == 0)
		five_rules(b, false);
	else if (strcmp(name, "customers") == 0)
		customer_rules(r, b, 10000);
	else if (strcmp(name, "customers-few") == 0)
		customer_rules(r, b, 10);
	else if (strcmp(name, "one-of-10") == 0 || strcmp(name, "one-of-10000") == 0)
		one_rule_each(b, customers_of(name));
	else if (strcmp(name, "geo") == 0)
		geo_rules(b);
	else if (strcmp(name, "mixed") == 0)
		for (unsigned i = 0; i < 1000; i++)
			mixed_rule(r, b, i);
	else if (strcmp(name, "absent") == 0)
		for (unsigned i = 0; i < 100; i++)
			buf_addf(b,
				"{\"source\":[\"never.sent\"],\"detail\":{\"customerId\":[\"cust-%05u\"],\"amount\":[{\"numeric\":[\">\",%u]}]}}\n",
				i, i);
	else
		return false;
	return true;
}

static void write_file(
	const char *directory, const char *name, const char *suffix, struct buf *b)
{
	char *path = xasprintf("%s/%s.%s", directory, name, suffix);
	FILE *f = fopen(path, "w");

	if (f == NULL || fwrite(b->data, 1, b->len, f) != b->len || fclose(f) != 0) {
		perror(path);
		exit(2);
	}
	free(path);
	buf_reset(b);
}

int main(int argc, char **argv)
{
	unsigned long events = argc > 3 ? strtoul(argv[3], NULL, 10) : 10000;
	struct rng r;
	struct buf b;

	buf_init(&b, BUF_UNLIMITED);
	rng_seed(&r, argc > 4 ? strtoul(argv[4], NULL, 10) : 1);
	if (argc < 3 || !make_patterns(argv[1], &r, &b)) {
		fprintf(stderr,
			"usage: gen-match orders|orders-plain|customers|customers-few|one-of-10|"
			"one-of-10000|mixed|absent|geo DIRECTORY [EVENTS [SEED]]\n");
		return 2;
	}
	write_file(argv[2], argv[1], "patterns", &b);
	for (unsigned long i = 0; i < events; i++) {
		if (strcmp(argv[1], "geo") == 0)
			add_feature(&r, &b);
		else
			add_order(&r, &b, customers_of(argv[1]));
		buf_add_char(&b, '\n');
	}
	write_file(argv[2], argv[1], "events", &b);
	buf_release(&b);
	return 0;
}
