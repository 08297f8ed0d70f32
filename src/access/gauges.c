/* SPDX-License-Identifier: Apache-2.0 */
/* From the series of the board to whose budgets they are, and to LiteLLM's names for those. */
#include "access/gauges.h"

#include "access/caller.h"
#include "access/load.h"
#include "base/clock.h"
#include "base/json.h"
#include "board/known.h"
#include "board/series.h"

#include <stdlib.h>

struct gauge {
	enum scope	 scope;
	struct text	 id, alias;
	uint64_t	 account;
	int64_t		 period, resets_at;
	int64_t		 ceiling, spent;
	bool		 unknown;		/* the board does not know it now: the store says whose budget it is */
	struct gauge	*next;
};

#define BUCKETS		1024
#define PLACES		128			/* of the board, looked at in one go */
#define STEPS		256			/* gauges of a slice of the page */
#define AT_ONCE		500			/* accounts of a statement */

struct gauges {
	struct arena	*arena;
	unsigned	 holders;
	unsigned	 place;			/* up to which it is gathered */
	struct gauge	*buckets[BUCKETS];	/* all that were looked for; account 0: without a budget */
	struct gauge	**list;			/* those with a budget, and those that may have one */
	unsigned	 n;
};

static const struct {
	enum scope	 scope;
	const char	*id, *alias;		/* labels; NULL: none */
	const char	*left, *most, *hours;	/* families */
} rows[] = {
	{ SCOPE_KEY, "hashed_api_key", "api_key_alias", "litellm_remaining_api_key_budget_metric", "litellm_api_key_max_budget_metric",
	    "litellm_api_key_budget_remaining_hours_metric" },
	{ SCOPE_TEAM, "team", "team_alias", "litellm_remaining_team_budget_metric", "litellm_team_max_budget_metric",
	    "litellm_team_budget_remaining_hours_metric" },
	{ SCOPE_USER, "user", NULL, "litellm_remaining_user_budget_metric", "litellm_user_max_budget_metric", "litellm_user_budget_remaining_hours_metric" },
	{ SCOPE_ORGANIZATION, "org_id", "org_alias", "litellm_remaining_org_budget_metric", "litellm_org_max_budget_metric",
	    "litellm_org_budget_remaining_hours_metric" },
	{ SCOPE_CUSTOMER, "end_user", NULL, "litellm_remaining_customer_budget_metric", "litellm_customer_max_budget_metric",
	    "litellm_customer_budget_remaining_hours_metric" },
	{ SCOPE_PROVIDER, "api_provider", NULL, "litellm_provider_remaining_budget_metric", NULL, NULL },
};

/* gathering */

static enum known_kind
kind_of(enum scope scope)
{
	switch (scope) {
	case SCOPE_KEY:
		return (KNOWN_KEY);
	case SCOPE_TEAM:
		return (KNOWN_TEAM);
	case SCOPE_USER:
		return (KNOWN_USER);
	case SCOPE_ORGANIZATION:
		return (KNOWN_ORGANIZATION);
	case SCOPE_CUSTOMER:
		return (KNOWN_CUSTOMER);
	default:
		return (KNOWN_OTHER);
	}
}

static bool
is_new(struct gauges *g, enum scope scope, struct text id, struct gauge **made)
{
	struct gauge **at = &g->buckets[(text_hash(id) + (unsigned)scope) % BUCKETS];

	for (; *at != NULL; at = &(*at)->next)
		if ((*at)->scope == scope && text_eq((*at)->id, id))
			return (false);
	*at = *made = arena_new_of(g->arena, struct gauge);
	(*made)->scope = scope;
	(*made)->id = arena_copy(g->arena, id);
	(*made)->alias = TEXT("");
	return (true);
}

static struct entity
entity_of(struct arena *arena, enum scope scope, struct text id)
{
	struct entity e = { .kind = kind_of(scope), .id = id, .user_id = TEXT(""), .doc = TEXT(""), .tier = TEXT("") };

	if (scope == SCOPE_PROVIDER)
		e.id = arena_print(arena, "provider/" TEXT_FMT, TEXT_ARG(id));
	return (e);
}

/* What the board says of it, if it does; false: nothing. */
static bool
standing_of(struct standing *s, struct gauges *g, struct board *b, enum scope scope, struct text id)
{
	struct entity e = entity_of(g->arena, scope, id);
	struct known_id key;
	struct known known;

	entity_known_id(&key, g->arena, &e);
	return (known_find(&known, g->arena, b, &key) && known.payload.len > 0 && standing_unpack(s, g->arena, known.payload) && s->scope == scope);
}

