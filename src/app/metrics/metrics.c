/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The registry: one hash table of instances for each metric and each thread's part, and the
 * text that /metrics answers with. metrics.h says who may call what; metrics_table.h lists the
 * metrics.
 */
#include "app/metrics/metrics.h"

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
#include "app/metrics/metrics_table.h"
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

#define NR_COUNTS (COUNT_OF(buckets) + 1)

struct metric {
	UT_hash_handle hh; /* of its family, by `labels` */
	struct metrics *part;
	unsigned users; /* under the lock */
	char *labels;   /* as they are shown: destination="billing",class="5xx" */
	/* Written by the part's thread, read by others. */
	atomic_llong value;   /* of a histogram: the sum */
	atomic_llong *counts; /* of a histogram: one a bucket, and one for what is beyond */
};

struct metrics {
	struct metrics *first, *next; /* of all parts */
	pthread_mutex_t lock;         /* the first one's: of all tables; not of the values */
	struct metric *instances[METRIC_NR_VALUES];
};

struct metrics *metrics_new(void)
{
	struct metrics *m = xcalloc(1, sizeof *m);

	m->first = m;
	pthread_mutex_init(&m->lock, NULL);
	return m;
}

struct metrics *metrics_part(struct metrics *m)
{
	struct metrics *part;

	if (m == NULL)
		return NULL;
	part = xcalloc(1, sizeof *part);
	part->first = m->first;
	pthread_mutex_lock(&m->first->lock);
	part->next = m->first->next;
	m->first->next = part;
	pthread_mutex_unlock(&m->first->lock);
	return part;
}

static void free_instances(struct metrics *part)
{
	for (size_t id = 0; id < METRIC_NR_VALUES; id++) {
		struct metric *i, *next;

		HASH_ITER (hh, part->instances[id], i, next) {
			HASH_DEL(part->instances[id], i);
			free(i->labels);
			free(i->counts);
			free(i);
		}
	}
}

void metrics_free(struct metrics *m)
{
	if (m == NULL)
		return;
	pthread_mutex_destroy(&m->first->lock);
	for (struct metrics *part = m->first, *next; part != NULL; part = next) {
		next = part->next;
		free_instances(part);
		free(part);
	}
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

	i->part = m;
	i->labels = xmemdup(labels.data, labels.len);
	if (families[id].type == HISTOGRAM)
		i->counts = xcalloc(NR_COUNTS, sizeof *i->counts);
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
	pthread_mutex_lock(&m->first->lock);
	HASH_FIND(hh, m->instances[id], buf_str(&labels), labels.len, i);
	if (i == NULL)
		i = metric_new(m, id, buf_slice(&labels));
	i->users++;
	pthread_mutex_unlock(&m->first->lock);
	buf_release(&labels);
	return i;
}

void metric_retain(struct metric *i)
{
	if (i == NULL)
		return;
	pthread_mutex_lock(&i->part->first->lock);
	i->users++;
	pthread_mutex_unlock(&i->part->first->lock);
}

void metric_release(struct metric *i)
{
	if (i == NULL)
		return;
	pthread_mutex_lock(&i->part->first->lock);
	i->users--;
	pthread_mutex_unlock(&i->part->first->lock);
}

static int64_t read_value(atomic_llong *v)
{
	return atomic_load_explicit(v, memory_order_relaxed);
}

/* Nobody else writes to it. */
static void add_to(atomic_llong *v, int64_t n)
{
	atomic_store_explicit(v, read_value(v) + n, memory_order_relaxed);
}

void metric_add(struct metric *c, int64_t n)
{
	if (c != NULL)
		add_to(&c->value, n);
}

void metric_gauge(struct metric *g, int64_t *reported, int64_t value)
{
	metric_add(g, value - *reported);
	*reported = value;
}

void metric_observe(struct metric *h, int64_t value)
{
	size_t b = 0;

	if (h == NULL)
		return;
	while (b < COUNT_OF(buckets) && value > buckets[b].upto_us)
		b++;
	add_to(&h->counts[b], 1);
	add_to(&h->value, value);
}

/* --- exposition ------------------------------------------------------------------------- */

/* NAME{LABELS,le="BOUND"} and the blank behind it; each part of the braces may be missing. */
static void add_series(struct buf *out, const struct family *f, const char *suffix,
	const char *labels, const char *bound)
{
	bool has_labels = labels[0] != '\0';

	buf_add_str(out, f->name);
	buf_add_str(out, suffix);
	if (has_labels || bound != NULL)
		buf_add_char(out, '{');
	buf_add_str(out, labels);
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

/* What all parts say for the same label values. */
struct sum {
	const char *labels;
	unsigned users;
	int64_t value, counts[NR_COUNTS];
};

static struct metric *same_in(struct metrics *part, enum metric_id id, const struct metric *i)
{
	struct metric *same;

	HASH_FIND(hh, part->instances[id], i->labels, i->hh.keylen, same);
	return same;
}

static struct sum sum_up(enum metric_id id, struct metric *i)
{
	struct sum sum = {.labels = i->labels};

	for (struct metrics *part = i->part; part != NULL; part = part->next) {
		struct metric *same = same_in(part, id, i);

		if (same == NULL)
			continue;
		sum.users += same->users;
		sum.value += read_value(&same->value);
		for (size_t b = 0; same->counts != NULL && b < NR_COUNTS; b++)
			sum.counts[b] += read_value(&same->counts[b]);
	}
	return sum;
}

/* Is there one with the same label values in an earlier part, whose sum has it already? */
static bool is_summed_up(struct metrics *first, enum metric_id id, const struct metric *i)
{
	for (struct metrics *part = first; part != i->part; part = part->next)
		if (same_in(part, id, i) != NULL)
			return true;
	return false;
}

static void expose_histogram(struct buf *out, const struct family *f, const struct sum *sum)
{
	int64_t count = 0;

	for (size_t b = 0; b < NR_COUNTS; b++) {
		count += sum->counts[b];
		add_series(out, f, "_bucket", sum->labels,
			b < COUNT_OF(buckets) ? buckets[b].text : "+Inf");
		add_value(out, count, 1);
	}
	add_series(out, f, "_sum", sum->labels, NULL);
	add_value(out, sum->value, f->scale);
	add_series(out, f, "_count", sum->labels, NULL);
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

static void expose_sum(struct buf *out, const struct family *f, const struct sum *sum)
{
	if (f->type == HISTOGRAM) {
		expose_histogram(out, f, sum);
		return;
	}
	add_series(out, f, "", sum->labels, NULL);
	add_value(out, sum->value, f->scale);
}

static void expose_family(struct buf *out, struct metrics *first, enum metric_id id)
{
	bool begun = false;

	for (struct metrics *part = first; part != NULL; part = part->next)
		for (struct metric *i = part->instances[id]; i != NULL; i = i->hh.next) {
			struct sum sum;

			if (is_summed_up(first, id, i))
				continue;
			sum = sum_up(id, i);
			if (sum.users == 0)
				continue;
			if (!begun)
				add_header(out, &families[id]);
			begun = true;
			expose_sum(out, &families[id], &sum);
		}
}

void metrics_expose(struct metrics *m, struct buf *out)
{
	pthread_mutex_lock(&m->lock);
	for (size_t id = 0; id < METRIC_NR_VALUES; id++)
		expose_family(out, m, (enum metric_id)id);
	pthread_mutex_unlock(&m->lock);
}
