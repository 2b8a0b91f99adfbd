/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Loading a configuration, its references, and the properties that librdkafka gets.
 */
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "conf_private.h"
#include "io/secret.h"

/* --- references ------------------------------------------------------------------------- */

struct conf *conf_ref(struct conf *c)
{
	atomic_fetch_add_explicit(&c->refs, 1, memory_order_relaxed);
	return c;
}

static void response_rules_release(struct conf_response_rule *rules, size_t count)
{
	for (size_t i = 0; i < count; i++)
		pattern_free(rules[i].compiled);
}

static void target_release(struct conf_target *t)
{
	request_plan_free(t->plan);
	reply_rules_free(t->replies);
	response_rules_release(t->response_rules, t->response_rule_count);
}

static void rule_release(struct conf_rule *rule)
{
	for (size_t i = 0; i < rule->target_count; i++)
		target_release(&rule->targets[i]);
	pattern_free(rule->pattern);
	pattern_free(rule->kafka_pattern);
}

static void conf_free(struct conf *c)
{
	for (size_t i = 0; i < c->rule_count; i++)
		rule_release(&c->rules[i]);
	for (size_t i = 0; i < c->destination_count; i++)
		response_rules_release(c->destinations[i].response_rules,
			c->destinations[i].response_rule_count);
	for (size_t i = 0; i < c->consumer_count; i++)
		envelope_free(c->consumers[i].envelope);
	free(c->bootstrap_servers);
	free(c->base_dir);
	free(c->path);
	conf_private_free(c->priv);
	free(c);
}

void conf_unref(struct conf *c)
{
	if (c != NULL && atomic_fetch_sub_explicit(&c->refs, 1, memory_order_acq_rel) == 1)
		conf_free(c);
}

/* --- Kafka's properties ----------------------------------------------------------------- */

void conf_free_properties(char **properties, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		explicit_bzero(properties[i], strlen(properties[i]));
		free(properties[i]);
	}
	free(properties);
}

/* Properties that make librdkafka run something, and for which purpose that is wanted. */
static const struct {
	const char *name;
	enum conf_purpose least;
} code_properties[] = {
	{"plugin.library.paths", CONF_TO_RUN},
	{"ssl.engine.location", CONF_TO_READ_LETTERS},
	{"sasl.kerberos.kinit.cmd", CONF_TO_READ_LETTERS},
};

bool conf_is_code_property(struct slice name)
{
	for (size_t i = 0; i < COUNT_OF(code_properties); i++)
		if (slice_eq(name, slice_str(code_properties[i].name)))
			return true;
	return false;
}

static bool is_wanted(const struct conf *c, struct slice name)
{
	for (size_t i = 0; i < COUNT_OF(code_properties); i++)
		if (slice_eq(name, slice_str(code_properties[i].name)))
			return c->purpose >= code_properties[i].least;
	return true;
}

static int expand_properties(const struct conf *c, char *const *from, size_t from_count,
	char **to, size_t *count, struct err *err)
{
	for (size_t i = 0; i < from_count; i++) {
		struct secret value = {0};
		int code = secret_expand(&value, from[i], c->base_dir, err);

		if (code != 0)
			return err_wrap(err, "properties");
		if (is_wanted(c, conf_property_name(secret_value(&value).data)))
			to[(*count)++] = xmemdup(secret_value(&value).data, value.len);
		secret_release(&value);
	}
	return 0;
}

int conf_kafka_properties(const struct conf *c, const struct conf_consumer *consumer,
	char ***ret, size_t *ret_count, struct err *err)
{
	size_t own = consumer != NULL ? consumer->property_count : 0, count = 0;
	char **properties = xcalloc(c->property_count + own + 1, sizeof *properties);
	int code;

	if (c->bootstrap_servers != NULL)
		properties[count++] = xasprintf("bootstrap.servers=%s", c->bootstrap_servers);
	code = expand_properties(c, c->properties, c->property_count, properties, &count, err);
	if (code == 0 && own > 0)
		code = expand_properties(c, consumer->properties, own, properties, &count, err);
	if (code != 0) {
		conf_free_properties(properties, count);
		return code;
	}
	*ret = properties;
	*ret_count = count;
	return 0;
}

