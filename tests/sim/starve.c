/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A world in which memory runs out: some allocation of ours fails, and with it the process, by
 * design (base/util.h). In a child, that is; looked at is what it leaves behind: one line that
 * says what happened, and nothing committed that was not settled.
 */
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "sim.h"

#define STARVED 77

static void on_abort(int signo)
{
	(void)signo;
	_exit(world.failure[0] == '\0' ? STARVED : 1);
}

static void child(uint64_t seed, long allocation, int out)
{
	const struct rlimit none = {0, 0};

	setrlimit(RLIMIT_CORE, &none);
	dup2(out, STDERR_FILENO);
	signal(SIGABRT, on_abort);
	util_fail_allocation(allocation);
	sim_run_world(seed);
	_exit(world.failure[0] == '\0' ? 0 : 1);
}

/* Early ones as often as late ones. */
static long draw(struct rng *rng)
{
	uint64_t most = (uint64_t)1 << rng_upto(rng, 17);

	return (long)(1 + rng_upto(rng, most));
}

static bool starve(uint64_t seed, long allocation)
{
	char said[256] = "";
	int ends[2], status;
	ssize_t len;
	pid_t pid;

	if (pipe(ends) != 0)
		return false;
	pid = fork();
	if (pid == 0)
		child(seed, allocation, ends[1]);
	close(ends[1]);
	len = read(ends[0], said, sizeof said - 1);
	close(ends[0]);
	if (pid < 0 || waitpid(pid, &status, 0) != pid || !WIFEXITED(status))
		return false;
	if (WEXITSTATUS(status) == 0)
		return true; /* it needed less than that */
	return WEXITSTATUS(status) == STARVED && len > 0 &&
	       strstr(said, "id=out_of_memory") != NULL;
}

bool sim_starve(uint64_t seed, unsigned times)
{
	struct rng rng;

	rng_seed(&rng, seed);
	for (unsigned i = 0; i < times; i++) {
		long allocation = draw(&rng);

		if (starve(seed, allocation))
			continue;
		printf("FAILED seed %llu, allocation %ld: it ended badly, or without saying so\n",
			(unsigned long long)seed, allocation);
		return false;
	}
	return true;
}
