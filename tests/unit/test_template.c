/* SPDX-License-Identifier: Apache-2.0 */
#include "unit.h"
#include "core/request/template.h"

#include <stdio.h>
#include <stdlib.h>

/* The event behind the cases of doc/eventbridge.md, Recorded templates, and some values more. */
static const char event_text[] =
	"{\"version\":\"0\",\"id\":\"e-1\",\"detail-type\":\"core.update-account-command\","
	"\"source\":\"core\",\"account\":\"000000000000\",\"time\":\"2023-04-03T09:05:04Z\","
	"\"region\":\"eu\",\"resources\":[],\"detail\":{\"command\":\"update-account\","
	"\"payload\":{\"acc_id\":\"0a787ecb-4015\",\"sf_id\":\"baz\"},\"listsingle\":[\"HIGH\"],"
	"\"listmulti\":[\"ACTIVE\",\"INACTIVE\"],\"valid\":true,\"false\":false,\"zero\":0,"
	"\"big\":12345678901234567890,\"price\":1.10,\"null\":null,\"empty\":\"\",\"none\":{},"
	"\"note\":\"say \\\"hi\\\"\\n\\u00e9\",\"accent\":\"caf\\u00e9\",\"path\":\"C:\\\\new\","
	"\"spaced\":{ \"a\" : [ 1, \"x \\\" y\" ] },\"items\":[{\"sku\":\"a\"},{\"sku\":\"b\\\"c\"}],"
	"\"instance\":\"i-0123456789\",\"state\":\"RUNNING\",\"x\":\"1\\\",\\\"y\\\":\\\"2\"}}";

#define D "$.detail."

static struct request_parameter variables[] = {
	{"userId", D "payload.acc_id"},
	{"payload", D "payload"},
	{"systemstring", D "awsAccountId"},
	{"listsingle", D "listsingle"},
	{"listmulti", D "listmulti"},
	{"valid", D "valid"},
	{"false", D "false"},
	{"zero", D "zero"},
	{"big", D "big"},
	{"price", D "price"},
	{"null", D "null"},
	{"empty", D "empty"},
	{"none", D "none"},
	{"note", D "note"},
	{"accent", D "accent"},
	{"path", D "path"},
	{"spaced", D "spaced"},
	{"skus", D "items[*].sku"},
	{"nohits", D "items[*].nothing"},
	{"detail-type", "$.detail-type"},
	{"timestamp", "$.time"},
	{"command", D "command"},
	{"absent", D "absent"},
	{"instance", D "instance"},
	{"state", D "state"},
	{"x", D "x"},
	{"header", "$kafka.headers.X-Tenant"},
};

#define PAYLOAD "{\"acc_id\":\"0a787ecb-4015\",\"sf_id\":\"baz\"}"
#define NOTHING NULL

struct template_case {
	const char *template, *body; /* NOTHING: INVALID_JSON */
};

/* clang-format off: one line a case. */

