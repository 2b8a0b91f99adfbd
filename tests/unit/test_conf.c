/* SPDX-License-Identifier: Apache-2.0 */
#include "unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "app/conf/conf.h"
#include "app/conf/fault.h"
#include "app/conf/keys.h"
#include "app/conf/mask.h"
#include "app/preview/preview.h"

static char dir[] = "/tmp/postrider-conf-XXXXXX";

/* What a small configuration is made of; a test replaces one of them. */
#define KAFKA        "kafka = { bootstrap_servers = \"localhost:9092\"; };\n"
#define CONSUMERS    "consumers = { shop = { topics = [ \"orders\" ]; group_id = \"g\"; }; };\n"
#define CONNECTIONS  "connections = { none = { authorization_type = \"NONE\"; }; };\n"
#define DESTINATIONS "destinations = { api = { " DESTINATION " }; };\n"
#define DESTINATION  "connection = \"none\"; endpoint = \"https://api.example.com/*\";"
#define RULES                                                                                  \
	"rules = { placed = { consumer = \"shop\"; " PATTERN " targets = ( { " TARGET          \
	" } ); }; };\n"
#define PATTERN "event_pattern = { detail-type = [ \"Order Placed\" ]; };"
#define TARGET                                                                                 \
	"id = \"api\"; destination = \"api\"; http_parameters = { path_parameter_values = [ \"x\" ]; };"

#define WITH_DESTINATION(keys)                                                                 \
	KAFKA CONSUMERS CONNECTIONS "destinations = { api = { " DESTINATION keys               \
				    " }; };\n" RULES
#define WITH_TARGET(keys)                                                                      \
	KAFKA CONSUMERS CONNECTIONS DESTINATIONS                                               \
		"rules = { placed = { consumer = \"shop\"; " PATTERN                           \
		" targets = ( { " TARGET keys " } ); }; };\n"
#define WITH_RULE(keys)                                                                        \
	KAFKA CONSUMERS CONNECTIONS DESTINATIONS                                               \
		"rules = { placed = { consumer = \"shop\"; targets = ( { " TARGET              \
		" } ); " keys " }; };\n"

static char *path_of(const char *name)
{
	return xasprintf("%s/%s", dir, name);
}

static void write_file(const char *name, const char *text)
{
	char *path = path_of(name);
	FILE *f = fopen(path, "w");

	assert_non_null(f);
	fputs(text, f);
	fclose(f);
	assert_int_equal(chmod(path, 0600), 0);
	free(path);
}

static void note(void *ctx, enum conf_severity severity, const char *line)
{
	struct buf *b = ctx;

	buf_addf(b, "%s%s\n", severity == CONF_WARNING ? "warning: " : "", line);
}

/* The configuration, or NULL; what was said, without the directory, is in @said. */
static struct conf *load_file(const char *name, struct buf *said)
{
	const struct conf_options options = {.generation = 7};
	char *path = path_of(name);
	struct conf *c;

	buf_init(said, BUF_UNLIMITED);
	c = conf_load(path, &options, note, said);
	free(path);
	return c;
}

static struct conf *load(const char *text, struct buf *said)
{
	write_file("conf", text);
	return load_file("conf", said);
}

static struct conf *load_well(const char *text)
{
	struct buf said;
	struct conf *c = load(text, &said);

	if (c == NULL || said.len > 0)
		fail_msg("%s", buf_str(&said));
	buf_release(&said);
	return c;
}

static void assert_fault(const char *text, const char *words)
{
	struct buf said;
	struct conf *c = load(text, &said);

	if (c != NULL || strstr(buf_str(&said), words) == NULL)
		fail_msg("'%s' is not said, but: %s", words, buf_str(&said));
	buf_release(&said);
}

static int set_up(void **state)
{
	(void)state;
	assert_non_null(mkdtemp(dir));
	setenv("CONF_TEST_HOST", "api.example.org", 1);
	setenv("CONF_TEST_SECRET", "very-s3cret", 1);
	unsetenv("CONF_TEST_MISSING");
	return 0;
}

