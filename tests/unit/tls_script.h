/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tls_script.h - certificates made on the spot, and a TLS server for tests on the loop of what
 * it tests. It answers each request on a connection with 200, and counts.
 */
#ifndef TESTS_TLS_SCRIPT_H
#define TESTS_TLS_SCRIPT_H

#include <fcntl.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>
#define ERR_STATE openssl_err_state /* OpenSSL has a type of that name */
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#undef ERR_STATE

#include "io/loop.h"

struct tls_identity {
	EVP_PKEY *key;
	X509 *certificate;
};

static void tls_extend(X509 *certificate, X509 *issuer, int nid, const char *value)
{
	X509V3_CTX ctx;
	X509_EXTENSION *extension;

	X509V3_set_ctx_nodb(&ctx);
	X509V3_set_ctx(&ctx, issuer, certificate, NULL, NULL, 0);
	extension = X509V3_EXT_conf_nid(NULL, &ctx, nid, (char *)value);
	X509_add_ext(certificate, extension, -1);
	X509_EXTENSION_free(extension);
}

/* @issuer: NULL for one that signs itself. @names: "DNS:a,IP:127.0.0.1", or NULL. */
static struct tls_identity tls_identity_make(
	const char *name, const char *names, const struct tls_identity *issuer, int valid_days)
{
	static long serial;
	struct tls_identity id = {EVP_EC_gen("P-256"), X509_new()};
	X509 *signed_by = issuer ? issuer->certificate : id.certificate;
	X509_NAME *subject = X509_get_subject_name(id.certificate);

	X509_set_version(id.certificate, 2);
	ASN1_INTEGER_set(X509_get_serialNumber(id.certificate), ++serial);
	X509_gmtime_adj(X509_getm_notBefore(id.certificate), -30 * 86400L);
	X509_gmtime_adj(X509_getm_notAfter(id.certificate), valid_days * 86400L);
	X509_set_pubkey(id.certificate, id.key);
	X509_NAME_add_entry_by_txt(
		subject, "CN", MBSTRING_ASC, (const unsigned char *)name, -1, -1, 0);
	X509_set_issuer_name(id.certificate, X509_get_subject_name(signed_by));
	tls_extend(id.certificate, signed_by, NID_basic_constraints,
		issuer || names ? "critical,CA:FALSE" : "critical,CA:TRUE");
	if (names != NULL)
		tls_extend(id.certificate, signed_by, NID_subject_alt_name, names);
	X509_sign(id.certificate, issuer ? issuer->key : id.key, EVP_sha256());
	return id;
}

static void tls_identity_release(struct tls_identity *id)
{
	EVP_PKEY_free(id->key);
	X509_free(id->certificate);
}

static void tls_write_pem(const char *path, const struct tls_identity *id, bool with_key)
{
	FILE *f = fopen(path, "w");

	PEM_write_X509(f, id->certificate);
	if (with_key)
		PEM_write_PrivateKey(f, id->key, NULL, NULL, 0, NULL, NULL);
	fclose(f);
}

struct tls_script {
	struct loop *loop;
	struct loop_fd listener;
	unsigned port;
	SSL_CTX *ctx;
	unsigned accepted, resumed, requests;
	struct tls_connection *connections[1024]; /* by descriptor */
};

struct tls_connection {
	struct loop_fd watch;
	struct tls_script *script;
	SSL *ssl;
	bool is_open;
};

static void tls_drop(struct tls_connection *k)
{
	k->script->connections[k->watch.fd] = NULL;
	loop_unwatch(k->script->loop, &k->watch);
	SSL_free(k->ssl);
	close(k->watch.fd);
	free(k);
	ERR_clear_error();
}

static bool tls_handshake(struct tls_connection *k)
{
	int rc = SSL_accept(k->ssl);

	if (rc == 1) {
		k->is_open = true;
		k->script->accepted++;
		k->script->resumed += SSL_session_reused(k->ssl) != 0;
		return true;
	}
	if (SSL_get_error(k->ssl, rc) != SSL_ERROR_WANT_READ)
		tls_drop(k);
	return false;
}

static void tls_ready(struct loop_fd *w, unsigned events)
{
	static const char reply[] = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
	struct tls_connection *k = container_of(w, struct tls_connection, watch);
	char chunk[16384];
	int n;

	(void)events;
	if (!k->is_open && !tls_handshake(k))
		return;
	while ((n = SSL_read(k->ssl, chunk, sizeof chunk)) > 0) {
		k->script->requests++;
		SSL_write(k->ssl, reply, sizeof reply - 1);
	}
	if (SSL_get_error(k->ssl, n) != SSL_ERROR_WANT_READ)
		tls_drop(k);
}

static void tls_accept(struct loop_fd *w, unsigned events)
{
	struct tls_script *s = container_of(w, struct tls_script, listener);
	int fd;

	(void)events;
	while ((fd = accept4(w->fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC)) >= 0) {
		struct tls_connection *k = xcalloc(1, sizeof *k);

		k->script = s;
		k->ssl = SSL_new(s->ctx);
		SSL_set_fd(k->ssl, fd);
		k->watch = (struct loop_fd){.fd = fd, .events = LOOP_READ, .ready = tls_ready};
		s->connections[fd] = k;
		loop_watch(s->loop, &k->watch);
	}
}

/* @client_authority: NULL: no client certificate is asked for. */
static void tls_start(struct tls_script *s, struct loop *l, const struct tls_identity *id,
	const struct tls_identity *client_authority, int version)
{
	struct sockaddr_in in = {
		.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t len = sizeof in;

	*s = (struct tls_script){.loop = l, .ctx = SSL_CTX_new(TLS_server_method())};
	SSL_CTX_set_max_proto_version(s->ctx, version);
	SSL_CTX_set_min_proto_version(s->ctx, version);
	SSL_CTX_set_security_level(s->ctx, version < TLS1_2_VERSION ? 0 : 1);
	SSL_CTX_set_session_id_context(s->ctx, (const unsigned char *)"t", 1);
	SSL_CTX_use_certificate(s->ctx, id->certificate);
	SSL_CTX_use_PrivateKey(s->ctx, id->key);
	if (client_authority != NULL) {
		X509_STORE_add_cert(
			SSL_CTX_get_cert_store(s->ctx), client_authority->certificate);
		SSL_CTX_set_verify(
			s->ctx, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, NULL);
	}
	s->listener = (struct loop_fd){
		.fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0),
		.events = LOOP_READ,
		.ready = tls_accept};
	if (bind(s->listener.fd, (struct sockaddr *)&in, len) != 0 ||
		listen(s->listener.fd, 1024) != 0 ||
		getsockname(s->listener.fd, (struct sockaddr *)&in, &len) != 0)
		abort();
	s->port = ntohs(in.sin_port);
	loop_watch(l, &s->listener);
}

static void tls_drop_all(struct tls_script *s)
{
	for (size_t i = 0; i < COUNT_OF(s->connections); i++)
		if (s->connections[i] != NULL)
			tls_drop(s->connections[i]);
}

static void tls_stop(struct tls_script *s)
{
	loop_unwatch(s->loop, &s->listener);
	close(s->listener.fd);
	tls_drop_all(s);
	SSL_CTX_free(s->ctx);
}

#endif
