/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Who stands behind a key: from the board, from the store, for many at once, with the store away, and with changes meanwhile.  The clocks stand still but
 * where a test lets time pass, so that nothing ages and nobody loses patience because the machine is busy.
 */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "access/admit.h"
#include "access/find.h"
#include "base/clock.h"
#include "base/digest.h"
#include "kit/clocks.h"

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define KEY	"sk-0123456789abcdefghij"

/* Somebody who asks. */
struct asker {
	struct lookup	 lookup;
	struct caller	 caller;
	struct finding	 finding;
	const char	*key;
	enum find_end	 end;
	unsigned	 wakes;
};

static struct asker *askers[400];
static unsigned n_askers;

static char dir[64];
static struct arena *arena;
static struct loop *loop;
static struct board *board;
static struct store_pool *pool;
static struct lane *lane;
static struct lookups *lookups;
static struct config *config;
static struct store *store;
static _Atomic unsigned loads;			/* of entities */
static _Atomic bool is_held;			/* the store answers when this ends */
static _Atomic bool is_away;

enum store_end __real_load_entity(struct buf *, struct arena *, struct store *, const struct entity *, int64_t);
enum store_end __wrap_load_entity(struct buf *, struct arena *, struct store *, const struct entity *, int64_t);

enum store_end
__wrap_load_entity(struct buf *packed, struct arena *a, struct store *s, const struct entity *e, int64_t now_ms)
{
	enum store_end end = is_away ? STORE_AWAY : __real_load_entity(packed, a, s, e, now_ms);

	loads++;
	while (is_held)
		usleep(1000);
	return (end);
}

static void
sql(const char *script)
{
	if (store_script(store, script) != STORE_FINE)
		fail_msg("%s", store_why(store));
}

/* A row of a key, by the key itself. */
static void
put_key(const char *key, const char *team, const char *doc)
{
	char script[1024];
	struct text digest = sha256_hex(arena, text_of(key));

	snprintf(script, sizeof(script), "INSERT OR REPLACE INTO sluice_key (digest, team_id, user_id, created_at, updated_at, doc) VALUES ('" TEXT_FMT
	    "', %s, 'u1', 1, 1, '%s');", TEXT_ARG(digest), team, doc);
	sql(script);
}

static const char yaml[] =
    "general_settings: {master_key: sk-a-master-key-for-tests}\n"
    "model_list: [{model_name: m, litellm_params: {model: openai/m, api_key: x}}]\n"
    "sluice: {keys: [{digest: 'ab5df625bc76dbd4e163bed2dd888df828f90159bb93556525c31821b6541d46', models: [m], expires: 2040-01-01}]}\n";

static void
open_lookups(int64_t age_ms)
{
	lane = lane_new(loop, "store", 2, 8);
	lookups = lookups_new(&(struct lookups_setup){ .loop = loop, .board = board, .lane = lane, .pool = pool, .age_ms = age_ms, .fresh_ms = 200,
	    .patience_ms = 400 });
}

static int
set_up(void **state)
{
	struct buf why = { 0 };
	unsigned from, to;
	char path[80];

	(void)state;
	clocks_stop();
	strcpy(dir, "/tmp/find_test.XXXXXX");
	if (mkdtemp(dir) == NULL)
		return (1);
	snprintf(path, sizeof(path), "%s/s.db", dir);
	arena = arena_new();
	loop = loop_new();
	board = board_open(dir, "t", SEAT_WIDE, &why);
	store = store_new(text_of(path));
	assert_int_equal(store_migrate(store, &from, &to), STORE_FINE);
	pool = store_pool_new(text_of(path), 2, NULL);
	config = config_load_text("t.yaml", text_of(yaml));
	open_lookups(60000);
	loads = 0;
	is_held = is_away = false;
	board_changes_read(board, clock_us() + INT64_C(3600000000));	/* somebody reads along */
	put_key(KEY, "'t1'", "{\"models\":[\"m\"]}");
	sql("INSERT INTO sluice_team VALUES ('t1', 'Team', 'o1', 1, 1, '{\"rpm_limit\":5}');"
	    "INSERT INTO sluice_user VALUES ('u1', NULL, NULL, 'proxy_admin', 1, 1, '{}');");
	return (0);
}