/* Numbered as in doc/eventbridge.md; 20 is a test of its own. */
static const struct template_case recorded[] = {
	/*  1 */
	{"{\"method\": \"PUT\", \"path\": \"users-service/users/<userId>\", \"bod\": <payload>}",
		"{\"method\": \"PUT\", \"path\": \"users-service/users/0a787ecb-4015\", \"bod\": " PAYLOAD
		"}"},
	/*  2 */
	{"\"Payload of <payload> with path users-service/users/<userId> and <userId>\"",
		"\"Payload of {acc_id:0a787ecb-4015,sf_id:baz} with path users-service/users/0a787ecb-4015 and 0a787ecb-4015\""},
	/*  3 */ {"{\"id\" : <userId>}", "{\"id\" : \"0a787ecb-4015\"}"},
	/*  4 */ {"{\"id\" : \"<userId>\"}", "{\"id\" : \"0a787ecb-4015\"}"},
	/*  5 */
	{"{\"method\": \"PUT\", \"path\": \"users-service/users/<userId>\", \"id\": <userId>, \"body\": <payload>}",
		"{\"method\": \"PUT\", \"path\": \"users-service/users/0a787ecb-4015\", \"id\": \"0a787ecb-4015\", \"body\": " PAYLOAD
		"}"},
	/*  6 */
	{"{\"method\": \"PUT\", \"path\": \"users-service/users/<userId>\", \"bod\": [<userId>, \"hardcoded\"]}",
		"{\"method\": \"PUT\", \"path\": \"users-service/users/0a787ecb-4015\", \"bod\": [\"0a787ecb-4015\", \"hardcoded\"]}"},
	/*  7 */
	{"{\"method\": \"PUT\", \"nested\": {\"level1\": {\"level2\": {\"level3\": \"users-service/users/<userId>\"} } }, \"bod\": \"<userId>\"}",
		"{\"method\": \"PUT\", \"nested\": {\"level1\": {\"level2\": {\"level3\": \"users-service/users/0a787ecb-4015\"} } }, \"bod\": \"0a787ecb-4015\"}"},
	/*  8 */ {"\"<listsingle> single list item\"", "\"[HIGH] single list item\""},
	/*  9 */
	{"\"<listmulti> multiple list items\"", "\"[ACTIVE,INACTIVE] multiple list items\""},
	/* 10 */ {"{\"singlelistitem\": <listsingle>}", "{\"singlelistitem\": [\"HIGH\"]}"},
	/* 11 */
	{"\"<listsingle> single list item <listmulti> multiple list items <systemstring> system account id <payload> payload <userId> user id\"",
		"\"[HIGH] single list item [ACTIVE,INACTIVE] multiple list items  system account id {acc_id:0a787ecb-4015,sf_id:baz} payload 0a787ecb-4015 user id\""},
	/* 12 */
	{"{\"multi_replacement\": \"users/<userId>/second/<userId>\"}",
		"{\"multi_replacement\": \"users/0a787ecb-4015/second/0a787ecb-4015\"}"},
	/* 13 */ {"\"Command is <valid>!\"", "\"Command is true!\""},
	/* 14 */
	{"\"<listsingle> single list item\"\n\"<listmulti> multiple list items\"\n\"<systemstring> system account id\"\n\"<payload> payload\"\n\"<userId> user id\"",
		"\"[HIGH] single list item\"\n\"[ACTIVE,INACTIVE] multiple list items\"\n\" system account id\"\n\"{acc_id:0a787ecb-4015,sf_id:baz} payload\"\n\"0a787ecb-4015 user id\""},
	/* 15 */
	{"{\"detailType\": <detail-type>,  \"time\": <timestamp>, \"command\": <command>}",
		"{\"detailType\": \"core.update-account-command\",  \"time\": \"2023-04-03T09:05:04Z\", \"command\": \"update-account\"}"},
	/* 16 */
	{"{\"detailType\": <detail-type>,  \"time\": <timestamp>, \"command\": <absent>}",
		"{\"detailType\": \"core.update-account-command\",  \"time\": \"2023-04-03T09:05:04Z\", \"command\": \"\"}"},
	/* 17 */
	{"\"Event of <detail-type> type, at time <timestamp>, info extracted from detail <absent>\"",
		"\"Event of core.update-account-command type, at time 2023-04-03T09:05:04Z, info extracted from detail \""},
	/* 18 */
	{"\"{[/Check with special starting characters for event of <detail-type> type\"",
		"\"{[/Check with special starting characters for event of core.update-account-command type\""},
	/* 19 */
	{"\"Message containing all pre defined variables <aws.events.rule-arn> <aws.events.rule-name> <aws.events.event.ingestion-time>\"",
		"\"Message containing all pre defined variables postrider:rule/shop shop 2023-04-03T09:05:05.678Z\""},
	/* 21 */
	{"{\"not_valid\": \"users-service/users/<payload>\", \"bod\": <payload>}", NOTHING},
	/* 22 */ {"{\"payload\": \"<payload>\"}", NOTHING},
	/* 23 */ {"{\"singlelistitem\": \"<listsingle>\"}", NOTHING},
	/* and the examples of the guide */
	{"\"instance \\\"<instance>\\\" is in <state>\"",
		"\"instance \\\"i-0123456789\\\" is in RUNNING\""},
	{"{\"state\":[9,<state>,true]}", "{\"state\":[9,\"RUNNING\",true]}"},
	{"{\"instanceStatus\":\"instance \\\"<instance>\\\" is in <state>\"}",
		"{\"instanceStatus\":\"instance \\\"i-0123456789\\\" is in RUNNING\"}"},
	{"\"<aws.events.rule-name> triggered\"", "\"shop triggered\""},
};

