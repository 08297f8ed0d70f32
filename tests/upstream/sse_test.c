/* SPDX-License-Identifier: Apache-2.0 */
/* Server-sent events: the same events wherever the bytes are cut; the wire's own bytes; limits; memory. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "upstream/upstream.h"

#include <stdlib.h>

/* What was heard, as a line for each event: name|data, LF in data as \n. */
struct heard {
	struct buf	 said, wire;
	unsigned	 events, wires, upto;
};

static bool
hear(void *self, struct text name, struct text data, struct text wire)
{
	struct heard *h = self;

	buf_text(&h->said, name);
	buf_byte(&h->said, '|');
	for (size_t i = 0; i < data.len; i++)
		if (data.at[i] == '\n')
			buf_lit(&h->said, "\\n");
		else
			buf_byte(&h->said, data.at[i]);
	buf_byte(&h->said, '\n');
	buf_text(&h->wire, wire);
	h->wires += wire.len > 0;
	return (++h->events != h->upto);
}

static void
forget(struct heard *h)
{
	buf_free(&h->said);
	buf_free(&h->wire);
	*h = (struct heard){ 0 };
}

static const struct { const char *name, *bytes, *said, *wire; } streams[] = {
	{ "LF", "data: one\n\ndata: two\n\n", "|one\n|two\n", "data: one\n\ndata: two\n\n" },
	{ "CRLF", "data: one\r\n\r\ndata: two\r\n\r\n", "|one\n|two\n", "data: one\r\n\r\ndata: two\r\n\r\n" },
	{ "lone CR", "data: one\r\rdata: two\r\r", "|one\n|two\n", "data: one\r\rdata: two\r\r" },
	{ "CRLF between fields", "event: a\r\ndata: one\r\ndata: two\r\n\r\n", "a|one\\ntwo\n", "event: a\r\ndata: one\r\ndata: two\r\n\r\n" },
	{ "all line ends", "data: one\r\n\ndata: two\r\r\ndata: three\n\r", "|one\n|two\n|three\n", "data: one\r\n\ndata: two\r\r\ndata: three\n\r" },
	{ "many line ends", "\n\n\r\n\r\r\rdata: x\n\n\n\n\r\n", "|x\n", "data: x\n\n" },
	{ "no space", "data:{\"x\":1}\n\n", "|{\"x\":1}\n", "data:{\"x\":1}\n\n" },
	{ "two spaces", "data:  x \n\n", "| x \n", "data:  x \n\n" },
	{ "tab is no space", "data:\tx\n\n", "|\tx\n", "data:\tx\n\n" },
	{ "names", "event: message_start\ndata: {}\n\nevent:ping\ndata: {}\n\ndata: {}\n\n", "message_start|{}\nping|{}\n|{}\n",
	    "event: message_start\ndata: {}\n\nevent:ping\ndata: {}\n\ndata: {}\n\n" },
	{ "name behind the data", "data: x\nevent: late\n\n", "late|x\n", "data: x\nevent: late\n\n" },
	{ "two names", "event: a\nevent: b\ndata: x\n\n", "b|x\n", "event: a\nevent: b\ndata: x\n\n" },
	{ "name without data", "event: alone\n\ndata: x\n\n", "|x\n", "data: x\n\n" },
	{ "data joined", "data: one\ndata: two\ndata\ndata:\ndata: five\n\n", "|one\\ntwo\\n\\n\\nfive\n", "data: one\ndata: two\ndata\ndata:\ndata: five\n\n" },
	{ "empty data", "data:\n\ndata\n\ndata: \n\n", "|\n|\n|\n", "data:\n\ndata\n\ndata: \n\n" },
	{ "empty data joined", "data:\ndata:x\n\n", "|\\nx\n", "data:\ndata:x\n\n" },
	{ "comments", ": OPENROUTER PROCESSING\n\n:\n\n: data: no\ndata: x\n: within\n\n:last\n", "|x\n", "data: x\n: within\n\n" },
	{ "other fields", "id: 5\nretry: 100\ndata: x\nunknown: y\ndatax: z\ndat: z\n data: z\nDATA: z\n\n", "|x\n",
	    "id: 5\nretry: 100\ndata: x\nunknown: y\ndatax: z\ndat: z\n data: z\nDATA: z\n\n" },
	{ "colons in data", "data: a: b\ndata::c\n\n", "|a: b\\n:c\n", "data: a: b\ndata::c\n\n" },
	{ "byte order mark", "\xef\xbb\xbf" "data: x\n\n\xef\xbb\xbf" "data: y\n\n", "|x\n", "data: x\n\n" },
	{ "byte order mark before a blank line", "\xef\xbb\xbf\ndata: x\n\n", "|x\n", "data: x\n\n" },
	{ "characters of several bytes", "data: caf\xc3\xa9 \xe6\xbc\xa2 \xf0\x9f\x98\x80\n\n", "|caf\xc3\xa9 \xe6\xbc\xa2 \xf0\x9f\x98\x80\n", "data: caf\xc3\xa9 \xe6\xbc\xa2 \xf0\x9f\x98\x80\n\n" },
	{ "done with one LF", "data: x\n\ndata: [DONE]\n", "|x\n|[DONE]\n", "data: x\n\n" },
	{ "done without line end", "data: x\n\ndata: [DONE]", "|x\n|[DONE]\n", "data: x\n\n" },
	{ "end within a name", "data: x\nevent: na", "na|x\n", "" },
	{ "end within a comment", "data: x\n: comm", "|x\n", "" },
	{ "end behind CR", "data: x\r", "|x\n", "" },
	{ "nothing", "", "", "" },
	{ "an error page", "<html>\n<body>No</body>\n</html>", "", "" },
	{ "name of 64 and more", "event: 0123456789012345678901234567890123456789012345678901234567890123456789\ndata: x\n\n",
	    "0123456789012345678901234567890123456789012345678901234567890123|x\n", "event: 0123456789012345678901234567890123456789012345678901234567890123456789\ndata: x\n\n" },
};

