/* SPDX-License-Identifier: Apache-2.0 */
/* The record reader by itself: the same events however the bytes are cut, and a reason for every stream that is none. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "tests/web/peer.h"
#include "web/record.h"

#include <stdlib.h>

/* Events as letters; bytes of params and stdin are written as they are, so that cuts between them do not show. */
static void
read_piece(struct record_reader *r, struct text piece, struct buf *told)
{
	static const char letters[] = ".BPESsAV?RX";
	struct record got;

	do {
		got = record_next(r, &piece);
		if (got.kind == RECORD_MORE)
			return;
		if (got.kind == RECORD_PARAMS || got.kind == RECORD_STDIN)
			buf_text(told, got.bytes);
		else
			buf_byte(told, letters[got.kind]);
		if (got.kind == RECORD_VALUES)
			buf_text(told, got.bytes);
		if (got.kind == RECORD_REFUSED)
			buf_print(told, "%d/%d", got.id, got.status);
		if (got.kind == RECORD_STRANGE)
			buf_print(told, "%d", got.type);
		if (got.kind == RECORD_BAD)
			buf_text(told, text_of(got.why));
	} while (got.kind != RECORD_BAD);
}

static void
expect(struct text wire, size_t step, struct text want)
{
	struct record_reader r = { 0 };
	struct buf told = { 0 };

	for (size_t at = 0; at < wire.len; at += step)
		read_piece(&r, text_sub(wire, at, at + step), &told);
	assert_int_equal(told.len, want.len);
	assert_memory_equal(told.at, want.at, want.len);
	buf_free(&told);
}

/* One of everything that may come. */
static void
put_everything(struct buf *b)
{
	put_record(b, 9, 0, TEXT("\x0e\0FCGI_MAX_CONNS"), 3);
	put_record(b, 9, 0, TEXT(""), 1);
	put_record(b, 77, 0, TEXT("whatever"), 255);
	put_begin(b, 258, 1, 1);
	put_record(b, 4, 258, TEXT("abc"), 5);
	put_begin(b, 3, 1, 0);
	put_record(b, 4, 3, TEXT("dropped"), 0);
	put_record(b, 4, 258, TEXT("def"), 0);
	put_record(b, 4, 258, TEXT(""), 4);
	put_record(b, 5, 258, TEXT("body"), 7);
	put_record(b, 5, 258, TEXT(" and more"), 0);
	put_record(b, 99, 258, TEXT(""), 0);
	put_record(b, 5, 258, TEXT(""), 0);
	put_record(b, 2, 258, TEXT(""), 0);
}

#define EVERYTHING	"V\x0e\0FCGI_MAX_CONNSV?77BabcR3/1defEbody and more?99sA"

static void
however_it_is_cut(void **state)
{
	struct buf b = { 0 };

	(void)state;
	put_everything(&b);
	for (size_t step = 1; step <= b.len; step++)
		expect(buf_as_text(&b), step, TEXT(EVERYTHING));
	buf_free(&b);
}

static void
at_every_single_byte(void **state)
{
	struct buf b = { 0 }, told = { 0 };

	(void)state;
	put_everything(&b);
	for (size_t cut = 0; cut <= b.len; cut++) {
		struct record_reader r = { 0 };

		told.len = 0;
		read_piece(&r, text_sub(buf_as_text(&b), 0, cut), &told);
		read_piece(&r, text_sub(buf_as_text(&b), cut, b.len), &told);
		assert_true(text_eq(buf_as_text(&told), TEXT(EVERYTHING)));
	}
	buf_free(&b);
	buf_free(&told);
}

