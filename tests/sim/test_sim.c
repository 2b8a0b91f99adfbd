/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Runs the engine through one world a seed. `test_sim [--seeds N] [--from SEED] [--verbose]`; a
 * world that breaks a promise prints the line that replays it.
 */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "app/engine.h"
#include "base/log.h"
#include "sim.h"

#define HAPPENINGS_MAX 3000000
#define CRASHES_MAX    6

static const char configuration[] =
	"kafka = { bootstrap_servers = \"sim:9092\"; };\n"
	"shutdown_grace = \"20s\";\n"
	"max_in_flight = %u;\n"
	"consumers = {\n"
	"  left = { topics = [ \"orders\" ]; group_id = \"left\"; dead_letter_topic = \"dead-one\"; };\n"
	"  right = { topics = [ \"orders\" ]; group_id = \"right\"; dead_letter_topic = \"dead-two\"; };\n"
	"};\n"
	"connections = { none = { authorization_type = \"NONE\"; }; };\n"
	"destinations = {\n"
	"  one = { connection = \"none\"; endpoint = \"https://one.example/\"; max_concurrency = %u; %s };\n"
	"  two = { connection = \"none\"; endpoint = \"https://two.example/\"; max_concurrency = %u; %s };\n"
	"};\n"
	"rules = {\n"
	"  a = { consumer = \"left\"; event_pattern = { id = ( { exists = true } ); };\n"
	"        targets = ( { id = \"1\"; destination = \"one\"; } ); };\n"
	"  b = { consumer = \"right\"; event_pattern = { id = ( { exists = true } ); };\n"
	"        targets = ( { id = \"2\"; destination = \"two\"; } ); };\n"
	"  c = { consumer = \"right\"; event_pattern = { b = ( true ); };\n"
	"        targets = ( { id = \"3\"; destination = \"two\"; } ); };\n"
	"};\n";

struct run {
	struct conf *conf;
	struct connections *connections;
	struct engine *engine;
	bool drained;
};

static void on_drained(void *ctx, struct engine *e)
{
	struct run *r = ctx;

	(void)e;
	r->drained = true;
}

static void on_fenced(void *ctx, struct engine *e, const char *text)
{
	(void)ctx;
	(void)e;
	sim_fail("fenced: %s", text);
}

static const struct engine_callbacks engine_events = {
	.drained = on_drained, .fenced = on_fenced};

/* --- a world from a seed --------------------------------------------------------------------
 */

static void make_log(struct sim_partition *p, size_t count)
{
	int64_t offset = 0;

	*p = (struct sim_partition){.count = count, .committed = -1};
	p->records = xcalloc(count, sizeof *p->records);
	for (size_t i = 0; i < count; i++) {
		p->records[i].offset = offset;
		p->records[i].key = (unsigned)sim_random(SIM_KEYS - 1);
		p->records[i].invalid = sim_chance(1);
		p->records[i].tombstone = !p->records[i].invalid && sim_chance(1);
		offset += sim_chance(10) ? 1 + (int64_t)sim_random(40) : 1;
	}
}

/* Both lanes read the same topic. */
static void copy_log(struct sim_partition *to, const struct sim_partition *from)
{
	*to = (struct sim_partition){.count = from->count, .committed = -1};
	to->records = (void *)xmemdup(from->records, from->count * sizeof *from->records);
}

static void make_world(uint64_t seed)
{
	world = (struct sim){.seed = seed};
	rng_seed(&world.rng, seed);
	world.records_a_partition = 20 + sim_random(180);
	world.commit_failures_percent = sim_chance(30) ? 20 : 0;
	world.rebalances_percent = sim_chance(30) ? 80 : 0;
	world.dead_letters_fail_until_ms = sim_chance(20) ? 600000 : 0;
	world.no_token_until_ms = sim_chance(20) ? 60000 : 0;
	for (unsigned i = 0; i < SIM_PARTITIONS; i++) {
		make_log(&world.lanes[0].partitions[i], world.records_a_partition);
		copy_log(&world.lanes[1].partitions[i], &world.lanes[0].partitions[i]);
	}
	for (unsigned i = 0; i < SIM_DESTINATIONS; i++) {
		struct sim_endpoint *e = &world.endpoints[i];

		e->behaviour = (enum sim_behaviour)sim_random(SIM_NR_BEHAVIOURS - 1);
		e->window = 1 + (unsigned)sim_random(sim_chance(50) ? 4 : 100);
		e->rate_per_s = sim_chance(30) ? 1 + (int64_t)sim_random(50) : 0;
		e->burst = e->rate_per_s ? 1 + (int64_t)sim_random(5) : 0;
	}
	world.loop = sim_loop_new();
}

static void free_world(void)
{
	for (unsigned lane = 0; lane < SIM_DESTINATIONS; lane++)
		for (unsigned i = 0; i < SIM_PARTITIONS; i++) {
			free(world.lanes[lane].partitions[i].records);
			free(world.lanes[lane].partitions[i].metadata);
		}
	for (unsigned i = 0; i < SIM_DESTINATIONS; i++)
		free(world.endpoints[i].sends);
	loop_free(world.loop);
}

