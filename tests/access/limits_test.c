/* SPDX-License-Identifier: Apache-2.0 */
/* Rate limits of a request: which bind it, all or nothing, corrections, what the client hears; shared between hosts through a real memcached. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "access/chunks.h"
#include "access/limits.h"
#include "base/clock.h"
#include "base/log.h"
#include "board/parallel.h"
#include "board/window.h"
#include "kit/clocks.h"
#include "kit/memcached.h"
#include "store/counters.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define HOUR	3600000			/* of most tests: no window ends while they run */

static char dir[64];
static struct board *b;
static struct arena *arena;
static struct loop *loop;
static struct standing key, team, user, tag;
static struct caller caller;
static const char key_id[] = "88dc28d0f030c55ed4ab77ed8faf098196cb1c05df778539800c9f1243fe6b4b";
static const struct limits_rule rule = { .window_ms = HOUR, .tokens = TOKENS_TOTAL, .output = 1024, .parallel_all = NO_LIMIT };

static int passes_ms;				/* while memcached is asked, a turn */

/* So much time passes, or at most. */
static void
turn(int ms)
{
	clocks_pass(ms);
	loop_turn(loop, ms);
}

/* memcached has done what was asked, and nobody hears of it, or later; window_add(): what another worker does between two of its calls. */
static _Atomic unsigned lost;			/* so many of the next answers */
static _Atomic bool is_held, holds;
static void (*meanwhile)(void);

bool __real_counters_hold(struct counters *, struct hold *);
bool __wrap_counters_hold(struct counters *, struct hold *);
enum window_end __real_window_add(struct board *, uint32_t, uint64_t, int64_t, int64_t, int64_t *);
enum window_end __wrap_window_add(struct board *, uint32_t, uint64_t, int64_t, int64_t, int64_t *);

bool
__wrap_counters_hold(struct counters *c, struct hold *h)
{
	bool fine = __real_counters_hold(c, h);

	for (; is_held; usleep(1000))
		holds = true;
	if (lost == 0)
		return (fine);
	lost--;
	h->got = 0;
	return (false);
}

enum window_end
__wrap_window_add(struct board *board, uint32_t window, uint64_t id, int64_t n, int64_t limit, int64_t *count)
{
	enum window_end end = __real_window_add(board, window, id, n, limit, count);
	void (*now)(void) = meanwhile;

	meanwhile = NULL;
	if (now != NULL)
		now();
	return (end);
}

static struct board *
open_board(const char *name)
{
	struct buf why = { 0 };
	struct board *opened = board_open(dir, name, SEAT_WIDE, &why);

	if (opened == NULL)
		fprintf(stderr, TEXT_FMT "\n", TEXT_ARG(why));
	buf_free(&why);
	assert_non_null(opened);
	return (opened);
}

static int
set_up(void **state)
{
	clocks_go();
	passes_ms = 0;
	lost = 0;
	is_held = holds = false;
	strcpy(dir, "/tmp/limits_test.XXXXXX");
	if (mkdtemp(dir) == NULL)
		return (1);
	chmod(dir, 0777);
	b = open_board("a");
	arena = arena_new();
	loop = loop_new();
	key = team = user = tag = standing_none;
	key.scope = SCOPE_KEY;
	key.id = text_of(key_id);
	team.scope = SCOPE_TEAM;
	team.id = TEXT("data-eng");
	user.scope = SCOPE_USER;
	user.id = TEXT("ann");
	tag.scope = SCOPE_TAG;
	tag.id = TEXT("batch");
	caller = (struct caller){ .kind = CALLER_KEY, .standing = { [SCOPE_KEY] = &key, [SCOPE_TEAM] = &team, [SCOPE_USER] = &user } };
	return (0);
}

static int
tear_down(void **state)
{
	char command[128];

	board_close(b);
	arena_free(arena);
	loop_free(loop);
	snprintf(command, sizeof(command), "rm -r %s", dir);
	return (system(command));
}

static struct limits
find(int64_t input, int64_t output)
{
	struct limits l = { 0 };

	limits_of(&l, arena, &rule, &caller, TEXT("gpt-4o"), input, output);
	return (l);
}

static enum limits_end
take(struct limits *l)
{
	*l = find(10, 10);
	return (limits_take(l, b, NULL, &rule));
}

static void
without_limits_there_is_nothing_to_take(void **state)
{
	struct limits l;

	assert_int_equal(take(&l), LIMITS_TAKEN);
	assert_int_equal(l.n, 0);
	limits_correct(&l, b, 5, 5);
	limits_give(&l, b);
	limits_undo(&l, b);
}

static void
each_level_binds(void **state)
{
	struct limits l;

	key.rpm = 3;
	team.rpm = 2;
	assert_int_equal(take(&l), LIMITS_TAKEN);
	assert_int_equal(take(&l), LIMITS_TAKEN);
	assert_int_equal(take(&l), LIMITS_REFUSED);
	assert_string_equal(l.refused->descriptor, "team");
	assert_int_equal(l.refused->limit, 2);
	assert_int_equal(l.refused->used, 2);
	assert_false(l.list[0].taken);
	caller.standing[SCOPE_TEAM] = NULL;			/* what the refused ones took of the key was given back */
	assert_int_equal(take(&l), LIMITS_TAKEN);
	assert_int_equal(take(&l), LIMITS_REFUSED);
	assert_string_equal(l.refused->descriptor, "api_key");
}

static void
the_master_key_is_exempt(void **state)
{
	struct limits l;

	key.rpm = 0;
	caller.kind = CALLER_MASTER;
	assert_int_equal(take(&l), LIMITS_TAKEN);
}