static int
tear_down(void **state)
{
	char command[128];

	(void)state;
	while (n_askers > 0)
		lookup_free(&askers[--n_askers]->lookup);
	lane_free(lane, 60000);
	lookups_free(lookups);
	store_pool_free(pool);
	store_free(store);
	board_close(board);
	loop_free(loop);
	config_release(config);
	arena_free(arena);
	snprintf(command, sizeof(command), "rm -rf %s", dir);
	return (system(command));
}

static void
go(struct asker *a)
{
	a->finding = (struct finding){ .arena = arena, .config = config, .lookups = lookups, .lookup = &a->lookup, .now_ms = clock_wall_ms() };
	a->end = find_caller(&a->caller, &a->finding, text_of(a->key));
}

static void
woken(struct lookup *l)
{
	struct asker *a = (struct asker *)(void *)l;

	a->wakes++;
	go(a);
}

static void
begin(struct asker *a, const char *key)
{
	*a = (struct asker){ .lookup = { .ready = woken, .arena = arena }, .key = key };
	askers[n_askers++] = a;
	go(a);
}

static void
wait_for(struct asker *a)
{
	for (int i = 0; i < 6000 && a->end == FOUND_WAIT; i++)
		loop_turn(loop, 10);
	assert_int_not_equal(a->end, FOUND_WAIT);
}

static struct asker *
ask(const char *key)
{
	struct asker *a = arena_new_of(arena, struct asker);

	loop_turn(loop, 0);			/* its clock */
	begin(a, key);
	wait_for(a);
	return (a);
}

static void
refused(const struct asker *a, int status, const char *type, const char *words)
{
	assert_int_equal(a->end, FOUND_ERROR);
	assert_int_equal(error_status(a->finding.error), status);
	if (type != NULL)
		assert_true(text_is(a->finding.error->type, type));
	if (!text_has(a->finding.error->message, text_of(words)))
		fail_msg("'" TEXT_FMT "' lacks '%s'", TEXT_ARG(a->finding.error->message), words);
}

static void
all_behind_a_key_are_found(void **state)
{
	struct asker *a = ask(KEY);

	(void)state;
	assert_int_equal(a->end, FOUND);
	assert_true(a->caller.kind == CALLER_KEY && a->caller.role == USER_ADMIN && text_is(a->caller.shown, "sk-...ghij"));
	assert_true(text_is(a->caller.team_id, "t1") && text_is(a->caller.user_id, "u1") && text_is(a->caller.organization_id, "o1"));
	assert_true(a->caller.standing[SCOPE_TEAM]->rpm == 5 && a->caller.standing[SCOPE_USER] != NULL);
	assert_true(a->caller.standing[SCOPE_MEMBER] == NULL && a->caller.standing[SCOPE_ORGANIZATION] == NULL);
	assert_int_equal(loads, 5);		/* key, team, user, member, organization */
	a = ask(KEY);
	assert_true(a->end == FOUND && a->wakes == 0);
	assert_int_equal(loads, 5);		/* all of it known */
}

static void
the_master_key_asks_nobody(void **state)
{
	struct asker *a = ask("sk-a-master-key-for-tests");

	(void)state;
	assert_true(a->end == FOUND && a->caller.kind == CALLER_MASTER && a->caller.role == USER_ADMIN && loads == 0);
}

static void
what_is_no_key_asks_nobody(void **state)
{
	(void)state;
	refused(ask(""), 401, "auth_error", "No api key passed in.");
	refused(ask("ab5df625bc76dbd4e163bed2dd888df828f90159bb93556525c31821b6541d46"), 401, "auth_error", "Received=ab5..., expected to start with 'sk-'.");
	refused(ask("short"), 401, "auth_error", "Received=..., expected");
	assert_int_equal(loads, 0);
}

