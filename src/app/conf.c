/* SPDX-License-Identifier: Apache-2.0 */
#include <dirent.h>
#include <errno.h>
#include <fnmatch.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "app/conf_private.h"
#include "io/secret.h"

/* --- life ------------------------------------------------------------------------------- */

struct conf *conf_ref(struct conf *c)
{
	atomic_fetch_add_explicit(&c->refs, 1, memory_order_relaxed);
	return c;
}

static void rule_release(struct conf_rule *rule)
{
	for (size_t i = 0; i < rule->target_count; i++)
		request_plan_free(rule->targets[i].plan);
	pattern_free(rule->pattern);
	pattern_free(rule->kafka_pattern);
}

static void conf_free(struct conf *c)
{
	for (size_t i = 0; i < c->rule_count; i++)
		rule_release(&c->rules[i]);
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

/* --- files ------------------------------------------------------------------------------ */

/* False: a part of the configuration could not be read. */
static bool read_one(struct conf_reader *r, struct conf_node *root, const char *path)
{
	struct conf_text text;
	bool ok = conf_text_read(&text, path, &r->priv->files, &r->faults) &&
		  conf_node_add_text(root, &text, &r->faults);

	conf_text_release(&text);
	return ok;
}

static int is_cfg(const struct dirent *entry)
{
	/* No pattern of ours begins with a dot: an editor's files are passed over. */
	return fnmatch("*.cfg", entry->d_name, FNM_PERIOD) == 0;
}

static int by_name(const struct dirent **x, const struct dirent **y)
{
	return strcmp((*x)->d_name, (*y)->d_name);
}

static bool read_directory(struct conf_reader *r, struct conf_node *root, const char *path)
{
	size_t len = strlen(path);
	struct dirent **entries;
	bool ok = true;
	int count = scandir(path, &entries, is_cfg, by_name);

	if (count < 0) {
		conf_fault(&r->faults, (struct conf_place){path, 0}, "directory: %s",
			strerror(errno));
		return false;
	}
	if (count == 0)
		conf_fault(&r->faults, (struct conf_place){path, 0},
			"directory: there is no *.cfg file in it");
	while (len > 1 && path[len - 1] == '/')
		len--;
	for (int i = 0; i < count; i++) {
		char *file = xasprintf("%.*s/%s", (int)len, path, entries[i]->d_name);

		ok = read_one(r, root, file) && ok;
		free(file);
		free(entries[i]);
	}
	free(entries);
	return ok && count > 0;
}

static char *directory_of(const char *path)
{
	const char *slash = strrchr(path, '/');

	if (slash == NULL)
		return xstrdup(".");
	return slash == path ? xstrdup("/") : xmemdup(path, (size_t)(slash - path));
}

/* What relative paths in the files are relative to, absolute, since the process may go
 * elsewhere. */
static char *base_of(const char *path, bool directory)
{
	char *relative = directory ? xstrdup(path) : directory_of(path);
	char *absolute = realpath(relative, NULL);

	if (absolute == NULL)
		return relative;
	free(relative);
	return absolute;
}

/* --- loading ---------------------------------------------------------------------------- */

/* Is standard error systemd's journal, which understands "<4>"? */
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
	/* The daemon may point it at its own broker. */
	if (c->bootstrap_servers != NULL)
		c->bootstrap_servers = xstrdup(c->bootstrap_servers);
	c->log.journald_priority = is_journal();
}

struct conf *conf_load(const char *path, const struct conf_options *options,
	conf_complain_fn complain, void *ctx)
{
	struct conf *c = xcalloc(1, sizeof *c);
	struct conf_reader r = {.conf = c, .priv = conf_private_new(), .options = options};
	struct conf_node *root = conf_node_new_root();
	struct stat st;
	bool directory = stat(path, &st) == 0 && S_ISDIR(st.st_mode);

	atomic_init(&c->refs, 1);
	c->generation = options->generation;
	c->priv = r.priv;
	c->path = xstrdup(path);
	c->base_dir = base_of(path, directory);
	/* A tree with holes would only bring faults that are none. */
	if (directory ? read_directory(&r, root, path) : read_one(&r, root, path))
		conf_read(&r, root);
	finish(c);
	conf_faults_tell(&r.faults, (const char *const *)r.priv->files.names,
		r.priv->files.count, &r.priv->mask, complain, ctx);
	if (r.faults.fault_count > 0) {
		conf_unref(c);
		c = NULL;
	}
	conf_faults_release(&r.faults);
	conf_node_free(root);
	return c;
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

static int expand_properties(const struct conf *c, char *const *from, size_t from_count,
	char **to, size_t *count, struct err *err)
{
	for (size_t i = 0; i < from_count; i++) {
		struct secret value = {0};
		int code = secret_expand(&value, from[i], c->base_dir, err);

		if (code != 0)
			return err_wrap(err, "properties");
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