/* --- a configuration from a world ------------------------------------------------------------
 */

static void complain(void *ctx, enum conf_severity severity, const char *line)
{
	(void)ctx;
	if (severity == CONF_FAULT)
		sim_fail("%s", line);
}

static void rate_text(char out[128], const struct sim_endpoint *e)
{
	out[0] = '\0';
	if (e->rate_per_s > 0)
		snprintf(out, 128, "invocation_rate_limit_per_second = %lld; burst = %lld;",
			(long long)e->rate_per_s, (long long)e->burst);
}

static struct conf *make_conf(void)
{
	struct conf_options options = {.generation = 1};
	char path[] = "/tmp/postrider-sim-XXXXXX", one[128], two[128];
	int fd = mkstemp(path);
	FILE *f = fd >= 0 ? fdopen(fd, "w") : NULL;
	struct conf *conf;

	if (f == NULL)
		return NULL;
	rate_text(one, &world.endpoints[0]);
	rate_text(two, &world.endpoints[1]);
	fprintf(f, configuration, 10 + (unsigned)sim_random(400), world.endpoints[0].window,
		one, world.endpoints[1].window, two);
	fclose(f);
	conf = conf_load(path, &options, complain, NULL);
	unlink(path);
	return conf;
}

/* --- running ---------------------------------------------------------------------------------
 */

static void start(struct run *r)
{
	struct err err;

	r->drained = false;
	r->connections = connections_new(world.loop);
	r->engine = engine_new(world.loop, 0, NULL, &engine_events, r);
	engine_seed(r->engine, sim_random(UINT64_MAX - 1));
	if (connections_apply(r->connections, r->conf, &err) != 0 ||
		engine_apply(r->engine, r->conf, r->connections, &err) != 0)
		sim_fail("%s", err.text);
}

static void stop(struct run *r)
{
	engine_free(r->engine);
	connections_free(r->connections);
}

static void check_nothing_on_the_wire(void)
{
	for (unsigned i = 0; i < SIM_DESTINATIONS; i++)
		if (world.endpoints[i].on_wire != 0)
			sim_fail("destination %u still has requests on the wire after the end",
				i);
}

/* A crash or an orderly end, and a new life from what was committed. */
static void restart(struct run *r)
{
	bool orderly = sim_chance(30);
	uint64_t before = world.repeats;

	if (orderly) {
		engine_drain(r->engine, r->conf->shutdown_grace_ms);
		while (!r->drained && world.failure[0] == '\0' && sim_loop_step(world.loop))
			world.happenings++;
		if (!r->drained)
			sim_fail("the drain did not end");
	}
	stop(r);
	check_nothing_on_the_wire();
	if (orderly && world.repeats != before)
		sim_fail("a drain repeated something");
	world.crashes++;
	start(r);
}

static void run_world(uint64_t seed)
{
	struct run r = {0};
	unsigned lives = (unsigned)sim_random(CRASHES_MAX);

	r.conf = make_conf();
	if (r.conf == NULL || world.failure[0] != '\0') {
		sim_fail("no configuration");
		return;
	}
	start(&r);
	while (world.failure[0] == '\0' && !sim_is_complete()) {
		if (++world.happenings > HAPPENINGS_MAX)
			sim_fail("no end after %d happenings", HAPPENINGS_MAX);
		if (!sim_loop_step(world.loop))
			sim_fail("nothing happens any more, and not everything is committed");
		if (world.crashes < lives && sim_random(2000) == 0)
			restart(&r);
	}
	stop(&r);
	check_nothing_on_the_wire();
	conf_unref(r.conf);
	(void)seed;
}

int main(int argc, char **argv)
{
	static const struct option options[] = {{"seeds", required_argument, NULL, 'n'},
		{"from", required_argument, NULL, 'f'}, {"verbose", no_argument, NULL, 'v'},
		{0}};
	uint64_t seeds = 1000, from = 1, crashes = 0, repeats = 0;
	struct log_settings quiet = {.level = LOG_NR_VALUES};
	unsigned passed = 0, failed = 0;
	int c;

	while ((c = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (c == 'n')
			seeds = strtoull(optarg, NULL, 10);
		else if (c == 'f')
			from = strtoull(optarg, NULL, 10);
		else if (c == 'v')
			quiet.level = LOG_DEBUG;
		else
			return 2;
	}
	log_configure(&quiet);
	for (uint64_t seed = from; seed < from + seeds; seed++) {
		make_world(seed);
		run_world(seed);
		if (world.failure[0] != '\0') {
			printf("FAILED %s\n  replay: %s --from %llu --seeds 1 --verbose\n",
				world.failure, argv[0], (unsigned long long)seed);
			failed++;
		} else {
			passed++;
		}
		crashes += world.crashes;
		repeats += world.repeats;
		free_world();
	}
	printf("simulation: %llu restarts, %llu repeats\n%u passed, %u failed\n",
		(unsigned long long)crashes, (unsigned long long)repeats, passed, failed);
	return failed > 0;
}
