/* SPDX-License-Identifier: Apache-2.0 */
/* Stored prompts: what is cleaned out of them, how they are bounded, and their way into a spool that may be full. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/loop.h"
#include "ledger/prompt.h"
#include "ledger/reader.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#define MOST	4096

static struct arena *arena;

static int
setup(void **state)
{
	(void)state;
	arena = arena_new();
	note_upto = NOTE_ERROR;
	return (0);
}

static int
teardown(void **state)
{
	(void)state;
	arena_free(arena);
	return (0);
}

static struct text
cleaned(struct text json, size_t most)
{
	const struct text secrets[] = { TEXT(""), TEXT("the master's own") };
	struct buf out = { 0 };
	struct json_fault fault;
	struct text t;

	assert_non_null(json_parse(arena, json, &fault));
	buf_lit(&out, "before");
	prompt_clean(&out, json, most, secrets, nitems(secrets));
	t = arena_copy(arena, text_sub(buf_as_text(&out), 6, out.len));
	buf_free(&out);
	assert_true(t.len <= most);
	if (json_parse(arena, t, &fault) == NULL)
		fail_msg("no JSON: " TEXT_FMT, TEXT_ARG(t));
	return (t);
}

static void
comes_out(const char *json, const char *clean)
{
	assert_string_equal(cleaned(text_of(json), MOST).at, clean);
}

static void
words_stay(void **state)
{
	(void)state;
	comes_out("{ \"model\" : \"m\",\n\"n\": [1, -2.5e3, true, null, {}],\"t\":\"a \\\"b\\\" \\u00e4 \xc3\xa4\"}",
	    "{\"model\":\"m\",\"n\":[1,-2.5e3,true,null,{}],\"t\":\"a \\\"b\\\" \\u00e4 \xc3\xa4\"}");
	comes_out("\"a risk-averse word, and sk-short\"", "\"a risk-averse word, and sk-short\"");
	comes_out("{\"max_tokens\":5,\"token\":\"five\",\"secretary\":\"Ann\"}", "{\"max_tokens\":5,\"token\":\"five\",\"secretary\":\"Ann\"}");
	comes_out("[]", "[]");
}

static void
secrets_go(void **state)
{
	(void)state;
	comes_out("{\"t\":\"my key is sk-0123456789abcdef, yours sk-proj_ABCDEFGHIJKLMNOP.\"}", "{\"t\":\"my key is [redacted], yours [redacted]\"}");
	comes_out("[\"KEY\\nsk-0123456789abcdef\\n\\u00e4sk-0123456789abcdef\\\\nsk-0123456789abcdef\"]", "[\"KEY\\n[redacted]\\n\\u00e4[redacted]\\\\n[redacted]\"]");
	comes_out("[\"\\the master's own\"]", "[\"\\the master's own\"]");		/* a tab, and "he" */
	comes_out("[\"Authorization: Bearer abcdefghijklmnop0123\"]", "[\"Authorization: [redacted]\"]");
	comes_out("[\"x the master's own y the master's own\"]", "[\"x [redacted] y [redacted]\"]");
	comes_out("[\"eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJ4In0.c2lnbmF0dXJl\"]", "[\"[redacted]\"]");
	comes_out("{\"api_key\":\"k\",\"API-Key\":\"k\",\"Password\":\"\",\"a\":{\"client_secret\":\"x\",\"b\":\"y\"},\"c\":\"z\"}",
	    "{\"api_key\":\"[redacted]\",\"API-Key\":\"[redacted]\",\"Password\":\"[redacted]\",\"a\":{\"client_secret\":\"[redacted]\",\"b\":\"y\"},\"c\":\"z\"}");
	comes_out("{\"tools\":[{\"type\":\"mcp\",\"headers\":{\"X-Any\":\"v\",\"more\":[\"w\",{\"u\":\"t\"}]},\"name\":\"n\"}],\"s\":\"s\"}",
	    "{\"tools\":[{\"type\":\"mcp\",\"headers\":{\"X-Any\":\"[redacted]\",\"more\":[\"[redacted]\",{\"u\":\"[redacted]\"}]},\"name\":\"n\"}],\"s\":\"s\"}");
	comes_out("{\"sk-0123456789abcdefgh\":1}", "{\"[redacted]\":1}");
}

