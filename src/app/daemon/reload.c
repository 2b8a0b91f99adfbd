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
	struct conf_options o = {
		.embedded = d->options->embedded, .generation = ++d->generation};

	return conf_load(d->options->conf_path, &o, complain, NULL);
}

void daemon_point_at_embedded(struct daemon *d, struct conf *conf)
{
	if (d->embedded == NULL)
		return;
	free(conf->bootstrap_servers);
	conf->bootstrap_servers = xstrdup(embedded_bootstrap_servers(d->embedded));
}

void daemon_note_load(struct daemon *d, bool successful)
{
	metric_gauge(metrics_obtain(d->metrics, METRIC_RELOAD_SUCCESSFUL, NULL, NULL, NULL),
		&d->said_successful, successful);
	if (successful)
		metric_gauge(metrics_obtain(d->metrics, METRIC_RELOAD_TIME, NULL, NULL, NULL),
			&d->said_time, loop_wall_ms(d->loop));
}

struct conf *daemon_load_first(struct daemon *d)
{
	return load(d, complain_to_terminal);
}

/* False: what can't be done now is done again when the one under way is in force. */
static bool may_change(struct daemon *d, bool *again)
{
	*again = d->applying > 0 && !d->stopping;
	return d->applying == 0 && !d->stopping;
}

/* Takes over @fresh. False: it can't be used, and the old one stays. */
static bool adopt(struct daemon *d, struct conf *fresh)
{
	struct conf *old = d->conf;
	struct err err;

	if (connections_apply(d->connections, fresh, &err) != 0) {
		log_error("configuration_fault", err.text);
		conf_unref(fresh);
		return false;
	}
	fresh->workers = d->crew_count; /* their number changes with a restart only */
	daemon_point_at_embedded(d, fresh);
	d->conf = fresh;
	letter_topics_free(d->letter_topics);
	d->letter_topics = letter_topics_new(d->loop, fresh);
	daemon_apply(d);
	conf_unref(old);
	return true;
}

static bool load_again(struct daemon *d)
{
	struct conf *fresh = load(d, complain_to_log);

	if (fresh == NULL || !adopt(d, fresh))
		return false;
	log_configure(&d->conf->log);
	refresher_follow(d->refresher, d->conf);
	return true;
}

void daemon_reload(struct daemon *d)
{
	bool done;

	if (!may_change(d, &d->reload_again))
		return;
	notify_systemd("RELOADING=1");
	done = load_again(d);
	notify_systemd("READY=1");
	metric_add(metrics_obtain(d->metrics, METRIC_RELOADS, done ? "applied" : "refused",
			   NULL, NULL),
		1);
	daemon_note_load(d, done);
	if (done)
		return;
	observer_reloaded(d->observer, NULL);
	log_error("reload_refused", "the configuration has faults; the old one stays in force",
		log_str("file", d->options->conf_path));
}

/* Warnings were told when the files were read. */
static void complain_of_secret(void *ctx, enum conf_severity severity, const char *line)
{
	(void)ctx;
	if (severity == CONF_FAULT)
		log_error("secret_refused",
			"a changed secret can't be used; the old one stays in force",
			log_str("reason", line));
}

void daemon_refresh(void *ctx)
{
	struct daemon *d = ctx;
	struct conf_options o = {.embedded = d->options->embedded};
	struct conf *fresh;

	if (!may_change(d, &d->refresh_again))
		return;
	o.generation = ++d->generation;
	fresh = conf_refresh(d->conf, &o, complain_of_secret, NULL);
	if (fresh != NULL)
		(void)adopt(d, fresh);
}

void daemon_applied(struct daemon *d)
{
	log_info("configuration_loaded", "the new configuration is in force",
		log_str("file", d->options->conf_path),
		log_int("generation", (int64_t)d->conf->generation));
	observer_reloaded(d->observer, d->conf);
	if (d->reload_again)
		daemon_reload(d);
	else if (d->refresh_again)
		daemon_refresh(d);
}
