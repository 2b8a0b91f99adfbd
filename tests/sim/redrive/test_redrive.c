/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Leads one dead-letter topic through a history of redrives a seed. `test_redrive [--seeds N]
 * [--from SEED]`; a world that breaks a promise prints the line that replays it.
 */
#include <getopt.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "app/deadletters/redrive.h"
#include "base/log.h"
#include "redrive_sim.h"

#define RUNS_MAX 8

struct redrive_world redrive_world;

static const char configuration[] =
	"kafka = { bootstrap_servers = \"sim:9092\"; };\n"
	"shutdown_grace = \"5s\";\n"
	"max_in_flight = %u;\n"
	"consumers = { shop = { topics = [ \"orders\" ]; group_id = \"shop\";\n"
	"  dead_letter_topic = \"dead\"; }; };\n"
	"connections = { none = { authorization_type = \"NONE\"; }; };\n"
	"destinations = { api = { connection = \"none\"; endpoint = \"https://api.example/\"; }; };\n"
	"rules = {\n"
	"  r0 = { consumer = \"shop\"; event_pattern = { a = ( 0 ); };\n"
	"         targets = ( { id = \"1\"; destination = \"api\"; } ); };\n"
	"  r1 = { consumer = \"shop\"; event_pattern = { a = ( 1 ); };\n"
	"         targets = ( { id = \"1\"; destination = \"api\"; } ); };\n"
	"  r2 = { consumer = \"shop\"; event_pattern = { a = ( 2 ); };\n"
	"         targets = ( { id = \"1\"; destination = \"api\"; } ); };\n"
	"};\n";

void redrive_fail(const char *fmt, ...)
{
	va_list ap;

	if (redrive_world.failure[0] != '\0')
		return;
	va_start(ap, fmt);
	vsnprintf(redrive_world.failure, sizeof redrive_world.failure, fmt, ap);
	va_end(ap);
}

uint64_t redrive_random(uint64_t upto)
{
	return rng_upto(&redrive_world.rng, upto);
}

bool redrive_chance(unsigned percent)
{
	return rng_upto(&redrive_world.rng, 99) < percent;
}

/* --- a world from a seed ------------------------------------------------------------------ */

static void make_part(struct sim_part *p, unsigned run_length)
{
	int64_t offset = (int64_t)redrive_random(50);
	unsigned rule = 0;

	*p = (struct sim_part){.count = redrive_random(300), .committed = -1};
	p->low = p->from = offset;
	p->letters = xcalloc(p->count, sizeof *p->letters);
	for (size_t i = 0; i < p->count; i++) {
		if (redrive_random(run_length) == 0)
			rule = (unsigned)redrive_random(SIM_RULES - 1);
		p->letters[i] = (struct sim_letter){
			.offset = offset, .rule = rule, .foreign = redrive_chance(2)};
		offset += redrive_chance(5) ? 1 + (int64_t)redrive_random(20) : 1;
	}
	/* The last offsets may hold no record. */
	p->end = offset + (redrive_chance(20) ? 1 : 0);
}

static void complain(void *ctx, enum conf_severity severity, const char *line)
{
	(void)ctx;
	if (severity == CONF_FAULT)
		redrive_fail("%s", line);
}

static struct conf *make_conf(void)
{
	struct conf_options options = {.generation = 1};
	char path[] = "/tmp/postrider-redrive-XXXXXX";
	int fd = mkstemp(path);
	FILE *f = fd >= 0 ? fdopen(fd, "w") : NULL;
	struct conf *conf;

	if (f == NULL)
		return NULL;
	fprintf(f, configuration, 1 + (unsigned)redrive_random(redrive_chance(50) ? 5 : 200));
	fclose(f);
	conf = conf_load(path, &options, complain, NULL);
	unlink(path);
	return conf;
}

static void make_world(uint64_t seed)
{
	redrive_world = (struct redrive_world){0};
	rng_seed(&redrive_world.rng, seed);
	redrive_world.commit_failures_percent = redrive_chance(30) ? 20 : 0;
	for (unsigned i = 0; i < SIM_PARTS; i++)
		make_part(&redrive_world.parts[i], redrive_chance(50) ? 30 : 1);
	sim_time_begin();
}

static void free_world(void)
{
	for (unsigned i = 0; i < SIM_PARTS; i++) {
		free(redrive_world.parts[i].letters);
		free(redrive_world.parts[i].metadata);
	}
	sim_time_end();
}

/* --- runs --------------------------------------------------------------------------------- */

static uint64_t count_sends(void)
{
	uint64_t sends = 0;

	for (unsigned i = 0; i < SIM_PARTS; i++)
		for (size_t k = 0; k < redrive_world.parts[i].count; k++)
			sends += redrive_world.parts[i].letters[k].sends;
	return sends;
}

/* After a run that closed its group, what it knew to be done is committed. */
static void check_all_told(void)
{
	for (unsigned i = 0; i < SIM_PARTS; i++)
		for (size_t k = 0; k < redrive_world.parts[i].count; k++)
			if (redrive_world.parts[i].letters[k].known &&
				!redrive_world.parts[i].letters[k].told)
				redrive_fail(
					"the run ended, and the letter %lld is not committed",
					(long long)redrive_world.parts[i].letters[k].offset);
}