static int tear_down(void **state)
{
	char *command = xasprintf("rm -rf %s", dir);

	(void)state;
	assert_int_equal(system(command), 0);
	free(command);
	return 0;
}

/* --- what is read ----------------------------------------------------------------------- */

static void conf__reads_all_sections(void **state)
{
	struct conf *c = load_well(KAFKA CONSUMERS CONNECTIONS DESTINATIONS RULES);

	(void)state;
	assert_int_equal(c->generation, 7);
	assert_string_equal(c->bootstrap_servers, "localhost:9092");
	assert_int_equal(c->rule_count, 1);
	assert_ptr_equal(c->rules[0].consumer, &c->consumers[0]);
	assert_ptr_equal(c->rules[0].targets[0].destination, &c->destinations[0]);
	assert_ptr_equal(c->rules[0].targets[0].rule, &c->rules[0]);
	assert_ptr_equal(c->destinations[0].connection, &c->connections[0]);
	assert_non_null(c->rules[0].pattern);
	assert_non_null(c->rules[0].targets[0].plan);
	conf_unref(c);
}

static void conf__defaults_are_those_of_the_modules(void **state)
{
	struct conf *c = load_well(KAFKA CONSUMERS CONNECTIONS DESTINATIONS RULES);
	const struct conf_destination *d = &c->destinations[0];
	const struct conf_target *t = &c->rules[0].targets[0];

	(void)state;
	assert_int_equal(c->workers, 1);
	assert_int_equal(c->max_record_bytes, 1024 * 1024);
	assert_int_equal(d->gate.max_concurrency, gate_default_settings.max_concurrency);
	assert_int_equal(d->gate.rate_per_1000s, 0);
	assert_int_equal(d->http.timeout_ms, http_default_settings.timeout_ms);
	assert_int_equal(t->retry.maximum_retry_attempts, 185);
	assert_int_equal(t->retry.maximum_event_age_ms, 24 * 3600 * 1000);
	assert_string_equal(t->dead_letter_topic, "g.dead-letters");
	assert_string_equal(c->admin.listen, "127.0.0.1:9464");
	assert_true(c->dead_letter_create.enabled);
	conf_unref(c);
}

static void conf__units_are_understood(void **state)
{
	struct conf *c = load_well(
		"max_memory = \"64MiB\"; max_record_size = 3000; shutdown_grace = 90;\n" WITH_DESTINATION(
			" timeout = \"1.5s\"; connect_timeout = 2.5; idle_timeout = \"1min\";"
			" invocation_rate_limit_per_second = \"10/min\";"
			" no_progress_timeout = \"500ms\"; max_lifetime = \"2 h\";"));
	const struct conf_destination *d = &c->destinations[0];

	(void)state;
	assert_int_equal(c->max_memory_bytes, 64 << 20);
	assert_int_equal(c->max_record_bytes, 3000);
	assert_int_equal(c->shutdown_grace_ms, 90000);
	assert_int_equal(d->http.timeout_ms, 1500);
	assert_int_equal(d->http.connect_timeout_ms, 2500);
	assert_int_equal(d->http.idle_timeout_ms, 60000);
	assert_int_equal(d->http.no_progress_timeout_ms, 500);
	assert_int_equal(d->http.max_lifetime_ms, 2 * 3600 * 1000);
	assert_int_equal(d->gate.rate_per_1000s, 166);
	conf_unref(c);
}

static void conf__a_rate_may_be_a_fraction(void **state)
{
	struct conf *c =
		load_well(WITH_DESTINATION(" invocation_rate_limit_per_second = 0.5;"));

	(void)state;
	assert_int_equal(c->destinations[0].gate.rate_per_1000s, 500);
	conf_unref(c);
}