static void
zero_refuses(void **state)
{
	struct limits l;

	key.tpm = 0;
	assert_int_equal(take(&l), LIMITS_REFUSED);
	assert_int_equal(l.refused->kind, LIMIT_TOKENS);
	key.tpm = NO_LIMIT;
	key.parallel = 0;
	assert_int_equal(take(&l), LIMITS_REFUSED);
	assert_int_equal(l.refused->kind, LIMIT_PARALLEL);
	key.parallel = NO_LIMIT;
	key.rpm = 0;
	assert_int_equal(take(&l), LIMITS_REFUSED);
	assert_int_equal(l.refused->kind, LIMIT_REQUESTS);
}

static void
tokens_are_reserved_and_corrected(void **state)
{
	struct limits first, second;

	key.tpm = 1000;
	first = find(300, 500);
	assert_int_equal(limits_take(&first, b, NULL, &rule), LIMITS_TAKEN);
	second = find(300, 0);
	assert_int_equal(limits_take(&second, b, NULL, &rule), LIMITS_REFUSED);
	assert_int_equal(second.refused->used, 800);
	limits_correct(&first, b, 300, 20);
	assert_int_equal(limits_take(&second, b, NULL, &rule), LIMITS_TAKEN);
	limits_correct(&second, b, 300, 900);			/* the truth may be more than was reserved */
	assert_int_equal(second.list[0].used, 1520);
	limits_correct(&second, b, 300, 900);
	assert_int_equal(window_count(b, second.window.number, second.list[0].id), 1520);
	limits_undo(&second, b);
	limits_undo(&second, b);
	assert_int_equal(window_count(b, second.window.number, second.list[0].id), 320);
}

static void
a_cautious_estimate_does_not_refuse_for_ever(void **state)
{
	struct limits l;

	key.tpm = 1000;
	team.tpm = 5000;
	l = find(20, 64000);
	assert_int_equal(limits_take(&l, b, NULL, &rule), LIMITS_TAKEN);
	assert_int_equal(l.list[0].wanted, 1000);
	assert_int_equal(l.list[1].wanted, 1000);
	limits_undo(&l, b);
	l = find(20, -1);					/* no max_tokens: the default */
	key.tpm = 100000;
	team.tpm = NO_LIMIT;
	l = find(20, -1);
	assert_int_equal(l.list[0].wanted, 1044);
}

static void
which_tokens_count_is_a_setting(void **state)
{
	struct limits_rule other = rule;
	struct limits l = { 0 };

	key.tpm = 1000;
	other.tokens = TOKENS_OUTPUT;
	limits_of(&l, arena, &other, &caller, TEXT("gpt-4o"), 700, 500);
	assert_int_equal(l.list[0].wanted, 500);
	other.tokens = TOKENS_INPUT;
	l = (struct limits){ 0 };
	limits_of(&l, arena, &other, &caller, TEXT("gpt-4o"), 700, 500);
	assert_int_equal(l.list[0].wanted, 700);
	assert_int_equal(limits_take(&l, b, NULL, &other), LIMITS_TAKEN);
	limits_correct(&l, b, 650, 100000);
	assert_int_equal(l.list[0].used, 650);
}

static void
calls_at_once_go_back(void **state)
{
	struct limits first, second;

	key.parallel = 1;
	team.rpm = 100;
	assert_int_equal(take(&first), LIMITS_TAKEN);
	assert_int_equal(take(&second), LIMITS_REFUSED);
	assert_int_equal(window_count(b, first.window.number, first.list[1].id), 1);	/* the refused one does not count */
	limits_give(&first, b);
	limits_give(&first, b);
	assert_int_equal(take(&second), LIMITS_TAKEN);
	assert_int_equal(window_count(b, first.window.number, first.list[1].id), 2);	/* the finished one does */
	limits_undo(&second, b);
	assert_int_equal(window_count(b, first.window.number, first.list[1].id), 1);
}

static void
all_together_are_bounded(void **state)
{
	struct limits_rule all = rule;
	struct limits l = { 0 }, m = { 0 };

	all.parallel_all = 1;
	limits_of(&l, arena, &all, &caller, TEXT("m"), 1, 1);
	limits_of(&m, arena, &all, &caller, TEXT("m"), 1, 1);
	assert_int_equal(limits_take(&l, b, NULL, &all), LIMITS_TAKEN);
	assert_int_equal(limits_take(&m, b, NULL, &all), LIMITS_REFUSED);
	limits_give(&l, b);
	assert_int_equal(limits_take(&m, b, NULL, &all), LIMITS_TAKEN);
}

static void
models_and_tags_of_a_key_bind(void **state)
{
	struct model_limit limits[] = { { TEXT("gpt-4o"), 1, NO_LIMIT }, { TEXT("o3"), 0, 0 }, { TEXT("tag:batch"), 1, NO_LIMIT }, { TEXT("tag:other"), 0, 0 } };
	struct text tags[] = { TEXT("batch") };
	const struct standing *tag_standings[] = { &tag };
	struct limits l;

	key.model_limits = limits;
	key.n_model_limits = nitems(limits);
	assert_int_equal(take(&l), LIMITS_TAKEN);
	assert_int_equal(l.n, 1);
	assert_int_equal(take(&l), LIMITS_REFUSED);
	assert_string_equal(l.refused->descriptor, "model_per_key");
	assert_true(text_ends(l.refused->value, TEXT(":gpt-4o")));
	limits[0].rpm = NO_LIMIT;
	caller.tags = tags;
	caller.n_tags = 1;
	caller.tag_standings = tag_standings;
	tag.rpm = 5;
	assert_int_equal(take(&l), LIMITS_TAKEN);
	assert_int_equal(take(&l), LIMITS_REFUSED);
	assert_string_equal(l.refused->descriptor, "tag_per_key");
	key.n_model_limits = 0;
	for (unsigned i = 1; i < 5; i++)
		assert_int_equal(take(&l), LIMITS_TAKEN);
	assert_int_equal(take(&l), LIMITS_REFUSED);
	assert_string_equal(l.refused->descriptor, "tag");
}

