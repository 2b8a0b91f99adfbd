/* SPDX-License-Identifier: Apache-2.0 */
#include "admin_client.h"

#include <ctype.h>
#include <stdlib.h>
#include <unistd.h>

#include "app/conf/conf.h"
#include "io/http/fetch.h"

/* The first fault is enough to say why the daemon can't be found through this file. */
static void keep_fault(void *ctx, enum conf_severity severity, const char *line)
{
	struct err *err = ctx;

	if (severity == CONF_FAULT && err->code == 0)
		err_set(err, ERR_INVALID, "%s", line);
}

static char *copied(const char *text)
{
	return text ? xstrdup(text) : NULL;
}

static void fill(struct admin_client *r, const struct conf *conf)
{
	const char *listen = conf->admin.listen;
	const char *scheme = conf->admin.certificate_file != NULL ? "https" : "http";
	const bool is_unix = strncmp(listen, "unix:", 5) == 0;

	*r = (struct admin_client){
		.url = xasprintf("%s://%s", scheme, is_unix ? "localhost" : listen),
		.unix_socket = is_unix ? xstrdup(listen + 5) : NULL,
		.token = copied(conf->admin.token),
		.ca_file = copied(conf->admin.ca_file),
	};
}

int admin_client_find(struct admin_client *r, const char *conf_path, struct err *err)
{
	const struct conf_options options = {
		.embedded = true, .skip_secrets = true, .generation = 1};
	struct conf *conf;
	int code = 0;

	*r = (struct admin_client){0};
	err->code = 0;
	conf = conf_load(conf_path, &options, keep_fault, err);
	if (conf == NULL)
		return ERR_INVALID;
	if (conf->admin.listen == NULL)
		code = err_set(err, ERR_NOT_FOUND,
			"%s: there is no admin listener; add admin = { listen = \"127.0.0.1:9464\"; }",
			conf_path);
	else
		fill(r, conf);
	conf_unref(conf);
	return code;
}

void admin_client_at(struct admin_client *r, const char *url)
{
	*r = (struct admin_client){.url = xstrdup(url)};
}

void admin_client_release(struct admin_client *r)
{
	if (r->token != NULL)
		explicit_bzero(r->token, strlen(r->token));
	free(r->token);
	free(r->url);
	free(r->unix_socket);
	free(r->ca_file);
	*r = (struct admin_client){0};
}

/* The reply of @path; another status than 200 and 202 is an error in the daemon's words. */
static int ask(const struct admin_client *r, const char *method, const char *path,
	struct buf *out, struct err *err)
{
	const struct fetch_settings s = {r->unix_socket, r->token, r->ca_file};
	char *address = xasprintf("%s%s", r->url, path);
	int status, code = fetch(method, address, &s, out, &status, err);

	if (code != 0)
		err_wrap(err, "%s does not answer; does the daemon run?",
			r->unix_socket ? r->unix_socket : r->url);
	else if (status == 401)
		code = err_set(err, ERR_DENIED, "%s wants a token: admin.token%s", r->url,
			r->token ? "; this one is not the daemon's"
				 : "; name its configuration with -c");
	else if (status != 200 && status != 202)
		code = err_set(err, ERR_IO, "%s answered HTTP %d: %.*s", r->url, status,
			(int)strcspn(buf_str(out), "\n"), buf_str(out));
	free(address);
	return code;
}

int admin_client_status(const struct admin_client *r, struct buf *out, struct err *err)
{
	return ask(r, "GET", "/status", out, err);
}

/* A whole path: the daemon has a working directory of its own. */
static char *absolute(const char *path)
{
	char *here = path[0] == '/' ? NULL : getcwd(NULL, 0);
	char *whole = here != NULL ? xasprintf("%s/%s", here, path) : xstrdup(path);

	free(here);
	return whole;
}

static void add_percent_encoded(struct buf *out, const char *text)
{
	for (const char *p = text; *p != '\0'; p++) {
		if (isalnum((unsigned char)*p) || strchr("/-._~", *p) != NULL)
			buf_add_char(out, *p);
		else
			buf_addf(out, "%%%02X", (unsigned char)*p);
	}
}

int admin_client_reload(
	const struct admin_client *r, const char *conf_path, struct buf *out, struct err *err)
{
	char *whole = absolute(conf_path);
	struct buf path;
	int code;

	buf_init(&path, BUF_UNLIMITED);
	buf_add_str(&path, "/reload?file=");
	add_percent_encoded(&path, whole);
	code = ask(r, "POST", buf_str(&path), out, err);
	buf_release(&path);
	free(whole);
	return code;
}

int admin_client_reloads(const struct admin_client *r, struct buf *out, struct err *err)
{
	return ask(r, "GET", "/reload", out, err);
}