static void conf__concurrency_may_be_left_to_the_gate(void **state)
{
	struct conf *c = load_well(
		WITH_DESTINATION(" max_concurrency = \"auto\"; max_concurrency_limit = 300;"));

	(void)state;
	assert_true(c->destinations[0].gate.auto_concurrency);
	assert_int_equal(c->destinations[0].gate.max_concurrency_limit, 300);
	conf_unref(c);
}

static void conf__integers_do_not_wrap(void **state)
{
	(void)state;
	assert_fault("max_in_flight = 4294967297;\n" KAFKA, "max_in_flight: must be from 1");
	assert_fault("max_in_flight = 0x100000001;\n" KAFKA, "max_in_flight: must be from 1");
	assert_fault("max_memory = 99999999999999999999;\n" KAFKA, "does not fit in 64 bits");
}

static void conf__a_large_number_in_a_native_pattern_stays(void **state)
{
	struct conf *c = load_well(
		WITH_RULE("event_pattern = { id = [ 3000000000, 1, 2.5, true, \"x\" ]; };"));

	(void)state;
	assert_string_equal(
		c->rules[0].event_pattern, "{\"id\":[3000000000,1,2.5,true,\"x\"]}");
	conf_unref(c);
}

static void conf__patterns_are_written_in_three_ways(void **state)
{
	static const char *const ways[] = {
		WITH_RULE("event_pattern = { source = [ \"a\" ]; };"),
		WITH_RULE("event_pattern = \"{\\\"source\\\":[\\\"a\\\"]}\";"),
		WITH_RULE("event_pattern_file = \"pattern.json\";"),
	};

	(void)state;
	write_file("pattern.json", "{\"source\":[\"a\"]}\n");
	for (size_t i = 0; i < COUNT_OF(ways); i++) {
		struct conf *c = load_well(ways[i]);

		assert_string_equal(c->rules[0].event_pattern, "{\"source\":[\"a\"]}");
		conf_unref(c);
	}
}

static void conf__parameters_are_written_in_two_ways(void **state)
{
	struct conf *c = load_well(KAFKA CONSUMERS CONNECTIONS DESTINATIONS
		"rules = { placed = { consumer = \"shop\"; " PATTERN
		" targets = ( { id = \"api\";"
		" destination = \"api\"; http_parameters = { path_parameter_values = [ \"x\" ];"
		" header_parameters = { X-One = \"1\"; X-Two = 2; };"
		" query = ( { key = \"_a.b\"; value = \"$.detail\"; } ); }; } ); }; };\n");
	const struct request_parameters *p = &c->rules[0].targets[0].parameters;

	(void)state;
	assert_int_equal(p->header_count, 2);
	assert_string_equal(p->header[1].name, "X-Two");
	assert_string_equal(p->header[1].value, "2");
	assert_int_equal(p->query_count, 1);
	assert_string_equal(p->query[0].name, "_a.b");
	assert_string_equal(p->query[0].value, "$.detail");
	conf_unref(c);
}

static void conf__statuses_may_be_numbers_and_classes(void **state)
{
	struct conf *c =
		load_well(WITH_TARGET(" retry_policy = { retry_on = [ 404, \"5xx\" ]; };"));
	const struct retry_policy *p = &c->rules[0].targets[0].retry;

	(void)state;
	assert_true(retry_statuses_have(&p->retry_on, 404));
	assert_true(retry_statuses_have(&p->retry_on, 599));
	assert_false(retry_statuses_have(&p->retry_on, 400));
	conf_unref(c);
}

static void conf__dead_letter_topic_is_the_nearest_one(void **state)
{
	struct conf *c = load_well(KAFKA
		"consumers = { shop = { topics = \"orders\"; group_id = \"g\"; "
		"dead_letter_topic = \"of.consumer\"; }; };\n" CONNECTIONS DESTINATIONS
		"rules = {\n"
		"one = { consumer = \"shop\"; " PATTERN " targets = ( { " TARGET " } ); };\n"
		"two = { consumer = \"shop\"; dead_letter_topic = \"of.rule\"; " PATTERN
		" targets = ( { " TARGET " }, { dead_letter_topic = \"of.target\"; id = \"b\"; "
		"destination = \"api\"; http_parameters = { path_parameter_values = \"x\"; }; } ); };\n"
		"};\n");

	(void)state;
	assert_string_equal(c->rules[0].targets[0].dead_letter_topic, "of.consumer");
	assert_string_equal(c->rules[1].targets[0].dead_letter_topic, "of.rule");
	assert_string_equal(c->rules[1].targets[1].dead_letter_topic, "of.target");
	conf_unref(c);
}

