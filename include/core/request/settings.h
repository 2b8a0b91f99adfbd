/* SPDX-License-Identifier: Apache-2.0 */
/*
 * settings.h - what a configuration says about the request of a target, and how its
 * faults are told.
 *
 * Plain data, filled by app/conf, read at load by core/request. Nothing
 * in it is changed or kept: the compiled objects copy what they need.
 */
#ifndef CORE_REQUEST_SETTINGS_H
#define CORE_REQUEST_SETTINGS_H

#include "base/util.h"

/* "name" and its value: a constant, or a dynamic $.path / $kafka.… (never for a connection). */
struct request_parameter {
	char *name;
	char *value;
};

/* The same names and values, in the same order? */
bool request_parameters_equal(const struct request_parameter *a, size_t a_count,
	const struct request_parameter *b, size_t b_count);

struct request_parameters {
	struct request_parameter *header, *query, *body;
	size_t header_count, query_count, body_count;
	char **path_values; /* path_parameter_values, in order; of a target only */
	size_t path_value_count;
};

enum request_output {
	REQUEST_JSON,
	REQUEST_FORM,
	REQUEST_CLOUDEVENTS_STRUCTURED,
	REQUEST_CLOUDEVENTS_BINARY,
};

/* One of input, input_path, input_template; none: the whole event. */
struct request_input {
	char *input; /* constant JSON text */
	char *input_path;
	char *input_template;
	struct request_parameter *input_paths_map; /* variable -> $.path or $kafka.… */
	size_t input_paths_count;
	bool escape; /* what is inserted between quotes is escaped for JSON */
};

/*
 * One call for each thing that is wrong. @field names the setting as the configuration does:
 * "endpoint", "input_template", "input_paths_map.orderId", "path_parameter_values[0]",
 * "header_parameters.X-Order", and for those of the connection
 * "invocation_http_parameters.header_parameters.X-Order". The text says what is wrong
 * and what to do.
 */
typedef void (*request_complain_fn)(
	void *ctx, bool is_warning, const char *field, const char *text);

/* Where complaints go, and how many of them were no warnings. */
struct request_complaints {
	request_complain_fn complain; /* NULL: nobody listens */
	void *ctx;
	unsigned faults;
};

void request_fault(struct request_complaints *c, const char *field, const char *fmt, ...)
	ATTR_PRINTF(3, 4);
void request_warn(struct request_complaints *c, const char *field, const char *fmt, ...)
	ATTR_PRINTF(3, 4);
/* Warn when @text has more than @max characters, EventBridge's limit. */
void request_warn_length(
	struct request_complaints *c, const char *field, const char *text, size_t max);

#endif
