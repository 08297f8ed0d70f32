/* SPDX-License-Identifier: Apache-2.0 */
/* Known entities: put and found, of any length; changed; crowded out, the cold ones first; cut by a death. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "base/clock.h"
#include "board/board_priv.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static char dir[64];
static struct board *b;
static struct arena *arena;
static void (*goes_first)(void);		/* what another does at the next point */

void
board_point(void)
{
	void (*now)(void) = goes_first;

	goes_first = NULL;
	if (now != NULL)
		now();
}

static struct board *
open_board(enum seat_kind kind)
{
	struct buf why = { 0 };
	struct board *opened = board_open(dir, "t", kind, &why);

	if (opened == NULL)
		fprintf(stderr, TEXT_FMT "\n", TEXT_ARG(why));
	buf_free(&why);
	assert_non_null(opened);
	return (opened);
}

static int
set_up(void **state)
{
	strcpy(dir, "/tmp/known_test.XXXXXX");
	if (mkdtemp(dir) == NULL)
		return (1);
	b = open_board(SEAT_WIDE);
	b->second = 1000;
	arena = arena_new();
	return (0);
}

static int
tear_down(void **state)
{
	char path[128];

	board_close(b);
	arena_free(arena);
	snprintf(path, sizeof(path), "%s/t.board", dir);
	unlink(path);
	return (rmdir(dir));
}

static struct known_id
team(unsigned n)
{
	struct known_id id;
	char name[32];

	snprintf(name, sizeof(name), "team-%u", n);
	known_id_make(&id, KNOWN_TEAM, text_of(name));
	return (id);
}

static void
put(struct known_id id, struct text payload)
{
	known_put(b, &id, known_generation(b, &id), payload);
}

static bool
knows(struct known_id id)
{
	struct known k;

	return (known_find(&k, arena, b, &id));
}

static void
ids_are_of_kind_and_name(void **state)
{
	static const char digest[] = "88dc28d0f030c55ed4ab77ed8faf098196cb1c05df778539800c9f1243fe6b4b";
	struct known_id key, other, user;

	known_id_make(&key, KNOWN_KEY, TEXT("88dc28d0f030c55ed4ab77ed8faf098196cb1c05df778539800c9f1243fe6b4b"));
	assert_int_equal(key.bytes[0], 0x88);
	assert_int_equal(key.bytes[31], 0x4b);
	known_id_make(&other, KNOWN_KEY, (struct text){ digest, 63 });		/* no digest: an id all the same */
	assert_memory_not_equal(&key, &other, sizeof(key));
	known_id_make(&user, KNOWN_USER, TEXT("a"));
	known_id_make(&other, KNOWN_TEAM, TEXT("a"));
	assert_memory_not_equal(&user, &other, sizeof(user));
	for (unsigned kind = 0; kind < KNOWN_KINDS; kind++)
		assert_non_null(known_kinds[kind]);
}

/* Another writes it anew while it is copied. */
static char halves[2][400];

static void
another_puts(void)
{
	struct board *other = open_board(SEAT_WIDE);
	struct known_id id = team(1);

	known_put(other, &id, known_generation(other, &id), (struct text){ halves[1], sizeof(halves[1]) });
	board_close(other);
}

static void
no_half_of_each_is_found(void **state)
{
	struct known_id id = team(1);
	struct known found;

	memset(halves[0], 'a', sizeof(halves[0]));
	memset(halves[1], 'b', sizeof(halves[1]));
	put(id, (struct text){ halves[0], sizeof(halves[0]) });
	goes_first = another_puts;
	if (known_find(&found, arena, b, &id))
		assert_true(found.payload.at[0] == found.payload.at[sizeof(halves[0]) - 1]);
	assert_null(goes_first);
	assert_true(known_find(&found, arena, b, &id));
	assert_true(text_eq(found.payload, (struct text){ halves[1], sizeof(halves[1]) }));
}