static void conf__targets_have_an_identity_of_rule_and_id(void **state)
{
	struct conf *x = load_well(KAFKA CONSUMERS CONNECTIONS DESTINATIONS RULES);
	struct conf *y =
		load_well("workers = 2;\n" KAFKA CONSUMERS CONNECTIONS DESTINATIONS RULES);

	(void)state;
	assert_int_equal(x->rules[0].targets[0].identity, y->rules[0].targets[0].identity);
	assert_int_not_equal(x->rules[0].targets[0].identity, 0);
	conf_unref(x);
	conf_unref(y);
}

/* --- files ------------------------------------------------------------------------------ */

static void conf__a_directory_is_one_configuration(void **state)
{
	struct buf said;
	struct conf *c;
	char *path = path_of("conf.d");

	(void)state;
	assert_int_equal(mkdir(path, 0700), 0);
	write_file("conf.d/10.cfg", KAFKA CONSUMERS);
	write_file("conf.d/20.cfg", CONNECTIONS DESTINATIONS);
	write_file("conf.d/30.cfg", RULES "kafka = { properties = [ \"acks=all\" ]; };\n");
	write_file("conf.d/30.cfg~", "not { read");
	c = load_file("conf.d", &said);
	if (c == NULL)
		fail_msg("%s", buf_str(&said));
	assert_int_equal(c->rule_count, 1);
	assert_int_equal(c->property_count, 1);
	assert_non_null(strstr(c->rules[0].place.file, "30.cfg"));
	conf_unref(c);
	buf_release(&said);
	free(path);
}

static void conf__lines_are_those_of_the_included_file(void **state)
{
	(void)state;
	write_file("more.cfg", "\n\nworker = 3;\n");
	assert_fault("workers = 1;\n@include \"more.cfg\"\nworkes = 2;\n" KAFKA,
		"/more.cfg:3: worker");
	assert_fault(
		"workers = 1;\n@include \"more.cfg\"\nworkes = 2;\n" KAFKA, "/conf:3: workes");
}

static void conf__carriage_returns_and_comments_do_no_harm(void **state)
{
	struct conf *c = load_well(
		"# a \"comment\" {\r\n// another (\r\n/* and\r\n a third [ */\r\n" KAFKA
			CONSUMERS CONNECTIONS DESTINATIONS RULES);

	(void)state;
	conf_unref(c);
}

/* --- secrets ---------------------------------------------------------------------------- */

static void conf__references_are_expanded_but_in_credentials(void **state)
{
	struct conf *c = load_well(KAFKA CONSUMERS
		"connections = { none = { authorization_type = \"BEARER\"; token = \"${env:CONF_TEST_SECRET}\"; }; };\n"
		"destinations = { api = { connection = \"none\"; endpoint = \"https://${env:CONF_TEST_HOST}/*\"; }; };\n" RULES);

	(void)state;
	assert_string_equal(c->destinations[0].endpoint, "https://api.example.org/*");
	assert_string_equal(c->connections[0].settings.token, "${env:CONF_TEST_SECRET}");
	conf_unref(c);
}