static void
deployments_have_room(void **state)
{
	struct deployment d = { .id = TEXT("d"), .mark = 77, .rpm = 2, .tpm = 100, .parallel = -1 };
	struct limits_rule weights = rule, strict = rule;
	struct limits l = { 0 }, m = { 0 };

	weights.parallel_each = NO_LIMIT;
	limits_of_deployment(&l, arena, &weights, &d, 10, 10);
	assert_int_equal(l.n, 0);				/* they only weigh */
	strict.deployments = true;
	strict.parallel_each = 1;
	limits_of_deployment(&l, arena, &strict, &d, 10, 500);
	assert_int_equal(l.n, 3);
	assert_int_equal(limits_take(&l, b, NULL, &strict), LIMITS_TAKEN);
	limits_of_deployment(&m, arena, &strict, &d, 1, 1);
	assert_int_equal(limits_take(&m, b, NULL, &strict), LIMITS_REFUSED);
	assert_int_equal(m.refused->kind, LIMIT_TOKENS);	/* the first took all there are */
	limits_correct(&l, b, 5, 5);
	assert_int_equal(limits_take(&m, b, NULL, &strict), LIMITS_REFUSED);
	assert_int_equal(m.refused->kind, LIMIT_PARALLEL);
	limits_give(&l, b);
	assert_int_equal(limits_take(&m, b, NULL, &strict), LIMITS_TAKEN);
	limits_give(&m, b);
	m = (struct limits){ 0 };
	limits_of_deployment(&m, arena, &strict, &d, 1, 1);
	assert_int_equal(limits_take(&m, b, NULL, &strict), LIMITS_REFUSED);
	assert_int_equal(m.refused->kind, LIMIT_REQUESTS);
	d.mark = 78;
	m = (struct limits){ 0 };
	limits_of_deployment(&m, arena, &strict, &d, 1, 1);
	assert_int_equal(limits_take(&m, b, NULL, &strict), LIMITS_TAKEN);
}

static void
a_dynamic_limit_binds_under_pressure(void **state)
{
	struct deployment d = { .id = TEXT("d"), .mark = 5 }, *all[] = { &d };
	struct group g = { .name = TEXT("gpt-4o"), .deployments = all, .n_deployments = 1 };
	struct limits l = { 0 };

	key.rpm = 1;
	key.rpm_dynamic = true;
	for (unsigned i = 0; i < 3; i++) {
		l = (struct limits){ .group = &g };
		limits_of(&l, arena, &rule, &caller, g.name, 1, 1);
		assert_int_equal(limits_take(&l, b, NULL, &rule), LIMITS_TAKEN);
	}
	limits_press(b, &rule, &d);
	l = (struct limits){ .group = &g };
	limits_of(&l, arena, &rule, &caller, g.name, 1, 1);
	assert_int_equal(limits_take(&l, b, NULL, &rule), LIMITS_REFUSED);
	assert_int_equal(l.refused->used, 3);
	l = find(1, 1);						/* whose deployments are not known */
	assert_int_equal(limits_take(&l, b, NULL, &rule), LIMITS_REFUSED);
}

static void
shares_bind_when_a_model_is_used(void **state)
{
	struct deployment d = { .id = TEXT("d"), .mark = 9, .rpm = 10, .tpm = -1, .parallel = -1 }, *all[] = { &d };
	struct group g = { .name = TEXT("gpt-4o"), .deployments = all, .n_deployments = 1 };
	struct priority list[] = { { TEXT("prod"), SHARE_PART, 600000 }, { TEXT("dev"), SHARE_RPM, 1 } };
	struct priorities shares = { list, nitems(list), { TEXT("default"), SHARE_PART, 100000 }, 500000 };
	struct limits_rule own = rule;
	struct limits l, used;

	own.deployments = true;
	own.parallel_each = NO_LIMIT;
	own.priorities = &shares;
	key.priority = TEXT("dev");
	for (unsigned i = 0; i < 5; i++) {
		l = (struct limits){ .group = &g };
		used = (struct limits){ 0 };
		limits_of(&l, arena, &own, &caller, g.name, 1, 1);
		limits_of_deployment(&used, arena, &own, &d, 1, 1);
		assert_int_equal(limits_take(&l, b, NULL, &own), LIMITS_TAKEN);	/* others have not come */
		assert_int_equal(limits_take(&used, b, NULL, &own), LIMITS_TAKEN);
	}
	l = (struct limits){ .group = &g };
	limits_of(&l, arena, &own, &caller, g.name, 1, 1);
	assert_int_equal(limits_take(&l, b, NULL, &own), LIMITS_REFUSED);
	assert_string_equal(l.refused->descriptor, "priority_model");
	assert_true(text_is(l.refused->value, "dev:gpt-4o") && l.refused->limit == 1);
	key.priority = TEXT("");
	team.priority = TEXT("prod");
	l = (struct limits){ .group = &g };
	limits_of(&l, arena, &own, &caller, g.name, 1, 1);
	assert_int_equal(limits_take(&l, b, NULL, &own), LIMITS_TAKEN);
	assert_int_equal(l.list[0].limit, 6);
	key.priority = TEXT("dev");		/* the team's goes first */
	l = (struct limits){ .group = &g };
	limits_of(&l, arena, &own, &caller, g.name, 1, 1);
	assert_int_equal(l.list[0].limit, 6);
	key.priority = TEXT("");
	l = (struct limits){ .group = &g };
	limits_of(&l, arena, &own, &(struct caller){ .kind = CALLER_MASTER }, g.name, 1, 1);
	assert_true(l.n == 1 && text_is(l.list[0].value, "default:gpt-4o"));
	team.priority = TEXT("no such");
	l = (struct limits){ .group = &g };
	limits_of(&l, arena, &own, &caller, g.name, 1, 1);
	assert_int_equal(l.list[0].limit, 1);
}