/* Letters before some offset are not looked at, as --since has it. */
static void choose_from(bool all)
{
	for (unsigned i = 0; i < SIM_PARTS; i++) {
		struct sim_part *p = &redrive_world.parts[i];

		p->from = p->low;
		if (!all && redrive_chance(30) && p->count > 0)
			p->from = p->letters[redrive_random(p->count - 1)].offset;
	}
}

static void run_some(struct conf *conf)
{
	static const char *const rules[SIM_RULES] = {"r0", "r1", "r2"};
	struct redrive_options o = {.filter = letters_filter_any, .json = true};
	uint64_t before = count_sends();

	redrive_world.wanted_rule =
		redrive_chance(70) ? (int)redrive_random(SIM_RULES - 1) : -1;
	if (redrive_world.wanted_rule >= 0)
		o.filter.rule = rules[redrive_world.wanted_rule];
	o.filter.limit = redrive_chance(30) ? 1 + redrive_random(50) : 0;
	o.rate = redrive_chance(20) ? 1 + (unsigned)redrive_random(50) : 0;
	redrive_world.rebalances_percent = redrive_chance(30) ? 60 : 0;
	redrive_world.steps_to_live =
		redrive_chance(40) ? 1 + (unsigned)redrive_random(2000) : 0;
	redrive_world.steps_to_signal =
		redrive_chance(20) ? 1 + (unsigned)redrive_random(2000) : 0;
	choose_from(false);
	(void)redrive_run(conf, &o);
	if (o.filter.limit > 0 && redrive_world.rebalances_percent == 0 &&
		count_sends() - before > o.filter.limit)
		redrive_fail("%llu letters were sent, and %llu were wanted",
			(unsigned long long)(count_sends() - before),
			(unsigned long long)o.filter.limit);
	/* One that ends by itself commits until it has succeeded; one that has to go tries once. */
	if (!redrive_world.was_killed && redrive_world.rebalances_percent == 0 &&
		(redrive_world.commit_failures_percent == 0 ||
			redrive_world.steps_to_signal == 0))
		check_all_told();
}

/* Whatever is left is sent, and the group stands at the end. */
static void run_rest(struct conf *conf)
{
	struct redrive_options o = {.filter = letters_filter_any, .json = true};

	redrive_world.wanted_rule = -1;
	redrive_world.rebalances_percent = redrive_world.commit_failures_percent = 0;
	redrive_world.steps_to_live = redrive_world.steps_to_signal = 0;
	choose_from(true);
	(void)redrive_run(conf, &o);
	for (unsigned i = 0; i < SIM_PARTS; i++) {
		const struct sim_part *p = &redrive_world.parts[i];

		for (size_t k = 0; k < p->count; k++)
			if (!p->letters[k].done && !p->letters[k].foreign)
				redrive_fail("the letter %lld was never sent",
					(long long)p->letters[k].offset);
		if (p->count > 0 && p->committed <= p->letters[p->count - 1].offset)
			redrive_fail("all is done up to %lld, and %lld is committed",
				(long long)p->letters[p->count - 1].offset,
				(long long)p->committed);
	}
	check_all_told();
}

static void run_world(uint64_t seed)
{
	struct conf *conf;
	unsigned runs;

	make_world(seed);
	runs = (unsigned)redrive_random(RUNS_MAX);
	conf = make_conf();
	for (unsigned i = 0; i < runs && redrive_world.failure[0] == '\0'; i++)
		run_some(conf);
	if (redrive_world.failure[0] == '\0')
		run_rest(conf);
	conf_unref(conf);
	free_world();
}

int main(int argc, char **argv)
{
	static const struct option options[] = {{"seeds", required_argument, NULL, 'n'},
		{"from", required_argument, NULL, 'f'}, {0}};
	struct log_settings quiet = {.level = LOG_NR_VALUES};
	uint64_t seeds = 1000, from = 1, repeats = 0, kills = 0;
	unsigned passed = 0, failed = 0;
	int out = dup(STDOUT_FILENO), c;

	while ((c = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (c == 'n')
			seeds = strtoull(optarg, NULL, 10);
		else if (c == 'f')
			from = strtoull(optarg, NULL, 10);
		else
			return 2;
	}
	log_configure(&quiet);
	/* The runs print their summaries. */
	if (freopen("/dev/null", "w", stdout) == NULL)
		return 1;
	for (uint64_t seed = from; seed < from + seeds; seed++) {
		run_world(seed);
		if (redrive_world.failure[0] != '\0')
			dprintf(out, "FAILED %s\n  replay: %s --from %llu --seeds 1\n",
				redrive_world.failure, argv[0], (unsigned long long)seed);
		*(redrive_world.failure[0] != '\0' ? &failed : &passed) += 1;
		repeats += redrive_world.repeats;
		kills += redrive_world.kills;
	}
	dprintf(out, "redrives: %llu killed, %llu letters repeated\n%u passed, %u failed\n",
		(unsigned long long)kills, (unsigned long long)repeats, passed, failed);
	return failed > 0;
}