/* The table of 3.5 cell by cell, and our choices. */
static const struct template_case ours[] = {
	{"[<valid>,<false>,<zero>,<big>,<price>]", "[true,false,0,12345678901234567890,1.10]"},
	{"[\"<valid> <false> <zero> <big> <price>\"]",
		"[\"true false 0 12345678901234567890 1.10\"]"},
	{"\"<valid> <false> <zero> <big> <price>\"",
		"\"true false 0 12345678901234567890 1.10\""},
	{"[<null>,\"<null>\"]", "[null,\"\"]"},
	{"\"null is <null>.\"", "\"null is .\""},
	{"[<empty>,\"<empty>\",<none>,<absent>]", "[\"\",\"\",{},\"\"]"},
	{"[\"<none>\"]", "[\"{}\"]"},
	{"[<note>,<accent>]", "[\"say \\\"hi\\\"\\n\\u00e9\",\"caf\\u00e9\"]"},
	{"[\"<accent>\"]", "[\"caf\xc3\xa9\"]"},
	{"[\"<note>\"]", NOTHING},
	/* It is JSON, though not what was meant: why there is `escape`. */
	{"{\"a\":\"<x>\"}", "{\"a\":\"1\",\"y\":\"2\"}"},
	{"\"<note>\"", "\"say \"hi\"\n\xc3\xa9\""},
	{"[<spaced>]", "[{ \"a\" : [ 1, \"x \\\" y\" ] }]"},
	{"\"<spaced>\"", "\"{a:[1,x \\ y]}\""},
	{"[<skus>,<nohits>]", "[[\"a\",\"b\\\"c\"],[]]"},
	{"\"<skus>\"", "\"[a,b\\c]\""},
	{"<payload>", PAYLOAD},
	{" <userId>\n", " \"0a787ecb-4015\"\n"},
	{"[1 ,\t2]\n", "[1 ,\t2]\n"},
	{"[\"a < b <> <a b> <-\"]", "[\"a < b <> <a b> <-\"]"},
	{"[\"<<userId>>\"]", "[\"<0a787ecb-4015>\"]"},
	{"[<kafka.topic>,<kafka.partition>,<kafka.offset>,<kafka.timestamp>,<kafka.key>]",
		"[\"orders\",3,42,\"2023-04-03T09:05:05.678Z\",\"k\\\"1�\"]"},
	{"[\"<kafka.topic>/<kafka.partition>/<kafka.offset>\"]", "[\"orders/3/42\"]"},
	{"[<kafka.headers.X-Tenant>,<header>,<kafka.headers.null>,<kafka.headers.none>]",
		"[\"t-1\",\"t-1\",null,\"\"]"},
	{"[\"<kafka.headers.X-Tenant>\"]", "[\"t-1\"]"},
};

static const struct template_case escaped[] = {
	{"[\"<note>\"]", "[\"say \\\"hi\\\"\\n\\u00e9\"]"},
	{"[\"<path>\"]", "[\"C:\\\\new\"]"},
	{"[\"<x>\"]", "[\"1\\\",\\\"y\\\":\\\"2\"]"},
	{"[\"<payload>\"]",
		"[\"{\\\"acc_id\\\":\\\"0a787ecb-4015\\\",\\\"sf_id\\\":\\\"baz\\\"}\"]"},
	{"[\"<spaced>\"]", "[\"{\\\"a\\\":[1,\\\"x \\\\\\\" y\\\"]}\"]"},
	{"\"<spaced> <payload>\"", "\"{a:[1,x  y]} {acc_id:0a787ecb-4015,sf_id:baz}\""},
	{"\"<note>\"", "\"say \\\"hi\\\"\\n\\u00e9\""},
	{"[\"<kafka.key>\"]", "[\"k\\\"1\xef\xbf\xbd\"]"},
	{"[<note>,\"<null><absent><zero>\"]", "[\"say \\\"hi\\\"\\n\\u00e9\",\"0\"]"},
};

/* clang-format on */

static struct event *ev;
static struct jx_index ix;
static struct template_work work;
static struct buf body;

/* What was complained about, one line each. */
static struct buf complaints;

static void note(void *ctx, bool is_warning, const char *field, const char *text)
{
	(void)ctx;
	buf_addf(&complaints, "%s %s: %s\n", is_warning ? "warning" : "fault", field, text);
}

static struct template *compile(const struct request_input *in)
{
	struct request_complaints c = {.complain = note};

	buf_reset(&complaints);
	return template_new(in, "shop", &c);
}

static struct template *compile_text(const char *text, bool escape)
{
	struct request_input in = {
		.input_template = (char *)(uintptr_t)text,
		.input_paths_map = variables,
		.input_paths_count = COUNT_OF(variables),
		.escape = escape,
	};

	return compile(&in);
}

