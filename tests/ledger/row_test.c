/* SPDX-License-Identifier: Apache-2.0 */
/* Rows, packed and unpacked: whole, cut to fit, and damaged. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "base/clock.h"
#include "base/json.h"
#include "ledger/ledger.h"
#include "ledger/sums.h"

#include <stdio.h>

static struct arena *arena;

static int
setup(void **state)
{
	(void)state;
	arena = arena_new();
	return (0);
}

static int
teardown(void **state)
{
	(void)state;
	arena_free(arena);
	return (0);
}

static struct ledger_row
a_row(void)
{
	return ((struct ledger_row){ .id = "0199b6e0-0000-7abc-8def-0123456789ab", .began_ms = 1764122400123, .first_token_ms = 1764122400456,
		.ended_ms = 1764122401789, .call_type = TEXT("acompletion"), .ended = TEXT("complete"), .status = 200, .streamed = true,
		.key_digest = TEXT("88dc28d0f030c55ed4ab77ed8faf098196cb1c05df778539800c9f1243fe6b4b"), .user_id = TEXT("ada"),
		.team_id = TEXT("data-eng"), .model_group = TEXT("gpt"), .model = TEXT("gpt-4o"), .model_id = TEXT("m1"), .provider = TEXT("openai"),
		.api_base = TEXT("https://api.openai.com"), .prompt = 12, .completion = 34, .cached = 5, .written = 6, .reasoning = 7,
		.cost = INT64_C(123456789012), .charges = { { 7, 1764115200000, 99 }, { 8, 0, 0 } }, .n_charges = 2, .tags = TEXT("[\"a\",\"b\"]"),
		.doc = TEXT("{\"session\":\"s1\"}") });
}

static struct ledger_row
there_and_back(const struct ledger_row *row)
{
	struct ledger_row back;
	struct buf b = { 0 };
	struct text packed;

	ledger_row_pack(&b, row);
	assert_true(b.len <= LEDGER_ROW_MOST);
	packed = arena_copy(arena, buf_as_text(&b));
	buf_free(&b);
	assert_true(ledger_row_unpack(&back, arena, packed));
	return (back);
}

static struct text
many(const char *piece, size_t n)
{
	struct growing g = { 0 };

	for (size_t i = 0; i < n; i++)
		arena_append(arena, &g, text_of(piece));
	return ((struct text){ g.at, g.len });
}

static void
is_json(struct text t, enum json_type wanted)
{
	struct json_fault fault;
	enum json_type type;
	struct json_spot top;
	size_t n;

	assert_true(json_scan(t, &type, &top, 1, &n, &fault));
	assert_int_equal(type, wanted);
}

static void
a_row_comes_back(void **state)
{
	struct ledger_row row = a_row(), back = there_and_back(&row);

	(void)state;
	assert_string_equal(back.id, row.id);
	assert_int_equal(back.began_ms, row.began_ms);
	assert_int_equal(back.first_token_ms, row.first_token_ms);
	assert_int_equal(back.ended_ms, row.ended_ms);
	assert_int_equal(back.status, 200);
	assert_true(back.streamed);
	assert_false(back.estimated);
	assert_true(text_is(back.call_type, "acompletion") && text_is(back.ended, "complete") && text_eq(back.key_digest, row.key_digest));
	assert_true(text_is(back.user_id, "ada") && text_is(back.team_id, "data-eng") && back.customer.len == 0);
	assert_true(text_is(back.model_group, "gpt") && text_is(back.model, "gpt-4o") && text_is(back.model_id, "m1"));
	assert_true(text_is(back.provider, "openai") && text_is(back.api_base, "https://api.openai.com"));
	assert_int_equal(back.prompt + back.completion * 100 + back.cached * 10000, 53412);
	assert_int_equal(back.written, 6);
	assert_int_equal(back.reasoning, 7);
	assert_int_equal(back.cost, row.cost);
	assert_int_equal(back.n_charges, 2);
	assert_memory_equal(back.charges, row.charges, 2 * sizeof(row.charges[0]));
	assert_true(text_is(back.tags, "[\"a\",\"b\"]") && text_is(back.doc, "{\"session\":\"s1\"}"));
}

static void
the_emptiest_row_comes_back(void **state)
{
	struct ledger_row row = { .id = "00000000-0000-0000-0000-000000000000" }, back = there_and_back(&row);

	(void)state;
	assert_true(text_is(back.tags, "[]") && text_is(back.doc, "{}") && back.user_id.len == 0);
}

/* All that can be long is: names are cut between characters, tags and document stay JSON. */
static void
the_longest_row_fits(void **state)
{
	struct text long_one = many("\xed\x95\x9c", 1000);	/* of three bytes each; 256 is no multiple of three */
	struct ledger_row row = a_row(), back;

	(void)state;
	row.call_type = row.ended = row.key_digest = row.user_id = row.team_id = row.organization_id = row.project_id = row.customer = long_one;
	row.model_group = row.model = row.model_id = row.provider = row.api_base = long_one;
	row.n_charges = CHARGES_MOST;
	row.tags = arena_print(arena, "[" TEXT_FMT "\"last\"]", TEXT_ARG(many("\"tag\",", 300)));
	row.doc = arena_print(arena, "{\"long\":\"" TEXT_FMT "\",\"short\":1}", TEXT_ARG(many("x", 5000)));
	back = there_and_back(&row);
	assert_int_equal(back.user_id.len, 255);
	assert_true(text_eq(back.api_base, text_sub(long_one, 0, 255)));
	is_json(back.tags, JSON_ARRAY);
	is_json(back.doc, JSON_OBJECT);
}