static void
guessing_asks_the_store_once(void **state)
{
	struct known k;
	struct known_id id;

	(void)state;
	for (int i = 0; i < 5; i++)
		refused(ask("sk-guessed-0000000000"), 401, "token_not_found_in_db", "Received API Key = sk-...0000, Key Hash (Token) =");
	assert_int_equal(loads, 1);
	known_id_make(&id, KNOWN_KEY, sha256_hex(arena, TEXT("sk-guessed-0000000000")));
	assert_false(known_find(&k, arena, board, &id));	/* the board holds what is, not what is not */
	/* made meanwhile, elsewhere: the change tells */
	put_key("sk-guessed-0000000000", "NULL", "{}");
	known_change(board, &id);
	assert_int_equal(ask("sk-guessed-0000000000")->end, FOUND);
}

static void
many_share_one_load(void **state)
{
	struct asker *many = arena_alloc(arena, 50 * sizeof(*many));

	(void)state;
	is_held = true;
	loop_turn(loop, 0);
	for (size_t i = 0; i < 50; i++)
		begin(&many[i], KEY);
	is_held = false;
	for (size_t i = 0; i < 50; i++) {
		wait_for(&many[i]);
		assert_int_equal(many[i].end, FOUND);
	}
	assert_true(loads <= 6);
}

static void
a_full_queue_is_told(void **state)
{
	struct asker *many = arena_alloc(arena, 40 * sizeof(*many));
	char keys[40][32];
	unsigned busy = 0;

	(void)state;
	is_held = true;
	loop_turn(loop, 0);
	for (size_t i = 0; i < 40; i++) {
		snprintf(keys[i], sizeof(keys[i]), "sk-number-%012zu", i);
		begin(&many[i], keys[i]);
	}
	is_held = false;
	for (size_t i = 0; i < 40; i++) {
		wait_for(&many[i]);
		busy += error_status(many[i].finding.error) == 503;
	}
	assert_in_range(busy, 30, 32);		/* two are asked for, if their threads were there already, and eight wait */
	assert_int_equal(ask(KEY)->end, FOUND);
}

static void
a_change_counts_at_once(void **state)
{
	struct known_id id;

	(void)state;
	assert_false(ask(KEY)->caller.standing[SCOPE_KEY]->blocked);
	put_key(KEY, "NULL", "{\"blocked\":true}");
	assert_false(ask(KEY)->caller.standing[SCOPE_KEY]->blocked);	/* nobody said */
	known_id_make(&id, KNOWN_KEY, sha256_hex(arena, TEXT(KEY)));
	known_change(board, &id);
	assert_true(ask(KEY)->caller.standing[SCOPE_KEY]->blocked);
}

/* A slow reader does not bring back what was changed while it read. */
static void
a_change_while_it_is_loaded_is_not_undone(void **state)
{
	struct asker *a = arena_new_of(arena, struct asker);
	struct known_id id;

	(void)state;
	is_held = true;
	loop_turn(loop, 0);
	begin(a, KEY);
	while (loads == 0)
		usleep(1000);			/* it has read, and thinks */
	known_id_make(&id, KNOWN_KEY, sha256_hex(arena, TEXT(KEY)));
	put_key(KEY, "NULL", "{\"blocked\":true}");
	known_change(board, &id);
	is_held = false;
	wait_for(a);
	assert_true(ask(KEY)->caller.standing[SCOPE_KEY]->blocked);
}

static void
without_a_reader_it_is_asked_for_again(void **state)
{
	(void)state;
	board_changes_read(board, clock_us() - 2000000);
	ask(KEY);
	put_key(KEY, "'t1'", "{\"blocked\":true}");
	assert_false(ask(KEY)->caller.standing[SCOPE_KEY]->blocked);	/* within the second */
	assert_int_equal(loads, 5);
	clocks_pass(210);
	assert_true(ask(KEY)->caller.standing[SCOPE_KEY]->blocked);
	assert_true(loads > 5);
}

static void
while_the_store_is_away_the_known_count(void **state)
{
	unsigned before;

	(void)state;
	ask(KEY);
	is_away = true;
	board_changes_read(board, clock_us() - 2000000);
	clocks_pass(210);
	before = loads;
	for (int i = 0; i < 20; i++)
		assert_int_equal(ask(KEY)->end, FOUND);
	assert_true(loads <= before + 6);	/* one tried, the others knew */
	refused(ask("sk-unknown-000000000000"), 503, NULL, "does not know this key");
	lookups_age(lookups, 100);
	refused(ask(KEY), 503, NULL, "can not be reached");
	/* back again: the next probe finds it */
	is_away = false;
	assert_int_equal(ask(KEY)->end, FOUND);
	assert_int_equal(ask("sk-unknown-000000000000")->end, FOUND_ERROR);
}

