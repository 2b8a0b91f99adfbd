/* SPDX-License-Identifier: Apache-2.0 */
#include "properties.h"

#include <librdkafka/rdkafka.h>
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>

#include "base/log.h"

#define NAME_MAX_BYTES 128

/* Names under which librdkafka knows one and the same thing. */
static const char *const aliases[][2] = {
	{"metadata.broker.list", "bootstrap.servers"},
	{"request.required.acks", "acks"},
	{"compression.codec", "compression.type"},
	{"queue.buffering.max.ms", "linger.ms"},
	{"sasl.mechanism", "sasl.mechanisms"},
	{"delivery.timeout.ms", "message.timeout.ms"},
	{"max.partition.fetch.bytes", "fetch.message.max.bytes"},
};

static const char *real_name(const char *name)
{
	for (size_t i = 0; i < COUNT_OF(aliases); i++)
		if (strcmp(name, aliases[i][0]) == 0)
			return aliases[i][1];
	return name;
}

/* The same for values: acks=-1 is acks=all. */
static const char *real_value(const char *value)
{
	return strcmp(value, "-1") == 0 ? "all" : value;
}

static bool is_secret(const char *name)
{
	static const char *const words[] = {"password", "secret", "pem", "oauthbearer.config"};

	for (size_t i = 0; i < COUNT_OF(words); i++)
		if (strstr(name, words[i]) != NULL)
			return true;
	return false;
}

/* "name=value", blanks around the name allowed; *ret_value points into @property. */
static int split(const char *property, char name[NAME_MAX_BYTES], const char **ret_value,
	struct err *err)
{
	const char *equals = strchr(property, '=');
	size_t begin = strspn(property, " \t"), end;

	/* Without a name nothing tells whether the text is a secret: do not show it. */
	if (equals == NULL)
		return err_set(err, ERR_INVALID,
			"a Kafka property is written \"name=value\"; one has no '='");
	end = (size_t)(equals - property);
	while (end > begin && (property[end - 1] == ' ' || property[end - 1] == '\t'))
		end--;
	if (end <= begin || end - begin >= NAME_MAX_BYTES)
		return err_set(err, ERR_INVALID,
			"a Kafka property is written \"name=value\"; the name of one is %s",
			end <= begin ? "empty" : "too long");
	memcpy(name, property + begin, end - begin);
	name[end - begin] = '\0';
	*ret_value = equals + 1;
	return 0;
}

static int check_fixed(const struct kafka_property *fixed, const char *name, const char *value,
	struct err *err)
{
	for (; fixed->name != NULL; fixed++)
		if (strcmp(fixed->name, real_name(name)) == 0 &&
			strcasecmp(fixed->value, real_value(value)) != 0)
			return err_set(err, ERR_INVALID,
				"Kafka property '%s' cannot be set to '%s': %s; leave it out",
				name, value, fixed->reason);
	return 0;
}

static int set(rd_kafka_conf_t *conf, const char *name, const char *value, struct err *err)
{
	char text[512];
	rd_kafka_conf_res_t result = rd_kafka_conf_set(conf, name, value, text, sizeof text);

	if (result == RD_KAFKA_CONF_OK)
		return 0;
	if (result == RD_KAFKA_CONF_UNKNOWN)
		return err_set(err, ERR_NOT_FOUND,
			"Kafka property '%s': librdkafka %s does not know it", name,
			rd_kafka_version_str());
	if (is_secret(name))
		return err_set(
			err, ERR_INVALID, "Kafka property '%s': not a value for it", name);
	return err_set(err, ERR_INVALID, "Kafka property '%s': %s", name, text);
}

static int apply_user(rd_kafka_conf_t *conf, const struct kafka_client_settings *s,
	const char *property, struct err *err)
{
	char name[NAME_MAX_BYTES];
	const char *value = "";
	int code = split(property, name, &value, err);

	if (code == 0)
		code = check_fixed(s->fixed, name, value, err);
	if (code == 0)
		code = set(conf, name, value, err);
	return code;
}

/* An older librdkafka does not know all of our defaults; its own way has to do then. */
static void apply_defaults(rd_kafka_conf_t *conf, const struct kafka_property *p)
{
	for (; p->name != NULL; p++)
		rd_kafka_conf_set(conf, p->name, p->value, NULL, 0);
}

static void warn_of_scram(const rd_kafka_conf_t *conf)
{
	static bool warned;
	char mechanism[64];
	size_t size = sizeof mechanism;

	if (warned || kafka_is_version(2, 6, 1) ||
		rd_kafka_conf_get(conf, "sasl.mechanisms", mechanism, &size) !=
			RD_KAFKA_CONF_OK ||
		strncmp(mechanism, "SCRAM", 5) != 0)
		return;
	warned = true;
	log_warn("kafka_scram_old_library",
		"this librdkafka cannot log in with SCRAM to Kafka 4 and newer (it answers "
		"\"invalid credentials\"); use librdkafka 2.6.1 or newer there",
		log_str("librdkafka", rd_kafka_version_str()));
}

char *kafka_bootstrap_servers(const char *const *properties, size_t count)
{
	char name[NAME_MAX_BYTES];
	const char *value;

	for (size_t i = count; i-- > 0;)
		if (split(properties[i], name, &value, NULL) == 0 &&
			strcmp(real_name(name), "bootstrap.servers") == 0)
			return xstrdup(value);
	return xstrdup("<host:port>");
}

struct rd_kafka_conf_s *kafka_conf_new(const struct kafka_client_settings *s, struct err *err)
{
	rd_kafka_conf_t *conf = rd_kafka_conf_new();

	rd_kafka_conf_set(conf, "log.queue", "true", NULL, 0);
	apply_defaults(conf, s->defaults);
	for (size_t i = 0; i < s->property_count; i++) {
		if (apply_user(conf, s, s->properties[i], err) != 0) {
			err_wrap(err, "%s", s->name);
			if (err != NULL)
				err->code = ERR_INVALID;
			rd_kafka_conf_destroy(conf);
			return NULL;
		}
	}
	for (const struct kafka_property *p = s->fixed; p->name != NULL; p++) {
		/* What this librdkafka does not know cannot be wrong in it. */
		if (set(conf, p->name, p->value, err) == ERR_INVALID) {
			err_wrap(err, "%s", s->name);
			rd_kafka_conf_destroy(conf);
			return NULL;
		}
	}
	warn_of_scram(conf);
	return conf;
}
