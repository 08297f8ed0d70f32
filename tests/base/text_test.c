/* SPDX-License-Identifier: Apache-2.0 */
/* Texts, buffers, errors and clocks. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "base/clock.h"
#include "base/error.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

static const struct text nothing = { NULL, 0 };

static void
texts_are_compared(void **state)
{
	(void)state;
	assert_true(text_eq(TEXT("ab"), TEXT("ab")));
	assert_false(text_eq(TEXT("ab"), TEXT("aB")));
	assert_false(text_eq(TEXT("ab"), TEXT("abc")));
	assert_true(text_eq(nothing, TEXT("")));
	assert_true(text_is(nothing, ""));
	assert_false(text_is(TEXT("a"), ""));
	assert_true(text_eq_nocase(TEXT("Content-TYPE"), TEXT("content-type")));
	assert_false(text_eq_nocase(TEXT("[a"), TEXT("{a")));		/* differ by 0x20, but are no letters */
	assert_true(text_starts(TEXT("abc"), TEXT("ab")));
	assert_true(text_starts(nothing, nothing));
	assert_false(text_starts(TEXT("a"), TEXT("ab")));
	assert_true(text_ends(TEXT("abc"), TEXT("bc")));
	assert_true(text_ends(nothing, TEXT("")));
	assert_false(text_ends(TEXT("c"), TEXT("bc")));
	assert_true(text_has(TEXT("text/Event-Stream; x"), TEXT("event-stream")));
	assert_true(text_has(TEXT("x"), TEXT("")));
	assert_false(text_has(TEXT("event-strea"), TEXT("event-stream")));
	assert_int_equal(text_of(NULL).len, 0);
}

static void
secrets_are_compared(void **state)
{
	(void)state;
	assert_true(text_eq_secret(TEXT("sk-1234"), TEXT("sk-1234")));
	assert_false(text_eq_secret(TEXT("sk-1234"), TEXT("sk-1235")));
	assert_false(text_eq_secret(TEXT("sk-1234"), TEXT("sk-123")));
	assert_false(text_eq_secret(TEXT("sk-123"), TEXT("sk-1234")));
	assert_false(text_eq_secret(TEXT("aaaa"), TEXT("aa")));
	assert_false(text_eq_secret(TEXT("sk"), nothing));
	assert_false(text_eq_secret(nothing, TEXT("sk")));
}

static void
texts_are_taken_apart(void **state)
{
	struct text head, tail;

	(void)state;
	assert_true(text_is(text_trim(TEXT(" \t\r\n a b \n")), "a b"));
	assert_true(text_is(text_trim(TEXT(" \n ")), ""));
	assert_true(text_is(text_sub(TEXT("abcdef"), 2, 4), "cd"));
	assert_true(text_is(text_sub(TEXT("abc"), 2, 99), "c"));
	assert_true(text_is(text_sub(TEXT("abc"), 9, 99), ""));
	assert_true(text_is(text_sub(TEXT("abc"), 2, 1), ""));
	assert_true(text_cut(TEXT("name: value: x"), ':', &head, &tail));
	assert_true(text_is(head, "name") && text_is(tail, " value: x"));
	assert_false(text_cut(TEXT("name"), ':', &head, &tail));
	assert_true(text_is(head, "name") && text_is(tail, ""));
	assert_true(text_cut(TEXT(":"), ':', &head, &tail));
	assert_true(text_is(head, "") && text_is(tail, ""));
	assert_false(text_cut(TEXT(""), ':', &head, &tail));
}

static const struct { const char *text, *whole; } wholes[] = {
	{ "", "" }, { "abc", "abc" }, { "caf\xc3\xa9", "caf\xc3\xa9" }, { "caf\xc3", "caf" }, { "\xe2\x82\xac", "\xe2\x82\xac" }, { "a\xe2\x82", "a" }, { "a\xe2", "a" },
	{ "\xf0\x9f\x98\x80", "\xf0\x9f\x98\x80" }, { "b\xf0\x9f\x98", "b" }, { "b\xf0", "b" }, { "\xf0\x9f", "" }, { "\x80\x80\x80", "\x80\x80\x80" },
	{ "a\x80\x80\x80\x80", "a\x80\x80\x80\x80" }, { "\x80", "\x80" },
};

static void
cut_characters_are_left_out(void **state)
{
	(void)state;
	for (size_t i = 0; i < nitems(wholes); i++)
		assert_true(text_is(text_whole(text_of(wholes[i].text)), wholes[i].whole));
}

