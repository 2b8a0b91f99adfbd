/* SPDX-License-Identifier: Apache-2.0 */
/* The checks of token, Host and Origin. */
#include "access.h"

#include <arpa/inet.h>
#define ERR_STATE openssl_err_state /* OpenSSL has a type of that name */
#include <openssl/crypto.h>
#undef ERR_STATE
#include <string.h>
#include <strings.h>

#define HOST_MAX_BYTES 256

static const struct access_refusal no_token = {
	401, "a token is wanted: Authorization: Bearer TOKEN (admin.token)\n"};
static const struct access_refusal wrong_host = {421,
	"the Host header is neither an IP address, nor localhost, nor the host of "
	"admin.listen: set admin.token, or ask by one of these\n"};
static const struct access_refusal wrong_origin = {
	403, "a page of another site has sent this: the Origin header is not this listener\n"};
static const struct access_refusal not_local = {
	403, "without admin.token this is for clients on the daemon's own machine only\n"};

/* How long it takes tells nothing of the token but its length. */
static bool has_token(const char *token, const char *given)
{
	static const char scheme[] = "Bearer ";
	size_t len = strlen(token);

	if (given == NULL || strncasecmp(given, scheme, sizeof scheme - 1) != 0)
		return false;
	given += sizeof scheme - 1;
	return strlen(given) == len && CRYPTO_memcmp(given, token, len) == 0;
}

/* The name in "name", "name:port", "[v6]" or "[v6]:port". False: there is none. */
static bool host_name(const char *text, char out[HOST_MAX_BYTES])
{
	const bool bracket = text[0] == '[';
	const char *start = text + bracket;
	size_t len = strcspn(start, bracket ? "]" : ":");

	if (len == 0 || len >= HOST_MAX_BYTES || (bracket && start[len] != ']'))
		return false;
	memcpy(out, start, len);
	out[len] = '\0';
	return true;
}

static bool is_ip_literal(const char *name)
{
	unsigned char address[16];

	return inet_pton(AF_INET, name, address) == 1 ||
	       inet_pton(AF_INET6, name, address) == 1;
}

/* The names for this machine (RFC 6761, 6.3): nobody else's name server is asked for them. */
static bool is_localhost(const char *name)
{
	static const char suffix[] = ".localhost";
	size_t len = strlen(name);

	return strcasecmp(name, suffix + 1) == 0 ||
	       (len >= sizeof suffix &&
		       strcasecmp(name + len - sizeof suffix + 1, suffix) == 0);
}

/* A name that no other site can have. */
static bool is_our_host(const char *listen, const char *host)
{
	char name[HOST_MAX_BYTES], ours[HOST_MAX_BYTES];

	if (host == NULL || !host_name(host, name))
		return false;
	if (is_ip_literal(name) || is_localhost(name))
		return true;
	return host_name(listen, ours) && strcasecmp(name, ours) == 0;
}

static bool is_our_origin(const struct access_rules *rules, const struct access_request *r)
{
	const char *scheme = rules->is_tls ? "https://" : "http://";
	size_t len = strlen(scheme);

	return r->origin == NULL ||
	       (r->host != NULL && strncasecmp(r->origin, scheme, len) == 0 &&
		       strcasecmp(r->origin + len, r->host) == 0);
}

const struct access_refusal *access_check(
	const struct access_rules *rules, const struct access_request *r)
{
	const bool is_unix =
		strncmp(rules->listen, "unix:", 5) == 0; /* no browser gets there */

	if (rules->token != NULL && !has_token(rules->token, r->authorization))
		return &no_token;
	if ((rules->token == NULL || r->changes) && !is_unix &&
		!is_our_host(rules->listen, r->host))
		return &wrong_host;
	if (r->changes && !is_our_origin(rules, r))
		return &wrong_origin;
	if (r->changes && rules->token == NULL && !r->local)
		return &not_local;
	return NULL;
}