static void
a_deployment_says_what_keys_have_that_say_nothing(void **state)
{
	struct deployment d = { .id = TEXT("d"), .key_rpm = 7, .key_tpm = -1 }, e = { .id = TEXT("e"), .key_rpm = 3, .key_tpm = -1 }, *all[] = { &d, &e };
	struct group g = { .name = TEXT("gpt-4o"), .deployments = all, .n_deployments = 2 };
	struct model_limit own = { TEXT("gpt-4o"), 9, NO_LIMIT };
	struct limits_rule defaults = rule;
	struct limits l = { .group = &g };

	limits_of(&l, arena, &defaults, &caller, g.name, 1, 1);
	assert_int_equal(l.n, 0);
	defaults.key_defaults = true;
	limits_of(&l, arena, &defaults, &caller, g.name, 1, 1);
	assert_int_equal(l.n, 1);
	assert_string_equal(l.list[0].descriptor, "model_per_key");
	assert_int_equal(l.list[0].limit, 3);
	key.model_limits = &own;
	key.n_model_limits = 1;
	l = (struct limits){ .group = &g };
	limits_of(&l, arena, &defaults, &caller, g.name, 1, 1);
	assert_int_equal(l.n, 1);
	assert_int_equal(l.list[0].limit, 9);
}

static void
a_throttled_key_keeps_a_part(void **state)
{
	struct limits l = { .throttle = 100000 };

	key.rpm = 25;
	key.tpm = 3;
	team.rpm = 100;
	limits_of(&l, arena, &rule, &caller, TEXT("m"), 1, 1);
	assert_int_equal(l.list[0].limit, 2);
	assert_int_equal(l.list[1].limit, 1);			/* a trickle */
	assert_int_equal(l.list[2].limit, 100);			/* its team did not spend it */
	key.rpm = 0;
	l = (struct limits){ .throttle = 100000 };
	limits_of(&l, arena, &rule, &caller, TEXT("m"), 1, 1);
	assert_int_equal(l.list[0].limit, 0);
}

static void
a_member_is_one_of_a_team(void **state)
{
	struct standing member = standing_none;
	struct limits l;

	member.scope = SCOPE_MEMBER;
	member.id = TEXT("data-eng/ann");
	member.rpm = 0;
	caller.standing[SCOPE_MEMBER] = &member;
	caller.team_id = team.id;
	caller.user_id = user.id;
	assert_int_equal(take(&l), LIMITS_REFUSED);
	assert_string_equal(l.refused->descriptor, "team_member");
	assert_true(text_is(l.refused->value, "data-eng:ann"));
}

static void
accounts_are_identities(void **state)
{
	struct purse purse = { .account = 77, .part = TEXT("") };
	struct limits by_name, by_account;

	key.rpm = 5;
	by_name = find(1, 1);
	key.purses = &purse;
	key.n_purses = 1;
	by_account = find(1, 1);
	assert_int_not_equal(by_name.list[0].id, by_account.list[0].id);
	key.tpm = 5;
	by_account = find(1, 1);
	assert_int_not_equal(by_account.list[0].id, by_account.list[1].id);
}

static void
a_minute_passes(void **state)
{
	struct limits_rule quick = rule;
	struct limits l = { 0 };
	enum limits_end end;

	quick.window_ms = 300;
	key.rpm = 1;
	limits_of(&l, arena, &quick, &caller, TEXT("m"), 1, 1);
	assert_int_equal(limits_take(&l, b, NULL, &quick), LIMITS_TAKEN);
	do {
		l = (struct limits){ 0 };
		limits_of(&l, arena, &quick, &caller, TEXT("m"), 1, 1);
		if ((end = limits_take(&l, b, NULL, &quick)) == LIMITS_REFUSED) {
			assert_true(l.wait_ms > 0 && l.wait_ms <= 600);
			usleep((unsigned)l.wait_ms * 1000);
		}
	} while (end == LIMITS_REFUSED);
}

/* telling */

static bool
says_of(const struct limits *l, bool of_all, const char *line)
{
	struct buf lines = { 0 }, said = { 0 };
	bool found;

	limits_headers(&lines, l, arena, of_all);
	buf_byte(&said, '\n');
	for (size_t i = 0; i < lines.len; i++)
		if (lines.at[i] != '\r')
			buf_byte(&said, lines.at[i]);
	buf_free(&lines);
	buf_byte(&said, '\0');
	found = strstr(said.at, line) != NULL;
	buf_free(&said);
	return (found);
}

static bool
says(const struct limits *l, const char *line)
{
	return (says_of(l, true, line));
}

static void
headers_tell_what_is_left(void **state)
{
	struct limits l;

	key.rpm = 10;
	key.tpm = 1000;
	team.parallel = 3;
	assert_int_equal(take(&l), LIMITS_TAKEN);
	assert_true(says(&l, "\nx-ratelimit-api_key-limit-requests: 10\nx-ratelimit-api_key-remaining-requests: 9\n"));
	assert_true(says(&l, "\nx-ratelimit-limit-requests: 10\nx-ratelimit-remaining-requests: 9\nx-ratelimit-reset-requests: "));
	assert_true(says(&l, "\nx-ratelimit-api_key-remaining-tokens: 980\n"));
	assert_true(says(&l, "\nx-ratelimit-remaining-tokens: 980\n"));
	assert_true(says(&l, "\nx-ratelimit-team-limit-max_parallel_requests: 3\nx-ratelimit-team-remaining-max_parallel_requests: 2\n"));
	assert_false(says(&l, "retry-after"));
	assert_true(says_of(&l, false, "\nx-ratelimit-limit-requests: 10\nx-ratelimit-remaining-requests: 9\nx-ratelimit-reset-requests: "));
	assert_true(says_of(&l, false, "\nx-ratelimit-remaining-tokens: 980\n"));
	assert_false(says_of(&l, false, "-api_key-"));
	assert_false(says_of(&l, false, "-team-"));
	team.rpm = 4;
	take(&l);
	assert_true(says_of(&l, false, "\nx-ratelimit-limit-requests: 4\nx-ratelimit-remaining-requests: 3\n"));
	assert_true(says_of(&l, false, "\nx-ratelimit-limit-tokens: 1000\n"));
	assert_true(says_of(&l, true, "\nx-ratelimit-limit-requests: 10\nx-ratelimit-remaining-requests: 8\n"));
}

