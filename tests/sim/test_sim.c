/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Runs the engine through one world a seed. `test_sim [--seeds N] [--from SEED] [--verbose]
 * [--starve N]`; a world that breaks a promise prints the line that replays it. With --starve
 * each world runs N times, and an allocation fails in it.
 */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "app/engine/engine.h"
#include "base/log.h"
#include "sim.h"

#define HAPPENINGS_MAX 3000000
#define CRASHES_MAX    6
#define OPERATOR_COMES 200000
#define RELOADS_MAX    4

static const char configuration[] =
	"kafka = { bootstrap_servers = \"sim:9092\"; };\n"
	"shutdown_grace = \"20s\";\n"
	"workers = %u;\n"
	"max_in_flight = %u;\n"
	"consumers = {\n"
	"  left = { topics = [ \"orders\" ]; group_id = \"left\"; dead_letter_topic = \"dead-one\"; };\n"
	"  right = { topics = [ \"orders\" ]; group_id = \"right\"; dead_letter_topic = \"dead-two\"; };\n"
	"};\n"
	"connections = { none = { authorization_type = \"NONE\"; }; };\n"
	"destinations = {\n"
	"  one = { connection = \"none\"; endpoint = \"https://one.example/\"; %s };\n"
	"  two = { connection = \"none\"; endpoint = \"https://two.example/\"; %s };\n"
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
	struct engine *engines[SIM_ENGINES_MAX];
	size_t limits[SIM_ENGINES_MAX]; /* the widest budget that each has had */
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

/* --- a world from a seed ------------------------------------------------------------------ */

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

static void choose_limits(struct sim_endpoint *e)
{
	e->window = 1 + (unsigned)sim_random(sim_chance(50) ? 4 : 100);
	e->automatic = sim_chance(25);
	e->rate_per_s = sim_chance(30) ? 1 + (int64_t)sim_random(50) : 0;
	e->burst = e->rate_per_s ? 1 + (int64_t)sim_random(5) : 0;
	e->rate_since = e->send_count;
}

/* What is on the wire now was sent under other limits. */
static void begin_again(struct sim_endpoint *e)
{
	choose_limits(e);
	e->fresh = 0;
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
		world.endpoints[i].behaviour =
			(enum sim_behaviour)sim_random(SIM_NR_BEHAVIOURS - 1);
		choose_limits(&world.endpoints[i]);
	}
	world.engines = sim_chance(50) ? 1 : 2 + (unsigned)sim_random(SIM_ENGINES_MAX - 2);
	sim_groups_reset();
	sim_time_begin();
	for (unsigned i = 0; i < SIM_ENGINES_MAX; i++)
		world.loops[i] = sim_loop_new(i);
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
	for (unsigned i = 0; i < SIM_ENGINES_MAX; i++)
		loop_free(world.loops[i]);
	sim_time_end();
}

/* --- a configuration from a world --------------------------------------------------------- */

static void complain(void *ctx, enum conf_severity severity, const char *line)
{
	(void)ctx;
	if (severity == CONF_FAULT)
		sim_fail("%s", line);
}

/* With another timeout a destination gets another HTTP client. */
static void write_limits(char out[256], const struct sim_endpoint *e)
{
	int len = e->automatic
			  ? snprintf(out, 256,
				    "max_concurrency = \"auto\"; max_concurrency_limit = %u;",
				    e->window)
			  : snprintf(out, 256, "max_concurrency = %u;", e->window);

	len += snprintf(out + len, 256 - (size_t)len, " timeout = %u; dead_letter_guard = %s;",
		20 + (unsigned)sim_random(2), world.guard_is_off ? "false" : "true");
	if (e->rate_per_s > 0)
		snprintf(out + len, 256 - (size_t)len,
			" invocation_rate_limit_per_second = %lld; burst = %lld;",
			(long long)e->rate_per_s, (long long)e->burst);
}

static struct conf *make_conf(void)
{
	struct conf_options options = {.generation = 1 + (unsigned)world.reloads};
	char path[] = "/tmp/postrider-sim-XXXXXX", one[256], two[256];
	int fd = mkstemp(path);
	FILE *f = fd >= 0 ? fdopen(fd, "w") : NULL;
	struct conf *conf;

