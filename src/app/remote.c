/* SPDX-License-Identifier: Apache-2.0 */
#include "app/remote.h"

#include <stdlib.h>

#include "app/conf.h"
#include "io/fetch.h"

/* The first fault is enough to say why the daemon can't be found through this file. */
static void keep_fault(void *ctx, enum conf_severity severity, const char *line)
{
	struct err *err = ctx;

	if (severity == CONF_FAULT && err->code == 0)
		err_set(err, ERR_INVALID, "%s", line);
}

char *remote_url(const char *conf_path, struct err *err)
{
	const struct conf_options options = {
		.embedded = true, .skip_secrets = true, .generation = 1};
	struct conf *conf;
	char *url = NULL;

	err->code = 0;
	conf = conf_load(conf_path, &options, keep_fault, err);
	if (conf == NULL)
		return NULL;
	if (conf->admin_listen == NULL)
		err_set(err, ERR_NOT_FOUND,
			"%s: there is no admin listener; add admin = { listen = \"127.0.0.1:9464\"; }",
			conf_path);
	else if (strncmp(conf->admin_listen, "unix:", 5) == 0)
		err_set(err, ERR_INVALID,
			"%s: the listener is a Unix socket; ask it with: curl --unix-socket %s http://localhost/status",
			conf_path, conf->admin_listen + 5);
	else
		url = xasprintf("http://%s", conf->admin_listen);
	conf_unref(conf);
	return url;
}

int remote_status(const char *url, struct buf *out, struct err *err)
{
	char *address = xasprintf("%s/status", url);
	int status, code = fetch_get(address, out, &status, err);

	if (code != 0)
		err_wrap(err, "%s does not answer; does the daemon run?", address);
	else if (status != 200)
		code = err_set(err, ERR_IO, "%s answered HTTP %d", address, status);
	free(address);
	return code;
}