static void
what_was_put_is_found(void **state)
{
	static const size_t lengths[] = { 1, 7, 8, 447, 448, 449, 896, 897, 3999, KNOWN_MOST };
	static char bytes[KNOWN_MOST];
	int64_t before = clock_us();
	struct known found;

	for (unsigned i = 0; i < sizeof(bytes); i++)
		bytes[i] = (char)random_u64();
	for (unsigned i = 0; i < nitems(lengths); i++) {
		struct known_id id = team(i);
		struct text payload = { bytes, lengths[i] };

		assert_false(knows(id));
		put(id, payload);
		assert_true(known_find(&found, arena, b, &id));
		assert_true(text_eq(found.payload, payload));
		assert_true(found.loaded_us >= before && found.loaded_us <= clock_us());
	}
	put(team(77), (struct text){ bytes, 0 });				/* the store has none */
	struct known_id none = team(77);
	assert_true(known_find(&found, arena, b, &none));
	assert_int_equal(found.payload.len, 0);
}

static void
too_large_is_not_known(void **state)
{
	static char bytes[KNOWN_MOST + 1];

	put(team(1), (struct text){ bytes, sizeof(bytes) });
	assert_false(knows(team(1)));
}

static void
another_process_finds_it(void **state)
{
	struct board *other = open_board(SEAT_NARROW), *reader = open_board(SEAT_NONE);
	struct known_id id = team(1);
	struct known found;

	put(id, TEXT("hello"));
	assert_true(known_find(&found, arena, other, &id));
	assert_true(known_find(&found, arena, reader, &id));
	known_change(reader, &id);				/* a command without a seat may say so, */
	assert_false(knows(id));
	known_put(reader, &id, known_generation(reader, &id), TEXT("hello"));
	assert_false(knows(id));				/* but not put */
	known_put(other, &id, known_generation(other, &id), TEXT("again"));
	assert_true(known_find(&found, arena, b, &id));
	assert_true(text_is(found.payload, "again"));
	board_close(other);
	board_close(reader);
}

static void
a_change_between_asking_and_putting_wins(void **state)
{
	struct known_id id = team(1);
	uint32_t generation = known_generation(b, &id);

	known_change(b, &id);
	known_put(b, &id, generation, TEXT("of before the change"));
	assert_false(knows(id));
	put(id, TEXT("new"));
	assert_true(knows(id));
	known_put(b, &id, generation, TEXT("of before the change"));	/* nor does it push out what is newer */
	assert_true(knows(id));
}

static void
all_can_change(void **state)
{
	for (unsigned i = 0; i < 100; i++)
		put(team(i), TEXT("x"));
	known_change_all(b);
	for (unsigned i = 0; i < 100; i++)
		assert_false(knows(team(i)));
}

static void
a_longer_or_shorter_one_replaces(void **state)
{
	static char bytes[KNOWN_MOST];
	struct known_id id = team(1);
	struct known found;

	put(id, (struct text){ bytes, 2000 });
	put(id, TEXT("short"));
	assert_true(known_find(&found, arena, b, &id));
	assert_true(text_is(found.payload, "short"));
	put(id, (struct text){ bytes, 3000 });
	assert_true(known_find(&found, arena, b, &id));
	assert_int_equal(found.payload.len, 3000);
}

static unsigned
entries_in_use(void)
{
	unsigned n = 0;

	for (unsigned i = 0; i < KNOWN_ENTRIES; i++)
		n += word_get(&b->file->known.index[i / KNOWN_WAYS][i % KNOWN_WAYS]) != 0;
	return (n);
}

static void
putting_again_takes_no_more_room(void **state)
{
	static char bytes[KNOWN_MOST];
	unsigned before;

	put(team(1), (struct text){ bytes, KNOWN_MOST });
	before = entries_in_use();
	for (unsigned i = 0; i < 20; i++)
		put(team(1), (struct text){ bytes, KNOWN_MOST });
	assert_int_equal(entries_in_use(), before);
}