/* Streams that are none: raw bytes after a request was begun and its params ended, or from the start. */
static const struct {
	const char	*what;
	bool		 begun;
	struct text	 bytes;
	const char	*why;
} wrong[] = {
	{ "http", false, TEXT("GET / HTTP/1.1\r\n\r\n"), "version" },
	{ "version 0", false, TEXT("\0\1\0\1\0\10\0\0"), "version" },
	{ "version 2", false, TEXT("\2\1\0\1\0\10\0\0"), "version" },
	{ "begin too short", false, TEXT("\1\1\0\1\0\7\0\0"), "length" },
	{ "begin too long", false, TEXT("\1\1\0\1\0\11\0\0"), "length" },
	{ "begin empty", false, TEXT("\1\1\0\1\0\0\0\0"), "length" },
	{ "params first", false, TEXT("\1\4\0\1\0\1\0\0"), "never began" },
	{ "stdin first", false, TEXT("\1\5\0\1\0\1\0\0"), "never began" },
	{ "abort first", false, TEXT("\1\2\0\1\0\0\0\0"), "never began" },
	{ "values without end", false, TEXT("\1\x9\0\0\xff\xff\0\0"), "too much" },
	{ "params again", true, TEXT("\1\4\0\1\0\1\0\0"), "after the end of params" },
	{ "end of params again", true, TEXT("\1\4\0\1\0\0\0\0"), "after the end of params" },
	{ "begun twice", true, TEXT("\1\1\0\1\0\10\0\0\0\1\0\0\0\0\0\0"), "twice" },
	{ "another's stdin", true, TEXT("\1\5\0\2\0\1\0\0"), "never began" },
	{ "stdin after its end", true, TEXT("\1\5\0\1\0\0\0\0\1\5\0\1\0\1\0\0"), "after the end of stdin" },
	{ "end of stdin again", true, TEXT("\1\5\0\1\0\0\0\0\1\5\0\1\0\0\0\0"), "after the end of stdin" },
	{ "our own stdout", true, TEXT("\1\6\0\1\0\1\0\0"), "no web server" },
	{ "our own end", true, TEXT("\1\3\0\1\0\10\0\0"), "no web server" },
	{ "data", true, TEXT("\1\10\0\1\0\1\0\0"), "no web server" },
	{ "values with an id", true, TEXT("\1\x9\0\1\0\1\0\0"), "no web server" },
	{ "version 3 in the middle", true, TEXT("\1\5\0\1\0\1\0\0b\3\5\0\1\0\1\0\0"), "version" },
};

static void
wrong_streams(void **state)
{
	(void)state;
	for (size_t i = 0; i < nitems(wrong); i++)
		for (size_t step = 1; step < 64; step *= 3) {
			struct record_reader r = { 0 };
			struct buf wire = { 0 }, told = { 0 };

			if (wrong[i].begun) {
				put_begin(&wire, 1, 1, 0);
				put_record(&wire, 4, 1, TEXT(""), 0);
			}
			buf_text(&wire, wrong[i].bytes);
			for (size_t at = 0; at < wire.len && memchr(told.at != NULL ? told.at : "", 'X', told.len) == NULL; at += step)
				read_piece(&r, text_sub(buf_as_text(&wire), at, at + step), &told);
			if (!text_has(buf_as_text(&told), text_of(wrong[i].why)))
				fail_msg("%s: %.*s", wrong[i].what, TEXT_ARG(buf_as_text(&told)));
			buf_free(&wire);
			buf_free(&told);
		}
}

static void
stdin_before_end_of_params(void **state)
{
	struct buf b = { 0 };

	(void)state;
	put_begin(&b, 1, 1, 0);
	put_record(&b, 4, 1, TEXT("p"), 0);
	put_record(&b, 5, 1, TEXT("b"), 0);
	expect(buf_as_text(&b), b.len, TEXT("BpXstdin before the end of params"));
	buf_free(&b);
}

static void
other_roles(void **state)
{
	struct buf b = { 0 };

	(void)state;
	put_begin(&b, 1, 2, 1);
	put_record(&b, 4, 1, TEXT("skipped"), 0);
	put_record(&b, 4, 1, TEXT(""), 0);
	put_begin(&b, 1, 3, 1);
	put_begin(&b, 1, 257, 1);
	put_begin(&b, 1, 1, 1);
	expect(buf_as_text(&b), b.len, TEXT("R1/3R1/3R1/3B"));
	buf_free(&b);
}