static int render(const struct template *t, const char **ret_code, struct err *err)
{
	struct value_context context = {.ev = ev, .ix = &ix};

	buf_reset(&body);
	return template_render(t, &context, &body, &work, ret_code, err);
}

static void check_cases(const struct template_case *cases, size_t count, bool escape)
{
	for (size_t i = 0; i < count; i++) {
		struct template *t = compile_text(cases[i].template, escape);
		const char *code = "";
		struct err err = {0};
		int failed;

		if (t == NULL)
			fail_msg("%s: %s", cases[i].template, buf_str(&complaints));
		failed = render(t, &code, &err);
		if (cases[i].body == NOTHING) {
			if (!failed)
				fail_msg("%s gave %s", cases[i].template, buf_str(&body));
			assert_string_equal(code, "INVALID_JSON");
		} else if (failed) {
			fail_msg("%s: %s", cases[i].template, err.text);
		} else if (strcmp(buf_str(&body), cases[i].body) != 0) {
			fail_msg("%s gave\n%s, not\n%s", cases[i].template, buf_str(&body),
				cases[i].body);
		}
		template_free(t);
	}
}

static void template__recorded_cases_of_eventbridge(void **state)
{
	(void)state;
	check_cases(recorded, COUNT_OF(recorded), false);
}

static void template__every_kind_of_value_in_every_place(void **state)
{
	(void)state;
	check_cases(ours, COUNT_OF(ours), false);
}

static void template__escape_makes_every_string_safe(void **state)
{
	(void)state;
	check_cases(escaped, COUNT_OF(escaped), true);
}

static void template__the_whole_event_can_be_inserted(void **state)
{
	static const char expected[] =
		"{\"e\": {\"version\":\"0\",\"id\":\"e-1\","
		"\"detailType\":\"core.update-account-command\",\"source\":\"core\","
		"\"account\":\"000000000000\",\"time\":\"2023-04-03T09:05:04Z\","
		"\"region\":\"eu\",\"resources\":[]}, \"j\": ";
	struct template *t = compile_text(
		"{\"e\": <aws.events.event>, \"j\": <aws.events.event.json>}", false);
	const char *code;

	(void)state;
	assert_int_equal(render(t, &code, NULL), 0);
	assert_memory_equal(body.data, expected, sizeof expected - 1);
	assert_memory_equal(body.data + sizeof expected - 1, event_text, sizeof event_text - 1);
	assert_string_equal(body.data + body.len - 1, "}");
	template_free(t);
}

static void template__broken_json_says_where_and_why(void **state)
{
	struct template *t = compile_text("{\"a\":\"<state>\",\n \"b\":\"<note>\"}", false);
	const char *code = NULL;
	struct err err;

	(void)state;
	assert_int_equal(render(t, &code, &err), ERR_INVALID);
	assert_string_equal(code, "INVALID_JSON");
	assert_non_null(strstr(err.text, "<note>"));
	assert_non_null(strstr(err.text, "escape = true"));
	assert_non_null(strstr(err.text, "line 2, column 12"));
	template_free(t);
}

/* A template that is refused, and a part of the reason. */
static const struct {
	const char *template, *reason;
} refused[] = {
	{"{\"a\":<notdefinedkey>}", "invalid placeholder <notdefinedkey>"},
	{"\"<b>bold</b>\"", "line 1, column 2: invalid placeholder <b>"},
	{"\"<aws.events.nothing>\"", "invalid placeholder <aws.events.nothing>"},
	{"\"<kafka.nothing>\"", "invalid placeholder <kafka.nothing>"},
	{"{<userId>:1}", "cannot be an object's key"},
	{"{\"<userId>\" : 1}", "cannot be an object's key"},
	{"{\n\"a\":1,\"x-<userId>-y\":1}", "line 2, column 10: the placeholder <userId>"},
	{"<userId> is here", "put each line of text into double quotes"},
	{"hello", "put each line of text into double quotes"},
	{"{\"a\":<userId>", "it is not JSON: line 1, column 14"},
	{"{\"a\":1<userId>}", "it is not JSON: line 1, column 7"},
	{"{\"a\":<userId><userId>}", "it is not JSON"},
	{"{\"a\":\"\\<userId>\"}", "it is not JSON"},
	{"{\"a\":\"\\u00<userId>\"}", "it is not JSON"},
	{"{\"a\":\"<userId>}", "it is not JSON"},
	{"{'a':1}", "it is not JSON"},
	{"", "it is empty"},
	{" \n", "it is empty"},
};

