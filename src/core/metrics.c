/* SPDX-License-Identifier: Apache-2.0 */
#include "core/metrics.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "base/hash.h"

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
	UT_hash_handle hh; /* of its family, by `labels` */
	struct metrics *registry;
	unsigned users;       /* under the registry's lock */
	char *labels;         /* as they are shown: destination="billing",class="5xx" */
	atomic_llong value;   /* of a histogram: the sum */
	atomic_llong *counts; /* of a histogram: one a bucket, and one for what is beyond */
};

struct metrics {
	pthread_mutex_t lock; /* of the tables; not of the values */
	struct metric *instances[METRIC_NR_VALUES];
};

struct metrics *metrics_new(void)
{
	struct metrics *m = xcalloc(1, sizeof *m);

	pthread_mutex_init(&m->lock, NULL);
	return m;
}

void metrics_free(struct metrics *m)
{
	if (m == NULL)
		return;
	for (size_t id = 0; id < METRIC_NR_VALUES; id++) {
		struct metric *i, *next;

		HASH_ITER (hh, m->instances[id], i, next) {
			HASH_DEL(m->instances[id], i);
			free(i->labels);
			free(i->counts);
			free(i);
		}
	}
	pthread_mutex_destroy(&m->lock);
	free(m);
}

/* "\", line ends and quotes are escaped; the rest stays. */
static void add_escaped(struct buf *out, const char *value)
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

static void add_labels(
	struct buf *out, const struct family *f, const char *const values[LABELS_MAX])
{
	const char *name = f->labels;

	for (size_t l = 0; *name != '\0' && l < LABELS_MAX; l++) {
		size_t len = strcspn(name, " ");

		if (l > 0)
			buf_add_char(out, ',');
		buf_add(out, name, len);
		buf_add_str(out, "=\"");
		add_escaped(out, values[l] ? values[l] : "");
		buf_add_char(out, '"');
		name += len + (name[len] == ' ');
	}
}

static struct metric *metric_new(struct metrics *m, enum metric_id id, struct slice labels)
{
	struct metric *i = xcalloc(1, sizeof *i);

	i->registry = m;
	i->labels = xmemdup(labels.data, labels.len);
	if (families[id].type == HISTOGRAM)
		i->counts = xcalloc(COUNT_OF(buckets) + 1, sizeof *i->counts);
	HASH_ADD_KEYPTR(hh, m->instances[id], i->labels, labels.len, i);
	return i;
}

struct metric *metrics_obtain(struct metrics *m, enum metric_id id, const char *first,
	const char *second, const char *third)
{
	struct metric *i;
	struct buf labels;

	if (m == NULL)
		return NULL;
	buf_init(&labels, BUF_UNLIMITED);
	add_labels(&labels, &families[id], (const char *const[]){first, second, third});
	pthread_mutex_lock(&m->lock);
	HASH_FIND(hh, m->instances[id], buf_str(&labels), labels.len, i);
	if (i == NULL)
		i = metric_new(m, id, buf_slice(&labels));
	i->users++;
	pthread_mutex_unlock(&m->lock);
	buf_release(&labels);
	return i;
}

void metric_release(struct metric *i)
{
	if (i == NULL)
		return;
	pthread_mutex_lock(&i->registry->lock);
	i->users--;
	pthread_mutex_unlock(&i->registry->lock);
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

/* NAME{LABELS,le="BOUND"} and the blank behind it; each part of the braces may be missing. */
static void add_series(struct buf *out, const struct family *f, const char *suffix,
	const struct metric *i, const char *bound)
{
	bool has_labels = i->labels[0] != '\0';

	buf_add_str(out, f->name);
	buf_add_str(out, suffix);
	if (has_labels || bound != NULL)
		buf_add_char(out, '{');
	buf_add_str(out, i->labels);
	if (bound != NULL) {
		buf_add_str(out, has_labels ? ",le=\"" : "le=\"");
		buf_add_str(out, bound);
		buf_add_char(out, '"');
	}
	if (has_labels || bound != NULL)
		buf_add_char(out, '}');
	buf_add_char(out, ' ');
}

/* @value / @scale, a power of ten, to the last digit: a double would lose those of a time. */
static void add_value(struct buf *out, int64_t value, int64_t scale)
{
	int64_t rest = value % scale;

	if (value < 0) {
		buf_add_char(out, '-');
		value = -value;
		rest = -rest;
	}
	buf_add_int(out, value / scale);
	if (rest != 0)
		buf_add_char(out, '.');
	while (rest != 0) {
		scale /= 10;
		buf_add_char(out, (char)('0' + rest / scale));
		rest %= scale;
	}
	buf_add_char(out, '\n');
}

static int64_t read_value(atomic_llong *v)
{
	return atomic_load_explicit(v, memory_order_relaxed);
}

static void expose_histogram(struct buf *out, const struct family *f, struct metric *i)
{
	int64_t count = 0;

	for (size_t b = 0; b <= COUNT_OF(buckets); b++) {
		count += read_value(&i->counts[b]);
		add_series(
			out, f, "_bucket", i, b < COUNT_OF(buckets) ? buckets[b].text : "+Inf");
		add_value(out, count, 1);
	}
	add_series(out, f, "_sum", i, NULL);
	add_value(out, read_value(&i->value), f->scale);
	add_series(out, f, "_count", i, NULL);
	add_value(out, count, 1);
}

static void add_header(struct buf *out, const struct family *f)
{
	buf_add_str(out, "# HELP ");
	buf_add_str(out, f->name);
	buf_add_char(out, ' ');
	buf_add_str(out, f->help);
	buf_add_str(out, "\n# TYPE ");
	buf_add_str(out, f->name);
	buf_add_char(out, ' ');
	buf_add_str(out, type_names[f->type]);
	buf_add_char(out, '\n');
}

static void expose_family(struct buf *out, const struct family *f, struct metric *instances)
{
	bool begun = false;

	for (struct metric *i = instances; i != NULL; i = i->hh.next) {
		if (i->users == 0)
			continue;
		if (!begun)
			add_header(out, f);
		begun = true;
		if (f->type == HISTOGRAM) {
			expose_histogram(out, f, i);
			continue;
		}
		add_series(out, f, "", i, NULL);
		add_value(out, read_value(&i->value), f->scale);
	}
}

void metrics_expose(struct metrics *m, struct buf *out)
{
	pthread_mutex_lock(&m->lock);
	for (size_t id = 0; id < METRIC_NR_VALUES; id++)
		expose_family(out, &families[id], m->instances[id]);
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