static void
a_refusal_tells_what_to_do(void **state)
{
	struct text sentence;
	struct limits l;

	team.rpm = 1;
	take(&l);
	assert_int_equal(take(&l), LIMITS_REFUSED);
	sentence = limits_sentence(arena, &l);
	assert_true(text_starts(sentence, TEXT("Rate limit exceeded for team: data-eng. Limit type: requests. Current limit: 1, Remaining: 0. Limit resets at: 20")));
	assert_true(text_has(sentence, TEXT(" UTC. ")));
	assert_true(says(&l, "\nrate_limit_type: requests\nreset_at: 20"));
	assert_true(says(&l, "\nx-ratelimit-team-remaining-requests: 0\n"));
	assert_true(says_of(&l, false, "\nx-ratelimit-team-remaining-requests: 0\n"));
	assert_true(says(&l, "\nretry-after: "));
	team.rpm = NO_LIMIT;
	user.parallel = 0;
	assert_int_equal(take(&l), LIMITS_REFUSED);
	assert_true(says(&l, "\nretry-after: 1\nrate_limit_type: max_parallel_requests\n"));
	assert_true(text_starts(limits_sentence(arena, &l), TEXT("Rate limit exceeded for user: ann. Limit type: max_parallel_requests.")));
}

/* memcached */

static struct memcached memcached;

struct host {
	struct board	*board;
	struct chunks	*chunks;
	unsigned	 admitted, refused, trips;
};

static void
add_host_that_waits(struct host *h, const char *name, int64_t wait_ms)
{
	struct text server = text_of(memcached.path);

	*h = (struct host){ .board = open_board(name) };
	h->chunks = chunks_new(loop, h->board, &server, 1, TEXT("test"), wait_ms);
}

/* Patient, since this machine may be busy. */
static void
add_host(struct host *h, const char *name)
{
	add_host_that_waits(h, name, 10000);
}

static void
remove_host(struct host *h)
{
	chunks_free(h->chunks);
	board_close(h->board);
}

static void
need_memcached(void)
{
	if (!memcached_is_installed())
		skip();
	memcached_start(&memcached, dir);
}

/* Of one name: two workers of a host. */
static void
two_hosts(struct host hosts[2], const char *first, const char *second)
{
	need_memcached();
	add_host(&hosts[0], first);
	add_host(&hosts[1], second);
}

static void
remove_hosts(struct host hosts[2])
{
	remove_host(&hosts[0]);
	remove_host(&hosts[1]);
	memcached_stop(&memcached);
}

static unsigned came;

static void
ready(struct limits *l)
{
	came++;
}

static void
wait_for_answer(unsigned before)
{
	while (came == before)
		loop_turn(loop, 20);
}

/* One request, to its end. */
static enum limits_end
request_with(struct host *h, struct limits *l)
{
	enum limits_end end;

	while ((end = limits_take(l, h->board, h->chunks, &rule)) == LIMITS_ASK) {
		unsigned before = came;

		h->trips++;
		limits_ask(l, h->chunks, ready);
		while (came == before) {
			turn(passes_ms);
			loop_turn(loop, 20);
		}
	}
	h->admitted += end == LIMITS_TAKEN;
	h->refused += end == LIMITS_REFUSED;
	return (end);
}

static enum limits_end
request(struct host *h)
{
	struct limits l = find(10, 10);

	return (request_with(h, &l));
}

static void
hosts_share_a_limit(void **state)
{
	struct host hosts[2];

	two_hosts(hosts, "b", "c");
	key.rpm = 500;
	for (unsigned i = 0; i < 1200; i++)			/* one asks three times as often as the other */
		request(&hosts[i % 4 == 0]);
	print_message("%u + %u of 500 admitted, %u + %u questions\n", hosts[0].admitted, hosts[1].admitted, hosts[0].trips, hosts[1].trips);
	assert_int_equal(hosts[0].admitted + hosts[1].admitted, 500);
	assert_true(hosts[1].admitted > 100);
	remove_hosts(hosts);
}

/* A host that fell silent holds no more than an eighth of what was left, and than it had used. */
static void
a_silent_host_holds_little(void **state)
{
	struct host hosts[2];

	two_hosts(hosts, "b", "c");
	key.rpm = 1000;
	for (unsigned i = 0; i < 100; i++)
		request(&hosts[0]);
	for (unsigned i = 0; i < 1200; i++)
		request(&hosts[1]);
	print_message("slack: %u of 1000 stay with a host that used 100 and stopped\n", 1000 - hosts[0].admitted - hosts[1].admitted);
	assert_true(hosts[0].admitted + hosts[1].admitted <= 1000);
	assert_true(hosts[0].admitted + hosts[1].admitted >= 900);
	for (unsigned i = 0; i < 120; i++)			/* which spends it when it asks again */
		request(&hosts[0]);
	assert_int_equal(hosts[0].admitted + hosts[1].admitted, 1000);
	remove_hosts(hosts);
}

