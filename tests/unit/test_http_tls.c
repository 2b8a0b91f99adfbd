/* SPDX-License-Identifier: Apache-2.0 */
#include "unit.h"
#include "io/http/http.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "base/clock.h"
#include "tls_script.h"

static struct loop *loop;
static struct tls_script server;
static struct http_client *client;
static struct http_settings settings;
static struct err err;
static char url[128], dir[64], ca_file[96], client_file[96];
static struct tls_identity authority, good, client_identity;

static int make_authority(void **state)
{
	(void)state;
	http_global_init();
	snprintf(dir, sizeof dir, "/tmp/test_http_tls.XXXXXX");
	assert_non_null(mkdtemp(dir));
	snprintf(ca_file, sizeof ca_file, "%s/ca.pem", dir);
	snprintf(client_file, sizeof client_file, "%s/client.pem", dir);
	authority = tls_identity_make("Test Authority", NULL, NULL, 10);
	good = tls_identity_make("good", "DNS:localhost,IP:127.0.0.1", &authority, 10);
	client_identity = tls_identity_make("client", "DNS:client", &authority, 10);
	tls_write_pem(ca_file, &authority, false);
	tls_write_pem(client_file, &client_identity, true);
	return 0;
}

static int drop_authority(void **state)
{
	(void)state;
	tls_identity_release(&authority);
	tls_identity_release(&good);
	tls_identity_release(&client_identity);
	unlink(ca_file);
	unlink(client_file);
	rmdir(dir);
	return 0;
}

static void set_up(const struct tls_identity *id, bool wants_client, int version)
{
	loop = loop_new();
	tls_start(&server, loop, id, wants_client ? &authority : NULL, version);
	settings = http_default_settings;
	settings.name = "test";
	settings.ca_file = ca_file;
	snprintf(url, sizeof url, "https://localhost:%u/hook", server.port);
}

static void client_made(void)
{
	client = http_client_new(loop, &settings, &err);
	if (client == NULL)
		fail_msg("%s", err.text);
}

static void tear_down(void)
{
	http_client_free(client);
	client = NULL;
	tls_stop(&server);
	loop_free(loop);
}

static struct http_result last;

static void on_done(struct http_request *r, const struct http_result *result)
{
	(void)r;
	last = *result;
	loop_stop(loop);
}

static void send_one(void)
{
	static struct http_request r;

	r = (struct http_request){.method = "POST",
		.url = url,
		.has_body = true,
		.body = SLICE("{}"),
		.done = on_done};
	http_submit(client, &r);
	loop_run(loop);
}

static void expect_failure(const char *words)
{
	send_one();
	if (last.transport != RETRY_TRANSPORT_TLS || strstr(last.error, words) == NULL)
		fail_msg("transport %d: '%s'", last.transport, last.error);
	assert_int_equal(server.requests, 0);
	tear_down();
}

static void tls__a_server_of_a_private_authority_is_believed(void **state)
{
	static const int versions[] = {TLS1_2_VERSION, TLS1_3_VERSION};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(versions); i++) {
		set_up(&good, false, versions[i]);
		client_made();
		send_one();
		assert_int_equal(last.status, 200);
		assert_true(last.tls_us > 0);
		tear_down();
	}
}

static void tls__an_unknown_authority_is_not(void **state)
{
	struct tls_identity other = tls_identity_make("Other", NULL, NULL, 10);
	struct tls_identity id = tls_identity_make("x", "DNS:localhost", &other, 10);

	(void)state;
	set_up(&id, false, TLS1_3_VERSION);
	client_made();
	tls_identity_release(&id);
	tls_identity_release(&other);
	expect_failure("unable to get local issuer certificate");
}

static void tls__the_systems_authorities_don_t_know_ours(void **state)
{
	(void)state;
	set_up(&good, false, TLS1_3_VERSION);
	settings.ca_file = NULL;
	client_made();
	expect_failure("unable to get local issuer certificate");
}

static void tls__a_certificate_that_signs_itself_is_not(void **state)
{
	struct tls_identity id = tls_identity_make("self", "DNS:localhost", NULL, 10);

	(void)state;
	set_up(&id, false, TLS1_3_VERSION);
	client_made();
	tls_identity_release(&id);
	expect_failure("self-signed certificate");
}

static void tls__an_expired_certificate_is_not(void **state)
{
	struct tls_identity id = tls_identity_make("old", "DNS:localhost", &authority, -1);

	(void)state;
	set_up(&id, false, TLS1_3_VERSION);
	client_made();
	tls_identity_release(&id);
	expect_failure("certificate has expired");
}