static void
data_is_cut(void **state)
{
	struct buf in = { 0 };

	(void)state;
	buf_lit(&in, "{\"image_url\":{\"url\":\"data:image/png;base64,");
	for (unsigned i = 0; i < 100; i++)
		buf_lit(&in, "AAAA");
	buf_lit(&in, "\"},\"embedding\":[0.1, -2e-3],\"data\":\"");
	for (unsigned i = 0; i < 500; i++)
		buf_lit(&in, "ab+\\/");
	buf_lit(&in, "\"}");
	buf_byte(&in, '\0');
	comes_out(in.at, "{\"image_url\":{\"url\":\"data:image/png;base64,[cut: 400 bytes]\"},\"embedding\":\"[cut: 12 bytes]\",\"data\":\"[cut: 2500 bytes]\"}");
	buf_free(&in);
	comes_out("{\"url\":\"data:image/sk-0123456789abcdefghij;base64,AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\"}",
	    "{\"url\":\"data:image/[redacted];base64,[cut: 78 bytes]\"}");
	comes_out("{\"embedding\":[\"a\"],\"x\":{\"embedding\":[[1]]}}", "{\"embedding\":[\"a\"],\"x\":{\"embedding\":[[1]]}}");
}

/* A long string loses its middle, and is one still wherever it was cut. */
static void
long_strings_lose_their_middle(void **state)
{
	static const char *const letters[] = { "ab ", "\xc3\xa4 ", ",\\n", "\\\\", "\\u00e4", "\xf0\x9f\x98\x80" };

	(void)state;
	for (size_t l = 0; l < nitems(letters); l++)
		for (unsigned shift = 0; shift < 7; shift++) {
			struct buf in = { 0 };
			struct text t;

			buf_print(&in, "{\"first\":\"%.*s", (int)shift, "xxxxxxx");
			for (unsigned i = 0; i < 3 * MOST; i++)
				buf_add(&in, letters[l], strlen(letters[l]));
			buf_lit(&in, "END\",\"last\":1}");
			t = cleaned(buf_as_text(&in), MOST);
			assert_true(text_starts(t, TEXT("{\"first\":\"")) && text_ends(t, TEXT("END\",\"last\":1}")) && text_has(t, TEXT(" [cut: ")));
			buf_free(&in);
		}
}

/* However a cut meets a key, no part of it stays. */
static void
no_half_of_a_key_stays(void **state)
{
	(void)state;
	for (unsigned shift = 0; shift < 400; shift += 3) {
		struct buf in = { 0 };
		struct text t;

		buf_lit(&in, "[\"");
		for (unsigned i = 0; i < MOST / 3 - 150 + shift; i++)
			buf_byte(&in, i % 7 == 6 ? ' ' : 'w');
		buf_lit(&in, " sk-ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789 ");
		for (unsigned i = 0; i < MOST; i++)
			buf_byte(&in, i % 7 == 6 ? ' ' : 'w');
		buf_lit(&in, "\"]");
		t = cleaned(buf_as_text(&in), MOST);
		assert_false(text_has(t, TEXT("ABC")) || text_has(t, TEXT("789")));
		buf_free(&in);
	}
}

static void
a_text_of_many_pieces_keeps_its_beginning(void **state)
{
	struct buf in = { 0 };
	struct text t;

	(void)state;
	buf_byte(&in, '[');
	for (unsigned i = 0; i < MOST; i++)
		buf_print(&in, "%s{\"say\":\"sk-0123456789abcdefgh\"}", i > 0 ? "," : "");
	buf_byte(&in, ']');
	t = cleaned(buf_as_text(&in), MOST);
	assert_true(text_starts(t, TEXT("{\"cut\":")) && text_has(t, TEXT("\"begins\":\"[{\\\"say\\\":\\\"[redacted]\\\"}")) && !text_has(t, TEXT("sk-")));
	buf_free(&in);
}

static void
records_come_back(void **state)
{
	struct prompt p = { .id = "01a215c4-6ce6-7352-bc27-aebf925e150e", .team_id = TEXT("blue"), .request = TEXT("{\"a\":1}") }, back = { .id = "" };
	struct buf b = { 0 };
	struct text t;

	(void)state;
	prompt_pack(&b, &p);
	t = buf_as_text(&b);
	assert_true(prompt_unpack(&back, t));
	assert_string_equal(back.id, p.id);
	assert_true(text_is(back.team_id, "blue") && text_is(back.request, "{\"a\":1}") && back.answer.len == 0);
	for (size_t n = 0; n < t.len; n++)
		assert_false(prompt_unpack(&back, text_sub(t, 0, n)));
	b.at[0]++;
	assert_false(prompt_unpack(&back, t));
	buf_free(&b);
}

