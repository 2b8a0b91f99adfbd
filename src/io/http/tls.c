/* SPDX-License-Identifier: Apache-2.0 */
/*
 * libcurl reads the authorities' certificates anew for each connection (26 ms of CPU) as soon
 * as it has a directory of them, and once for each multi (23 ms, 1 MB) otherwise. So one
 * X509_STORE for each file is read here, once for the whole process, and given to
 * every connection; without it nothing is trusted.
 */
#include "http_private.h"

#include <curl/curl.h>
#include <errno.h>
#define ERR_STATE openssl_err_state /* OpenSSL has a type of that name */
#include <openssl/err.h>
#include <openssl/ssl.h>
#undef ERR_STATE
#include <pthread.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

/* A store, and the file it was read from as it was then. */
struct trust {
	struct list node;
	char *path; /* "": the system's */
	struct timespec changed;
	ino_t inode;
	X509_STORE *store;
};

/* The only state of this module that loops share. Entries stay: few, and of use again. */
static struct {
	pthread_mutex_t lock;
	struct list stores;
} trusts = {PTHREAD_MUTEX_INITIALIZER, {&trusts.stores, &trusts.stores}};

static const char *tls_reason(void)
{
	const char *reason = ERR_reason_error_string(ERR_peek_last_error());

	ERR_clear_error();
	return reason ? reason : "unreadable";
}

static X509_STORE *store_read(const char *ca_file)
{
	const char *path = ca_file;
	X509_STORE *store = X509_STORE_new();

	if (path == NULL)
		path = curl_version_info(CURLVERSION_NOW)->cainfo;
	if (store != NULL && path != NULL && X509_STORE_load_file(store, path) == 1)
		return store;
	if (store != NULL && ca_file == NULL && X509_STORE_set_default_paths(store) == 1)
		return store;
	X509_STORE_free(store);
	return NULL;
}

static bool is_current(const struct trust *trust, const struct stat *st)
{
	return trust->inode == st->st_ino && trust->changed.tv_sec == st->st_mtim.tv_sec &&
	       trust->changed.tv_nsec == st->st_mtim.tv_nsec;
}

/* With the lock held. */
static struct trust *trust_find(const char *path, const struct stat *st)
{
	list_foreach (node, &trusts.stores) {
		struct trust *trust = list_entry(node, struct trust, node);

		if (strcmp(trust->path, path) == 0 && is_current(trust, st))
			return trust;
	}
	return NULL;
}

static X509_STORE *store_obtain(const char *ca_file)
{
	const char *path = ca_file ? ca_file : "";
	struct trust *trust;
	struct stat st = {0};
	X509_STORE *store = NULL;

	if (ca_file != NULL)
		(void)!stat(ca_file, &st);
	pthread_mutex_lock(&trusts.lock);
	trust = trust_find(path, &st);
	if (trust == NULL && (store = store_read(ca_file)) != NULL) {
		trust = xcalloc(1, sizeof *trust);
		trust->path = xstrdup(path);
		trust->changed = st.st_mtim;
		trust->inode = st.st_ino;
		trust->store = store;
		list_append(&trusts.stores, &trust->node);
	}
	if (trust != NULL) {
		store = trust->store;
		X509_STORE_up_ref(store);
	}
	pthread_mutex_unlock(&trusts.lock);
	return store;
}

static int file_check(const char *what, const char *path, struct err *err)
{
	if (path == NULL || access(path, R_OK) == 0)
		return 0;
	return err_set(err, ERR_INVALID, "%s '%s': %s", what, path, strerror(errno));
}

/* libcurl reads both files again for each connection, so that renewed ones are used; here
 * it is only seen whether they can be. */