static void
no_more(struct lookup *l)
{
	(void)l;
}

/* What becomes of a known caller that names this tag and this end user. */
static enum find_end
ask_named(const char *tag, const char *customer)
{
	struct asker *a = ask(KEY);
	struct text tags[] = { text_of(tag) };
	enum find_end end;

	assert_int_equal(a->end, FOUND);
	a->lookup.ready = no_more;
	a->caller.tags = tags;
	a->caller.n_tags = tag != NULL;
	a->caller.customer = text_of(customer);
	for (int i = 0; (end = find_more(&a->caller, &a->finding)) == FOUND_WAIT && i < 6000; i++)
		loop_turn(loop, 10);
	a->caller.tags = NULL;
	a->caller.n_tags = 0;
	if (end == FOUND_ERROR)
		assert_int_equal(error_status(a->finding.error), 503);
	return (end);
}

/* A budget that was known is not escaped because its tag is too old to count, or was changed just before. */
static void
while_the_store_is_away_new_names_are_nobody_and_old_ones_wait(void **state)
{
	struct known_id changed;

	(void)state;
	sql("INSERT INTO sluice_thing VALUES ('tag', 'bounded', NULL, 1, 1, '{\"max_budget\":1}'), ('tag', 'changed', NULL, 1, 1, '{\"max_budget\":1}'),"
	    "('customer', 'carl', NULL, 1, 1, '{\"max_budget\":1}');");
	assert_int_equal(ask_named("bounded", "carl"), FOUND);
	assert_int_equal(ask_named("changed", NULL), FOUND);
	is_away = true;
	board_changes_read(board, clock_us() - 2000000);
	clocks_pass(210);
	assert_int_equal(ask_named("never-seen", "nobody-knows"), FOUND);
	config->settings.names_must_be_known = true;
	assert_int_equal(ask_named("never-seen-2", NULL), FOUND_ERROR);
	assert_int_equal(ask_named(NULL, "nobody-else-knows"), FOUND_ERROR);
	config->settings.names_must_be_known = false;
	config->settings.customer_tier = TEXT("what-all-have");
	assert_int_equal(ask_named(NULL, "nobody-knows-him-either"), FOUND_ERROR);
	config->settings.customer_tier = TEXT("");
	assert_int_equal(ask_named("bounded", "carl"), FOUND);
	known_id_make(&changed, KNOWN_TAG, TEXT("changed"));
	known_change(board, &changed);
	assert_int_equal(ask_named("changed", NULL), FOUND_ERROR);
	is_away = false;
	clocks_pass(1100);
	assert_int_equal(ask_named("changed", NULL), FOUND);
}

/* Nor because the store is away for longer than anything counts: of keys of the file too. */
static void
after_long_names_are_refused(void **state)
{
	(void)state;
	assert_int_equal(ask(KEY)->end, FOUND);
	is_away = true;
	board_changes_read(board, clock_us() - INT64_C(3600000000));
	clocks_pass(210);
	assert_int_equal(ask(KEY)->end, FOUND);		/* it was read a moment ago */
	assert_int_equal(ask_named("never-seen", NULL), FOUND_ERROR);
	assert_int_equal(ask_named(NULL, "nobody-knows"), FOUND_ERROR);
}

/* The patience of somebody ends, and no sooner. */
static void
lose_patience(struct asker *a, int64_t ms)
{
	for (int64_t gone = 0; gone < ms; gone += 40) {		/* how often it is looked at */
		assert_int_equal(a->end, FOUND_WAIT);
		clocks_pass(40);
		loop_turn(loop, 0);
	}
	assert_int_not_equal(a->end, FOUND_WAIT);
}