static void
take_budget(struct gauge *to, const struct standing *s)
{
	to->alias = s->alias;
	for (unsigned i = 0; i < s->n_purses; i++)
		if (s->purses[i].part.len == 0 && s->purses[i].ceiling != NO_LIMIT && s->purses[i].account != 0) {
			to->account = s->purses[i].account;
			to->period = s->purses[i].period;
			to->resets_at = s->purses[i].resets_at;
			to->ceiling = s->purses[i].ceiling;
		}
}

static void
look_at(struct gauges *g, struct board *b, enum scope scope, struct text id)
{
	struct standing s;
	struct gauge *made;

	if (id.len == 0 || !is_new(g, scope, id, &made))
		return;
	made->unknown = !standing_of(&s, g, b, scope, made->id);
	if (!made->unknown) {
		if (scope == SCOPE_KEY || scope == SCOPE_TEAM)
			look_at(g, b, SCOPE_ORGANIZATION, s.organization_id);
		take_budget(made, &s);
	}
	made->unknown &= scope == SCOPE_KEY || scope == SCOPE_TEAM || scope == SCOPE_USER || scope == SCOPE_ORGANIZATION;
	if (made->unknown || made->account != 0)
		g->n++;
}

static void
look_at_providers(struct gauges *g, struct board *b, struct text budgets)
{
	struct json_walk w = json_walk(budgets);
	struct json_item one;

	while (budgets.len > 0 && json_next(&w, &one))
		look_at(g, b, SCOPE_PROVIDER, json_unescape(g->arena, one.name));
}

struct gauges *
gauges_new(void)
{
	struct arena *arena = arena_new();
	struct gauges *g = arena_new_of(arena, struct gauges);

	g->arena = arena;
	g->holders = 1;
	return (g);
}

struct gauges *
gauges_hold(struct gauges *g)
{
	g->holders++;
	return (g);
}

void
gauges_release(struct gauges *g)
{
	if (g != NULL && --g->holders == 0)
		arena_free(g->arena);
}

static void
list_found(struct gauges *g)
{
	unsigned n = 0;

	g->list = arena_alloc(g->arena, (g->n + 1) * sizeof(*g->list));
	for (unsigned i = 0; i < BUCKETS; i++)
		for (struct gauge *one = g->buckets[i]; one != NULL; one = one->next)
			if (one->unknown || one->account != 0)
				g->list[n++] = one;
	g->n = n;
}

bool
gauges_gather(struct gauges *g, struct board *b, const struct config *config)
{
	unsigned places = series_places(b), end = g->place + PLACES < places ? g->place + PLACES : places;
	struct series_seen seen;

	for (; g->place < end; g->place++)
		if (g->place > 0 && series_read(&seen, b, g->place)) {
			look_at(g, b, SCOPE_KEY, seen.label[SERIES_KEY]);
			look_at(g, b, SCOPE_TEAM, seen.label[SERIES_TEAM]);
			look_at(g, b, SCOPE_USER, seen.label[SERIES_USER]);
			look_at(g, b, SCOPE_CUSTOMER, seen.label[SERIES_END_USER]);
		}
	if (g->place < places)
		return (true);
	look_at_providers(g, b, config->settings.provider_budgets);
	list_found(g);
	return (false);
}

bool
gauges_are_none(const struct gauges *g)
{
	return (g->n == 0);
}

/* reading */

/* A change took it off the board, and it has not called since. */
static enum store_end
learn(struct gauge *one, struct arena *arena, struct arena *scratch, struct store *store)
{
	struct entity e = entity_of(scratch, one->scope, one->id);
	struct buf packed = { 0 };
	struct standing s;
	enum store_end end = load_entity(&packed, scratch, store, &e, clock_wall_ms());

	if (end == STORE_FINE && packed.len > 0 && standing_unpack(&s, arena, arena_copy(arena, buf_as_text(&packed))) && s.scope == one->scope)
		take_budget(one, &s);
	buf_free(&packed);
	return (end);
}

static int
by_account(const void *a, const void *b)
{
	uint64_t x = (*(struct gauge *const *)a)->account, y = (*(struct gauge *const *)b)->account;

	return (x < y ? -1 : x > y);
}