static uint64_t kafka_digest(const struct conf *c, const struct conf_consumer *consumer)
{
	char **properties;
	size_t count;
	uint64_t digest = 0;

	/* With --no-secrets references may not resolve; nothing connects to Kafka then. */
	if (conf_kafka_properties(c, consumer, &properties, &count, NULL) != 0)
		return 0;
	for (size_t i = 0; i < count; i++)
		digest = digest * 31 + util_hash(properties[i], strlen(properties[i]));
	conf_free_properties(properties, count);
	return digest;
}

static void digest_kafka(struct conf *c)
{
	c->kafka_digest = kafka_digest(c, NULL);
	for (size_t i = 0; i < c->consumer_count; i++)
		c->consumers[i].kafka_digest = kafka_digest(c, &c->consumers[i]);
}

/* --- loading ---------------------------------------------------------------------------- */

/* Is standard error the systemd journal, which understands priorities such as "<4>"? */
static bool is_journal(void)
{
	const char *stream = getenv("JOURNAL_STREAM");
	unsigned long long dev, ino;
	struct stat st;

	return stream != NULL && sscanf(stream, "%llu:%llu", &dev, &ino) == 2 &&
	       fstat(STDERR_FILENO, &st) == 0 && st.st_dev == dev && st.st_ino == ino;
}

static void finish(struct conf *c)
{
	/* A copy, since `run --embedded` replaces it by the address of its own broker. */
	if (c->bootstrap_servers != NULL)
		c->bootstrap_servers = xstrdup(c->bootstrap_servers);
	c->log.journald_priority = is_journal();
	digest_kafka(c);
}

/* Takes over the reference to @source. NULL: there was a fault. */
static struct conf *conf_new(struct conf_source *source, struct conf_faults *faults,
	const struct conf_options *options, conf_complain_fn complain, void *ctx)
{
	struct conf *c = xcalloc(1, sizeof *c);
	struct conf_reader r = {.conf = c,
		.priv = conf_private_new(source),
		.faults = *faults,
		.options = options};

	atomic_init(&c->refs, 1);
	c->generation = options->generation;
	c->purpose = options->purpose;
	c->priv = r.priv;
	c->path = xstrdup(source->path);
	c->base_dir = xstrdup(source->base_dir);
	/* An incomplete tree would lead to misleading faults. */
	if (!source->broken)
		conf_read(&r, source->root);
	finish(c);
	conf_faults_sort(
		&r.faults, (const char *const *)source->files.names, source->files.count);
	conf_faults_report(&r.faults, &r.priv->mask, complain, ctx);
	if (r.faults.fault_count > 0) {
		conf_unref(c);
		c = NULL;
	}
	conf_faults_release(&r.faults);
	return c;
}

struct conf *conf_load(const char *path, const struct conf_options *options,
	conf_complain_fn complain, void *ctx)
{
	struct conf_faults faults = {0};
	struct conf_source *source = conf_source_read(path, &faults);

	return conf_new(source, &faults, options, complain, ctx);
}

struct conf *conf_refresh(const struct conf *c, const struct conf_options *options,
	conf_complain_fn complain, void *ctx)
{
	struct conf_faults faults = {0};

	return conf_new(conf_source_ref(c->priv->source), &faults, options, complain, ctx);
}

/* --- refreshed -------------------------------------------------------------------------- */

const struct conf_target *conf_counterpart(
	const struct conf *from, const struct conf_target *t, const struct conf *to)
{
	if (from->priv->source != to->priv->source)
		return NULL;
	/* Both were read from the same tree, so rules and targets have the same indices. */
	return &to->rules[t->rule - from->rules].targets[t - t->rule->targets];
}

static size_t add_secret_files(const struct conf *c, char *const *texts, size_t text_count,
	char ***paths, size_t count)
{
	for (size_t i = 0; i < text_count; i++)
		count = secret_files(texts[i], c->base_dir, paths, count);
	return count;
}

size_t conf_secret_files(const struct conf *c, char ***ret_paths)
{
	size_t count = conf_private_secret_files(c->priv, c->base_dir, ret_paths);

	count = add_secret_files(c, c->properties, c->property_count, ret_paths, count);
	for (size_t i = 0; i < c->consumer_count; i++)
		count = add_secret_files(c, c->consumers[i].properties,
			c->consumers[i].property_count, ret_paths, count);
	return count;
}