	if (f == NULL)
		return NULL;
	write_limits(one, &world.endpoints[0]);
	write_limits(two, &world.endpoints[1]);
	fprintf(f, configuration, world.engines,
		world.engines * (10 + (unsigned)sim_random(400)), one, two);
	fclose(f);
	conf = conf_load(path, &options, complain, NULL);
	unlink(path);
	return conf;
}

/* --- running ------------------------------------------------------------------------------ */

static void start(struct run *r, unsigned i)
{
	struct err err;

	r->limits[i] = 0;
	r->engines[i] = engine_new(world.loops[i], i, NULL, &engine_events, r);
	engine_seed(r->engines[i], sim_random(UINT64_MAX - 1));
	if (engine_apply(r->engines[i], r->conf, r->connections, &err) != 0)
		sim_fail("%s", err.text);
}

/* As kill -9 would, or after a drain. */
static void stop(struct run *r, unsigned i)
{
	engine_free(r->engines[i]);
	r->engines[i] = NULL;
	for (unsigned d = 0; d < SIM_DESTINATIONS; d++)
		if (world.endpoints[d].on_wire_of[i] != 0)
			sim_fail("engine %u has ended, and has requests at destination %u", i,
				d);
}

/*
 * What an engine holds is within its budget, but for what the last record of each lane makes.
 * When the budget has just become narrower each lane still has its part of the new one.
 */
static void check_budgets(struct run *r)
{
	for (unsigned i = 0; i < world.engines; i++) {
		const struct budget *b = &engine_context(r->engines[i])->budget;
		size_t limit;

		if (b->deliveries.max > r->limits[i])
			r->limits[i] = b->deliveries.max;
		limit = r->limits[i] + SIM_DESTINATIONS * (SIM_TARGETS - 1);
		if (b->deliveries.max < r->limits[i])
			limit += b->deliveries.max / 2;
		if (b->deliveries.used > limit)
			sim_fail("engine %u holds %zu deliveries of %zu", i, b->deliveries.used,
				b->deliveries.max);
	}
}

static void check_nothing_is_held(struct run *r)
{
	for (unsigned i = 0; i < world.engines; i++) {
		const struct budget *b = &engine_context(r->engines[i])->budget;

		if (b->deliveries.used != 0 || b->bytes.used != 0)
			sim_fail(
				"all is settled, and engine %u holds %zu deliveries, %zu bytes",
				i, b->deliveries.used, b->bytes.used);
	}
}

static void sample_destination(void *ctx, struct destination *dest)
{
	(void)ctx;
	destination_sample(dest);
}

static void sample_lane(void *ctx, struct lane *lane)
{
	(void)ctx;
	lane_sample(lane);
}

/* What the sampler does each second where there are metrics; its timer would never end. */
static void sample(struct engine *e)
{
	engine_visit_destinations(e, sample_destination, NULL);
	engine_visit_lanes(e, sample_lane, NULL);
}

static bool step(struct run *r)
{
	world.happenings++;
	if (!sim_time_step())
		return false;
	if (sim_random(500) == 0)
		sample(r->engines[sim_random(world.engines - 1)]);
	check_budgets(r);
	return true;
}

/* A crash or an orderly end of one engine, and a new life from what was committed. */
static void restart(struct run *r)
{
	unsigned i = (unsigned)sim_random(world.engines - 1);
	bool orderly = sim_chance(30);
	uint64_t before = world.repeats;

	if (orderly) {
		r->drained = false;
		engine_drain(r->engines[i], r->conf->shutdown_grace_ms);
		while (!r->drained && world.failure[0] == '\0' && step(r))
			;
		if (!r->drained)
			sim_fail("the drain did not end");
	}
	stop(r, i);
	if (orderly && world.engines == 1 && world.repeats != before)
		sim_fail("a drain repeated something");
	world.crashes++;
	start(r, i);
}

