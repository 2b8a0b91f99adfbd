/* SPDX-License-Identifier: Apache-2.0 */
/* Reading the configuration: the first time, at a reload, and when a secret file has changed.
 * A file with a fault changes nothing. */
#include <stdio.h>
#include <stdlib.h>

#include "daemon_private.h"
#include "base/log.h"
#include "io/notify.h"

static void complain_to_log(void *ctx, enum conf_severity severity, const char *line)
{
	(void)ctx;
	if (severity == CONF_FAULT)
		log_error("configuration_fault", line);
	else
		log_warn("configuration_warning", line);
}

/* Before the log is configured, faults go to a person at a terminal. */
static void complain_to_terminal(void *ctx, enum conf_severity severity, const char *line)
{
	(void)ctx;
	fprintf(stderr, "%s%s\n", severity == CONF_WARNING ? "warning: " : "", line);
}

static struct conf *load(struct daemon *d, conf_complain_fn complain)
{
	struct conf_options o = {.purpose = CONF_TO_RUN,
		.embedded = d->options->embedded,
		.generation = ++d->generation};

	return conf_load(d->options->conf_path, &o, complain, NULL);
}

void reload_point_at_embedded(struct daemon *d, struct conf *conf)
{
	if (d->embedded == NULL)
		return;
	free(conf->bootstrap_servers);
	conf->bootstrap_servers = xstrdup(embedded_bootstrap_servers(d->embedded));
}

static const char *const results[] = {"refused", "applied"};

void reload_hold_counters(struct daemon *d)
{
	for (size_t i = 0; i < COUNT_OF(results); i++)
		metrics_obtain(d->metrics, METRIC_RELOADS, results[i], NULL, NULL);
}

void reload_note(struct daemon *d, bool successful)
{
	metric_gauge(metrics_obtain(d->metrics, METRIC_RELOAD_SUCCESSFUL, NULL, NULL, NULL),
		&d->reported_successful, successful);
	if (successful)
		metric_gauge(metrics_obtain(d->metrics, METRIC_RELOAD_TIME, NULL, NULL, NULL),
			&d->reported_time, loop_wall_ms(d->loop));
}

struct conf *reload_first(struct daemon *d)
{
	return load(d, complain_to_terminal);
}

/* Make @fresh the daemon's. False: it can't be used, and the old one stays. */
static bool adopt(struct daemon *d, struct conf *fresh)
{
	struct conf *old = d->conf;
	struct err err;

	if (connections_apply(d->connections, fresh, &err) != 0) {
		log_error("configuration_fault", err.text);
		conf_unref(fresh);
		return false;
	}
	fresh->workers = d->thread_count; /* changes with a restart only */
	reload_point_at_embedded(d, fresh);
	d->conf = fresh;
	letter_topics_free(d->letter_topics);
	d->letter_topics = letter_topics_new(d->loop, fresh);
	conf_unref(old);
	return true;
}

static bool load_again(struct daemon *d)
{
	struct conf *fresh = load(d, complain_to_log);

	if (fresh != NULL && fresh->rule_count == 0 && d->conf->rule_count > 0) {
		log_error("configuration_fault",
			"there is no rule any more: is the file written to its end? To stop all "
			"deliveries, disable the rules or end the process");
		conf_unref(fresh);
		fresh = NULL;
	}
	if (fresh == NULL || !adopt(d, fresh))
		return false;
	log_configure(&d->conf->log);
	secret_watch_follow(d->secret_watch, d->conf);
	return true;
}

bool reload_files(struct daemon *d)
{
	bool done;

	notify_systemd("RELOADING=1");
	admin_api_reload_begins(d->admin);
	done = load_again(d);
	notify_systemd("READY=1");
	metric_add(metrics_obtain(d->metrics, METRIC_RELOADS, results[done], NULL, NULL), 1);
	reload_note(d, done);
	if (done)
		return true;
	admin_api_reloaded(d->admin, NULL);
	log_error("reload_refused", "the configuration has faults: the old one stays in force",
		log_str("file", d->options->conf_path));
	return false;
}

/* Warnings were logged when the files were read. */
static void complain_of_secret(void *ctx, enum conf_severity severity, const char *line)
{
	(void)ctx;
	if (severity == CONF_FAULT)
		log_error("secret_refused",
			"a changed secret can't be used: the old one stays in force",
			log_str("reason", line));
}

bool reload_secrets(struct daemon *d)
{
	struct conf_options o = {.purpose = CONF_TO_RUN,
		.embedded = d->options->embedded,
		.generation = ++d->generation};
	struct conf *fresh = conf_refresh(d->conf, &o, complain_of_secret, NULL);

	return fresh != NULL && adopt(d, fresh);
}

void reload_done(struct daemon *d)
{
	if (d->apply_failed) { /* logged by then */
		reload_note(d, false);
		admin_api_reloaded(d->admin, NULL);
		return;
	}
	log_info("configuration_loaded", "the new configuration is in force",
		log_str("file", d->options->conf_path),
		log_int("generation", (int64_t)d->conf->generation));
	admin_api_reloaded(d->admin, d->conf);
}
