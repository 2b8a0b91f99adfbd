/* SPDX-License-Identifier: Apache-2.0 */
/*
 * error.c - how a transfer ended, for retry's decision: libcurl's codes and our own limits as one
 * of the transport outcomes, with a sentence for log and dead letter.
 */
#include "http_private.h"

#include <curl/curl.h>
#include <errno.h>
#include <stdio.h>

static enum retry_transport transport_of(CURLcode code)
{
	switch (code) {
	case CURLE_OK:
		return RETRY_TRANSPORT_OK;
	case CURLE_OPERATION_TIMEDOUT:
		return RETRY_TRANSPORT_TIMEOUT;
	case CURLE_COULDNT_RESOLVE_HOST:
	case CURLE_URL_MALFORMAT: /* an address that leads nowhere, like a wrong name */
		return RETRY_TRANSPORT_DNS;
	case CURLE_COULDNT_CONNECT:
	case CURLE_COULDNT_RESOLVE_PROXY:
	case CURLE_PROXY:
	case CURLE_INTERFACE_FAILED:
		return RETRY_TRANSPORT_CONNECT;
	case CURLE_SSL_CONNECT_ERROR:
	case CURLE_PEER_FAILED_VERIFICATION:
	case CURLE_SSL_CERTPROBLEM:
	case CURLE_SSL_CIPHER:
	case CURLE_SSL_CACERT_BADFILE:
	case CURLE_SSL_CRL_BADFILE:
	case CURLE_SSL_ISSUER_ERROR:
	case CURLE_SSL_ENGINE_NOTFOUND:
	case CURLE_SSL_ENGINE_SETFAILED:
	case CURLE_SSL_ENGINE_INITFAILED:
	case CURLE_SSL_PINNEDPUBKEYNOTMATCH:
	case CURLE_SSL_INVALIDCERTSTATUS:
	case CURLE_SSL_CLIENTCERT:
	case CURLE_USE_SSL_FAILED:
		return RETRY_TRANSPORT_TLS;
	case CURLE_GOT_NOTHING:
	case CURLE_SEND_ERROR:
	case CURLE_RECV_ERROR:
	case CURLE_PARTIAL_FILE:
	case CURLE_HTTP2:
	case CURLE_HTTP2_STREAM:
	case CURLE_SEND_FAIL_REWIND:
		return RETRY_TRANSPORT_RESET;
	case CURLE_OUT_OF_MEMORY:
	case CURLE_FAILED_INIT:
		return RETRY_TRANSPORT_INTERNAL;
	default: /* what came is not HTTP as we know it */
		return RETRY_TRANSPORT_PROTOCOL;
	}
}

/* In TLS 1.3 a server refuses a client's certificate, or its absence, only after the handshake,
 * so that it looks like a failing read. */
static bool is_tls_alert(const char *text)
{
	return strstr(text, "SSL routines") != NULL && strstr(text, "alert") != NULL;
}

static bool is_shortage(int socket_errno)
{
	return socket_errno == EMFILE || socket_errno == ENFILE || socket_errno == ENOBUFS ||
	       socket_errno == ENOMEM;
}

void http_error_shortage(int error_number, char text[HTTP_ERROR_BYTES])
{
	snprintf(text, HTTP_ERROR_BYTES,
		"no socket: %s; raise the limit of open files (LimitNOFILE)",
		strerror(error_number));
}

void http_error_mask(char *text)
{
	char *from = text, *end, *at;

	while ((from = strstr(from, "://")) != NULL) {
		from += 3;
		end = from + strcspn(from, " /?#'\"");
		at = memrchr(from, '@', (size_t)(end - from));
		if (at != NULL)
			memmove(from, at + 1, strlen(at + 1) + 1);
	}
}

/* If one of our own limits or rules ended the transfer, libcurl's text would hide that. */
static bool translate_own(const struct http_transfer *t, struct http_result *r)
{
	if (http_reply_explain_refusal(&t->reply, &t->client->settings, r))
		return true;
	if (t->sending == HTTP_REPEATED) {
		r->transport = RETRY_TRANSPORT_RESET;
		snprintf(r->error, sizeof r->error,
			"the connection was closed before a reply came");
	} else if (is_shortage(t->socket_errno)) {
		r->transport = RETRY_TRANSPORT_INTERNAL;
		http_error_shortage(t->socket_errno, r->error);
	} else {
		return false;
	}
	return true;
}