static const struct { const char *text; bool good; int64_t value; } integers[] = {
	{ "0", true, 0 }, { "-0", true, 0 }, { "+7", true, 7 }, { "007", true, 7 }, { "-12", true, -12 }, { "9223372036854775807", true, INT64_MAX },
	{ "-9223372036854775808", true, INT64_MIN }, { "9223372036854775808", false, 0 }, { "-9223372036854775809", false, 0 }, { "99999999999999999999", false, 0 },
	{ "", false, 0 }, { "-", false, 0 }, { "+", false, 0 }, { "1 ", false, 0 }, { " 1", false, 0 }, { "1a", false, 0 }, { "0x1", false, 0 }, { "1.0", false, 0 }, { "--1", false, 0 },
};

static const struct { const char *text; bool good; double value; } doubles[] = {
	{ "0", true, 0 }, { "0.1", true, 0.1 }, { "-2.5e3", true, -2500 }, { ".5", true, 0.5 }, { "1.", true, 1 }, { "1e-999", true, 0 },
	{ "1e999", false, 0 }, { "-1e999", false, 0 }, { "nan", false, 0 }, { "inf", false, 0 }, { "0x10", false, 0 }, { "", false, 0 }, { ".", false, 0 }, { "e5", false, 0 }, { "1 ", false, 0 },
	{ " 1", false, 0 }, { "1,5", false, 0 }, { "1.2.3", false, 0 }, { "1111111111111111111111111111111111111111111111111111111111111111", false, 0 },
};

static void
numbers_are_read(void **state)
{
	(void)state;
	for (size_t i = 0; i < nitems(integers); i++) {
		int64_t v = 77;

		if (text_to_i64(text_of(integers[i].text), &v) != integers[i].good || v != (integers[i].good ? integers[i].value : 77))
			fail_msg("%s became %lld", integers[i].text, (long long)v);
	}
	for (size_t i = 0; i < nitems(doubles); i++) {
		double v = 77;

		if (text_to_double(text_of(doubles[i].text), &v) != doubles[i].good || (doubles[i].good && v != doubles[i].value))
			fail_msg("%s became %g", doubles[i].text, v);
	}
	assert_false(text_to_double((struct text){ "1\0002", 3 }, &(double){ 0 }));
}

static void
hashes_differ(void **state)
{
	(void)state;
	assert_true(text_hash(TEXT("")) == 0xcbf29ce484222325u);	/* FNV-1a's own vectors */
	assert_true(text_hash(TEXT("a")) == 0xaf63dc4c8601ec8cu);
	assert_true(text_hash(TEXT("foobar")) == 0x85944171f73967e8u);
}

static void
buffers_grow(void **state)
{
	struct buf b = { 0 };

	(void)state;
	assert_true(text_is(buf_as_text(&b), ""));
	buf_add(&b, NULL, 0);
	buf_text(&b, nothing);
	assert_null(b.at);
	for (unsigned i = 0; i < 1000; i++)
		buf_print(&b, "%u,", i);
	assert_int_equal(b.len, 10 * 2 + 90 * 3 + 900 * 4);
	assert_true(text_starts(buf_as_text(&b), TEXT("0,1,2,")));
	assert_true(text_ends(buf_as_text(&b), TEXT(",998,999,")));
	buf_drop(&b, 4);
	assert_true(text_starts(buf_as_text(&b), TEXT("2,3,")));
	buf_drop(&b, 0);
	buf_drop(&b, b.len + 5);
	assert_int_equal(b.len, 0);
	buf_lit(&b, "x");
	buf_byte(&b, 'y');
	assert_true(text_is(buf_as_text(&b), "xy"));
	buf_print(&b, "%s", "");
	assert_int_equal(b.len, 2);
	buf_free(&b);
	assert_null(b.at);
	assert_int_equal(b.cap, 0);
}

static void
numbers_are_written(void **state)
{
	(void)state;
	for (int64_t sign = 1; sign >= -1; sign -= 2)
		for (uint64_t n = 1; n <= UINT64_C(1000000000000000000); n *= 10)
			for (int64_t by = -1; by <= 1; by++) {
				struct buf b = { 0 };
				char as[24];
				int64_t number = sign * ((int64_t)n + by);

				buf_int(&b, number);
				snprintf(as, sizeof(as), "%lld", (long long)number);
				assert_true(text_is(buf_as_text(&b), as));
				buf_free(&b);
			}
	for (unsigned i = 0; i < 2; i++) {
		struct buf b = { 0 };

		buf_int(&b, i == 0 ? INT64_MIN : INT64_MAX);
		assert_true(text_is(buf_as_text(&b), i == 0 ? "-9223372036854775808" : "9223372036854775807"));
		buf_free(&b);
	}
}

