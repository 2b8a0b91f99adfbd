/* SPDX-License-Identifier: Apache-2.0 */
#include "io/kafka/check.h"

#include <librdkafka/rdkafka.h>

int kafka_check_property(const char *name, const char *value, bool secret, struct err *err)
{
	rd_kafka_conf_t *conf = rd_kafka_conf_new();
	char text[512];
	rd_kafka_conf_res_t result = rd_kafka_conf_set(conf, name, value, text, sizeof text);

	rd_kafka_conf_destroy(conf);
	if (result == RD_KAFKA_CONF_OK)
		return 0;
	if (result == RD_KAFKA_CONF_UNKNOWN)
		return err_set(err, ERR_NOT_FOUND, "%s: librdkafka %s does not know it", name,
			rd_kafka_version_str());
	if (secret)
		return err_set(err, ERR_INVALID, "%s: that is not a valid value for it", name);
	return err_set(err, ERR_INVALID, "%s: %s", name, text);
}