/* A server that asks for a certificate and gets none closes the connection, and often its alert,
 * which would say so, is lost. */
static bool lacks_certificate(
	const struct http_transfer *t, const struct http_result *r, const char *text)
{
	return t->client->certificate_asked && t->reply.head_bytes == 0 &&
	       (r->tls_us > 0 || is_tls_alert(text)) &&
	       (r->transport == RETRY_TRANSPORT_TLS || r->transport == RETRY_TRANSPORT_RESET);
}

/* libcurl's parser of headers reports a malformed one as a bad argument. */
static const char *text_of(CURLcode code)
{
	return code == CURLE_BAD_FUNCTION_ARGUMENT ? "a header of the reply is malformed"
						   : curl_easy_strerror(code);
}

static bool lacks_port(const struct http_transfer *t, CURLcode code)
{
	long error_number = 0;

	if (code != CURLE_COULDNT_CONNECT)
		return false;
	curl_easy_getinfo(t->easy, CURLINFO_OS_ERRNO, &error_number);
	return error_number == EADDRNOTAVAIL;
}

static void translate_failure(
	const struct http_transfer *t, CURLcode code, struct http_result *r)
{
	const char *text = t->error[0] ? t->error : text_of(code);
	long connect_status = 0;

	if (translate_own(t, r))
		return;
	curl_easy_getinfo(t->easy, CURLINFO_HTTP_CONNECTCODE, &connect_status);
	if (connect_status != 0 && connect_status / 100 != 2) {
		r->transport = RETRY_TRANSPORT_CONNECT;
		snprintf(r->error, sizeof r->error, "the proxy refuses with status %ld",
			connect_status);
		return;
	}
	if (lacks_port(t, code)) {
		r->transport = RETRY_TRANSPORT_INTERNAL;
		snprintf(r->error, sizeof r->error,
			"no local port is free for one more connection");
		return;
	}
	r->transport = is_tls_alert(text) ? RETRY_TRANSPORT_TLS : transport_of(code);
	if (lacks_certificate(t, r, text)) {
		r->transport = RETRY_TRANSPORT_TLS;
		snprintf(r->error, sizeof r->error,
			"the server asks for a client certificate, and client_certificate_file is not set: %s",
			text);
	} else {
		snprintf(r->error, sizeof r->error, "%s", text);
	}
	http_error_mask(r->error);
}

static void read_times(CURL *e, struct http_result *r)
{
	const struct {
		CURLINFO info;
		int64_t *to;
	} times[] = {
		{CURLINFO_NAMELOOKUP_TIME_T, &r->name_us},
		{CURLINFO_CONNECT_TIME_T, &r->connect_us},
		{CURLINFO_APPCONNECT_TIME_T, &r->tls_us},
		{CURLINFO_STARTTRANSFER_TIME_T, &r->first_byte_us},
		{CURLINFO_TOTAL_TIME_T, &r->total_us},
	};

	for (size_t i = 0; i < COUNT_OF(times); i++) {
		curl_off_t value = 0;

		curl_easy_getinfo(e, times[i].info, &value);
		*times[i].to = value;
	}
}

void http_error_translate(struct http_transfer *t, int curl_code, struct http_result *ret)
{
	long connects = 0;

	*ret = (struct http_result){.transport = RETRY_TRANSPORT_OK};
	read_times(t->easy, ret);
	curl_easy_getinfo(t->easy, CURLINFO_NUM_CONNECTS, &connects);
	ret->new_connection = connects > 0;
	ret->was_resent = t->was_resent;
	http_reply_fill(&t->reply, ret);
	if (curl_code != CURLE_OK) {
		translate_failure(t, (CURLcode)curl_code, ret);
		if (ret->transport == RETRY_TRANSPORT_CONNECT && t->origin->is_name)
			resolver_suspect(&t->origin->name);
		return;
	}
	if (!t->request->connect_only)
		http_reply_check_head(&t->reply, ret);
}
