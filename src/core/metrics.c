/* SPDX-License-Identifier: Apache-2.0 */
#include "core/metrics.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "base/list.h"

#define LABELS_MAX 3

enum type {
	COUNTER,
	GAUGE,
	HISTOGRAM,
};

static const struct family {
	enum type type;
	const char *name, *labels;
	int64_t scale;
	const char *help;
} families[METRIC_NR_VALUES] = {
#define METRIC(id, type, name, labels, scale, help) {type, name, labels, scale, help},
#include "core/metrics_table.h"
#undef METRIC
};

static const char *const type_names[] = {
	[COUNTER] = "counter",
	[GAUGE] = "gauge",
	[HISTOGRAM] = "histogram",
};

/* Upper bounds in microseconds, and as they are written. */
static const struct {
	int64_t upto_us;
	const char *text;
} buckets[] = {
	{1000, "0.001"},
	{2500, "0.0025"},
	{5000, "0.005"},
	{10000, "0.01"},
	{25000, "0.025"},
	{50000, "0.05"},
	{100000, "0.1"},
	{250000, "0.25"},
	{500000, "0.5"},
	{1000000, "1"},
	{2500000, "2.5"},
	{5000000, "5"},
	{10000000, "10"},
	{30000000, "30"},
	{60000000, "60"},
	{300000000, "300"},
	{3600000000, "3600"},
};

struct metric {
	struct list node; /* of its family */
	char *values[LABELS_MAX];
	atomic_llong value;   /* of a histogram: the sum */
	atomic_llong *counts; /* of a histogram: one a bucket, and one for what is beyond */
};

struct metrics {
	pthread_mutex_t lock; /* of the lists; not of the values */
	struct list instances[METRIC_NR_VALUES];
};

struct metrics *metrics_new(void)
{
	struct metrics *m = xcalloc(1, sizeof *m);

	pthread_mutex_init(&m->lock, NULL);
	for (size_t i = 0; i < METRIC_NR_VALUES; i++)
		list_init(&m->instances[i]);
	return m;
}

static void metric_free(struct metric *i)
{
	for (size_t l = 0; l < LABELS_MAX; l++)
		free(i->values[l]);
	free(i->counts);
	free(i);
}

void metrics_free(struct metrics *m)
{
	struct list *node;

	if (m == NULL)
		return;
	for (size_t i = 0; i < METRIC_NR_VALUES; i++)
		while ((node = list_shift(&m->instances[i])) != NULL)
			metric_free(list_entry(node, struct metric, node));
	pthread_mutex_destroy(&m->lock);
	free(m);
}

static struct metric *find(const struct list *instances, const char *const values[LABELS_MAX])
{
	list_foreach (node, instances) {
		struct metric *i = list_entry(node, struct metric, node);

		if (str_eq(i->values[0], values[0]) && str_eq(i->values[1], values[1]) &&
			str_eq(i->values[2], values[2]))
			return i;
	}
	return NULL;
}

struct metric *metrics_obtain(struct metrics *m, enum metric_id id, const char *first,
	const char *second, const char *third)
{
	const char *const values[LABELS_MAX] = {first, second, third};
	struct metric *i;

	if (m == NULL)
		return NULL;
	pthread_mutex_lock(&m->lock);
	i = find(&m->instances[id], values);
	if (i == NULL) {
		i = xcalloc(1, sizeof *i);
		for (size_t l = 0; l < LABELS_MAX; l++)
			i->values[l] = values[l] ? xstrdup(values[l]) : NULL;
		if (families[id].type == HISTOGRAM)
			i->counts = xcalloc(COUNT_OF(buckets) + 1, sizeof *i->counts);
		list_append(&m->instances[id], &i->node);
	}
	pthread_mutex_unlock(&m->lock);
	return i;
}

void metric_add(struct metric *c, int64_t n)
{
	if (c != NULL)
		atomic_fetch_add_explicit(&c->value, n, memory_order_relaxed);
}

void metric_gauge(struct metric *g, int64_t *said, int64_t value)
{
	metric_add(g, value - *said);
	*said = value;
}

