/* SPDX-License-Identifier: Apache-2.0 */
/* The limits of one request: found, taken in order, taken back, corrected, told. */
#include "access/limits.h"

#include "access/chunks.h"
#include "base/clock.h"
#include "board/parallel.h"

#include <stdio.h>

#define ASK_MOST	4
#define PARALLEL_WAIT_MS	1000

const char *const limit_kinds[LIMIT_KINDS] = { "requests", "tokens", "max_parallel_requests" };

/* LiteLLM's names of who is limited, and of the same by model and by tag. */
static const struct {
	const char	*own, *model, *tag;
} descriptors[SCOPES] = {
	[SCOPE_KEY] =	       { "api_key", "model_per_key", "tag_per_key" },
	[SCOPE_USER] =	       { "user", "model_per_user", "tag_per_user" },
	[SCOPE_TEAM] =	       { "team", "model_per_team", "tag_per_team" },
	[SCOPE_MEMBER] =       { "team_member", "model_per_team_member", "tag_per_team_member" },
	[SCOPE_PROJECT] =      { "project", "model_per_project", "tag_per_project" },
	[SCOPE_ORGANIZATION] = { "organization", "model_per_organization", "tag_per_organization" },
	[SCOPE_CUSTOMER] =     { "end_user", "model_per_end_user", "tag_per_end_user" },
	[SCOPE_AGENT] =	       { "agent", NULL, NULL },
	[SCOPE_SESSION] =      { "agent_session", NULL, NULL },
	[SCOPE_TAG] =	       { "tag", "model_per_tag", "tag_per_tag" },
};

struct limits_rule
limits_rule(const struct settings *set)
{
	enum token_rate tokens = set->rate_tokens == 'i' ? TOKENS_INPUT : set->rate_tokens == 'o' ? TOKENS_OUTPUT : TOKENS_TOTAL;

	return ((struct limits_rule){ set->rate_window_ms, tokens, set->rate_output, set->rate_parallel_all, set->deployment_rates, set->rate_parallel_each,
		set->deployment_keys, set->priorities.n > 0 ? &set->priorities : NULL });
}

/* finding */

struct finding {
	struct limits	*l;
	struct arena	*arena;
	unsigned	 room;
	int64_t		 tokens;	/* estimated */
};