static void tls__a_certificate_of_another_host_is_not(void **state)
{
	struct tls_identity id = tls_identity_make("other", "DNS:other.test", &authority, 10);

	(void)state;
	set_up(&id, false, TLS1_3_VERSION);
	client_made();
	tls_identity_release(&id);
	expect_failure("no alternative certificate subject name matches");
}

static void tls__verification_is_skipped_only_when_told_so(void **state)
{
	struct tls_identity id = tls_identity_make("self", "DNS:other.test", NULL, -1);

	(void)state;
	set_up(&id, false, TLS1_3_VERSION);
	settings.insecure_skip_verify = true;
	client_made();
	tls_identity_release(&id);
	send_one();
	assert_int_equal(last.status, 200);
	tear_down();
}

static void tls__old_versions_are_refused(void **state)
{
	(void)state;
	set_up(&good, false, TLS1_1_VERSION);
	client_made();
	expect_failure("");
}

static void tls__a_missing_client_certificate_is_a_failure_of_tls(void **state)
{
	(void)state;
	set_up(&good, true, TLS1_2_VERSION);
	client_made();
	expect_failure("alert");
	/* In TLS 1.3 the client has sent its request when it learns of it. */
	set_up(&good, true, TLS1_3_VERSION);
	client_made();
	expect_failure("certificate required");
}

static void tls__a_client_certificate_opens_the_door_and_a_renewed_one_is_used(void **state)
{
	struct tls_identity renewed = tls_identity_make("client", "DNS:client", &authority, 20);
	struct tls_identity foreign = tls_identity_make("client", "DNS:client", NULL, 20);

	(void)state;
	tls_write_pem(client_file, &foreign, true);
	set_up(&good, true, TLS1_3_VERSION);
	settings.client_certificate_file = settings.client_key_file = client_file;
	client_made();
	send_one();
	assert_int_equal(last.transport, RETRY_TRANSPORT_TLS);
	tls_write_pem(client_file, &renewed, true);
	send_one();
	assert_int_equal(last.status, 200);
	tls_write_pem(client_file, &client_identity, true);
	tls_identity_release(&renewed);
	tls_identity_release(&foreign);
	tear_down();
}

static void tls__unusable_files_are_named_at_once(void **state)
{
	struct http_settings bad = http_default_settings;

	(void)state;
	loop = loop_new();
	bad.ca_file = "/none/ca.pem";
	assert_null(http_client_new(loop, &bad, &err));
	assert_string_equal(err.text, "ca_file '/none/ca.pem': No such file or directory");
	bad.ca_file = "/etc/hostname";
	assert_null(http_client_new(loop, &bad, &err));
	assert_non_null(strstr(err.text, "ca_file '/etc/hostname'"));
	bad.ca_file = NULL;
	bad.client_certificate_file = ca_file; /* without a key */
	assert_null(http_client_new(loop, &bad, &err));
	assert_non_null(strstr(err.text, "client_key_file"));
	bad.client_certificate_file = NULL;
	bad.client_key_file = client_file;
	assert_null(http_client_new(loop, &bad, &err));
	assert_non_null(strstr(err.text, "needs client_certificate_file"));
	loop_free(loop);
}

static void tls__sessions_are_resumed(void **state)
{
	(void)state;
	set_up(&good, false, TLS1_3_VERSION);
	client_made();
	for (unsigned i = 0; i < 5; i++) {
		send_one();
		assert_int_equal(last.status, 200);
		tls_drop_all(&server); /* the next one needs a new connection */
	}
	assert_int_equal(server.accepted, 5);
	assert_int_equal(server.resumed, 4);
	tear_down();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(tls__a_server_of_a_private_authority_is_believed),
		cmocka_unit_test(tls__an_unknown_authority_is_not),
		cmocka_unit_test(tls__the_systems_authorities_don_t_know_ours),
		cmocka_unit_test(tls__a_certificate_that_signs_itself_is_not),
		cmocka_unit_test(tls__an_expired_certificate_is_not),
		cmocka_unit_test(tls__a_certificate_of_another_host_is_not),
		cmocka_unit_test(tls__verification_is_skipped_only_when_told_so),
		cmocka_unit_test(tls__old_versions_are_refused),
		cmocka_unit_test(tls__a_missing_client_certificate_is_a_failure_of_tls),
		cmocka_unit_test(
			tls__a_client_certificate_opens_the_door_and_a_renewed_one_is_used),
		cmocka_unit_test(tls__unusable_files_are_named_at_once),
		cmocka_unit_test(tls__sessions_are_resumed),
	};

	return cmocka_run_group_tests(tests, make_authority, drop_authority);
}