/* A million keys come by once each, while some are asked for every few seconds: those are still known at the end. */
static void
a_crowd_does_not_push_out_the_hot(void **state)
{
	enum { HOT = 8000, CROWD = 1000000 };
	unsigned kept = 0;

	for (unsigned i = 0; i < HOT; i++)
		put(team(i), TEXT("hot"));
	for (unsigned i = 0; i < CROWD; i++) {
		uint64_t words[4] = { random_u64(), random_u64(), random_u64(), random_u64() };
		struct known_id id;

		memcpy(&id, words, sizeof(id));
		put(id, i % 4 == 0 ? TEXT("") : TEXT("cold"));
		if (i % 50000 == 0) {
			b->second += 10;
			for (unsigned h = 0; h < HOT; h++)
				knows(team(h));
			arena_clear(arena);
		}
	}
	for (unsigned h = 0; h < HOT; h++)
		kept += knows(team(h));
	print_message("%u of %u hot ones kept\n", kept, (unsigned)HOT);
	assert_true(kept >= HOT * 98 / 100);
}

/* What was not wanted for long makes room; the crowd itself is mostly known while it fits. */
static void
the_old_make_room(void **state)
{
	unsigned found = 0;

	for (unsigned i = 0; i < KNOWN_ENTRIES; i++)
		put(team(i), TEXT("old"));
	for (unsigned i = 0; i < KNOWN_ENTRIES; i++)
		knows(team(i));
	b->second += 3600;
	for (unsigned i = 0; i < 5000; i++)
		put(team(1000000 + i), TEXT("new"));
	for (unsigned i = 0; i < 5000; i++)
		found += knows(team(1000000 + i));
	assert_true(found > 4900);
}

/* Whose digest begins alike is another all the same. */
static void
the_whole_digest_counts(void **state)
{
	struct known_id one = team(1), other = one;

	other.bytes[31] ^= 1;
	put(one, TEXT("one"));
	assert_false(knows(other));
	put(other, TEXT("other"));
	assert_true(knows(one));
}

/* Two loads of one entity may put their parts in turn: they do not make up one payload. */
static void
parts_belong_together(void **state)
{
	static char first[1000], second[1000];
	struct known_id id = team(1);
	struct known_table *k = &b->file->known;
	struct known found;
	unsigned bucket;
	uint64_t word;

	memset(first, 'a', sizeof(first));
	memset(second, 'b', sizeof(second));
	memcpy(&word, id.bytes, sizeof(word));
	bucket = (unsigned)(word & (KNOWN_BUCKETS - 1));
	put(id, (struct text){ first, sizeof(first) });
	struct known_entry old = k->entries[((bucket + 1) & (KNOWN_BUCKETS - 1)) * KNOWN_WAYS];
	put(id, (struct text){ second, sizeof(second) });
	assert_true(known_find(&found, arena, b, &id));
	k->entries[((bucket + 1) & (KNOWN_BUCKETS - 1)) * KNOWN_WAYS] = old;
	assert_false(known_find(&found, arena, b, &id));
}

/* All that fits is known again after the room has grown; room that there is not changes nothing. */
static void
room_grows(void **state)
{
	struct board *other = open_board(SEAT_NARROW);
	struct buf why = { 0 };
	struct known found;

	put(team(1), TEXT("x"));
	assert_true(known_room(other, 200000, &why));
	assert_int_equal(word_get32(&b->file->known.buckets), 32768);
	assert_true(known_room(b, 10, &why));			/* it never gets smaller */
	assert_int_equal(word_get32(&b->file->known.buckets), 32768);
	for (unsigned i = 0; i < 100000; i++)
		put(team(i), TEXT("y"));
	unsigned kept = 0;
	for (unsigned i = 0; i < 100000; i++) {
		struct known_id id = team(i);

		if (known_find(&found, arena, other, &id)) {
			assert_true(text_is(found.payload, "y"));
			kept++;
		}
		arena_clear(arena);
	}
	assert_true(kept > 99000);
	assert_true(board_size(200000, 0) - board_size(0, 0) > (size_t)200000 * 448);
	board_close(other);
	buf_free(&why);
}

static struct known_entry *
entry_of(struct known_id id)
{
	for (unsigned i = 0; i < KNOWN_ENTRIES; i++) {
		uint64_t first;

		memcpy(&first, id.bytes, sizeof(first));
		if (word_get(&b->file->known.entries[i].id[0]) == first)
			return (&b->file->known.entries[i]);
	}
	return (NULL);
}