static void template__is_refused_at_load_with_the_reason(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT_OF(refused); i++) {
		if (compile_text(refused[i].template, false) != NULL)
			fail_msg("%s was accepted", refused[i].template);
		if (strstr(buf_str(&complaints), "fault input_template: ") == NULL ||
			strstr(buf_str(&complaints), refused[i].reason) == NULL)
			fail_msg("%s: %s", refused[i].template, buf_str(&complaints));
	}
}

static void template__all_faults_are_told_at_once(void **state)
{
	struct request_parameter map[] = {{"a.b", "$.x"}, {"c", "x"}, {"", "$.x"}};
	struct request_input in = {.input_template = (char[]){"{<c>:<d>}"},
		.input_paths_map = map,
		.input_paths_count = COUNT_OF(map)};

	(void)state;
	assert_null(compile(&in));
	assert_non_null(strstr(buf_str(&complaints), "fault input_paths_map.a.b: "));
	assert_non_null(strstr(buf_str(&complaints), "fault input_paths_map.c: "));
	assert_non_null(strstr(buf_str(&complaints), "fault input_paths_map.: "));
	assert_non_null(strstr(buf_str(&complaints), "placeholder <d>"));
	assert_non_null(strstr(buf_str(&complaints), "<c> cannot be"));
}

static void template__quotes_without_escape_are_warned_of(void **state)
{
	struct template *t = compile_text("{\"a\":\"<note>\",\"b\":\"<kafka.offset>\"}", false);

	(void)state;
	assert_non_null(t);
	assert_non_null(strstr(
		buf_str(&complaints), "warning input_template: line 1, column 7: <note>"));
	assert_null(strstr(buf_str(&complaints), "kafka.offset"));
	template_free(t);
	t = compile_text("{\"a\":\"<note>\"}", true);
	assert_string_equal(buf_str(&complaints), "");
	template_free(t);
	t = compile_text("\"<note>\"", false);
	assert_string_equal(buf_str(&complaints), "");
	template_free(t);
	t = compile_text("\"<note>\nand more", false);
	assert_non_null(strstr(buf_str(&complaints), "a quote is not closed"));
	template_free(t);
}

static void template__limits_of_the_original_are_warnings(void **state)
{
	char *text = xmalloc(9001);
	struct template *t;

	(void)state;
	memset(text, ' ', 9000);
	text[0] = '1';
	text[9000] = '\0';
	t = compile_text(text, false);
	assert_non_null(t);
	assert_non_null(strstr(buf_str(&complaints),
		"warning input_template: 9000 characters are more than the 8192"));
	template_free(t);
	free(text);
}

static void template__input_is_a_constant(void **state)
{
	struct request_input in = {.input = (char[]){" {\"a\": 1} "}};
	struct template *t = compile(&in);
	const char *code;

	(void)state;
	assert_int_equal(template_kind(t), TEMPLATE_CONSTANT);
	assert_false(template_is_never_object(t));
	assert_int_equal(render(t, &code, NULL), 0);
	assert_string_equal(buf_str(&body), " {\"a\": 1} ");
	template_free(t);
	in.input = (char[]){"hello"};
	assert_null(compile(&in));
	assert_non_null(strstr(buf_str(&complaints), "it is not a valid JSON text"));
}

static void template__input_path_selects_a_part(void **state)
{
	static const struct {
		const char *path, *body;
	} cases[] = {
		{"$.detail.payload", PAYLOAD},
		{"$.detail.payload.sf_id", "\"baz\""},
		{"$.detail.price", "1.10"},
		{"$.detail.null", "null"},
		{"$.detail.spaced", "{ \"a\" : [ 1, \"x \\\" y\" ] }"},
		{"$.detail.items[*].sku", "[\"a\",\"b\\\"c\"]"},
		{"$", event_text},
	};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		struct request_input in = {.input_path = (char *)(uintptr_t)cases[i].path};
		struct template *t = compile(&in);
		const char *code;

		assert_int_equal(render(t, &code, NULL), 0);
		assert_string_equal(buf_str(&body), cases[i].body);
		template_free(t);
	}
}

static void template__input_path_that_selects_nothing_is_not_sent(void **state)
{
	struct request_input in = {.input_path = (char[]){"$.detail.absent"}};
	struct template *t = compile(&in);
	const char *code = NULL;
	struct err err;

	(void)state;
	assert_int_equal(render(t, &code, &err), ERR_INVALID);
	assert_string_equal(code, "INVALID_PARAMETER");
	assert_string_equal(err.text, "input_path: $.detail.absent is not in the event");
	template_free(t);
}