static uint64_t
mixed(uint64_t x)				/* SplitMix64's: every bit counts in every bit */
{
	x = (x ^ x >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
	x = (x ^ x >> 27) * UINT64_C(0x94d049bb133111eb);
	return (x ^ x >> 31);
}

/* An account's number is the same on all hosts; what has none is known by its name. */
static uint64_t
identity(const struct standing *s, enum limit_kind kind, struct text part)
{
	bool numbered = s->n_purses > 0 && s->purses[0].account != 0 && s->purses[0].part.len == 0;
	uint64_t whose = numbered ? s->purses[0].account : ~mixed(text_hash(s->id)), what = (uint64_t)s->scope << 8 | (uint64_t)kind;
	uint64_t id = mixed(mixed(whose) + what);

	if (part.len > 0)
		id = mixed(id ^ text_hash(part));
	return (id != 0 ? id : 1);
}

/* NULL: there is no limit. */
static struct limit *
add(struct finding *f, const char *descriptor, struct text value, enum limit_kind kind, uint64_t id, int64_t limit)
{
	struct limits *l = f->l;

	if (limit < 0)
		return (NULL);
	l->list = arena_widen(f->arena, l->list, &f->room, l->n + 1, l->n, sizeof(*l->list));
	l->list[l->n] = (struct limit){ .descriptor = descriptor, .value = value, .kind = kind, .id = id, .limit = limit, .wanted = 1 };
	return (&l->list[l->n++]);
}

static void
binds(struct limits *l, struct limit *limit, enum limit_binds when)
{
	if (limit == NULL || when == BINDS_ALWAYS)
		return;
	limit->binds = when;
	l->lenient = true;
}

/* A member is known as "team/user", LiteLLM writes "team:user". */
static struct text
value_of(struct finding *f, const struct caller *c, const struct standing *s)
{
	if (s->scope == SCOPE_MEMBER && c->team_id.len > 0)
		return (arena_print(f->arena, TEXT_FMT ":" TEXT_FMT, TEXT_ARG(c->team_id), TEXT_ARG(c->user_id)));
	return (s->id);
}

/* Of a key whose budget is spent a part is left, and a trickle at least. */
static int64_t
throttled(const struct limits *l, const struct standing *s, int64_t limit)
{
	int64_t left;

	if (l->throttle == 0 || s->scope != SCOPE_KEY || limit <= 0)
		return (limit);
	left = (int64_t)((__int128)limit * l->throttle / 1000000);
	return (left > 0 ? left : 1);
}

static void
add_own(struct finding *f, const struct caller *c, const struct standing *s)
{
	const char *descriptor = descriptors[s->scope].own;
	const int64_t limits[LIMIT_KINDS] = { [LIMIT_REQUESTS] = throttled(f->l, s, s->rpm), [LIMIT_TOKENS] = throttled(f->l, s, s->tpm),
		[LIMIT_PARALLEL] = s->parallel };
	const bool dynamic[LIMIT_KINDS] = { [LIMIT_REQUESTS] = s->rpm_dynamic, [LIMIT_TOKENS] = s->tpm_dynamic };

	if (descriptor == NULL || (s->rpm < 0 && s->tpm < 0 && s->parallel < 0))
		return;
	for (enum limit_kind kind = 0; kind < LIMIT_KINDS; kind++)
		if (limits[kind] >= 0)
			binds(f->l, add(f, descriptor, value_of(f, c, s), kind, identity(s, kind, TEXT("")), limits[kind]),
			    dynamic[kind] ? BINDS_PRESSED : BINDS_ALWAYS);
}

static bool
is_tag(struct text name, struct text *tag)
{
	if (!text_starts(name, TEXT("tag:")))
		return (false);
	*tag = text_sub(name, 4, name.len);
	return (true);
}

static bool
has_tag(const struct caller *c, struct text tag)
{
	for (unsigned i = 0; i < c->n_tags; i++)
		if (text_eq(c->tags[i], tag))
			return (true);
	return (false);
}

static void
add_parts(struct finding *f, const struct caller *c, const struct standing *s, struct text model)
{
	for (unsigned i = 0; i < s->n_model_limits; i++) {
		const struct model_limit *m = &s->model_limits[i];
		const char *descriptor = descriptors[s->scope].model;
		struct text named = m->name, value;

		if (is_tag(m->name, &named))
			descriptor = has_tag(c, named) ? descriptors[s->scope].tag : NULL;
		else if (!text_eq(m->name, model))
			descriptor = NULL;
		if (descriptor == NULL)
			continue;
		value = arena_print(f->arena, TEXT_FMT ":" TEXT_FMT, TEXT_ARG(value_of(f, c, s)), TEXT_ARG(named));
		add(f, descriptor, value, LIMIT_REQUESTS, identity(s, LIMIT_REQUESTS, m->name), m->rpm);
		add(f, descriptor, value, LIMIT_TOKENS, identity(s, LIMIT_TOKENS, m->name), m->tpm);
	}
}

static void
add_all(struct finding *f, const struct caller *c, struct text model)
{
	for (enum scope scope = 0; scope < SCOPES; scope++)
		if (c->standing[scope] != NULL && scope != SCOPE_TAG)
			add_own(f, c, c->standing[scope]);
	for (unsigned i = 0; i < c->n_tags; i++)
		if (c->tag_standings != NULL && c->tag_standings[i] != NULL)
			add_own(f, c, c->tag_standings[i]);
	for (enum scope scope = 0; scope < SCOPES; scope++)
		if (c->standing[scope] != NULL && scope != SCOPE_TAG)
			add_parts(f, c, c->standing[scope], model);
}

/* shares of a model */

#define ALL_OF_IT	1000000

/* A team's word goes before its keys', as LiteLLM has it. */
static struct text
priority_of(const struct caller *c)
{
	const struct standing *key = c->standing[SCOPE_KEY], *team = c->standing[SCOPE_TEAM];

	if (team != NULL && team->priority.len > 0)
		return (team->priority);
	return (key != NULL ? key->priority : TEXT(""));
}

/* Those that no rule names share what is set aside for all others. */
static const struct priority *
share_of(const struct priorities *all, struct text name)
{
	for (size_t i = 0; i < all->n; i++)
		if (text_eq(all->list[i].name, name))
			return (&all->list[i]);
	return (&all->rest);
}

static int64_t
capacity_of(const struct group *g, enum limit_kind kind)
{
	int64_t sum = 0;

	for (size_t i = 0; i < g->n_deployments; i++) {
		int64_t one = kind == LIMIT_REQUESTS ? g->deployments[i]->rpm : g->deployments[i]->tpm;

		sum += one > 0 && one < WINDOW_MOST - sum ? one : 0;
	}
	return (sum);
}

/* What the model has no limit of has no shares. */
static int64_t
share_limit(const struct priority *p, const struct group *g, enum limit_kind kind)
{
	int64_t capacity = capacity_of(g, kind);

	if (p->of != SHARE_PART)
		return ((p->of == SHARE_RPM) == (kind == LIMIT_REQUESTS) ? p->value : NO_LIMIT);
	return (capacity > 0 ? (int64_t)((__int128)capacity * p->value / ALL_OF_IT) : NO_LIMIT);
}

static void
add_share(struct finding *f, const struct priorities *all, const struct caller *c)
{
	const struct group *g = f->l->group;
	const struct priority *p;
	struct text value;

	if (all == NULL || g == NULL)
		return;
	p = share_of(all, priority_of(c));
	value = arena_print(f->arena, TEXT_FMT ":" TEXT_FMT, TEXT_ARG(p->name), TEXT_ARG(g->name));
	for (enum limit_kind kind = LIMIT_REQUESTS; kind <= LIMIT_TOKENS; kind++)
		binds(f->l, add(f, "priority_model", value, kind, mixed(~text_hash(value) + (uint64_t)kind) | 1, share_limit(p, g, kind)), BINDS_SATURATED);
}

/* A key that has no limit for the model has the least that its deployments say. */
static void
add_default(struct finding *f, const struct standing *key, struct text model)
{
	const struct group *g = f->l->group;
	struct model_limit least = { model, NO_LIMIT, NO_LIMIT };
	struct text value;

	for (unsigned i = 0; i < key->n_model_limits; i++)
		if (text_eq(key->model_limits[i].name, model))
			return;
	for (size_t i = 0; g != NULL && i < g->n_deployments; i++) {
		const struct deployment *d = g->deployments[i];

		least.rpm = least.rpm < 0 || (d->key_rpm >= 0 && d->key_rpm < least.rpm) ? d->key_rpm : least.rpm;
		least.tpm = least.tpm < 0 || (d->key_tpm >= 0 && d->key_tpm < least.tpm) ? d->key_tpm : least.tpm;
	}
	value = arena_print(f->arena, TEXT_FMT ":" TEXT_FMT, TEXT_ARG(key->id), TEXT_ARG(model));
	add(f, descriptors[SCOPE_KEY].model, value, LIMIT_REQUESTS, identity(key, LIMIT_REQUESTS, model), least.rpm);
	add(f, descriptors[SCOPE_KEY].model, value, LIMIT_TOKENS, identity(key, LIMIT_TOKENS, model), least.tpm);
}

static int64_t
counted_tokens(enum token_rate rate, int64_t input, int64_t output)
{
	input = input < 0 ? 0 : input > WINDOW_MOST ? WINDOW_MOST : input;
	output = output < 0 ? 0 : output > WINDOW_MOST ? WINDOW_MOST : output;
	return (rate == TOKENS_INPUT ? input : rate == TOKENS_OUTPUT ? output : input + output);
}

static void
want_tokens(struct limits *l, int64_t tokens)
{
	for (unsigned i = 0; i < l->n; i++)
		if (l->list[i].kind == LIMIT_TOKENS && l->list[i].limit < tokens)
			tokens = l->list[i].limit;
	for (unsigned i = 0; i < l->n; i++)
		if (l->list[i].kind == LIMIT_TOKENS)
			l->list[i].wanted = tokens > 0 ? tokens : 1;
}

void
limits_of(struct limits *l, struct arena *arena, const struct limits_rule *rule, const struct caller *c, struct text model, int64_t input, int64_t output)
{
	struct finding f = { .l = l, .arena = arena };

	l->tokens = rule->tokens;
	if (c->kind != CALLER_MASTER) {
		add_all(&f, c, model);
		add(&f, "all", TEXT("the gateway"), LIMIT_PARALLEL, 1, rule->parallel_all);
	}
	add_share(&f, rule->priorities, c);		/* the master key has no priority, and is one of the others */
	if (rule->key_defaults && c->standing[SCOPE_KEY] != NULL)
		add_default(&f, c->standing[SCOPE_KEY], model);
	want_tokens(l, counted_tokens(rule->tokens, input, output < 0 ? rule->output : output));
}

static uint64_t
deployment_identity(const struct deployment *d, enum limit_kind kind)
{
	return (mixed(mixed(d->mark) + (uint64_t)kind) | 1);
}

void
limits_of_deployment(struct limits *l, struct arena *arena, const struct limits_rule *rule, const struct deployment *d, int64_t input, int64_t output)
{
	const int64_t limits[LIMIT_KINDS] = { [LIMIT_REQUESTS] = rule->deployments ? d->rpm : NO_LIMIT, [LIMIT_TOKENS] = rule->deployments ? d->tpm : NO_LIMIT,
		[LIMIT_PARALLEL] = d->parallel >= 0 ? d->parallel : rule->parallel_each };
	struct finding f = { .l = l, .arena = arena };

	if (limits[LIMIT_REQUESTS] < 0 && limits[LIMIT_TOKENS] < 0 && limits[LIMIT_PARALLEL] < 0)
		return;
	l->tokens = TOKENS_TOTAL;
	for (enum limit_kind kind = 0; kind < LIMIT_KINDS; kind++)
		add(&f, "deployment", d->id, kind, deployment_identity(d, kind), limits[kind]);
	want_tokens(l, counted_tokens(TOKENS_TOTAL, input, output < 0 ? rule->output : output));
}

/* how a model stands */

void
limits_press(struct board *b, const struct limits_rule *rule, const struct deployment *d)
{
	struct window now;
	int64_t count;

	window_now(&now, b, rule->window_ms);
	window_add(b, now.number, deployment_identity(d, LIMIT_KINDS), 1, INT64_MAX, &count);
}

/* Of whose deployments nothing is known is taken for pressed. */
static bool
is_pressed(const struct limits *l, struct board *b)
{
	for (size_t i = 0; l->group != NULL && i < l->group->n_deployments; i++)
		if (window_count(b, l->window.number, deployment_identity(l->group->deployments[i], LIMIT_KINDS)) > 0)
			return (true);
	return (l->group == NULL);
}

static bool
is_saturated(const struct limits *l, struct board *b, const struct chunks *chunks, const struct priorities *all, enum limit_kind kind)
{
	int64_t used = 0;

	for (size_t i = 0; i < l->group->n_deployments; i++) {
		uint64_t id = deployment_identity(l->group->deployments[i], kind);

		used += window_count(b, l->window.number, id) + (chunks != NULL ? chunk_others(chunks, id, l->window.number) : 0);
	}
	return ((__int128)used * ALL_OF_IT >= (__int128)capacity_of(l->group, kind) * all->threshold);
}

/* What does not bind now is only counted. */
static void
see_what_binds(struct limits *l, struct board *b, const struct chunks *chunks, const struct limits_rule *rule)
{
	for (unsigned i = 0; l->lenient && i < l->n; i++) {
		struct limit *limit = &l->list[i];

		if (limit->binds == BINDS_PRESSED)
			limit->free = !is_pressed(l, b);
		else if (limit->binds == BINDS_SATURATED)
			limit->free = !is_saturated(l, b, chunks, rule->priorities, limit->kind);
	}
}

/* taking */

static void
put_back(struct limits *l, struct board *b, struct limit *limit)
{
	if (!limit->taken)
		return;
	if (limit->kind == LIMIT_PARALLEL)
		parallel_give(b, limit->id);
	else
		window_correct(b, l->window.number, limit->id, -limit->wanted);
	limit->used -= limit->wanted;
	limit->taken = false;
}

static void
put_all_back(struct limits *l, struct board *b)
{
	for (unsigned i = l->n; i-- > 0;)
		put_back(l, b, &l->list[i]);
}

/* What one limit says; where there is no room to count, it goes on uncounted. */
enum word { WORD_YES, WORD_NO, WORD_SHORT, WORD_UNCOUNTED };

static const enum word shared[] = { [CHUNK_ADDED] = WORD_YES, [CHUNK_OVER] = WORD_NO, [CHUNK_SHORT] = WORD_SHORT, [CHUNK_FULL] = WORD_UNCOUNTED };

/* Asked often enough it is used up: others took what was there each time. */
static enum word
of_hosts(const struct limits *l, enum chunk_end end)
{
	return (shared[end] == WORD_SHORT && l->asked >= ASK_MOST ? WORD_NO : shared[end]);
}

static enum word
take_parallel(const struct limits *l, struct board *b, struct limit *limit, struct chunks *chunks)
{
	static const enum word words[] = { [PARALLEL_TAKEN] = WORD_YES, [PARALLEL_OVER] = WORD_NO, [PARALLEL_FULL] = WORD_UNCOUNTED };
	unsigned running, most = limit->limit > UINT32_MAX ? UINT32_MAX : (unsigned)limit->limit;
	enum chunk_end end;
	enum word word;

	if (chunks != NULL && !chunks_away(chunks) && chunk_calls(&end, chunks, limit))
		return (of_hosts(l, end));
	word = words[parallel_take(b, limit->id, most, &running)];
	limit->used = running;
	return (word);
}

static enum word
take_window(struct limits *l, struct board *b, struct limit *limit, struct chunks *chunks)
{
	static const enum word alone[] = { [WINDOW_ADDED] = WORD_YES, [WINDOW_OVER] = WORD_NO, [WINDOW_FULL] = WORD_UNCOUNTED };
	if (limit->free)
		return (alone[window_add(b, l->window.number, limit->id, limit->wanted, INT64_MAX, &limit->used)]);
	if (chunks != NULL && !chunks_away(chunks))
		return (of_hosts(l, chunk_add(chunks, limit, l->window.number)));
	return (alone[window_add(b, l->window.number, limit->id, limit->wanted, limit->limit, &limit->used)]);
}

static enum limits_end
refuse(struct limits *l, struct board *b, const struct limit *limit)
{
	put_all_back(l, b);
	l->refused = limit;
	l->wait_ms = limit->kind == LIMIT_PARALLEL ? PARALLEL_WAIT_MS : l->window.left_ms;
	return (LIMITS_REFUSED);
}

static void
see_window(struct limits *l, struct board *b, const struct limits_rule *rule)
{
	uint32_t before = l->window.number;

	window_now(&l->window, b, rule->window_ms);
	l->ttl_s = (unsigned)(2 * rule->window_ms / 1000) + 1;
	l->reset_ms = clock_wall_ms() + l->window.left_ms;
	if (l->asked > 0 && l->window.number != before)		/* what was got is of a window that is over */
		for (unsigned i = 0; i < l->n; i++)
			l->list[i].got = 0;
}

enum limits_end
limits_take(struct limits *l, struct board *b, struct chunks *chunks, const struct limits_rule *rule)
{
	bool lacks = false;

	l->refused = NULL;
	if (l->trip != NULL)
		return (LIMITS_ASK);			/* it is not home yet */
	if (l->n == 0)
		return (LIMITS_TAKEN);
	see_window(l, b, rule);
	see_what_binds(l, b, chunks, rule);
	for (unsigned i = 0; i < l->n; i++) {
		struct limit *limit = &l->list[i];
		enum word word = limit->kind == LIMIT_PARALLEL ? take_parallel(l, b, limit, chunks) : take_window(l, b, limit, chunks);

		if (word == WORD_NO)
			return (refuse(l, b, limit));
		limit->taken = word == WORD_YES;
		lacks |= word == WORD_SHORT;
		l->uncounted |= word == WORD_UNCOUNTED;
	}
	if (!lacks)
		return (LIMITS_TAKEN);
	put_all_back(l, b);
	return (LIMITS_ASK);
}

void
limits_ask(struct limits *l, struct chunks *chunks, void (*ready)(struct limits *))
{
	l->ready = ready;
	if (l->trip != NULL)
		return;
	l->asked++;
	chunk_trip(chunks, l);
}

void
limits_correct(struct limits *l, struct board *b, int64_t input, int64_t output)
{
	int64_t tokens = counted_tokens(l->tokens, input, output);

	for (unsigned i = 0; i < l->n; i++) {
		struct limit *limit = &l->list[i];

		if (limit->kind != LIMIT_TOKENS || !limit->taken)
			continue;
		if (tokens != limit->wanted)
			window_correct(b, l->window.number, limit->id, tokens - limit->wanted);
		limit->used += tokens - limit->wanted;
		limit->wanted = tokens;
	}
}

void
limits_give(struct limits *l, struct board *b)
{
	for (unsigned i = 0; i < l->n; i++)
		if (l->list[i].kind == LIMIT_PARALLEL)
			put_back(l, b, &l->list[i]);
}

void
limits_undo(struct limits *l, struct board *b)
{
	chunk_forget(l);
	put_all_back(l, b);
}

/* telling */

static int64_t
remaining(const struct limit *limit)
{
	return (limit->used < limit->limit ? limit->limit - limit->used : 0);
}

/* As LiteLLM writes it: "2026-11-26 02:30:00 UTC". */
static struct text
moment(struct arena *arena, int64_t wall_ms)
{
	char iso[25];

	clock_iso(iso, wall_ms);
	return (arena_print(arena, "%.10s %.8s UTC", iso, iso + 11));
}

static int64_t
whole_seconds(int64_t ms)
{
	return (ms <= 0 ? 1 : (ms + 999) / 1000);
}

struct text
limits_sentence(struct arena *arena, const struct limits *l)
{
	const struct limit *limit = l->refused;
	struct text first = arena_print(arena, "Rate limit exceeded for %s: " TEXT_FMT ". Limit type: %s. Current limit: %lld, Remaining: %lld.",
	    limit->descriptor, TEXT_ARG(limit->value), limit_kinds[limit->kind], (long long)limit->limit, (long long)remaining(limit));

	if (limit->kind == LIMIT_PARALLEL)
		return (arena_print(arena, TEXT_FMT " %lld calls are running: try again when one of them is over, or ask an administrator for more at once.",
		    TEXT_ARG(first), (long long)limit->used));
	return (arena_print(arena, TEXT_FMT " Limit resets at: " TEXT_FMT ". Used: %lld, this request asks for %lld: wait %lld s, or ask an administrator for a "
	    "higher %s.", TEXT_ARG(first), TEXT_ARG(moment(arena, l->reset_ms)), (long long)limit->used, (long long)limit->wanted,
	    (long long)whole_seconds(l->wait_ms), l->throttle > 0 ? "budget: it is spent, which makes the limits of the key smaller" : "limit"));
}

/* Of several of one name (tags) the tightest is told. */
static bool
is_told(const struct limits *l, unsigned i)
{
	const struct limit *a = &l->list[i];

	for (unsigned j = 0; j < l->n; j++) {
		const struct limit *b = &l->list[j];

		if (j != i && a->kind == b->kind && strcmp(a->descriptor, b->descriptor) == 0 &&
		    (remaining(b) < remaining(a) || (remaining(b) == remaining(a) && j < i)))
			return (false);
	}
	return (true);
}

/* Every answer has some of these headers: no printf, and nothing in between. */
static void
put_number(struct buf *b, int64_t n, const char *unit)
{
	buf_lit(b, ": ");
	buf_int(b, n);
	buf_add(b, unit, strlen(unit));
	buf_lit(b, "\r\n");
}

static void
tell(struct buf *b, const char *name, int64_t n, const char *unit)
{
	buf_add(b, name, strlen(name));
	put_number(b, n, unit);
}

/* As OpenAI writes them, which SDKs and agents read. */
static void
tell_as_openai(struct buf *b, const struct limits *l, const struct limit *limit)
{
	static const struct {
		const char	*limit, *remaining, *reset;
	} names[] = {
		[LIMIT_REQUESTS] = { "x-ratelimit-limit-requests", "x-ratelimit-remaining-requests", "x-ratelimit-reset-requests" },
		[LIMIT_TOKENS] =   { "x-ratelimit-limit-tokens", "x-ratelimit-remaining-tokens", "x-ratelimit-reset-tokens" },
	};

	tell(b, names[limit->kind].limit, limit->limit, "");
	tell(b, names[limit->kind].remaining, remaining(limit), "");
	tell(b, names[limit->kind].reset, whole_seconds(l->window.left_ms), "s");
}

/* The limit of that kind of which the least is left: the key's own, or anybody's; NULL: there is none. */
static const struct limit *
tightest(const struct limits *l, enum limit_kind kind, bool own)
{
	const struct limit *found = NULL;

	for (unsigned i = 0; i < l->n; i++) {
		const struct limit *limit = &l->list[i];

		if (limit->kind == kind && (limit->taken || limit == l->refused) &&
		    (!own || strcmp(limit->descriptor, descriptors[SCOPE_KEY].own) == 0) && (found == NULL || remaining(limit) < remaining(found)))
			found = limit;
	}
	return (found);
}

static void
tell_as_litellm(struct buf *b, const struct limit *limit, const char *what, int64_t n)
{
	buf_lit(b, "x-ratelimit-");
	buf_add(b, limit->descriptor, strlen(limit->descriptor));
	buf_add(b, what, strlen(what));
	buf_add(b, limit_kinds[limit->kind], strlen(limit_kinds[limit->kind]));
	put_number(b, n, "");
}

static void
tell_refusal(struct buf *b, struct arena *arena, const struct limits *l)
{
	tell(b, "retry-after", whole_seconds(l->wait_ms), "");
	buf_lit(b, "rate_limit_type: ");
	buf_text(b, text_of(limit_kinds[l->refused->kind]));
	if (l->refused->kind != LIMIT_PARALLEL) {
		buf_lit(b, "\r\nreset_at: ");
		buf_text(b, moment(arena, l->reset_ms));
	}
	buf_lit(b, "\r\n");
}

void
limits_headers(struct buf *b, const struct limits *l, struct arena *arena, bool of_all)
{
	const struct limit *said;

	for (unsigned i = 0; i < l->n; i++) {
		const struct limit *limit = &l->list[i];

		if (limit != l->refused && (!of_all || !limit->taken))
			continue;
		if (of_all && !is_told(l, i))
			continue;
		tell_as_litellm(b, limit, "-limit-", limit->limit);
		tell_as_litellm(b, limit, "-remaining-", remaining(limit));
	}
	for (enum limit_kind kind = LIMIT_REQUESTS; kind <= LIMIT_TOKENS; kind++)
		if ((said = tightest(l, kind, of_all)) != NULL)
			tell_as_openai(b, l, said);
	if (l->refused != NULL)
		tell_refusal(b, arena, l);
}