static void
a_store_that_hangs_is_away(void **state)
{
	struct asker *a = arena_new_of(arena, struct asker), *unknown = arena_new_of(arena, struct asker);

	(void)state;
	ask(KEY);
	board_changes_read(board, clock_us() - 2000000);
	clocks_pass(210);
	is_held = true;
	loop_turn(loop, 0);
	begin(a, KEY);
	lose_patience(a, 200);				/* who has something to go on with: half of it */
	assert_int_equal(a->end, FOUND);
	assert_int_equal(ask(KEY)->wakes, 0);		/* and the next not even that */
	begin(unknown, "sk-unknown-000000000000");
	lose_patience(unknown, 400);
	refused(unknown, 503, NULL, "can not be reached");
	is_held = false;
}

static void
who_leaves_is_forgotten(void **state)
{
	struct asker *a = arena_new_of(arena, struct asker), *b = arena_new_of(arena, struct asker);

	(void)state;
	is_held = true;
	loop_turn(loop, 0);
	begin(a, KEY);
	begin(b, KEY);
	lookup_forget(&a->lookup);
	is_held = false;
	wait_for(b);
	assert_true(a->wakes == 0 && b->end == FOUND);
}

static void
a_purse_that_begins_anew_is_loaded_again(void **state)
{
	const struct standing *s;
	char script[400];

	(void)state;
	put_key(KEY, "NULL", "{}");
	snprintf(script, sizeof(script), "INSERT INTO sluice_account (id, scope, entity, ceiling, duration) VALUES (1, 'key', '" TEXT_FMT "', 9, '1s');",
	    TEXT_ARG(sha256_hex(arena, TEXT(KEY))));
	sql(script);
	s = ask(KEY)->caller.standing[SCOPE_KEY];
	assert_true(s->n_purses == 1 && s->good_until_ms > s->loaded_ms && s->good_until_ms <= s->loaded_ms + 1000);
	clocks_pass(s->good_until_ms - clock_wall_ms() + 5);
	assert_true(ask(KEY)->caller.standing[SCOPE_KEY]->purses[0].period > s->purses[0].period);
}

static void
regenerated_keys_go_round_in_no_circle(void **state)
{
	char script[600];
	struct text a = sha256_hex(arena, TEXT("sk-circle-aaaaaaaaaaaa")), b = sha256_hex(arena, TEXT("sk-circle-bbbbbbbbbbbb"));

	(void)state;
	snprintf(script, sizeof(script), "INSERT INTO sluice_key_old VALUES ('" TEXT_FMT "', '" TEXT_FMT "', 4000000000000), ('" TEXT_FMT "', '" TEXT_FMT
	    "', 4000000000000);", TEXT_ARG(a), TEXT_ARG(b), TEXT_ARG(b), TEXT_ARG(a));
	sql(script);
	refused(ask("sk-circle-aaaaaaaaaaaa"), 401, "token_not_found_in_db", "Unable to find token");
}

static void
without_a_store_only_the_file_knows(void **state)
{
	struct lookups *had = lookups;

	(void)state;
	config->keys[0].digest = sha256_hex(config->arena, TEXT("sk-of-the-file-000000"));
	lookups = lookups_new(&(struct lookups_setup){ .loop = loop, .board = board });
	assert_int_equal(ask("sk-of-the-file-000000")->end, FOUND);
	assert_true(ask("sk-of-the-file-000000")->caller.standing[SCOPE_KEY]->n_models == 1);
	refused(ask(KEY), 503, NULL, "can not be reached");
	lookups_free(lookups);
	lookups = had;
}

#define TEST(f)	cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(all_behind_a_key_are_found), TEST(the_master_key_asks_nobody), TEST(what_is_no_key_asks_nobody), TEST(guessing_asks_the_store_once),
		TEST(many_share_one_load), TEST(a_full_queue_is_told), TEST(a_change_counts_at_once), TEST(a_change_while_it_is_loaded_is_not_undone),
		TEST(without_a_reader_it_is_asked_for_again), TEST(while_the_store_is_away_the_known_count), TEST(while_the_store_is_away_new_names_are_nobody_and_old_ones_wait),
		TEST(after_long_names_are_refused), TEST(a_store_that_hangs_is_away),
		TEST(who_leaves_is_forgotten), TEST(a_purse_that_begins_anew_is_loaded_again), TEST(regenerated_keys_go_round_in_no_circle),
		TEST(without_a_store_only_the_file_knows),
	};

	return (cmocka_run_group_tests(tests, NULL, NULL));
}