static void template__only_one_of_the_three(void **state)
{
	struct request_input in = {.input = (char[]){"1"}, .input_path = (char[]){"$"}};

	(void)state;
	assert_null(compile(&in));
	assert_non_null(strstr(buf_str(&complaints), "only one of"));
	in = (struct request_input){.input_paths_map = variables, .input_paths_count = 1};
	assert_null(compile(&in));
	assert_non_null(strstr(buf_str(&complaints), "fault input_template: it is missing"));
}

static void template__without_any_the_event_is_sent_as_it_is(void **state)
{
	struct template *t = compile(&(struct request_input){0});
	struct value_context raw = {.ev = ev};
	const char *code;

	(void)state;
	assert_int_equal(render(t, &code, NULL), 0);
	assert_string_equal(buf_str(&body), event_text);
	assert_false(template_is_json(t, &raw));
	buf_reset(&body);
	assert_int_equal(template_render(t, &raw, &body, &work, &code, NULL), 0);
	assert_string_equal(buf_str(&body), event_text);
	template_free(t);
}

static void template__body_over_the_limit_is_refused(void **state)
{
	struct template *t =
		compile_text("[<aws.events.event.json>,<aws.events.event>]", false);
	struct value_context context = {.ev = ev, .ix = &ix};
	struct buf small;
	const char *code = NULL;

	(void)state;
	buf_init(&small, 100);
	assert_int_equal(template_render(t, &context, &small, &work, &code, NULL), ERR_LIMIT);
	assert_string_equal(code, "RESOURCE_LIMIT_EXCEEDED");
	buf_release(&small);
	template_free(t);
}

static void template__ingestion_time_falls_back_to_taking_up(void **state)
{
	struct template *t =
		compile_text("[<aws.events.event.ingestion-time>,<kafka.timestamp>]", false);
	const char *code;

	(void)state;
	ev->f.timestamp_ms = -1;
	assert_int_equal(render(t, &code, NULL), 0);
	assert_string_equal(buf_str(&body), "[\"2023-04-03T09:06:00.000Z\",\"\"]");
	ev->f.timestamp_ms = 1680512705678;
	template_free(t);
}

static int set_up(void **state)
{
	static const struct event_header headers[] = {
		{{"X-Tenant", 8}, {"t-1", 3}}, {{"null", 4}, {NULL, 0}}};

	(void)state;
	ev = event_new(&(struct event_fields){
		.topic = "orders",
		.partition = 3,
		.offset = 42,
		.timestamp_ms = 1680512705678,
		.taken_up_ms = 1680512760000,
		.key = SLICE("k\"1\xff"),
		.value = SLICE(event_text),
		.headers = headers,
		.header_count = COUNT_OF(headers),
	});
	jx_init(&ix);
	jx_init(&work.ix);
	buf_init(&work.value, BUF_UNLIMITED);
	buf_init(&body, BUF_UNLIMITED);
	buf_init(&complaints, BUF_UNLIMITED);
	return jx_parse(&ix, ev->f.value, &jx_default_limits, NULL);
}

static int tear_down(void **state)
{
	(void)state;
	event_unref(ev);
	jx_release(&ix);
	jx_release(&work.ix);
	buf_release(&work.value);
	buf_release(&body);
	buf_release(&complaints);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(template__recorded_cases_of_eventbridge),
		cmocka_unit_test(template__every_kind_of_value_in_every_place),
		cmocka_unit_test(template__escape_makes_every_string_safe),
		cmocka_unit_test(template__the_whole_event_can_be_inserted),
		cmocka_unit_test(template__broken_json_says_where_and_why),
		cmocka_unit_test(template__is_refused_at_load_with_the_reason),
		cmocka_unit_test(template__all_faults_are_told_at_once),
		cmocka_unit_test(template__quotes_without_escape_are_warned_of),
		cmocka_unit_test(template__limits_of_the_original_are_warnings),
		cmocka_unit_test(template__input_is_a_constant),
		cmocka_unit_test(template__input_path_selects_a_part),
		cmocka_unit_test(template__input_path_that_selects_nothing_is_not_sent),
		cmocka_unit_test(template__only_one_of_the_three),
		cmocka_unit_test(template__without_any_the_event_is_sent_as_it_is),
		cmocka_unit_test(template__body_over_the_limit_is_refused),
		cmocka_unit_test(template__ingestion_time_falls_back_to_taking_up),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