static void
tokens_are_shared_too(void **state)
{
	struct host hosts[2];
	int64_t used = 0;

	two_hosts(hosts, "b", "c");
	key.tpm = 20000;
	for (unsigned i = 0; i < 2000; i++) {
		struct limits l = find(10, 90);
		struct host *h = &hosts[random_u64() % 2];

		if (request_with(h, &l) != LIMITS_TAKEN)
			continue;
		limits_correct(&l, h->board, 10, 40);
		used += 50;
	}
	print_message("%lld of 20000 tokens used by two hosts\n", (long long)used);
	assert_true(used <= 20000);
	assert_true(used >= 19000);
	remove_hosts(hosts);
}

static void
a_refusal_elsewhere_gives_back(void **state)
{
	struct host host;
	struct limits l;

	need_memcached();
	add_host(&host, "b");
	key.rpm = 5;
	team.parallel = 0;
	for (unsigned i = 0; i < 20; i++)
		assert_int_equal(request(&host), LIMITS_REFUSED);
	team.parallel = NO_LIMIT;
	for (unsigned i = 0; i < 5; i++) {
		l = find(1, 1);
		assert_int_equal(request_with(&host, &l), LIMITS_TAKEN);
		assert_int_equal(l.list[0].used, i + 1);
	}
	assert_int_equal(request(&host), LIMITS_REFUSED);
	limits_undo(&l, host.board);
	assert_int_equal(request(&host), LIMITS_TAKEN);
	remove_host(&host);
	memcached_stop(&memcached);
}

/* Another worker of the host asks while what one was granted is not on the board whole. */
static struct host *another;

static void
another_asks(void)
{
	request(another);
}

static void
what_was_granted_is_spent_once(void **state)
{
	struct host hosts[2];
	struct limits l;
	unsigned before = came;

	two_hosts(hosts, "b", "b");
	another = &hosts[1];
	key.rpm = 1;
	l = find(1, 1);
	assert_int_equal(limits_take(&l, hosts[0].board, hosts[0].chunks, &rule), LIMITS_ASK);
	limits_ask(&l, hosts[0].chunks, ready);
	wait_for_answer(before);
	meanwhile = another_asks;
	assert_int_equal(limits_take(&l, hosts[0].board, hosts[0].chunks, &rule), LIMITS_TAKEN);
	assert_null(meanwhile);
	assert_int_equal(hosts[1].admitted, 0);
	assert_int_equal(hosts[1].refused, 1);
	remove_hosts(hosts);
}

/* One of two limits was granted some, and the other has to be asked for again: what came of the first counts once. */
static void
what_was_granted_is_counted_once(void **state)
{
	struct host hosts[2];
	struct limits l;
	unsigned before;

	two_hosts(hosts, "b", "c");
	team.rpm = 100;
	l = find(1, 1);
	assert_int_equal(request_with(&hosts[0], &l), LIMITS_TAKEN);
	limits_undo(&l, hosts[0].board);			/* which leaves one of the team's to this host */
	key.rpm = 2;
	l = find(1, 1);
	before = came;
	assert_int_equal(limits_take(&l, hosts[0].board, hosts[0].chunks, &rule), LIMITS_ASK);
	limits_ask(&l, hosts[0].chunks, ready);
	wait_for_answer(before);
	key.rpm = NO_LIMIT;
	request(&hosts[0]);					/* somebody else's key takes that one */
	assert_int_equal(hosts[0].trips, 1);
	assert_int_equal(request_with(&hosts[0], &l), LIMITS_TAKEN);
	assert_int_equal(hosts[0].trips, 2);
	key.rpm = 2;
	assert_int_equal(request(&hosts[0]), LIMITS_TAKEN);
	assert_int_equal(request(&hosts[1]), LIMITS_REFUSED);
	remove_hosts(hosts);
}

/* calls at once of several hosts */

#define TICK_MS		20
#define TICKS		30		/* so long a record counts without being renewed (access/calls.c) */

static enum limits_end
begin_call(struct host *h, struct limits *l)
{
	*l = find(1, 1);
	return (request_with(h, l));
}

static bool
begins_within(struct host *h, struct limits *l, int64_t ms)
{
	int64_t until = clock_us() + ms * 1000;

	while (clock_us() < until) {
		if (begin_call(h, l) == LIMITS_TAKEN)
			return (true);
		turn(5);
	}
	return (false);
}

static void
hosts_share_calls_at_once(void **state)
{
	struct limits calls[5], one;
	struct host hosts[2];

	two_hosts(hosts, "b", "c");
	clocks_stop();
	chunks_share_calls(hosts[0].chunks, TICK_MS);
	chunks_share_calls(hosts[1].chunks, TICK_MS);
	key.parallel = 5;
	for (unsigned i = 0; i < nitems(calls); i++)
		assert_int_equal(begin_call(&hosts[i % 2], &calls[i]), LIMITS_TAKEN);
	assert_int_equal(calls[4].list[0].used, 5);		/* the others' are known */
	assert_int_equal(begin_call(&hosts[0], &one), LIMITS_REFUSED);
	assert_int_equal(begin_call(&hosts[1], &one), LIMITS_REFUSED);
	for (unsigned i = 0; i < 60; i++)			/* they go on for longer than a record counts by itself */
		for (unsigned h = 0; h < 2; h++) {
			turn(TICK_MS / 2);
			if (i % 4 == 0)			/* what was sent before is written by the time that this is answered */
				assert_int_equal(begin_call(&hosts[h], &one), LIMITS_REFUSED);
		}
	limits_give(&calls[0], hosts[0].board);
	assert_int_equal(begin_call(&hosts[0], &calls[0]), LIMITS_TAKEN);	/* its turn is still its host's */
	limits_give(&calls[0], hosts[0].board);
	assert_true(begins_within(&hosts[1], &one, 5000));	/* and then the other's */
	assert_int_equal(begin_call(&hosts[0], &calls[0]), LIMITS_REFUSED);
	remove_host(&hosts[0]);					/* a worker that ends gives back all it held */
	for (unsigned i = 0; i < 2; i++)
		assert_int_equal(begin_call(&hosts[1], &one), LIMITS_TAKEN);
	remove_host(&hosts[1]);
	memcached_stop(&memcached);
}