static int client_certificate_check(const struct http_settings *s, struct err *err)
{
	const char *certificate = s->client_certificate_file;
	const char *key = s->client_key_file ? s->client_key_file : certificate;
	SSL_CTX *ctx;
	int rc = 0;

	if (certificate == NULL)
		return s->client_key_file == NULL
			       ? 0
			       : err_set(err, ERR_INVALID,
					 "client_key_file needs client_certificate_file");
	if (file_check("client_certificate_file", certificate, err) != 0 ||
		file_check("client_key_file", key, err) != 0)
		return ERR_INVALID;
	ctx = SSL_CTX_new(TLS_client_method());
	if (ctx == NULL)
		return err_set(err, ERR_IO, "OpenSSL: %s", tls_reason());
	if (SSL_CTX_use_certificate_chain_file(ctx, certificate) != 1)
		rc = err_set(err, ERR_INVALID, "client_certificate_file '%s': %s", certificate,
			tls_reason());
	else if (SSL_CTX_use_PrivateKey_file(ctx, key, SSL_FILETYPE_PEM) != 1)
		rc = err_set(err, ERR_INVALID, "client_key_file '%s': %s", key, tls_reason());
	SSL_CTX_free(ctx);
	return rc;
}

int http_tls_init(struct http_client *c, struct err *err)
{
	const struct http_settings *s = &c->settings;
	const curl_version_info_data *info = curl_version_info(CURLVERSION_NOW);

	if (s->http2 && !(info->features & CURL_VERSION_HTTP2))
		return err_set(err, ERR_INVALID, "http2: libcurl %s was built without it",
			info->version);
	if (info->ssl_version == NULL || strncmp(info->ssl_version, "OpenSSL", 7) != 0)
		return err_set(err, ERR_INVALID, "libcurl uses %s; only OpenSSL is supported",
			info->ssl_version ? info->ssl_version : "no TLS library");
	if (file_check("ca_file", s->ca_file, err) != 0 ||
		client_certificate_check(s, err) != 0)
		return ERR_INVALID;
	c->trust = store_obtain(s->ca_file);
	if (c->trust == NULL && s->ca_file != NULL)
		return err_set(err, ERR_INVALID, "ca_file '%s': %s", s->ca_file, tls_reason());
	/* libcurl remembers eight sessions: those of one host, hence a
	 * share for each client. */
	c->share = curl_share_init();
	if (c->share == NULL)
		out_of_memory();
	curl_share_setopt(c->share, CURLSHOPT_SHARE, CURL_LOCK_DATA_SSL_SESSION);
	return 0;
}

void http_tls_release(struct http_client *c)
{
	curl_share_cleanup(c->share);
	X509_STORE_free(c->trust);
}

/* Called when the server asks for a certificate: there is none. What the server thinks of that
 * may never reach us, so it is kept for the text of the error. */
static int on_certificate_asked(SSL *ssl, X509 **certificate, EVP_PKEY **key)
{
	struct http_client *c = SSL_CTX_get_app_data(SSL_get_SSL_CTX(ssl));

	(void)certificate;
	(void)key;
	c->certificate_asked = true;
	return 0;
}

static CURLcode on_context(CURL *easy, void *ssl_ctx, void *client)
{
	struct http_client *c = client;

	(void)easy;
	if (c->trust != NULL)
		SSL_CTX_set1_cert_store(ssl_ctx, c->trust);
	if (c->settings.client_certificate_file == NULL) {
		SSL_CTX_set_app_data(ssl_ctx, c);
		SSL_CTX_set_client_cert_cb(ssl_ctx, on_certificate_asked);
	}
	return CURLE_OK;
}

bool http_tls_setup(struct http_client *c, void *easy)
{
	const struct http_settings *s = &c->settings;

	curl_easy_setopt(easy, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
	curl_easy_setopt(easy, CURLOPT_SHARE, c->share);
	curl_easy_setopt(easy, CURLOPT_CAINFO, NULL);
	curl_easy_setopt(easy, CURLOPT_CAPATH, NULL);
	curl_easy_setopt(easy, CURLOPT_SSL_CTX_DATA, c);
	curl_easy_setopt(easy, CURLOPT_SSL_CTX_FUNCTION, on_context);
	if (s->insecure_skip_verify) {
		curl_easy_setopt(easy, CURLOPT_SSL_VERIFYPEER, 0L);
		curl_easy_setopt(easy, CURLOPT_SSL_VERIFYHOST, 0L);
	}
	if (s->client_certificate_file == NULL)
		return true;
	return curl_easy_setopt(easy, CURLOPT_SSLCERT, s->client_certificate_file) ==
		       CURLE_OK &&
	       curl_easy_setopt(easy, CURLOPT_SSLKEY,
		       s->client_key_file ? s->client_key_file : s->client_certificate_file) ==
		       CURLE_OK;
}