static void
a_long_document_loses_what_does_not_fit(void **state)
{
	struct ledger_row row = a_row(), back;

	(void)state;
	row.doc = arena_print(arena, "{\"price\":{\"input\":1}, \"metadata\":\"" TEXT_FMT "\", \"session\":\"s1\"}", TEXT_ARG(many("\\u00e9", 1000)));
	back = there_and_back(&row);
	assert_true(text_is(back.doc, "{\"price\":{\"input\":1},\"session\":\"s1\",\"cut\":true}"));
	assert_true(text_is(back.tags, "[\"a\",\"b\"]"));
	assert_true(text_is(back.user_id, "ada"));
}

static void
a_document_that_is_none_is_left_out(void **state)
{
	struct ledger_row row = a_row(), back;

	(void)state;
	row.doc = many("x", 5000);
	back = there_and_back(&row);
	assert_true(text_is(back.doc, "{\"cut\":true}"));
	row.doc = TEXT("[1]");
	row.tags = TEXT("[\"a\",\"cut off");
	back = there_and_back(&row);
	assert_true(text_is(back.doc, "{}") && text_is(back.tags, "[]"));
}

/* One row that the store refuses would hold up all others. */
static void
bytes_that_no_store_takes_are_replaced(void **state)
{
	struct ledger_row row = a_row(), back;

	(void)state;
	row.model = (struct text){ "gpt\0\xff\xc3(", 7 };
	row.customer = TEXT("\xe2\x82");
	back = there_and_back(&row);
	assert_true(text_is(back.model, "gpt??" "?("));
	assert_true(back.customer.len == 0 || text_is(back.customer, "??"));
}

static void
what_is_no_row_is_refused(void **state)
{
	struct ledger_row row = a_row(), back;
	struct buf b = { 0 };

	(void)state;
	ledger_row_pack(&b, &row);
	for (size_t n = 0; n < b.len; n++)
		assert_false(ledger_row_unpack(&back, arena, (struct text){ b.at, n }));
	assert_true(ledger_row_unpack(&back, arena, buf_as_text(&b)));
	buf_byte(&b, 'x');
	assert_false(ledger_row_unpack(&back, arena, buf_as_text(&b)));
	b.len--;
	b.at[0]++;				/* another version's */
	assert_false(ledger_row_unpack(&back, arena, buf_as_text(&b)));
	buf_free(&b);
}

/* As the shipper gets it. */
static void
add(struct sums *sums, const struct ledger_row *row)
{
	struct ledger_row back;
	struct buf b = { 0 };

	ledger_row_pack(&b, row);
	assert_true(ledger_row_unpack(&back, arena, arena_copy(arena, buf_as_text(&b))));
	sums_count(sums, &back);
	buf_free(&b);
}

/* Accounts that share all but one of account, period and lease; each charged by every row, some of which cost nothing. */
static void
charges_are_added_up_by_whom_they_charge(void **state)
{
	enum { ROWS = 50, ACCOUNTS = 40 };
	struct ledger_row rows[ROWS] = { 0 };
	struct sums sums;

	(void)state;
	sums_begin(&sums, arena, ROWS);
	for (unsigned i = 0; i < ROWS; i++) {
		rows[i] = (struct ledger_row){ .cost = i % 3 == 0 ? 0 : i, .tags = TEXT("[]"), .n_charges = 8 };
		uuid7(rows[i].id);
		for (unsigned k = 0; k < 8; k++) {
			unsigned of = (i * 8 + k) % ACCOUNTS;

			rows[i].charges[k] = (struct charge){ .account = of % 10, .period = of / 10 % 2, .lease = of / 20 };
		}
		add(&sums, &rows[i]);
	}
	sums_end(&sums);
	assert_int_equal(sums.n_bookings, ACCOUNTS);
	for (unsigned i = 0; i < ACCOUNTS; i++) {
		const struct booking *b = &sums.bookings[i];
		unsigned of = (unsigned)(b->account + (uint64_t)b->period * 10 + b->lease * 20);
		int64_t cost = 0;

		assert_int_equal(b->account * 4 + (uint64_t)b->period * 2 + b->lease, i);	/* in that order */
		for (unsigned row = of / 8; row < ROWS; row += ACCOUNTS / 8)
			cost += rows[row].cost;
		assert_int_equal(b->cost, cost);
	}
}