static void
is_back(struct host *h)
{
	for (unsigned i = 0; i < 3000 && chunks_away(h->chunks); i++)
		turn(50);
	assert_false(chunks_away(h->chunks));
}

/* The record says more than its holder knows of, which soon says what is so; or else the turn were nobody's until the record is too old. */
static void
a_lost_answer_is_made_good(void **state)
{
	struct host hosts[2];
	struct limits one;

	two_hosts(hosts, "b", "c");
	clocks_stop();
	for (unsigned i = 0; i < nitems(hosts); i++)
		chunks_share_calls(hosts[i].chunks, 1000);
	key.parallel = 1;
	lost = 1;
	assert_int_equal(begin_call(&hosts[0], &one), LIMITS_TAKEN);	/* as its host counts */
	assert_true(chunks_away(hosts[0].chunks));
	limits_give(&one, hosts[0].board);
	assert_int_equal(begin_call(&hosts[1], &one), LIMITS_REFUSED);
	turn(1000);
	is_back(&hosts[0]);					/* what was sent before that is done */
	assert_int_equal(begin_call(&hosts[1], &one), LIMITS_TAKEN);
	remove_hosts(hosts);
}

/* What its worker held before it asked is no more what the record says. */
static void
a_question_under_way_is_not_written_over(void **state)
{
	struct host hosts[2];
	struct limits calls[2], one;
	unsigned before = came;

	two_hosts(hosts, "b", "c");
	clocks_stop();
	for (unsigned i = 0; i < nitems(hosts); i++)
		chunks_share_calls(hosts[i].chunks, TICK_MS);
	key.parallel = 2;
	assert_int_equal(begin_call(&hosts[0], &calls[0]), LIMITS_TAKEN);
	before = came;
	calls[1] = find(1, 1);
	assert_int_equal(limits_take(&calls[1], hosts[0].board, hosts[0].chunks, &rule), LIMITS_ASK);
	is_held = true;
	limits_ask(&calls[1], hosts[0].chunks, ready);
	for (unsigned i = 0; i < 3000 && !holds; i++)
		usleep(10000);
	assert_true(holds);
	for (unsigned i = 0; i < 12; i++)			/* long enough for a record to be renewed */
		turn(TICK_MS);
	is_held = false;
	wait_for_answer(before);
	assert_int_equal(limits_take(&calls[1], hosts[0].board, hosts[0].chunks, &rule), LIMITS_TAKEN);
	key.id.at = "ffdc28d0f030c55ed4ab77ed8faf098196cb1c05df778539800c9f1243fe6b4b";
	assert_int_equal(begin_call(&hosts[0], &one), LIMITS_TAKEN);	/* what was sent before is done */
	key.id.at = key_id;
	assert_int_equal(begin_call(&hosts[1], &one), LIMITS_REFUSED);
	remove_hosts(hosts);
}

/* A tick of a host whose loop this is, and whatever it sent then is done: what is asked after it comes back after it. */
static void
lives_on(struct host *h, struct loop *its)
{
	struct loop *ours = loop;
	struct limits other;

	loop = its;
	loop_turn(loop, 0);
	key.id.at = "ffdc28d0f030c55ed4ab77ed8faf098196cb1c05df778539800c9f1243fe6b4b";
	assert_int_equal(begin_call(h, &other), LIMITS_TAKEN);
	limits_give(&other, h->board);
	key.id.at = key_id;
	loop = ours;
}

/* Each has a loop of its own: one that turns no more is as good as killed. */
static void
calls_of_a_killed_host_are_over(void **state)
{
	struct limits one;
	struct host hosts[2];
	struct loop *its = loop_new(), *ours = loop;
	unsigned ticks = 0;

	need_memcached();
	loop = its;
	add_host(&hosts[0], "c");
	loop = ours;
	add_host(&hosts[1], "b");
	clocks_stop();
	for (unsigned i = 0; i < nitems(hosts); i++)
		chunks_share_calls(hosts[i].chunks, TICK_MS);
	key.parallel = 1;
	loop = its;
	assert_int_equal(begin_call(&hosts[0], &one), LIMITS_TAKEN);
	loop = ours;
	for (unsigned i = 0; i < 2 * TICKS; i++) {		/* it renews what it holds */
		clocks_pass(TICK_MS);
		lives_on(&hosts[0], its);
		loop_turn(loop, 0);
		assert_int_equal(begin_call(&hosts[1], &one), LIMITS_REFUSED);
	}
	while (begin_call(&hosts[1], &one) != LIMITS_TAKEN) {
		assert_true(ticks++ < 2 * TICKS);
		clocks_pass(TICK_MS);
		loop_turn(loop, 0);
	}
	loop = its;
	remove_host(&hosts[0]);
	loop = ours;
	remove_host(&hosts[1]);
	loop_free(its);
	memcached_stop(&memcached);
}

static void
calls_at_once_without_memcached(void **state)
{
	struct limits one, two;
	struct host host;

	snprintf(memcached.path, sizeof(memcached.path), "%s/nothing", dir);
	add_host_that_waits(&host, "b", 50);
	chunks_share_calls(host.chunks, TICK_MS);
	key.parallel = 1;
	assert_int_equal(begin_call(&host, &one), LIMITS_TAKEN);
	assert_int_equal(begin_call(&host, &two), LIMITS_REFUSED);
	assert_true(chunks_away(host.chunks));
	limits_give(&one, host.board);
	assert_int_equal(begin_call(&host, &two), LIMITS_TAKEN);
	remove_host(&host);
}