void metric_observe(struct metric *h, int64_t value)
{
	size_t b = 0;

	if (h == NULL)
		return;
	while (b < COUNT_OF(buckets) && value > buckets[b].upto_us)
		b++;
	atomic_fetch_add_explicit(&h->counts[b], 1, memory_order_relaxed);
	metric_add(h, value);
}

/* --- exposition ------------------------------------------------------------------------- */

/* "\", line ends and quotes are escaped; the rest stays (exposition format, 0.0.4). */
static void add_label_value(struct buf *out, const char *value)
{
	for (const char *c = value; *c != '\0'; c++) {
		if (*c == '\n')
			buf_add_str(out, "\\n");
		else if (*c == '"' || *c == '\\')
			buf_add(out, (char[]){'\\', *c}, 2);
		else
			buf_add_char(out, *c);
	}
}

/* {destination="billing",le="0.5"}: the family's labels, and a bucket's bound. */
static void add_labels(
	struct buf *out, const struct family *f, const struct metric *i, const char *le)
{
	const char *name = f->labels;
	const char *open = "{";

	for (size_t l = 0; *name != '\0' && l < LABELS_MAX; l++) {
		size_t len = strcspn(name, " ");

		buf_add_str(out, open);
		buf_add(out, name, len);
		buf_add_str(out, "=\"");
		add_label_value(out, i->values[l] ? i->values[l] : "");
		buf_add_char(out, '"');
		open = ",";
		name += len + (name[len] == ' ');
	}
	if (le != NULL) {
		buf_addf(out, "%sle=\"%s\"", open, le);
		open = ",";
	}
	if (*open == ',')
		buf_add_char(out, '}');
}

static void add_value(struct buf *out, long long value, int64_t scale)
{
	if (scale == 1)
		buf_addf(out, " %lld\n", value);
	else
		buf_addf(out, " %.9g\n", (double)value / (double)scale);
}

static void expose_histogram(struct buf *out, const struct family *f, struct metric *i)
{
	long long count = 0;

	for (size_t b = 0; b <= COUNT_OF(buckets); b++) {
		count += atomic_load_explicit(&i->counts[b], memory_order_relaxed);
		buf_addf(out, "%s_bucket", f->name);
		add_labels(out, f, i, b < COUNT_OF(buckets) ? buckets[b].text : "+Inf");
		buf_addf(out, " %lld\n", count);
	}
	buf_addf(out, "%s_sum", f->name);
	add_labels(out, f, i, NULL);
	add_value(out, atomic_load_explicit(&i->value, memory_order_relaxed), f->scale);
	buf_addf(out, "%s_count", f->name);
	add_labels(out, f, i, NULL);
	buf_addf(out, " %lld\n", count);
}

static void expose_family(struct buf *out, const struct family *f, const struct list *instances)
{
	if (list_is_empty(instances))
		return;
	buf_addf(out, "# HELP %s ", f->name);
	add_label_value(out, f->help);
	buf_addf(out, "\n# TYPE %s %s\n", f->name, type_names[f->type]);
	list_foreach (node, instances) {
		struct metric *i = list_entry(node, struct metric, node);

		if (f->type == HISTOGRAM) {
			expose_histogram(out, f, i);
			continue;
		}
		buf_add_str(out, f->name);
		add_labels(out, f, i, NULL);
		add_value(out, atomic_load_explicit(&i->value, memory_order_relaxed), f->scale);
	}
}

void metrics_expose(struct metrics *m, struct buf *out)
{
	pthread_mutex_lock(&m->lock);
	for (size_t id = 0; id < METRIC_NR_VALUES; id++)
		expose_family(out, &families[id], &m->instances[id]);
	pthread_mutex_unlock(&m->lock);
}

const char *metrics_name(enum metric_id id)
{
	return families[id].name;
}

const char *metrics_labels(enum metric_id id)
{
	return families[id].labels;
}

const char *metrics_help(enum metric_id id)
{
	return families[id].help;
}

const char *metrics_type(enum metric_id id)
{
	return type_names[families[id].type];
}