/* the writer */

static unsigned dropped;

static void
count_dropped(void *self, const char *why)
{
	(void)self;
	(void)why;
	dropped++;
}

static void
put(struct prompts *p, unsigned n, size_t size)
{
	struct prompt one = { .id = "" };
	char *words = must_zalloc(size);

	memset(words, 'w', size);
	words[0] = words[size - 1] = '"';
	one.request = (struct text){ words, size };
	for (unsigned i = 0; i < n; i++) {
		uuid7(one.id);
		prompts_put(p, &one);
	}
	free(words);
}

static unsigned
count_in(const char *dir)
{
	struct buf why = { 0 };
	struct reader *r = reader_open(dir, PROMPT_FRAME, &why);
	struct prompt p = { .id = "" };
	struct text frame;
	unsigned n = 0;

	assert_non_null(r);
	while (reader_next(r, arena, &frame)) {
		assert_true(prompt_unpack(&p, frame));
		n++;
	}
	reader_shipped(r);
	reader_close(r);
	buf_free(&why);
	return (n);
}

static void
remove_all(struct text dir)
{
	struct text command = arena_print(arena, "rm -r " TEXT_FMT, TEXT_ARG(dir));

	assert_int_equal(system(command.at), 0);
}

static void
records_reach_the_spool(void **state)
{
	char state_dir[] = "/tmp/sluice-prompts-XXXXXX";
	struct loop *loop = loop_new();
	struct prompts_setup set = { .loop = loop, .segment = 1 << 16, .most = 1 << 20, .dropped = count_dropped };
	struct prompts *p;
	struct stat st;

	(void)state;
	assert_non_null(mkdtemp(state_dir));
	set.dir = prompts_path(arena, text_of(state_dir), TEXT("one")).at;
	p = prompts_new(&set);
	assert_int_equal(stat(set.dir, &st), -1);		/* nothing is made where nothing is stored */
	dropped = 0;
	put(p, 20, 1000);
	put(p, 3, PROMPT_MOST / 8);
	prompts_free(p);
	assert_int_equal(count_in(set.dir), 23);
	assert_int_equal(stat(set.dir, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0700);
	assert_int_equal(stat(arena_print(arena, "%s/head", set.dir).at, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	assert_int_equal(dropped, 0);
	remove_all(text_of(state_dir));
	loop_free(loop);
}

static void
what_finds_no_room_is_dropped(void **state)
{
	char state_dir[] = "/tmp/sluice-prompts-XXXXXX";
	struct loop *loop = loop_new();
	struct prompts_setup set = { .loop = loop, .segment = 1 << 16, .most = 1, .dropped = count_dropped };
	struct prompts *p;

	(void)state;
	assert_non_null(mkdtemp(state_dir));
	set.dir = prompts_path(arena, text_of(state_dir), TEXT("two")).at;
	p = prompts_new(&set);
	dropped = 0;
	assert_true(prompts_hold(p, 127 << 20));
	assert_false(prompts_hold(p, 2 << 20));
	assert_int_equal(dropped, 1);
	assert_true(prompts_hold(p, -(127 << 20)) && prompts_hold(p, 2 << 20));
	put(p, 3000, 100);				/* the queue has room for fewer, the disk for none */
	assert_true(dropped > 1);
	prompts_free(p);
	assert_int_equal(count_in(set.dir), 0);
	remove_all(text_of(state_dir));
	loop_free(loop);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(words_stay, setup, teardown),
		cmocka_unit_test_setup_teardown(secrets_go, setup, teardown),
		cmocka_unit_test_setup_teardown(data_is_cut, setup, teardown),
		cmocka_unit_test_setup_teardown(long_strings_lose_their_middle, setup, teardown),
		cmocka_unit_test_setup_teardown(no_half_of_a_key_stays, setup, teardown),
		cmocka_unit_test_setup_teardown(a_text_of_many_pieces_keeps_its_beginning, setup, teardown),
		cmocka_unit_test_setup_teardown(records_come_back, setup, teardown),
		cmocka_unit_test_setup_teardown(records_reach_the_spool, setup, teardown),
		cmocka_unit_test_setup_teardown(what_finds_no_room_is_dropped, setup, teardown),
	};

	return (cmocka_run_group_tests(tests, NULL, NULL));
}