static void
feed(struct sse *s, const char *bytes, size_t n, struct heard *h)
{
	char *copy = malloc(n + 1);			/* gone afterwards, so nothing may point into it then */

	assert_non_null(copy);
	memcpy(copy, bytes, n);
	assert_int_equal(sse_feed(s, copy, n, hear, h), SSE_OK);
	memset(copy, '#', n);
	free(copy);
}

static void
same_events(const struct heard *h, const char *name, const char *said, size_t one, size_t two)
{
	if (!text_is(buf_as_text(&h->said), said))
		fail_msg("%s, cut at %zu and %zu: %.*s", name, one, two, TEXT_ARG(buf_as_text(&h->said)));
}

static void
events_are_the_same_wherever_cut(void **state)
{
	(void)state;
	for (size_t i = 0; i < nitems(streams); i++) {
		const char *bytes = streams[i].bytes;
		size_t len = strlen(bytes);

		for (size_t one = 0; one <= len; one++)
			for (size_t two = one; two <= len; two++) {
				struct heard h = { 0 };
				struct sse s;

				sse_init(&s, 1000);
				feed(&s, bytes, one, &h);
				feed(&s, bytes + one, two - one, &h);
				feed(&s, bytes + two, len - two, &h);
				assert_int_equal(sse_end(&s, hear, &h), SSE_OK);
				same_events(&h, streams[i].name, streams[i].said, one, two);
				assert_null(s.line.at);
				assert_null(s.data.at);
				forget(&h);
			}
	}
}

static void
events_are_the_same_byte_by_byte(void **state)
{
	(void)state;
	for (size_t i = 0; i < nitems(streams); i++) {
		struct heard h = { 0 };
		struct sse s;

		sse_init(&s, 1000);
		for (const char *p = streams[i].bytes; *p != '\0'; p++)
			feed(&s, p, 1, &h);
		assert_int_equal(sse_end(&s, hear, &h), SSE_OK);
		same_events(&h, streams[i].name, streams[i].said, 1, 1);
		forget(&h);
	}
}

static void
the_wire_is_given_where_it_is_whole(void **state)
{
	(void)state;
	for (size_t i = 0; i < nitems(streams); i++) {
		struct heard h = { 0 };
		struct sse s;

		sse_init(&s, 1000);
		feed(&s, streams[i].bytes, strlen(streams[i].bytes), &h);
		assert_true(text_is(buf_as_text(&h.wire), streams[i].wire));
		assert_int_equal(h.wires, h.events);
		sse_free(&s);
		forget(&h);
	}
}

static void
the_wire_is_not_given_where_it_is_cut(void **state)
{
	static const char whole[] = "id: 1\ndata: x\n\n";
	(void)state;
	for (size_t at = 1; at < sizeof(whole) - 1; at++) {
		struct heard h = { 0 };
		struct sse s;

		sse_init(&s, 1000);
		feed(&s, whole, at, &h);
		feed(&s, whole + at, sizeof(whole) - 1 - at, &h);
		assert_int_equal(h.events, 1);
		assert_int_equal(h.wires, 0);
		feed(&s, whole, sizeof(whole) - 1, &h);		/* the next one is whole again */
		assert_int_equal(h.wires, 1);
		sse_free(&s);
		forget(&h);
	}
}

struct place {
	const char	*from, *to;
	unsigned	 inside;
};