static void
errors_say_what_their_kind_says(void **state)
{
	struct arena *a = arena_new();
	struct error *e = error_new(a, E_RATE_LIMIT, "only %d a minute", 5);
	char long_text[3000];

	(void)state;
	assert_true(text_is(e->message, "only 5 a minute"));
	assert_int_equal(error_status(e), 429);
	assert_int_equal(error_status_messages(e), 429);
	assert_string_equal(error_kinds[e->kind].name, "RATE_LIMIT");
	assert_true(text_is(error_param(e, "model")->param, "model"));
	e->status = 418;
	assert_int_equal(error_status(e), 418);
	assert_int_equal(error_status_messages(e), 418);
	e = error_new(a, E_OVERLOADED, "full");
	assert_int_equal(error_status(e), 503);
	assert_int_equal(error_status_messages(e), 529);
	e->status = 529;
	assert_int_equal(error_status(e), 503);
	assert_int_equal(error_status_messages(e), 529);
	e = error_new(a, E_NO_SUCH_MODEL, "none");
	assert_int_equal(error_status(e), 400);
	assert_int_equal(error_status_messages(e), 404);
	assert_int_equal(error_status_messages(error_new(a, E_UNPROCESSABLE, "no")), 400);
	for (size_t i = 0; i + 2 < sizeof(long_text); i += 2)
		memcpy(long_text + i, "\xc3\xa9", 3);
	e = error_new(a, E_INTERNAL, "%s", long_text);
	assert_int_equal(e->message.len, 1022);			/* bounded, and not in the middle of a character */
	for (unsigned i = 0; i < ERROR_KIND_COUNT; i++) {
		assert_in_range(error_kinds[i].status, 400, 599);
		assert_non_null(error_kinds[i].openai_type);
		assert_non_null(error_kinds[i].anthropic_type);
	}
	arena_free(a);
}

static struct error *
passes_up(struct arena *a, bool fail)
{
	TRY(fail ? error_new(a, E_TIMEOUT, "late") : NULL);
	return (error_new(a, E_INTERNAL, "went on"));
}

static void
try_passes_errors_up(void **state)
{
	struct arena *a = arena_new();

	(void)state;
	assert_int_equal(passes_up(a, true)->kind, E_TIMEOUT);
	assert_int_equal(passes_up(a, false)->kind, E_INTERNAL);
	arena_free(a);
}

static void
clocks_run(void **state)
{
	int64_t from = clock_us(), wall = clock_wall_ms();
	char iso[25];

	(void)state;
	assert_true(clock_us() >= from);
	assert_true(wall > 1700000000000);
	clock_iso(iso, 1795435200123);
	assert_string_equal(iso, "2026-11-23T12:00:00.123Z");
	clock_iso(iso, 951782400000);
	assert_string_equal(iso, "2000-02-29T00:00:00.000Z");
}

static void
uuids_are_of_version_7_and_differ(void **state)
{
	char ids[1000][37];
	int64_t before = clock_wall_ms(), after;

	(void)state;
	for (unsigned i = 0; i < nitems(ids); i++)
		uuid7(ids[i]);
	after = clock_wall_ms();
	for (unsigned i = 0; i < nitems(ids); i++) {
		char time[13] = { 0 };

		assert_int_equal(strlen(ids[i]), 36);
		assert_int_equal(strspn(ids[i], "0123456789abcdef-"), 36);
		assert_true(ids[i][8] == '-' && ids[i][13] == '-' && ids[i][18] == '-' && ids[i][23] == '-');
		assert_int_equal(ids[i][14], '7');
		assert_non_null(strchr("89ab", ids[i][19]));
		memcpy(time, ids[i], 8);
		memcpy(time + 8, ids[i] + 9, 4);
		assert_in_range(strtoll(time, NULL, 16), before, after);
		for (unsigned j = 0; j < i; j++)
			assert_string_not_equal(ids[i], ids[j]);
	}
}

/* Two workers forked from one process must not draw the same numbers. */
static void
a_fork_draws_other_numbers(void **state)
{
	uint64_t mine, theirs = 0;
	int pipes[2], status;
	pid_t child;

	(void)state;
	random_u64();
	assert_int_equal(pipe(pipes), 0);
	child = fork();
	assert_true(child >= 0);
	if (child == 0) {
		theirs = random_u64();
		_exit(write(pipes[1], &theirs, sizeof(theirs)) == (ssize_t)sizeof(theirs) ? 0 : 1);
	}
	mine = random_u64();
	assert_int_equal(read(pipes[0], &theirs, sizeof(theirs)), sizeof(theirs));
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(status, 0);
	assert_true(mine != theirs);
	close(pipes[0]);
	close(pipes[1]);
}