static void
without_memcached_a_host_counts_alone(void **state)
{
	struct host host;

	snprintf(memcached.path, sizeof(memcached.path), "%s/nothing", dir);
	clocks_stop();
	add_host_that_waits(&host, "b", 50);
	key.rpm = 10;
	for (unsigned i = 0; i < 15; i++)
		request(&host);
	assert_int_equal(host.admitted, 10);
	assert_int_equal(host.trips, 1);			/* the others know */
	assert_true(chunks_away(host.chunks));
	assert_true(board_counted(host.board, COUNT_MEMCACHED_FAILURES) > 0);
	remove_host(&host);
}

static void
a_stopped_memcached_is_waited_for_once(void **state)
{
	struct host host;
	int64_t began;
	unsigned before;

	need_memcached();
	add_host(&host, "b");				/* ten seconds */
	key.rpm = 1000;
	for (unsigned i = 0; i < 5; i++)
		request(&host);
	clocks_stop();
	kill(memcached.pid, SIGSTOP);
	assert_int_equal(waitpid(memcached.pid, NULL, WUNTRACED), memcached.pid);	/* until then it may answer once more */
	passes_ms = 1000;
	began = clock_us();
	before = host.trips;
	for (unsigned i = 0; i < 300; i++)
		assert_int_equal(request(&host), LIMITS_TAKEN);
	assert_int_equal(host.trips, before + 1);
	assert_true(clock_us() - began <= 11000000);
	assert_true(chunks_away(host.chunks));
	kill(memcached.pid, SIGCONT);
	is_back(&host);
	for (unsigned i = 0; i < 1000; i++)			/* and what was admitted alone is made known to the others */
		request(&host);
	assert_true(host.admitted <= 1000 && host.admitted >= 850);	/* less the chunk whose answer nobody awaited */
	remove_host(&host);
	memcached_stop(&memcached);
}

static void
a_memcached_that_forgot_is_told(void **state)
{
	struct host host;

	need_memcached();
	add_host_that_waits(&host, "b", 50);
	key.rpm = 100;
	for (unsigned i = 0; i < 60; i++)
		request(&host);
	memcached_stop(&memcached);
	memcached_start(&memcached, dir);
	for (unsigned i = 0; i < 400; i++) {
		request(&host);
		turn(5);
	}
	assert_int_equal(host.admitted, 100);
	remove_host(&host);
	memcached_stop(&memcached);
}

/* The exchange ends while its question is under way: nobody is called, and what comes is the host's. */
static void
a_request_may_leave_while_it_waits(void **state)
{
	struct host host;
	struct limits l;

	need_memcached();
	add_host(&host, "b");
	key.rpm = 3;
	l = find(1, 1);
	assert_int_equal(limits_take(&l, host.board, host.chunks, &rule), LIMITS_ASK);
	limits_ask(&l, host.chunks, ready);
	came = 0;
	limits_undo(&l, host.board);
	for (unsigned i = 0; i < 20; i++)
		loop_turn(loop, 10);
	assert_int_equal(came, 0);
	for (unsigned i = 0; i < 5; i++)
		request(&host);
	assert_int_equal(host.admitted, 3);
	l = find(1, 1);						/* nor is anybody called when the worker ends */
	key.rpm = 100;
	l = find(1, 1);
	assert_int_equal(limits_take(&l, host.board, host.chunks, &rule), LIMITS_ASK);
	limits_ask(&l, host.chunks, ready);
	remove_host(&host);
	memcached_stop(&memcached);
}

static void
time_taking(void **state)
{
	enum { ROUNDS = 200000 };
	struct limits l = { 0 };
	int64_t began;

	key.rpm = key.tpm = team.rpm = INT64_MAX / 2;
	key.parallel = team.parallel = 1000;
	began = clock_us();
	for (unsigned i = 0; i < ROUNDS; i++) {
		l = (struct limits){ 0 };
		limits_of(&l, arena, &rule, &caller, TEXT("gpt-4o"), 10, 10);
		assert_int_equal(limits_take(&l, b, NULL, &rule), LIMITS_TAKEN);
		limits_correct(&l, b, 10, 5);
		limits_give(&l, b);
		arena_clear(arena);
	}
	print_message("five limits found, taken, corrected, given: %lld ns\n", (long long)(clock_us() - began) * 1000 / ROUNDS);
}

#define T(test)	cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		T(without_limits_there_is_nothing_to_take), T(each_level_binds), T(the_master_key_is_exempt), T(zero_refuses),
		T(tokens_are_reserved_and_corrected), T(a_cautious_estimate_does_not_refuse_for_ever), T(which_tokens_count_is_a_setting),
		T(calls_at_once_go_back), T(all_together_are_bounded), T(models_and_tags_of_a_key_bind), T(a_member_is_one_of_a_team),
		T(deployments_have_room), T(a_dynamic_limit_binds_under_pressure), T(shares_bind_when_a_model_is_used), T(a_throttled_key_keeps_a_part),
		T(a_deployment_says_what_keys_have_that_say_nothing),
		T(hosts_share_calls_at_once), T(a_lost_answer_is_made_good), T(a_question_under_way_is_not_written_over),
		T(what_was_granted_is_spent_once), T(what_was_granted_is_counted_once),
		T(calls_of_a_killed_host_are_over), T(calls_at_once_without_memcached),
		T(accounts_are_identities), T(a_minute_passes), T(headers_tell_what_is_left), T(a_refusal_tells_what_to_do), T(hosts_share_a_limit),
		T(a_silent_host_holds_little), T(tokens_are_shared_too), T(a_refusal_elsewhere_gives_back), T(without_memcached_a_host_counts_alone),
		T(a_stopped_memcached_is_waited_for_once), T(a_memcached_that_forgot_is_told), T(a_request_may_leave_while_it_waits),
		T(time_taking),
	};

	return (cmocka_run_group_tests(tests, NULL, NULL));
}
