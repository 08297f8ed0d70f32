/* SPDX-License-Identifier: Apache-2.0 */
/* JSON: the corpus, faults, the index, walks, strings, numbers, edits and the writer; nothing is read outside of a text. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "base/json_priv.h"
#include "json_corpus.h"

#include <math.h>
#include <sys/mman.h>
#include <unistd.h>

/* A copy that ends where memory ends, or begins where it begins. */
struct fence {
	char	*map;
	size_t	 page, room;
};

static struct fence
fence_new(size_t room)
{
	struct fence f = { .page = (size_t)sysconf(_SC_PAGESIZE) };

	f.room = (room + f.page - 1) / f.page * f.page;
	f.map = mmap(NULL, f.room + 2 * f.page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	assert_true(f.map != MAP_FAILED);
	assert_int_equal(mprotect(f.map, f.page, PROT_NONE), 0);
	assert_int_equal(mprotect(f.map + f.page + f.room, f.page, PROT_NONE), 0);
	return (f);
}

static void
fence_free(struct fence *f)
{
	munmap(f->map, f->room + 2 * f->page);
}

static struct text
fence_at_end(struct fence *f, struct text t)
{
	char *at = f->map + f->page + f->room - t.len;

	assert_true(t.len <= f->room);
	if (t.len > 0)
		memcpy(at, t.at, t.len);
	return ((struct text){ at, t.len });
}

static struct text
fence_at_begin(struct fence *f, struct text t)
{
	if (t.len > 0)
		memcpy(f->map + f->page, t.at, t.len);
	return ((struct text){ f->map + f->page, t.len });
}

static bool
scans(struct text t)
{
	struct json_fault fault;
	enum json_type type;
	size_t count;

	return (json_scan(t, &type, NULL, 0, &count, &fault));
}

static bool
parses(struct text t)
{
	struct arena *a = arena_new();
	struct json_fault fault;
	bool yes = json_parse(a, t, &fault) != NULL;

	arena_free(a);
	return (yes);
}

/* Calls each(arg) with every way of striding that this machine has. */
static void
in_every_way(void (*each)(const char *way, void *arg), void *arg)
{
	json_stride_f *usual = json_stride;

	for (size_t i = 0; i < nitems(json_stride_ways); i++) {
		if (!json_stride_ways[i].usable)
			continue;
		json_stride = json_stride_ways[i].stride;
		each(json_stride_ways[i].name, arg);
	}
	json_stride = usual;
}

static void
judge_table(const char *way, void *table)
{
	struct fence fence = fence_new(8192);
	struct buf text = { 0 };
	bool accept = strcmp(table, "accept") == 0;
	FILE *f = corpus_open(table);
	unsigned n = 0;
	char name[128];

	assert_non_null(f);
	while (corpus_next(f, name, &text)) {
		struct text end = fence_at_end(&fence, buf_as_text(&text));

		n++;
		if (scans(end) != accept || parses(end) != accept)
			fail_msg("%s, %s: %s", way, accept ? "refused" : "accepted", name);
		if (scans(fence_at_begin(&fence, buf_as_text(&text))) != accept)
			fail_msg("%s, otherwise at the begin of a page: %s", way, name);
	}
	assert_true(n > 75);
	fclose(f);
	buf_free(&text);
	fence_free(&fence);
}

static void
the_corpus_is_judged_right(void **state)
{
	(void)state;
	in_every_way(judge_table, "accept");
	in_every_way(judge_table, "reject");
}

/* Every accepted text of the corpus, within strings, arrays and objects at every distance from a border. */
static void
shift_table(const char *way, void *table)
{
	struct fence fence = fence_new(16384);
	bool accept = strcmp(table, "accept") == 0;
	struct buf text = { 0 }, whole = { 0 };
	FILE *f = corpus_open(table);
	char name[128];

	while (corpus_next(f, name, &text)) {
		if (strstr(name, " deep") != NULL || strstr(name, "value, comma, value") != NULL || strstr(name, "in place of a point") != NULL)
			continue;				/* become right, or wrong, by standing in an array */
		for (unsigned shift = 0; shift < 70; shift += 1 + shift % 3) {
			whole.len = 0;
			buf_print(&whole, "[\"%.*s\",", (int)shift, "0123456789012345678901234567890123456789012345678901234567890123456789");
			buf_text(&whole, buf_as_text(&text));
			buf_print(&whole, ",\"%.*s\"]", (int)(70 - shift), "0123456789012345678901234567890123456789012345678901234567890123456789");
			if (!accept && (scans(buf_as_text(&whole)) || parses(buf_as_text(&whole))))
				fail_msg("%s, accepted at %u: %s", way, shift, name);
			if (accept && (!scans(fence_at_end(&fence, buf_as_text(&whole))) || !parses(buf_as_text(&whole))))
				fail_msg("%s, refused at %u: %s", way, shift, name);
		}
	}
	fclose(f);
	buf_free(&text);
	buf_free(&whole);
	fence_free(&fence);
}

static void
the_corpus_is_judged_right_at_every_distance(void **state)
{
	(void)state;
	in_every_way(shift_table, "accept");
	in_every_way(shift_table, "reject");
}

/* A text cut anywhere is no JSON; nothing is read behind the cut. */
static void
cut_everywhere(const char *way, void *arg)
{
	static const char whole[] = "{\"model\":\"a-name-of-more-than-sixteen\",\"text\":\"caf\xc3\xa9 \xf0\x9f\x98\x80 \\u00e9 \\\"quoted\\\" and on and on, "
	    "for more than sixty-four bytes, so that a stride is made\",\"n\":[1,-2.5e+3,true,false,null,{ }]}";
	struct fence fence = fence_new(4096);

	(void)arg;
	for (size_t len = 0; len < sizeof(whole) - 1; len++) {
		struct text t = fence_at_end(&fence, (struct text){ whole, len });

		if (scans(t) || parses(t))
			fail_msg("%s: accepted when cut at %zu", way, len);
	}
	assert_true(scans(fence_at_end(&fence, (struct text){ whole, sizeof(whole) - 1 })));
	fence_free(&fence);
}

static void
a_text_cut_anywhere_is_refused(void **state)
{
	(void)state;
	in_every_way(cut_everywhere, NULL);
}

/* Strings of such pieces in any order, judged alike in every way of striding, the same place blamed. */
static const char *const pieces[] = {
	"x", "plain text of some length ", "\\n", "\\\"", "\\\\", "\\/", "\\t", "\\u00e9", "\\ud83d\\ude00", "\xc3\xa9", "\xe2\x82\xac", "\xf0\x9f\x98\x80", "0123456789abcdef",
	"\\", "\"", "\x01", "\xc3", "\xe2\x82", "\xff", "\xed\xa0\x80", "\\u12", "\\q", "\xf4\x90\x80\x80",		/* the bad ones */
};
#define GOOD_PIECES	13

static void
judge_alike(struct text t)
{
	struct json_fault plainly = { 0 };
	enum json_type type;
	size_t count;
	bool good;

	json_stride = json_stride_ways[JSON_PLAIN].stride;
	good = json_scan(t, &type, NULL, 0, &count, &plainly);
	for (size_t i = 0; i < JSON_PLAIN; i++) {
		struct json_fault fault = { 0 };

		if (!json_stride_ways[i].usable)
			continue;
		json_stride = json_stride_ways[i].stride;
		if (json_scan(t, &type, NULL, 0, &count, &fault) != good || fault.at != plainly.at || fault.what != plainly.what)
			fail_msg("%s: %s at %zu of %.*s", json_stride_ways[i].name, fault.what, fault.at, TEXT_ARG(t));
	}
}

static void
every_way_of_striding_judges_alike(void **state)
{
	struct fence fence = fence_new(8192);
	json_stride_f *usual = json_stride;
	struct buf text = { 0 };
	uint64_t dice = 1;

	(void)state;
	for (unsigned round = 0; round < 20000; round++) {
		text.len = 0;
		buf_byte(&text, '"');
		while ((dice = dice * 6364136223846793005u + 1442695040888963407u) >> 59 != 0)
			buf_text(&text, text_of(pieces[(dice >> 33) % ((dice >> 50) % 50 == 0 ? nitems(pieces) : GOOD_PIECES)]));
		buf_byte(&text, '"');
		judge_alike(fence_at_end(&fence, buf_as_text(&text)));
	}
	json_stride = usual;
	buf_free(&text);
	fence_free(&fence);
}

static const struct {
	const char	*text, *message;
	bool		 too_deep;
} faults[] = {
	{ "{\"model\":\"fake\",", "unexpected end of data: line 1 column 17 (char 16)", false },
	{ "", "unexpected end of data: line 1 column 1 (char 0)", false },
	{ "{\n  \"a\": 1,\n  \"b\" 2\n}", "unexpected character: line 3 column 7 (char 18)", false },
	{ "\"\xc3\xa9\xf0\x9f\x98\x80\x01\"", "unescaped control character in string: line 1 column 4 (char 3)", false },
	{ "[1,]", "trailing comma is not allowed: line 1 column 4 (char 3)", false },
	{ "{\"a\":1,}", "trailing comma is not allowed: line 1 column 8 (char 7)", false },
	{ "{\"a\":{\"b\":1,}}", "trailing comma is not allowed: line 1 column 13 (char 12)", false },
	{ "{\"a\":1,]", "unexpected character: line 1 column 8 (char 7)", false },
	{ "[1,}", "unexpected character: line 1 column 4 (char 3)", false },
	{ "{} {}", "unexpected content after document: line 1 column 4 (char 3)", false },
	{ "[01]", "number with leading zero is not allowed: line 1 column 2 (char 1)", false },
	{ "[-]", "no digit after minus sign: line 1 column 3 (char 2)", false },
	{ "[1.]", "no digit after decimal point: line 1 column 4 (char 3)", false },
	{ "[1e]", "no digit in exponent: line 1 column 4 (char 3)", false },
	{ "[nil]", "invalid literal: line 1 column 2 (char 1)", false },
	{ "[tru", "unexpected end of data: line 1 column 5 (char 4)", false },
	{ "[NaN]", "unexpected character: line 1 column 2 (char 1)", false },
	{ "\"a\\q\"", "invalid escape in string: line 1 column 3 (char 2)", false },
	{ "\"a\\u12", "unexpected end of data: line 1 column 7 (char 6)", false },
	{ "\"a\\u12x4\"", "invalid escape in string: line 1 column 3 (char 2)", false },
	{ "\"\xe2\x82", "unexpected end of data: line 1 column 3 (char 2)", false },
	{ "\"\xe2\x82\"", "invalid UTF-8 in string: line 1 column 2 (char 1)", false },
	{ "\"\xff\"", "invalid UTF-8 in string: line 1 column 2 (char 1)", false },
	{ "\xef\xbb\xbf{}", "byte order mark is not allowed: line 1 column 1 (char 0)", false },
	{ "[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[", "nested too deeply: line 1 column 65 (char 64)", true },
	{ "{\"0123456789012345678901234567890123456789012345678901234567890123456789\": \"0123456789012345678901234567890123456789012345678901"
	  "2345678901234567890123456789\x02\"}", "unescaped control character in string: line 1 column 157 (char 156)", false },
};

static void
faults_name_their_place(void **state)
{
	struct arena *a = arena_new();
	struct buf said = { 0 };

	(void)state;
	for (size_t i = 0; i < nitems(faults); i++) {
		struct text t = text_of(faults[i].text);
		struct json_fault by_scan = { 0 }, by_parse = { 0 };
		enum json_type type;
		size_t count;

		assert_false(json_scan(t, &type, NULL, 0, &count, &by_scan));
		assert_null(json_parse(a, t, &by_parse));
		said.len = 0;
		json_fault_print(&said, t, &by_scan);
		buf_byte(&said, '\0');
		assert_string_equal(said.at, faults[i].message);
		assert_int_equal(by_scan.too_deep, faults[i].too_deep);
		assert_int_equal(by_scan.at, by_parse.at);
		assert_string_equal(by_scan.what, by_parse.what);
		assert_int_equal(by_scan.too_deep, by_parse.too_deep);
	}
	buf_free(&said);
	arena_free(a);
}

static void
spots_name_the_members(void **state)
{
	struct text t = TEXT(" { \"model\" : \"m\" , \"n\":-1,\"messages\":[{\"a\":{}}],\"o\":{\"model\":1},\"t\":true,\"u\":null } ");
	static const struct { const char *name, *value; enum json_type type; } want[] = {
		{ "model", "\"m\"", JSON_STRING }, { "n", "-1", JSON_NUMBER }, { "messages", "[{\"a\":{}}]", JSON_ARRAY },
		{ "o", "{\"model\":1}", JSON_OBJECT }, { "t", "true", JSON_BOOL }, { "u", "null", JSON_NULL },
	};
	struct json_spot top[8];
	struct json_fault fault;
	enum json_type type;
	size_t count;

	(void)state;
	assert_true(json_scan(t, &type, top, nitems(top), &count, &fault));
	assert_int_equal(type, JSON_OBJECT);
	assert_int_equal(count, nitems(want));
	for (size_t i = 0; i < nitems(want); i++) {
		assert_true(quoted_is(json_spot_name(t, &top[i]), want[i].name));
		assert_true(text_is(json_spot_value(t, &top[i]), want[i].value));
		assert_int_equal(top[i].type, want[i].type);
		assert_int_equal(t.at[top[i].from], '"');
	}
	assert_true(json_scan(t, &type, top, 2, &count, &fault));	/* no more room than for two */
	assert_int_equal(count, nitems(want));
	assert_true(json_scan(TEXT("[{\"a\":1}]"), &type, top, nitems(top), &count, &fault));
	assert_int_equal(type, JSON_ARRAY);
	assert_int_equal(count, 0);
	assert_true(json_scan(TEXT(" 12 "), &type, top, nitems(top), &count, &fault));
	assert_int_equal(type, JSON_NUMBER);
	assert_false(json_scan((struct text){ NULL, 0 }, &type, top, nitems(top), &count, &fault));
	assert_int_equal(type, JSON_NONE);
}

static void
walks_visit_all_items(void **state)
{
	struct text t = TEXT("{ \"a\" : [ 1 , \"two\", {\"x\":[]}, [ ] ] , \"b\":{},\"a\" :null}");
	static const char *const items[] = { "1", "\"two\"", "{\"x\":[]}", "[ ]" };
	struct json_walk w = json_walk(t);
	struct json_item item, inner;
	unsigned n = 0;

	(void)state;
	assert_true(json_next(&w, &item));
	assert_true(quoted_is(item.name, "a"));
	assert_int_equal(item.type, JSON_ARRAY);
	assert_int_equal(*item.from, '"');
	for (struct json_walk v = json_walk(item.raw); json_next(&v, &inner); n++) {
		assert_true(text_is(inner.raw, items[n]));
		assert_ptr_equal(inner.from, inner.raw.at);
		assert_int_equal(inner.name.len, 0);
	}
	assert_int_equal(n, nitems(items));
	assert_true(json_next(&w, &item));
	assert_true(quoted_is(item.name, "b") && text_is(item.raw, "{}"));
	assert_true(json_next(&w, &item));
	assert_false(json_next(&w, &item));
	assert_false(json_next(&w, &item));

	assert_true(json_find(t, "a", &item));
	assert_int_equal(item.type, JSON_NULL);			/* the last one */
	assert_false(json_find(t, "x", &item));
	assert_true(json_find(TEXT("{\"\\u0061\":1}"), "a", &item));
	assert_false(json_find(TEXT("[\"a\"]"), "a", &item));
	assert_false(json_find(TEXT(""), "a", &item));
	w = json_walk(TEXT("12"));
	assert_false(json_next(&w, &item));
	w = json_walk(TEXT("[]"));
	assert_false(json_next(&w, &item));
}

static void
the_index_mirrors_the_text(void **state)
{
	struct text t = TEXT(" {\"a\":[1,[],{\"b\":\"x\\n\"}],\"n\":null,\"t\":true,\"f\":false,\"a2\":{},\"n\":5} ");
	struct arena *arena = arena_new();
	struct json_fault fault;
	const struct json *root = json_parse(arena, t, &fault), *a;

	(void)state;
	assert_non_null(root);
	assert_int_equal(root->count, 6);
	assert_int_equal(root->raw.len, t.len - 2);
	a = json_get(root, "a");
	assert_int_equal(a->count, 3);
	assert_true(text_is(a->raw, "[1,[],{\"b\":\"x\\n\"}]"));
	assert_true(text_is(a->first->raw, "1"));
	assert_true(text_is(a->first->next->raw, "[]"));
	assert_null(a->first->next->next->next);
	assert_true(text_is(json_unescape(arena, json_quoted(json_get(a->first->next->next, "b"))), "x\n"));
	assert_true(text_is(json_get(root, "n")->raw, "5"));	/* the last one wins */
	assert_true(json_true(json_get(root, "t")));
	assert_false(json_true(json_get(root, "f")));
	assert_false(json_true(json_get(root, "a")));
	assert_null(json_get(root, "none"));
	assert_null(json_get(a, "a"));
	assert_null(json_get(NULL, "a"));
	assert_false(json_is(NULL, JSON_NULL));
	assert_int_equal(json_quoted(NULL).len, 0);
	assert_int_equal(json_quoted(a).len, 0);
	arena_free(arena);
}

static void
values_are_compared(void **state)
{
	static const struct {
		const char	*one, *other;
		bool		 same;
	} pairs[] = {
		{ "{\"a\":1,\"b\":[true,null]}", "{ \"b\" : [ true , null ], \"\\u0061\": 1.0 }", true }, { "\"\\u00e9\"", "\"\xc3\xa9\"", true }, { "1e-6", "0.000001", true },
		{ "{\"a\":1}", "{\"a\":2}", false }, { "{\"a\":1}", "{\"a\":1,\"b\":1}", false }, { "{\"a\":1}", "{\"b\":1}", false }, { "[1,2]", "[2,1]", false },
		{ "[1]", "[1,2]", false }, { "\"1\"", "1", false }, { "null", "false", false }, { "[]", "{}", false }, { "true", "false", false },
	};
	struct arena *arena = arena_new();
	struct json_fault fault;

	(void)state;
	for (size_t i = 0; i < nitems(pairs); i++) {
		const struct json *one = json_parse(arena, text_of(pairs[i].one), &fault), *other = json_parse(arena, text_of(pairs[i].other), &fault);

		if (json_same(one, other) != pairs[i].same || json_same(other, one) != pairs[i].same || !json_same(one, one))
			fail_msg("%s and %s", pairs[i].one, pairs[i].other);
	}
	assert_true(json_same(NULL, NULL));
	assert_false(json_same(NULL, json_parse(arena, TEXT("null"), &fault)));
	arena_free(arena);
}

static struct quoted
q_of(const char *s)
{
	return ((struct quoted){ s, strlen(s) });
}

static const struct { const char *quoted, *plain; } escapes[] = {
	{ "", "" }, { "plain", "plain" }, { "\\\"\\\\\\/\\b\\f\\n\\r\\t", "\"\\/\b\f\n\r\t" }, { "a\\u0041b", "aAb" },
	{ "\\u00e9", "\xc3\xa9" }, { "\\u20AC", "\xe2\x82\xac" }, { "\\uD83D\\uDE00", "\xf0\x9f\x98\x80" }, { "\\udbff\\udfff", "\xf4\x8f\xbf\xbf" },
	{ "\\uD83D", "\xef\xbf\xbd" }, { "\\uDE00", "\xef\xbf\xbd" }, { "x\\uD83Dy", "x\xef\xbf\xbdy" }, { "\\uD83D\\uD83D\\uDE00", "\xef\xbf\xbd\xf0\x9f\x98\x80" },
	{ "\\uD83D\\n", "\xef\xbf\xbd\n" }, { "\\uDE00\\uD83D", "\xef\xbf\xbd\xef\xbf\xbd" }, { "\\\\u0041", "\\u0041" }, { "\xc3\xa9\\n", "\xc3\xa9\n" },
};

static void
strings_are_unescaped_and_compared(void **state)
{
	struct arena *arena = arena_new();
	struct buf b = { 0 };

	(void)state;
	for (size_t i = 0; i < nitems(escapes); i++) {
		assert_true(text_is(json_unescape(arena, q_of(escapes[i].quoted)), escapes[i].plain));
		b.len = 0;
		buf_unescape(&b, q_of(escapes[i].quoted));
		assert_true(text_is(buf_as_text(&b), escapes[i].plain));
		assert_true(quoted_is(q_of(escapes[i].quoted), escapes[i].plain));
		assert_false(quoted_is(q_of(escapes[i].quoted), "something else"));
	}
	assert_int_equal(json_unescape(arena, QUOTED("\\u0000")).len, 1);
	assert_ptr_equal(json_unescape(arena, q_of(escapes[1].quoted)).at, escapes[1].quoted);	/* nothing to do, no copy */
	assert_false(quoted_is(QUOTED("model"), "mode"));
	assert_false(quoted_is(QUOTED("mode"), "model"));
	assert_false(quoted_is(QUOTED("mode\\u0000"), "mode"));
	assert_false(quoted_is(QUOTED("mod\\u0065"), "mode\\u0065"));
	assert_false(quoted_is(QUOTED("MODEL"), "model"));
	assert_true(quoted_is_nocase(QUOTED("MoDeL"), "model"));
	assert_true(quoted_is_nocase(QUOTED("\\u004dodel"), "model"));
	assert_false(quoted_is_nocase(QUOTED("mode1"), "model"));
	assert_true(quoted_blank(QUOTED("")));
	assert_true(quoted_blank(QUOTED(" \\n\\t\\r\\u0020 ")));
	assert_false(quoted_blank(QUOTED(" \\n.")));
	assert_false(quoted_blank(QUOTED("\\u0000")));
	assert_true(quoted_is(json_inside(TEXT("\"in\"")), "in"));
	assert_int_equal(json_inside(TEXT("1")).len, 0);
	buf_free(&b);
	arena_free(arena);
}

static void
half_a_pair_at_the_end_is_seen(void **state)
{
	struct quoted half;

	(void)state;
	assert_true(quoted_ends_in_half(QUOTED("x\\uD83D"), &half));
	assert_int_equal(half.len, 6);
	assert_memory_equal(half.at, "\\uD83D", 6);
	assert_true(quoted_ends_in_half(QUOTED("\\udbff"), &half));
	assert_true(quoted_ends_in_half(QUOTED("\\\\\\uD83D"), &half));
	assert_false(quoted_ends_in_half(QUOTED("\\\\uD83D"), &half));
	assert_false(quoted_ends_in_half(QUOTED("\\uD83D\\uDE00"), &half));
	assert_false(quoted_ends_in_half(QUOTED("\\uDE00"), &half));
	assert_false(quoted_ends_in_half(QUOTED("\\u0041"), &half));
	assert_false(quoted_ends_in_half(QUOTED("uD83D"), &half));
	assert_false(quoted_ends_in_half(QUOTED(""), &half));
}

static void
halves_wait_for_each_other(void **state)
{
	static const struct {
		const char	*words, *said;		/* NULL: nothing yet */
		bool		 waits;
	} rows[] = {
		{ "", NULL, false }, { "a", "a", false }, { "b\\uD83D", "b", true }, { "", NULL, true }, { "\\uDE00c", "\\uD83D\\uDE00c", false },
		{ "\\uD83D", NULL, true }, { "\\uD83E", "\\uD83D", true }, { "x", "\\uD83Ex", false },
	};
	struct arena *arena = arena_new();
	struct half half = { 0 };

	(void)state;
	for (size_t i = 0; i < nitems(rows); i++) {
		struct quoted words = { rows[i].words, strlen(rows[i].words) };

		assert_int_equal(quoted_join(arena, &half, &words), rows[i].said != NULL);
		assert_int_equal(half.waits, rows[i].waits);
		if (rows[i].said != NULL)
			assert_string_equal(arena_copy(arena, (struct text){ words.at, words.len }).at, rows[i].said);
	}
	arena_free(arena);
}

static void
brackets_are_weighed_in_pieces(void **state)
{
	static const struct {
		const char	*piece;
		bool		 balanced, began;
	} rows[] = {
		{ "", true, false }, { " ", true, false }, { "{", false, true }, { "\\\"}\\\\", false, true },
	};
	struct json_balance b = { 0 };

	(void)state;
	for (size_t i = 0; i < nitems(rows); i++) {
		json_balance_add(&b, (struct quoted){ rows[i].piece, strlen(rows[i].piece) });
		assert_int_equal(json_balanced(&b), rows[i].balanced);
		assert_int_equal(b.began, rows[i].began);
	}
	json_balance_add(&b, QUOTED("\\\"x\\u0022:[1]"));		/* an escaped quote, then the end of the string */
	assert_false(json_balanced(&b));
	json_balance_add(&b, QUOTED("}"));
	assert_true(json_balanced(&b));
}

static const struct { const char *plain, *quoted; } to_escape[] = {
	{ "", "" }, { "plain/text", "plain/text" }, { "\"\\\b\f\n\r\t", "\\\"\\\\\\b\\f\\n\\r\\t" }, { "\x01\x1f\x7f", "\\u0001\\u001f\x7f" },
	{ "\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80", "\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80" }, { "a\xff" "b", "a\xef\xbf\xbd" "b" }, { "\xed\xa0\x80", "\xef\xbf\xbd" },
	{ "\xe2\x82", "\xef\xbf\xbd" }, { "0123456789012345\n0123456789012345\"0123456789012345", "0123456789012345\\n0123456789012345\\\"0123456789012345" },
};

static void
texts_are_escaped(void **state)
{
	struct arena *arena = arena_new();
	struct buf b = { 0 };
	struct quoted q;

	(void)state;
	for (size_t i = 0; i < nitems(to_escape); i++) {
		q = json_escape(arena, text_of(to_escape[i].plain));
		assert_true(text_is((struct text){ q.at, q.len }, to_escape[i].quoted));
	}
	q = json_escape(arena, (struct text){ "\0", 1 });
	assert_true(text_is((struct text){ q.at, q.len }, "\\u0000"));
	for (unsigned c = 1; c < 0x80; c++) {		/* there and back */
		char one[2] = { (char)c, '\0' };

		b.len = 0;
		buf_escape(&b, text_of(one));
		assert_true(quoted_is((struct quoted){ b.at, b.len }, one));
	}
	q = json_escape_compact(arena, TEXT("{ \"a b\" : [ 1 ,\n\t\"x\\n\\\"y\\\\\" ] }"));
	assert_true(text_is((struct text){ q.at, q.len }, "{\\\"a b\\\":[1,\\\"x\\\\n\\\\\\\"y\\\\\\\\\\\"]}"));
	assert_true(text_is(json_unescape(arena, q), "{\"a b\":[1,\"x\\n\\\"y\\\\\"]}"));
	buf_free(&b);
	arena_free(arena);
}

static const struct { const char *raw; bool good; int64_t value; } integers[] = {
	{ "0", true, 0 }, { "-0", true, 0 }, { "12", true, 12 }, { "-12", true, -12 }, { "12.0", true, 12 }, { "12.000", true, 12 }, { "1e3", true, 1000 },
	{ "1.5e1", true, 15 }, { "1.50e1", true, 15 }, { "120e-1", true, 12 }, { "1E+2", true, 100 }, { "0e99999999999999999999", true, 0 }, { "0.000", true, 0 },
	{ "100000000000000000000e-2", true, 1000000000000000000 }, { "9223372036854775807", true, INT64_MAX }, { "-9223372036854775808", true, INT64_MIN },
	{ "9223372036854775808", false, 0 }, { "-9223372036854775809", false, 0 }, { "1e19", false, 0 }, { "1e18", true, 1000000000000000000 },
	{ "12.5", false, 0 }, { "1e-1", false, 0 }, { "15e-1", false, 0 }, { "1e99999999999999999999", false, 0 }, { "1e-99999999999999999999", false, 0 },
	{ "0.00000000000000000000000000012e28", false, 0 }, { "0.00000000000000000000000000012e29", true, 12 },
	{ "123456789012345678901234567890", false, 0 }, { "\"1\"", false, 0 }, { "true", false, 0 }, { "", false, 0 }, { "1x", false, 0 }, { "[1]", false, 0 }, { "1.", false, 0 },
	{ "1000000000000000000000000000000000000e-36", true, 1 }, { "1020304000.00", true, 1020304000 },
};

static void
integers_are_read_exactly(void **state)
{
	(void)state;
	for (size_t i = 0; i < nitems(integers); i++) {
		int64_t v = -77;

		if (json_to_i64(text_of(integers[i].raw), &v) != integers[i].good || v != (integers[i].good ? integers[i].value : -77))
			fail_msg("%s became %lld", integers[i].raw, (long long)v);
	}
}

static void
doubles_are_read(void **state)
{
	char longest[1200];
	double v = 7;

	(void)state;
	assert_true(json_to_double(TEXT("0.1"), &v));
	assert_true(v == 0.1);
	assert_true(json_to_double(TEXT("-2.5E+3"), &v));
	assert_true(v == -2500);
	assert_true(json_to_double(TEXT("0.1000000000000000055511151231257827021181583404541015625"), &v));
	assert_true(v == 0.1);
	assert_true(json_to_double(TEXT("1e-999"), &v));
	assert_true(v == 0);
	v = 7;
	assert_false(json_to_double(TEXT("1e999"), &v) && isfinite(v));
	assert_false(json_to_double(TEXT("\"1\""), &v));
	assert_false(json_to_double(TEXT("nan"), &v));
	assert_false(json_to_double(TEXT("0x10"), &v));
	assert_false(json_to_double(TEXT(""), &v));
	memset(longest, '1', sizeof(longest));
	assert_false(json_to_double((struct text){ longest, sizeof(longest) }, &v));
	longest[1] = '.';
	assert_true(json_to_double((struct text){ longest, 1000 }, &v));
	assert_true(v > 1.11 && v < 1.12);
}

static const struct { const char *text, *cut, *left; } cuts[] = {
	{ "{\"a\":1,\"b\":2,\"c\":3}", "a", "{\"b\":2,\"c\":3}" }, { "{\"a\":1,\"b\":2,\"c\":3}", "b", "{\"a\":1,\"c\":3}" }, { "{\"a\":1,\"b\":2,\"c\":3}", "c", "{\"a\":1,\"b\":2}" },
	{ "{\"a\":1,\"b\":2,\"c\":3}", "ab", "{\"c\":3}" }, { "{\"a\":1,\"b\":2,\"c\":3}", "bc", "{\"a\":1}" }, { "{\"a\":1,\"b\":2,\"c\":3}", "ac", "{\"b\":2}" },
	{ "{\"a\":1,\"b\":2,\"c\":3}", "abc", "{}" }, { "{ \"a\" : 1 , \"b\" : 2 }", "a", "{ \"b\" : 2 }" }, { "{ \"a\" : 1 , \"b\" : 2 }", "b", "{ \"a\" : 1 }" },
	{ "{ \"a\" : 1 , \"b\" : 2 }", "ab", "{  }" }, { "{\"a\":1}", "a", "{}" }, { "{\"a\":1}", "", "{\"a\":1}" }, { "{}", "", "{}" },
	{ "{\"a\":{\"x\":[1,2]},\"b\":\"}\",\"a\":3,\"d\":4}", "a", "{\"b\":\"}\",\"d\":4}" },
};

static void
members_are_cut_out(void **state)
{
	struct json_edit edits[8];
	struct json_fault fault;
	struct json_spot top[8];
	struct buf out = { 0 };
	enum json_type type;
	size_t count, n;

	(void)state;
	for (size_t i = 0; i < nitems(cuts); i++) {
		struct text t = text_of(cuts[i].text);
		bool cut[8];

		assert_true(json_scan(t, &type, top, nitems(top), &count, &fault));
		for (size_t m = 0; m < count; m++)
			cut[m] = strchr(cuts[i].cut, t.at[top[m].from + 1]) != NULL;
		n = json_cut_many(edits, t, top, count, cut);
		assert_true(n <= count);
		out.len = 0;
		json_apply(&out, t, edits, n);
		if (!text_is(buf_as_text(&out), cuts[i].left))
			fail_msg("%s without %s became %.*s", cuts[i].text, cuts[i].cut, TEXT_ARG(out));
		if (strlen(cuts[i].cut) == 1 && n == 1) {
			size_t m = 0;

			while (!cut[m])
				m++;
			out.len = 0;
			edits[0] = json_cut(t, top, count, m);
			json_apply(&out, t, edits, 1);
			assert_true(text_is(buf_as_text(&out), cuts[i].left));
		}
	}
	buf_free(&out);
}

/* Only the first members are known: what is behind them must stay an object. */
static void
members_are_cut_out_of_a_longer_object(void **state)
{
	struct text t = TEXT("{\"a\":1,\"b\":2,\"c\":3}");
	bool both[2] = { true, true };
	struct json_edit edits[2];
	struct json_fault fault;
	struct json_spot top[2];
	struct buf out = { 0 };
	enum json_type type;
	size_t count;

	(void)state;
	assert_true(json_scan(t, &type, top, nitems(top), &count, &fault));
	assert_int_equal(count, 3);
	json_apply(&out, t, edits, json_cut_many(edits, t, top, nitems(top), both));
	assert_true(text_is(buf_as_text(&out), "{\"c\":3}"));
	buf_free(&out);
}

static void
edits_replace_and_insert(void **state)
{
	struct text t = TEXT("{\"model\":\"old\",\"n\":1}");
	struct json_edit edits[] = { { 1, 1, TEXT("\"x\":0,") }, { 9, 14, TEXT("\"new\"") }, { 20, 20, TEXT(",\"y\":2") } };
	struct buf out = { 0 };

	(void)state;
	json_apply(&out, t, edits, nitems(edits));
	assert_true(text_is(buf_as_text(&out), "{\"x\":0,\"model\":\"new\",\"n\":1,\"y\":2}"));
	out.len = 0;
	json_apply(&out, t, NULL, 0);
	assert_true(text_eq(buf_as_text(&out), t));
	buf_free(&out);
}

static void
the_writer_writes(void **state)
{
	struct buf b = { 0 };
	struct json_out o = { .to = &b };

	(void)state;
	json_open(&o, '{');
	json_name(&o, "a");
	json_open(&o, '[');
	json_int(&o, -1);
	json_int(&o, INT64_MIN);
	json_string(&o, TEXT("q\"\n"));
	json_put_quoted(&o, QUOTED("a\\n"));
	json_open(&o, '{');
	json_close(&o, '}');
	json_open(&o, '[');
	json_close(&o, ']');
	json_close(&o, ']');
	json_name_quoted(&o, QUOTED("n\\u0061me"));
	json_bool(&o, true);
	json_name(&o, "f");
	json_bool(&o, false);
	json_name(&o, "n");
	json_null(&o);
	json_name(&o, "r");
	json_raw(&o, TEXT("{\"x\":1.0}"));
	json_close(&o, '}');
	assert_true(text_is(buf_as_text(&b), "{\"a\":[-1,-9223372036854775808,\"q\\\"\\n\",\"a\\n\",{},[]],\"n\\u0061me\":true,\"f\":false,\"n\":null,\"r\":{\"x\":1.0}}"));
	assert_true(scans(buf_as_text(&b)));
	buf_free(&b);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_corpus_is_judged_right),
		cmocka_unit_test(the_corpus_is_judged_right_at_every_distance),
		cmocka_unit_test(a_text_cut_anywhere_is_refused),
		cmocka_unit_test(every_way_of_striding_judges_alike),
		cmocka_unit_test(faults_name_their_place),
		cmocka_unit_test(spots_name_the_members),
		cmocka_unit_test(walks_visit_all_items),
		cmocka_unit_test(the_index_mirrors_the_text),
		cmocka_unit_test(strings_are_unescaped_and_compared),
		cmocka_unit_test(values_are_compared),
		cmocka_unit_test(half_a_pair_at_the_end_is_seen),
		cmocka_unit_test(halves_wait_for_each_other),
		cmocka_unit_test(brackets_are_weighed_in_pieces),
		cmocka_unit_test(texts_are_escaped),
		cmocka_unit_test(integers_are_read_exactly),
		cmocka_unit_test(doubles_are_read),
		cmocka_unit_test(members_are_cut_out),
		cmocka_unit_test(members_are_cut_out_of_a_longer_object),
		cmocka_unit_test(edits_replace_and_insert),
		cmocka_unit_test(the_writer_writes),
	};

	return (cmocka_run_group_tests(tests, NULL, NULL));
}
