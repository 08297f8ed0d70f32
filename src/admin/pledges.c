/* SPDX-License-Identifier: Apache-2.0 */
/* The sums of what is guaranteed, against what there is. */
#include "admin/pledges.h"

#include "admin/keys.h"
#include "admin/nouns.h"
#include "admin/teams.h"

static const struct pledge {
	const char	*type, *limit, *of_models;
} pledges[] = {
	{ "rpm_limit_type", "rpm_limit", "model_rpm_limit" },
	{ "tpm_limit_type", "tpm_limit", "model_tpm_limit" },
};

/* Who promises, and all to whom it has been promised but the one in question. */
struct giver {
	const char	*title;			/* for people */
	const struct noun *noun;
	struct doc	 own;			/* its limits */
	const char	*takers;		/* for people: "keys" */
	const struct noun *of;			/* of those */
	struct doc	*docs;
	unsigned	 n;
};

static bool
is_guaranteed(const struct doc *d, const struct noun *noun, const char *type)
{
	return (text_is(field_raw(d, noun, type), "\"guaranteed_throughput\""));
}

static bool
is_promised_any(const struct doc *d, const struct noun *noun)
{
	for (size_t i = 0; i < nitems(pledges); i++)
		if (is_guaranteed(d, noun, pledges[i].type))
			return (true);
	return (false);
}

static int64_t
of_model(struct admin_call *c, const struct doc *d, const struct noun *noun, const char *of_models, const char *model, int64_t otherwise)
{
	struct doc counts;

	doc_read(&counts, c->arena, field_raw(d, noun, of_models));
	return (doc_int(&counts, model, otherwise));
}

static int64_t
plus(int64_t a, int64_t b)
{
	int64_t sum;

	return (__builtin_add_overflow(a, b, &sum) ? INT64_MAX : sum);
}

/* What has been promised, of one model or in all (NULL). */
static int64_t
pledged(struct admin_call *c, const struct giver *g, const struct pledge *p, const char *model)
{
	int64_t sum = 0;

	for (unsigned i = 0; i < g->n; i++)
		if (is_guaranteed(&g->docs[i], g->of, p->type))
			sum = plus(sum, model != NULL ? of_model(c, &g->docs[i], g->of, p->of_models, model, 0) : doc_int(&g->docs[i], p->limit, 0));
	return (sum);
}

static struct error *
check_whole(struct admin_call *c, const struct doc *d, const struct giver *g, const struct pledge *p)
{
	int64_t sum = plus(doc_int(d, p->limit, 0), pledged(c, g, p, NULL)), most = doc_int(&g->own, p->limit, -1);

	if (most < 0 || sum <= most)
		return (NULL);
	return (admin_bad(c, p->limit, "Allocated %s=%lld of guaranteed %s would exceed the %s's %s=%lld.", p->limit, (long long)sum, g->takers, g->title,
	    p->limit, (long long)most));
}

/* Of a model no more than the giver has of it, and than it has in all. */
static struct error *
check_model(struct admin_call *c, const struct doc *d, const struct giver *g, const struct pledge *p, const char *model)
{
	int64_t sum = plus(of_model(c, d, g->of, p->of_models, model, 0), pledged(c, g, p, model));
	int64_t all = doc_int(&g->own, p->limit, -1), most = of_model(c, &g->own, g->noun, p->of_models, model, -1);
	const char *what = p->of_models;

	if (all >= 0 && (most < 0 || all < most)) {
		most = all;
		what = p->limit;
	}
	if (most < 0 || sum <= most)
		return (NULL);
	return (admin_bad(c, p->of_models, "Allocated %s=%lld of guaranteed %s for model '%s' would exceed the %s's %s=%lld.", p->of_models, (long long)sum,
	    g->takers, model, g->title, what, (long long)most));
}

static struct error *
check_pledge(struct admin_call *c, const struct doc *d, const struct giver *g, const struct pledge *p)
{
	struct doc counts;

	if (!is_guaranteed(d, g->of, p->type))
		return (NULL);
	TRY(check_whole(c, d, g, p));
	doc_read(&counts, c->arena, field_raw(d, g->of, p->of_models));
	for (unsigned i = 0; i < counts.n; i++)
		TRY(check_model(c, d, g, p, arena_copy(c->arena, counts.members[i].name).at));
	return (NULL);
}