/* Rows whose bytes are the same, and yet not their words; that differ in one of them only; of two days; and all of it twice. */
static void
only_what_is_alike_is_added_as_one(void **state)
{
	static const struct ledger_row kinds[] = {
		{ .key_digest = TEXT("ab"), .user_id = TEXT("c"), .tags = TEXT("[\"x\"]") },
		{ .key_digest = TEXT("a"), .user_id = TEXT("bc"), .tags = TEXT("[\"x\"]") },
		{ .key_digest = TEXT("a"), .user_id = TEXT("bc"), .tags = TEXT("[\"y\"]") },
		{ .key_digest = TEXT("a"), .user_id = TEXT("bc"), .tags = TEXT("[\"y\"]"), .status = 500 },
		{ .key_digest = TEXT("a"), .user_id = TEXT("bc"), .tags = TEXT("[\"y\"]"), .customer = TEXT("m") },
		{ .key_digest = TEXT("a"), .user_id = TEXT("bc"), .tags = TEXT("[\"y\"]"), .model = TEXT("m") },
		{ .key_digest = TEXT("a"), .user_id = TEXT("bc"), .tags = TEXT("[\"y\"]"), .model = TEXT("m"), .began_ms = 86400000 },
		{ .key_digest = TEXT("a"), .user_id = TEXT("bc"), .tags = TEXT("[\"y\"]"), .model = TEXT("m"), .n_charges = 1, .charges = { { 1, 2, 3 } } },
		{ .key_digest = TEXT("a"), .user_id = TEXT("bc"), .tags = TEXT("[\"y\"]"), .model = TEXT("m"), .n_charges = 1, .charges = { { 1, 2, 4 } } },
	};
	int64_t requests[3] = { 0 }, failures = 0, prompt = 0;
	struct sums sums;

	(void)state;
	sums_begin(&sums, arena, 0);
	for (unsigned i = 0; i < 2 * nitems(kinds); i++) {
		struct ledger_row row = kinds[i % nitems(kinds)];

		uuid7(row.id);
		row.prompt = i;
		row.cost = 10;
		row.doc = i < nitems(kinds) ? TEXT("{}") : TEXT("{\"another\":1}");
		add(&sums, &row);
	}
	sums_end(&sums);
	assert_int_equal(sums.n_days, 4 + 5 + 1);	/* ab; a; a and m; and that a day later: for each its tags too, and the customer */
	for (const struct day_sum *d = sums.days; d != NULL; d = d->next) {
		requests[text_is(d->keys[0], "tag") ? 1 : text_is(d->keys[0], "customer") ? 2 : 0] += d->sums[0];
		if (d->keys[0].len == 0) {
			failures += d->sums[1];
			prompt += d->sums[2];
		}
		if (d->keys[0].len == 0 && text_is(d->keys[2], "ab"))
			assert_int_equal(d->sums[0], 2);
	}
	assert_int_equal(requests[0], 2 * nitems(kinds));
	assert_int_equal(requests[1], 2 * nitems(kinds));
	assert_int_equal(requests[2], 2);
	assert_int_equal(failures, 2);
	assert_int_equal(prompt, 17 * 18 / 2);
	assert_int_equal(sums.n_bookings, 2);
	assert_int_equal(sums.bookings[0].cost, 20);
	assert_int_equal(sums.bookings[1].cost, 20);
}

/* Numbers that sort as the ids do. */
static void
keys_are_as_ids_are(void **state)
{
	struct ledger_row a = a_row(), b = a_row();
	uint64_t x[2], y[2];
	struct buf bytes = { 0 };

	(void)state;
	for (unsigned i = 0; i < 100; i++) {
		uuid7(a.id);
		uuid7(b.id);
		bytes.len = 0;
		ledger_row_pack(&bytes, &a);
		assert_true(ledger_row_key(x, buf_as_text(&bytes)));
		bytes.len = 0;
		ledger_row_pack(&bytes, &b);
		assert_true(ledger_row_key(y, buf_as_text(&bytes)));
		assert_true((strcmp(a.id, b.id) < 0) == (x[0] < y[0] || (x[0] == y[0] && x[1] < y[1])));
	}
	buf_free(&bytes);
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(a_row_comes_back, setup, teardown),
		cmocka_unit_test_setup_teardown(the_emptiest_row_comes_back, setup, teardown),
		cmocka_unit_test_setup_teardown(the_longest_row_fits, setup, teardown),
		cmocka_unit_test_setup_teardown(a_long_document_loses_what_does_not_fit, setup, teardown),
		cmocka_unit_test_setup_teardown(a_document_that_is_none_is_left_out, setup, teardown),
		cmocka_unit_test_setup_teardown(bytes_that_no_store_takes_are_replaced, setup, teardown),
		cmocka_unit_test_setup_teardown(charges_are_added_up_by_whom_they_charge, setup, teardown),
		cmocka_unit_test_setup_teardown(only_what_is_alike_is_added_as_one, setup, teardown),
		cmocka_unit_test_setup_teardown(keys_are_as_ids_are, setup, teardown),
		cmocka_unit_test_setup_teardown(what_is_no_row_is_refused, setup, teardown),
	};

	return (cmocka_run_group_tests(tests, NULL, NULL));
}