static void conf__properties_are_expanded_when_they_are_used(void **state)
{
	struct conf *c = load_well(
		"kafka = { bootstrap_servers = \"localhost:9092\"; properties = [ "
		"\"sasl.password=${env:CONF_TEST_SECRET}\" ]; };\n"
		"consumers = { shop = { topics = [ \"orders\" ]; group_id = \"g\"; "
		"properties = [ \"fetch.wait.max.ms=7\" ]; }; };\n" CONNECTIONS DESTINATIONS
			RULES);
	struct err err;
	char **properties;
	size_t count;

	(void)state;
	assert_string_equal(c->properties[0], "sasl.password=${env:CONF_TEST_SECRET}");
	assert_int_equal(
		conf_kafka_properties(c, &c->consumers[0], &properties, &count, &err), 0);
	assert_int_equal(count, 3);
	assert_string_equal(properties[0], "bootstrap.servers=localhost:9092");
	assert_string_equal(properties[1], "sasl.password=very-s3cret");
	assert_string_equal(properties[2], "fetch.wait.max.ms=7");
	conf_free_properties(properties, count);
	conf_unref(c);
}

static void conf__no_print_shows_a_secret(void **state)
{
	struct conf *c = load_well(
		"kafka = { bootstrap_servers = \"localhost:9092\"; properties = [ "
		"\"sasl.password=kafka-s3cret\" ]; };\n" CONSUMERS
		"connections = { none = { authorization_type = \"API_KEY\"; api_key_name = \"X\"; "
		"api_key_value = \"Bearer key-s3cret\"; invocation_http_parameters = { "
		"header_parameters = { X-More = \"more-s3cret\"; }; }; }; };\n"
		"destinations = { api = { connection = \"none\"; "
		"endpoint = \"https://api.example.com/${env:CONF_TEST_SECRET}/*\"; }; };\n" RULES);
	struct buf out;

	(void)state;
	buf_init(&out, BUF_UNLIMITED);
	conf_print(c, &out);
	conf_print_json(c, &out);
	assert_null(strstr(buf_str(&out), "s3cret"));
	assert_non_null(
		strstr(buf_str(&out), "https://api.example.com/${env:CONF_TEST_SECRET}/*"));
	assert_non_null(strstr(buf_str(&out), "sasl.password=***"));
	buf_release(&out);
	conf_unref(c);
}

static void conf__what_is_printed_reads_the_same(void **state)
{
	struct conf *c = load_well(KAFKA CONSUMERS CONNECTIONS DESTINATIONS RULES), *again;
	struct buf first, second, said;

	(void)state;
	buf_init(&first, BUF_UNLIMITED);
	buf_init(&second, BUF_UNLIMITED);
	conf_print(c, &first);
	again = load(buf_str(&first), &said);
	if (again == NULL)
		fail_msg("%s\n%s", buf_str(&first), buf_str(&said));
	conf_print(again, &second);
	assert_string_equal(buf_str(&first), buf_str(&second));
	buf_release(&first);
	buf_release(&second);
	buf_release(&said);
	conf_unref(c);
	conf_unref(again);
}

/* --- the tables ------------------------------------------------------------------------- */

static void check_keys(const struct conf_section *s)
{
	for (size_t i = 0; i < s->key_count; i++) {
		const struct conf_key *key = &s->keys[i];

		assert_non_null(key->sentence);
		if (key->sentence[strlen(key->sentence) - 1] == '.')
			fail_msg("%s.%s: the full stop is added", s->name, key->name);
		if (key->min > key->max && key->max != 0)
			fail_msg("%s.%s: min and max", s->name, key->name);
		for (size_t k = 0; k < i; k++)
			assert_string_not_equal(s->keys[k].name, key->name);
		if (key->type == CONF_GROUP)
			check_keys(key->section);
	}
}

static void conf__every_key_is_described_once(void **state)
{
	(void)state;
	for (size_t i = 0; i < conf_section_count; i++)
		check_keys(conf_sections[i]);
}

static void conf__a_misspelt_name_finds_its_nearest(void **state)
{
	static const char *const names[] = {"timeout", "connect_timeout", "topics", "ordering"};

	(void)state;
	assert_string_equal(conf_nearest("timeuot", names, COUNT_OF(names)), "timeout");
	assert_string_equal(conf_nearest("topic", names, COUNT_OF(names)), "topics");
	assert_string_equal(
		conf_nearest("connection_timeout", names, COUNT_OF(names)), "connect_timeout");
	assert_null(conf_nearest("colour", names, COUNT_OF(names)));
	assert_null(conf_nearest("x", names, 0));
}