/* Other limits and clients from now on, for all engines. */
static void reload(struct run *r)
{
	struct conf *old = r->conf;
	struct err err;

	world.reloads++;
	for (unsigned d = 0; d < SIM_DESTINATIONS; d++)
		begin_again(&world.endpoints[d]);
	r->conf = make_conf();
	if (r->conf == NULL || connections_apply(r->connections, r->conf, &err) != 0) {
		sim_fail("no configuration");
		r->conf = old;
		return;
	}
	for (unsigned i = 0; i < world.engines; i++)
		if (engine_apply(r->engines[i], r->conf, r->connections, &err) != 0)
			sim_fail("%s", err.text);
	conf_unref(old);
}

static void live(struct run *r)
{
	unsigned lives = (unsigned)sim_random(CRASHES_MAX);
	unsigned reloads = sim_chance(50) ? (unsigned)sim_random(RELOADS_MAX) : 0;

	while (world.failure[0] == '\0' && !sim_is_complete()) {
		if (world.happenings > HAPPENINGS_MAX)
			sim_fail("no end after %d happenings", HAPPENINGS_MAX);
		if (!step(r))
			sim_fail("nothing happens any more, and not everything is committed");
		if (world.crashes < lives && sim_random(2000) == 0)
			restart(r);
		if (world.reloads < reloads && sim_random(2000) == 0)
			reload(r);
		/* Where only what can't be delivered is left, the guard holds it until somebody
		 * comes. */
		if (world.happenings >= OPERATOR_COMES && !world.guard_is_off) {
			world.guard_is_off = true;
			reload(r);
		}
	}
	if (world.failure[0] == '\0')
		check_nothing_is_held(r);
}

static void run_world(void)
{
	struct run r = {.conf = make_conf()};
	struct err err;

	if (r.conf == NULL || world.failure[0] != '\0') {
		sim_fail("no configuration");
		return;
	}
	r.connections = connections_new(world.loops[0]);
	if (connections_apply(r.connections, r.conf, &err) != 0)
		sim_fail("%s", err.text);
	for (unsigned i = 0; i < world.engines; i++)
		start(&r, i);
	live(&r);
	for (unsigned i = 0; i < world.engines; i++)
		stop(&r, i);
	connections_free(r.connections);
	conf_unref(r.conf);
}

void sim_run_world(uint64_t seed)
{
	make_world(seed);
	run_world();
}

int main(int argc, char **argv)
{
	static const struct option options[] = {{"seeds", required_argument, NULL, 'n'},
		{"from", required_argument, NULL, 'f'}, {"verbose", no_argument, NULL, 'v'},
		{"starve", required_argument, NULL, 's'}, {0}};
	uint64_t seeds = 1000, from = 1, crashes = 0, repeats = 0, reloads = 0;
	struct log_settings quiet = {.level = LOG_NR_VALUES};
	unsigned passed = 0, failed = 0, starve = 0;
	int c;

	while ((c = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (c == 'n')
			seeds = strtoull(optarg, NULL, 10);
		else if (c == 'f')
			from = strtoull(optarg, NULL, 10);
		else if (c == 's')
			starve = (unsigned)strtoul(optarg, NULL, 10);
		else if (c == 'v')
			quiet.level = LOG_DEBUG;
		else
			return 2;
	}
	log_configure(&quiet);
	for (uint64_t seed = from; seed < from + seeds; seed++) {
		if (starve > 0) {
			*(sim_starve(seed, starve) ? &passed : &failed) += 1;
			continue;
		}
		sim_run_world(seed);
		if (world.failure[0] != '\0') {
			printf("FAILED %s\n  replay: %s --from %llu --seeds 1 --verbose\n",
				world.failure, argv[0], (unsigned long long)seed);
			failed++;
		} else {
			passed++;
		}
		crashes += world.crashes;
		repeats += world.repeats;
		reloads += world.reloads;
		free_world();
	}
	printf("simulation: %llu restarts, %llu reloads, %llu repeats\n%u passed, %u failed\n",
		(unsigned long long)crashes, (unsigned long long)reloads,
		(unsigned long long)repeats, passed, failed);
	return failed > 0;
}