static bool
hear_place(void *self, struct text name, struct text data, struct text wire)
{
	struct place *place = self;

	assert_true(wire.at >= place->from && wire.at + wire.len <= place->to);
	assert_true(name.at >= place->from && name.at + name.len <= place->to);
	place->inside += data.at >= place->from && data.at + data.len <= place->to;
	return (true);
}

static void
a_whole_event_is_not_copied(void **state)
{
	static const char bytes[] = "event: a\ndata: one\n\nevent: b\r\ndata: two\r\n\r\n";
	struct place place = { bytes, bytes + sizeof(bytes), 0 };
	struct sse s;

	(void)state;
	sse_init(&s, 100);
	assert_int_equal(sse_feed(&s, bytes, sizeof(bytes) - 1, hear_place, &place), SSE_OK);
	assert_int_equal(place.inside, 2);
	assert_null(s.line.at);
	assert_null(s.data.at);
}

static void
an_event_over_the_limit_fails_wherever_cut(void **state)
{
	static const char *const large[] = {
		"data: ok\n\ndata: 0123456789012345678901234567890123456789\n\n",
		"data: ok\n\ndata: 0123456789\ndata: 0123456789\ndata: 0123456789\n\n",
		"data: ok\n\n: 0123456789012345678901234567890123456789\n\n",
		"data: ok\n\nunknown0123456789012345678901234567890123456789",
	};

	(void)state;
	for (size_t i = 0; i < nitems(large); i++)
		for (size_t at = 0; at <= strlen(large[i]); at++) {
			struct heard h = { 0 };
			enum sse_result result;
			struct sse s;

			sse_init(&s, 30);
			result = sse_feed(&s, large[i], at, hear, &h);
			if (result == SSE_OK)
				result = sse_feed(&s, large[i] + at, strlen(large[i]) - at, hear, &h);
			assert_int_equal(result, SSE_TOO_BIG);
			assert_true(text_is(buf_as_text(&h.said), "|ok\n"));
			assert_null(s.line.at);
			assert_null(s.data.at);
			forget(&h);
		}
}

static void
an_endless_line_is_bounded(void **state)
{
	char bytes[1000];
	struct heard h = { 0 };
	unsigned fed = 0;
	struct sse s;

	(void)state;
	memset(bytes, 'x', sizeof(bytes));
	sse_init(&s, 10000);
	while (sse_feed(&s, bytes, sizeof(bytes), hear, &h) == SSE_OK) {
		assert_true(s.line.len <= 10000);
		assert_true(++fed <= 10);
	}
	assert_int_equal(fed, 10);
	assert_null(s.line.at);
}

static void
the_hearer_stops_the_rest(void **state)
{
	struct heard h = { .upto = 2 };
	struct sse s;

	(void)state;
	sse_init(&s, 100);
	assert_int_equal(sse_feed(&s, "data: 1\n\ndata: 2\n\ndata: 3\n\ndata: 4", 34, hear, &h), SSE_STOPPED);
	assert_true(text_is(buf_as_text(&h.said), "|1\n|2\n"));
	assert_null(s.line.at);
	h.upto = 3;
	assert_int_equal(sse_feed(&s, "data: 5", 7, hear, &h), SSE_OK);
	assert_int_equal(sse_end(&s, hear, &h), SSE_STOPPED);
	assert_true(text_is(buf_as_text(&h.said), "|1\n|2\n|5\n"));
	sse_free(&s);
	forget(&h);
}

static bool
free_and_stop(void *self, struct text name, struct text data, struct text wire)
{
	struct sse **s = self;

	(void)name;
	(void)wire;
	assert_true(text_is(data, "one\ntwo"));
	sse_free(*s);
	free(*s);
	*s = NULL;
	return (false);
}

static void
the_hearer_may_free_the_sse(void **state)
{
	struct sse *s = malloc(sizeof(*s));

	(void)state;
	assert_non_null(s);
	sse_init(s, 100);
	assert_int_equal(sse_feed(s, "data: one\nda", 12, free_and_stop, &s), SSE_OK);
	assert_int_equal(sse_feed(s, "ta: two\n\ndata: 3\n\nmore", 22, free_and_stop, &s), SSE_STOPPED);
	assert_null(s);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(events_are_the_same_wherever_cut),
		cmocka_unit_test(events_are_the_same_byte_by_byte),
		cmocka_unit_test(the_wire_is_given_where_it_is_whole),
		cmocka_unit_test(the_wire_is_not_given_where_it_is_cut),
		cmocka_unit_test(a_whole_event_is_not_copied),
		cmocka_unit_test(an_event_over_the_limit_fails_wherever_cut),
		cmocka_unit_test(an_endless_line_is_bounded),
		cmocka_unit_test(the_hearer_stops_the_rest),
		cmocka_unit_test(the_hearer_may_free_the_sse),
	};

	return (cmocka_run_group_tests(tests, NULL, NULL));
}