static struct error *
check(struct admin_call *c, const struct doc *d, const struct giver *g)
{
	for (size_t i = 0; i < nitems(pledges); i++)
		TRY(check_pledge(c, d, g, &pledges[i]));
	return (NULL);
}

/* givers */

static void
read_takers(struct giver *g, struct admin_call *c, const struct rows *rows, struct text but)
{
	g->docs = arena_alloc(c->arena, (rows->n + 1) * sizeof(*g->docs));
	g->n = 0;
	for (unsigned i = 0; i < rows->n; i++)
		if (!text_eq(rows_text(rows, i, 0), but))
			doc_read(&g->docs[g->n++], c->arena, rows_text(rows, i, 1));
}

/* Rates of an organization stand in its budget. */
static struct error *
read_organization(struct giver *g, struct admin_call *c, struct text organization_id)
{
	struct rows rows;
	struct doc tier;
	bool there;

	TRY(ASK(c, &rows, SQL_ORGANIZATION_FIND, V_TEXT(organization_id)));
	doc_read(&g->own, c->arena, rows.n > 0 ? rows_text(&rows, 0, 3) : TEXT(""));
	TRY(tier_read(&tier, &there, c, rows.n > 0 ? rows_text(&rows, 0, 2) : TEXT("")));
	for (size_t i = 0; there && i < nitems(pledges); i++)
		if (doc_raw(&g->own, pledges[i].limit).len == 0)
			doc_set(&g->own, text_of(pledges[i].limit), doc_raw(&tier, pledges[i].limit));
	return (NULL);
}

static struct error *
key_and_team(struct admin_call *c, const struct doc *d, struct text digest, struct text team_id)
{
	struct giver g = { .title = "team", .noun = &team_noun, .takers = "keys", .of = &key_noun };
	struct rows team, keys;

	TRY(ASK(c, &team, SQL_TEAM_DOC, V_TEXT(team_id)));
	TRY(ASK(c, &keys, SQL_TEAM_KEYS_DOCS, V_TEXT(team_id)));
	doc_read(&g.own, c->arena, team.n > 0 ? rows_text(&team, 0, 0) : TEXT(""));
	read_takers(&g, c, &keys, digest);
	return (check(c, d, &g));
}

static struct error *
key_and_organization(struct admin_call *c, const struct doc *d, struct text digest, struct text organization_id)
{
	struct giver g = { .title = "organization", .noun = &organization_noun, .takers = "keys", .of = &key_noun };
	struct rows keys;

	TRY(read_organization(&g, c, organization_id));
	TRY(ASK(c, &keys, SQL_ORGANIZATION_KEYS_DOCS, V_TEXT(organization_id)));
	read_takers(&g, c, &keys, digest);
	return (check(c, d, &g));
}

struct error *
pledges_of_key(struct admin_call *c, const struct doc *d, struct text digest)
{
	struct text team = doc_string(d, "team_id"), organization = doc_string(d, "organization_id");

	if (!is_promised_any(d, &key_noun))
		return (NULL);
	if (team.len > 0)
		TRY(key_and_team(c, d, digest, team));
	return (organization.len > 0 ? key_and_organization(c, d, digest, organization) : NULL);
}

struct error *
pledges_of_team(struct admin_call *c, const struct doc *d, struct text team_id)
{
	struct giver g = { .title = "organization", .noun = &organization_noun, .takers = "teams", .of = &team_noun };
	struct text organization = doc_string(d, "organization_id");
	struct rows teams;

	if (organization.len == 0 || !is_promised_any(d, &team_noun))
		return (NULL);
	TRY(read_organization(&g, c, organization));
	TRY(ASK(c, &teams, SQL_ORGANIZATION_TEAMS_DOCS, V_TEXT(organization)));
	read_takers(&g, c, &teams, team_id);
	return (check(c, d, &g));
}
