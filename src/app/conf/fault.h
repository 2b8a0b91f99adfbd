/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fault.h - all faults and warnings of a configuration, reported in order.
 *
 * They are collected while the files are read and checked, and reported at the end in the order
 * of file and line, without duplicates. Every known secret in a line is masked when it is
 * reported, so that no check has to do it.
 */
#ifndef APP_CONF_FAULT_H
#define APP_CONF_FAULT_H

#include "app/conf/conf.h"
#include "app/conf/mask.h"

struct conf_complaint {
	enum conf_severity severity;
	struct conf_place place;
	char *text;          /* without the place */
	size_t file, number; /* for conf_faults_sort() */
};

struct conf_faults {
	struct conf_complaint *items;
	size_t count, cap;
	size_t fault_count; /* those that are not warnings */
};

void conf_faults_release(struct conf_faults *f);

/* "what 'name': what is wrong; what to do". */
void conf_fault(struct conf_faults *f, struct conf_place place, const char *fmt, ...)
	ATTR_PRINTF(3, 4);
void conf_warning(struct conf_faults *f, struct conf_place place, const char *fmt, ...)
	ATTR_PRINTF(3, 4);

/* Sort them by file, as ordered in @files, and line, and drop duplicates. */
void conf_faults_sort(struct conf_faults *f, const char *const *files, size_t file_count);
/* Report each with its place, secrets masked. */
void conf_faults_report(const struct conf_faults *f, const struct conf_mask *mask,
	conf_complain_fn complain, void *ctx);

/* The candidate that @name is most likely a misspelling of, or NULL. */
const char *conf_nearest(const char *name, const char *const *candidates, size_t count);

#endif