/* The examples of RFC 3629, and of what is none. */
static void
sound_texts_are_told(void **state)
{
	static const struct text sound[] = { TEXT(""), TEXT("plain\x7f"), TEXT("\x01"), TEXT("\xc2\x80"), TEXT("\xdf\xbf"), TEXT("\xe0\xa0\x80"), TEXT("\xed\x9f\xbf"),
		TEXT("\xee\x80\x80"), TEXT("\xef\xbf\xbf"), TEXT("\xf0\x90\x80\x80"), TEXT("\xf4\x8f\xbf\xbf"), TEXT("a\xe2\x82\xac" "b") };
	static const struct text bad[] = { TEXT("\0"), TEXT("a\0b"), TEXT("\x80"), TEXT("\xbf"), TEXT("\xc0\x80"), TEXT("\xc1\xbf"), TEXT("\xc2"), TEXT("\xc2" "a"),
		TEXT("\xe0\x80\x80"), TEXT("\xe0\x9f\xbf"), TEXT("\xe2\x82"), TEXT("\xe2\x82" "a"), TEXT("\xed\xa0\x80"), TEXT("\xed\xbf\xbf"), TEXT("\xf0\x80\x80\x80"),
		TEXT("\xf0\x8f\xbf\xbf"), TEXT("\xf0\x90\x80"), TEXT("\xf4\x90\x80\x80"), TEXT("\xf5\x80\x80\x80"), TEXT("\xff"), TEXT("fine\xfe") };

	(void)state;
	for (size_t i = 0; i < nitems(sound); i++)
		assert_true(text_is_sound(sound[i]));
	for (size_t i = 0; i < nitems(bad); i++)
		assert_false(text_is_sound(bad[i]));
}

/* Each byte at each place of texts of each length up to three strides. */
static void
plain_texts_are_told_by_eight(void **state)
{
	char bytes[24];

	(void)state;
	for (size_t len = 0; len <= sizeof(bytes); len++)
		for (size_t at = 0; at < len; at++)
			for (unsigned c = 0; c < 256; c++) {
				memset(bytes, 'a', sizeof(bytes));
				bytes[at] = (char)c;
				assert_true(text_is_plain((struct text){ bytes, len }) == (c > 0 && c < 0x80));
				if (at < 8 && len >= 8)
					assert_true(text_shown8(bytes, bytes + len) == (c >= 0x20 && c < 0x7f));
			}
	assert_true(text_is_plain(nothing));
	assert_false(text_shown8("1234567", "1234567" + 7));
}

static void
words_are_counted(void **state)
{
	char bytes[80];

	(void)state;
	assert_int_equal(text_count(nothing, TEXT("a")), 0);
	assert_int_equal(text_count(TEXT("a"), TEXT("")), 0);
	assert_int_equal(text_count(TEXT("aaaaa"), TEXT("aa")), 2);
	assert_int_equal(text_count(TEXT("_url _uxl \"image_url\", \"image_url\""), TEXT("_url\"")), 2);
	for (size_t at = 0; at + 5 <= sizeof(bytes); at++) {
		memset(bytes, 'w', sizeof(bytes));
		memcpy(bytes + at, "wo1ds", 5);
		assert_int_equal(text_count((struct text){ bytes, sizeof(bytes) }, TEXT("wo1ds")), 1);
		assert_int_equal(text_count((struct text){ bytes, at + 4 }, TEXT("wo1ds")), 0);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(texts_are_compared),
		cmocka_unit_test(secrets_are_compared),
		cmocka_unit_test(texts_are_taken_apart),
		cmocka_unit_test(cut_characters_are_left_out),
		cmocka_unit_test(sound_texts_are_told),
		cmocka_unit_test(plain_texts_are_told_by_eight),
		cmocka_unit_test(words_are_counted),
		cmocka_unit_test(numbers_are_written),
		cmocka_unit_test(numbers_are_read),
		cmocka_unit_test(hashes_differ),
		cmocka_unit_test(buffers_grow),
		cmocka_unit_test(errors_say_what_their_kind_says),
		cmocka_unit_test(try_passes_errors_up),
		cmocka_unit_test(clocks_run),
		cmocka_unit_test(uuids_are_of_version_7_and_differ),
		cmocka_unit_test(a_fork_draws_other_numbers),
	};

	return (cmocka_run_group_tests(tests, NULL, NULL));
}