/* As a seat leaves it that dies while writing. */
static void
a_stuck_entry_is_a_miss_and_is_swept(void **state)
{
	struct known_table *k = &b->file->known;
	unsigned dead = BOARD_WIDE + 700;
	struct known_entry *e;

	put(team(1), TEXT("x"));
	e = entry_of(team(1));
	word_set(&e->lock, ((word_get(&e->lock) >> 16) + 1) << 16 | (dead + 1));
	word_set(&k->writing[dead], (uint64_t)(e - k->entries) + 1);
	assert_false(knows(team(1)));
	put(team(1), TEXT("y"));				/* goes elsewhere in the bucket */
	assert_true(knows(team(1)));
	known_clean(b->file, dead);
	known_clean(b->file, dead);
	assert_int_equal(word_get(&k->writing[dead]), 0);
	assert_int_equal(word_get(&e->lock) >> 16 & 1, 0);
	assert_null(entry_of(team(1)) == e ? e : NULL);
	assert_true(knows(team(1)));
}

/* It said where it would write, but another has that entry: nothing of the other's is touched. */
static void
a_seat_that_died_before_it_locked_is_no_harm(void **state)
{
	struct known_table *k = &b->file->known;
	unsigned dead = BOARD_WIDE + 700;
	struct known_entry *e;

	put(team(1), TEXT("x"));
	e = entry_of(team(1));
	word_set(&k->writing[dead], (uint64_t)(e - k->entries) + 1);
	known_clean(b->file, dead);
	assert_true(knows(team(1)));
	word_set(&e->lock, ((word_get(&e->lock) >> 16) + 1) << 16 | (b->seat + 1));	/* the other is just writing it */
	word_set(&k->writing[dead], (uint64_t)(e - k->entries) + 1);
	known_clean(b->file, dead);
	assert_int_equal(word_get(&e->lock) >> 16 & 1, 1);
	word_set(&e->lock, ((word_get(&e->lock) >> 16) + 1) << 16);
	assert_true(knows(team(1)));
	word_set(&k->writing[dead], UINT64_MAX);		/* nonsense */
	known_clean(b->file, dead);
	assert_int_equal(word_get(&k->writing[dead]), 0);
}

static void
changes_are_read_until(void **state)
{
	assert_int_equal(board_changes_read_until(b), 0);
	board_changes_read(b, 12345);
	assert_int_equal(board_changes_read_until(b), 12345);
}

/* Figures for the log; nothing depends on them. */
static void
time_finding(unsigned n, const char *what)
{
	enum { ROUNDS = 500000 };
	struct known_id *ids = must_alloc(n * sizeof(*ids));
	int64_t began;

	for (unsigned i = 0; i < n; i++) {
		ids[i] = team(i);
		put(ids[i], (struct text){ "0123456789012345678901234567890123456789012345678901234567890123456789012345678901234567890123456789", 100 });
	}
	began = clock_us();
	for (unsigned i = 0; i < ROUNDS; i++) {
		knows(ids[i % n * 7919 % n]);
		if (i % 64 == 0)
			arena_clear(arena);
	}
	print_message("%s: %lld ns\n", what, (long long)(clock_us() - began) * 1000 / ROUNDS);
	free(ids);
}

static void
figures(void **state)
{
	time_finding(1, "find a hot one");
	time_finding(20000, "find one of 20,000");
}

#define T(test)	cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		T(ids_are_of_kind_and_name), T(what_was_put_is_found), T(no_half_of_each_is_found), T(too_large_is_not_known),
		T(another_process_finds_it),
		T(a_change_between_asking_and_putting_wins), T(all_can_change), T(a_longer_or_shorter_one_replaces), T(putting_again_takes_no_more_room),
		T(a_crowd_does_not_push_out_the_hot), T(the_old_make_room), T(the_whole_digest_counts), T(parts_belong_together), T(room_grows), T(a_stuck_entry_is_a_miss_and_is_swept),
		T(a_seat_that_died_before_it_locked_is_no_harm), T(changes_are_read_until), T(figures),
	};

	return (cmocka_run_group_tests(tests, NULL, NULL));
}