/* --- masking and trials ----------------------------------------------------------------- */

static void conf_mask__the_longer_secret_wins(void **state)
{
	struct conf_mask m = {0};
	struct buf out;

	(void)state;
	buf_init(&out, BUF_UNLIMITED);
	conf_mask_add(&m, SLICE("secret"));
	conf_mask_add(&m, SLICE("secret-and-more"));
	conf_mask_add(&m, SLICE("abc"));
	conf_mask_apply(&m, SLICE("a secret-and-more, a secret, abc"), &out);
	assert_string_equal(buf_str(&out), "a ***, a ***, abc");
	buf_release(&out);
	conf_mask_release(&m);
}

static void conf_mask__references_are_no_secrets(void **state)
{
	struct buf out;

	(void)state;
	buf_init(&out, BUF_UNLIMITED);
	conf_mask_references(SLICE("Bearer ${env:A}x${file:${env:B}/c}$${d"), &out);
	assert_string_equal(buf_str(&out), "***${env:A}***${file:${env:B}/c}***");
	buf_release(&out);
}

static void preview__says_what_would_be_sent(void **state)
{
	struct conf *c = load_well(WITH_TARGET(" input_path = \"$.detail\";"));
	const struct event_fields record = {.topic = "orders",
		.timestamp_ms = 0,
		.value = SLICE("{\"detail-type\":\"Order Placed\",\"detail\":{\"id\":1.10}}")};
	struct preview p;
	struct err err;
	const char *code = NULL;

	(void)state;
	preview_init(&p, c, &record);
	assert_int_equal(preview_match(&p, &c->rules[0], NULL, &err), 1);
	assert_int_equal(preview_render(&p, &c->rules[0].targets[0], &code, &err), 0);
	assert_string_equal(p.request.method, "POST");
	assert_string_equal(buf_str(&p.request.url), "https://api.example.com/x");
	assert_true(slice_eq(p.request.body, SLICE("{\"id\":1.10}")));
	preview_release(&p);
	conf_unref(c);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(conf__reads_all_sections),
		cmocka_unit_test(conf__defaults_are_those_of_the_modules),
		cmocka_unit_test(conf__units_are_understood),
		cmocka_unit_test(conf__a_rate_may_be_a_fraction),
		cmocka_unit_test(conf__concurrency_may_be_left_to_the_gate),
		cmocka_unit_test(conf__integers_do_not_wrap),
		cmocka_unit_test(conf__a_large_number_in_a_native_pattern_stays),
		cmocka_unit_test(conf__patterns_are_written_in_three_ways),
		cmocka_unit_test(conf__parameters_are_written_in_two_ways),
		cmocka_unit_test(conf__statuses_may_be_numbers_and_classes),
		cmocka_unit_test(conf__dead_letter_topic_is_the_nearest_one),
		cmocka_unit_test(conf__targets_have_an_identity_of_rule_and_id),
		cmocka_unit_test(conf__a_directory_is_one_configuration),
		cmocka_unit_test(conf__lines_are_those_of_the_included_file),
		cmocka_unit_test(conf__carriage_returns_and_comments_do_no_harm),
		cmocka_unit_test(conf__references_are_expanded_but_in_credentials),
		cmocka_unit_test(conf__properties_are_expanded_when_they_are_used),
		cmocka_unit_test(conf__no_print_shows_a_secret),
		cmocka_unit_test(conf__what_is_printed_reads_the_same),
		cmocka_unit_test(conf__every_key_is_described_once),
		cmocka_unit_test(conf__a_misspelt_name_finds_its_nearest),
		cmocka_unit_test(conf_mask__the_longer_secret_wins),
		cmocka_unit_test(conf_mask__references_are_no_secrets),
		cmocka_unit_test(preview__says_what_would_be_sent),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