/* A request answered before its body came: the rest of it is skipped, within bounds, and the id may be used again. */
static void
ended_early(void **state)
{
	struct record_reader r = { 0 };
	struct buf b = { 0 }, told = { 0 };

	(void)state;
	put_begin(&b, 1, 1, 1);
	put_record(&b, 4, 1, TEXT(""), 0);
	put_record(&b, 5, 1, TEXT("half of a record"), 0);
	read_piece(&r, text_sub(buf_as_text(&b), 0, b.len - 6), &told);
	record_finish(&r);
	read_piece(&r, text_sub(buf_as_text(&b), b.len - 6, b.len), &told);
	b.len = 0;
	put_record(&b, 5, 1, TEXT("more"), 0);
	put_record(&b, 5, 1, TEXT(""), 0);
	put_begin(&b, 1, 1, 1);
	put_record(&b, 4, 1, TEXT("again"), 0);
	read_piece(&r, buf_as_text(&b), &told);
	assert_true(text_eq(buf_as_text(&told), TEXT("BEhalf of a Bagain")));
	buf_free(&b);
	buf_free(&told);
}

static void
too_many_leftovers(void **state)
{
	struct record_reader r = { 0 };
	struct buf b = { 0 }, record = { 0 }, told = { 0 };
	char *body = calloc(1, 65535);
	size_t sent = 0;

	(void)state;
	put_begin(&b, 1, 1, 1);
	read_piece(&r, buf_as_text(&b), &told);
	record_finish(&r);
	put_record(&record, 5, 1, (struct text){ body, 65535 }, 0);
	for (; sent < RECORD_STRAYS - 65535; sent += 65535)
		read_piece(&r, buf_as_text(&record), &told);
	read_piece(&r, buf_as_text(&b), &told);
	record_finish(&r);
	assert_true(text_eq(buf_as_text(&told), TEXT("BB")));	/* each request has leftovers of its own */
	for (sent = 0; told.len == 2 && sent <= 2 * RECORD_STRAYS; sent += 65535)
		read_piece(&r, buf_as_text(&record), &told);
	assert_true(text_starts(buf_as_text(&told), TEXT("BBXtoo much")));
	assert_in_range(sent, RECORD_STRAYS, RECORD_STRAYS + 2 * 65535);
	free(body);
	buf_free(&b);
	buf_free(&record);
	buf_free(&told);
}

/* The caller may take body bytes off the wire by itself, and may give back what it has no room for. */
static void
bytes_ahead(void **state)
{
	struct record_reader r = { 0 };
	struct buf b = { 0 }, told = { 0 };
	struct text in;
	struct record got;

	(void)state;
	put_begin(&b, 1, 1, 0);
	put_record(&b, 4, 1, TEXT(""), 0);
	put_record(&b, 5, 1, TEXT("0123456789"), 0);
	read_piece(&r, text_sub(buf_as_text(&b), 0, b.len - 10), &told);
	assert_int_equal(record_stdin_ahead(&r), 10);
	record_stdin_took(&r, 4);
	assert_int_equal(record_stdin_ahead(&r), 6);
	in = TEXT("456789");
	got = record_next(&r, &in);
	assert_int_equal(got.kind, RECORD_STDIN);
	assert_int_equal(got.bytes.len, 6);
	record_put_back(&r, 6);
	assert_int_equal(record_stdin_ahead(&r), 6);
	record_stdin_took(&r, 6);
	assert_int_equal(record_stdin_ahead(&r), 0);
	read_piece(&r, TEXT("\1\5\0\1\0\0\0\0"), &told);
	assert_true(text_eq(buf_as_text(&told), TEXT("BEs")));
	buf_free(&b);
	buf_free(&told);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(however_it_is_cut),
		cmocka_unit_test(at_every_single_byte),
		cmocka_unit_test(wrong_streams),
		cmocka_unit_test(stdin_before_end_of_params),
		cmocka_unit_test(other_roles),
		cmocka_unit_test(ended_early),
		cmocka_unit_test(too_many_leftovers),
		cmocka_unit_test(bytes_ahead),
	};

	return (cmocka_run_group_tests(tests, NULL, NULL));
}