static void
take_spent(struct gauge **list, unsigned n, const struct rows *spent)
{
	unsigned row = 0;

	for (unsigned i = 0; i < n; i++) {
		while (row < spent->n && (uint64_t)rows_int(spent, row, 0, 0) < list[i]->account)
			row++;
		if (row < spent->n && (uint64_t)rows_int(spent, row, 0, 0) == list[i]->account)
			list[i]->spent = rows_int(spent, row, 1, 0);
	}
}

/* An account whose duration was another once has rows of periods that are not its own any more. */
static enum store_end
read_spent(struct gauge **list, unsigned n, struct arena *scratch, struct store *store)
{
	struct buf wanted = { 0 };
	struct json_out o = { .to = &wanted };
	struct rows spent;
	enum store_end end;

	json_open(&o, '[');
	for (unsigned i = 0; i < n; i++)
		json_string(&o, arena_print(scratch, "%014lld%llu", (long long)list[i]->period, (unsigned long long)list[i]->account));
	json_close(&o, ']');
	end = STORE(store, scratch, &spent, SQL_ACCOUNTS_SPENT, V_TEXT(buf_as_text(&wanted)));
	buf_free(&wanted);
	if (end == STORE_FINE)
		take_spent(list, n, &spent);
	return (end);
}

enum store_end
gauges_read(struct gauges *g, struct store *store)
{
	struct gauge **list = arena_alloc(g->arena, (g->n + 1) * sizeof(*list));
	struct arena *scratch = arena_new();
	enum store_end end = STORE_FINE;
	unsigned n = 0;

	for (unsigned i = 0; i < g->n && end == STORE_FINE; i++) {
		arena_clear(scratch);
		if (g->list[i]->unknown)
			end = learn(g->list[i], g->arena, scratch, store);
		if (g->list[i]->account != 0)
			list[n++] = g->list[i];
	}
	qsort(list, n, sizeof(*list), by_account);
	for (unsigned i = 0; i < n && end == STORE_FINE; i += AT_ONCE) {
		arena_clear(scratch);
		end = read_spent(list + i, n - i < AT_ONCE ? n - i : AT_ONCE, scratch, store);
	}
	arena_free(scratch);
	return (end);
}

/* the page */

static void
print_line(struct buf *out, const char *family, unsigned row, const struct gauge *g)
{
	buf_print(out, "%s{", family);
	metrics_label(out, rows[row].id, g->id);
	if (rows[row].alias != NULL && g->alias.len > 0) {
		buf_byte(out, ',');
		metrics_label(out, rows[row].alias, g->alias);
	}
	buf_lit(out, "} ");
}

/* A period that is over has left nothing behind. */
static int64_t
spent_now(const struct gauge *g, int64_t now_ms)
{
	return (g->resets_at > 0 && g->resets_at <= now_ms ? 0 : g->spent);
}

enum what { LEFT, MOST, HOURS, WHATS };

static void
print_gauge(struct buf *out, const char *family, unsigned row, const struct gauge *one, enum what what, int64_t now_ms)
{
	if (one->account == 0 || one->scope != rows[row].scope || (what == HOURS && one->resets_at <= now_ms))
		return;
	print_line(out, family, row, one);
	if (what == HOURS)
		buf_print(out, "%.3f", (double)(one->resets_at - now_ms) / 3600000);
	else
		money_print(out, what == MOST ? one->ceiling : one->ceiling - spent_now(one, now_ms));
	buf_byte(out, '\n');
}

bool
gauges_more(struct buf *out, struct gauges_at *at, const struct gauges *g, const struct settings *s, int64_t now_ms)
{
	static const char *const help[] = { [LEFT] = "Dollars that are left of the budget.", [MOST] = "Dollars of the budget.",
		[HOURS] = "Hours until the budget begins anew." };
	size_t most = out->len + METRICS_SLICE;

	for (unsigned i = 0; i < STEPS && out->len < most && at->family < nitems(rows) * WHATS; i++) {
		unsigned row = at->family / WHATS;
		enum what what = at->family % WHATS;
		const char *family = what == LEFT ? rows[row].left : what == MOST ? rows[row].most : rows[row].hours;

		if (family == NULL || !metrics_wants(s, family) || (at->begun && at->row >= g->n))
			*at = (struct gauges_at){ .family = at->family + 1 };
		else if (at->begun)
			print_gauge(out, family, row, g->list[at->row++], what, now_ms);
		else {
			buf_print(out, "# HELP %s %s\n# TYPE %s gauge\n", family, help[what], family);
			at->begun = true;
		}
	}
	return (at->family < nitems(rows) * WHATS);
}
