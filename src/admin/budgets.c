/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Tiers: limits that keys, members, organizations, customers, tags and projects share, or that one of them has as its own.
 *
 * Whatever has a tier is brought in step in the transaction that changes it: its accounts, and what the hosts know of it.
 */
#include "admin/things.h"

#include "admin/nouns.h"

#define PAGE		500
#define NOTED_MOST	500		/* changes above are one: everything */

static const struct field tier_fields[] = {
	{ "max_budget", FIELD_MONEY, 0, NULL, NULL, 0 },
	{ "soft_budget", FIELD_MONEY, 0, NULL, NULL, 0 },
	{ "max_parallel_requests", FIELD_INT, 0, NULL, NULL, 0 },
	{ "tpm_limit", FIELD_INT, 0, NULL, NULL, 0 },
	{ "rpm_limit", FIELD_INT, 0, NULL, NULL, 0 },
	{ "budget_duration", FIELD_SPAN, 0, NULL, NULL, 0 },
	{ "model_max_budget", FIELD_BUDGETS, 0, NULL, NULL, 0 },
	{ "allowed_models", FIELD_TEXTS, 0, "[]", NULL, 0 },
	{ "budget_reset_at", FIELD_MOMENT, FIELD_SAID, NULL, NULL, 0 },
	{ NULL, FIELD_ANY, 0, NULL, NULL, 0 },
};
const struct noun tier_noun = { "budget", tier_fields };

static struct error *
put_row(struct json_out *o, struct admin_call *c, const struct thing *t)
{
	int64_t period, resets_at;

	account_period(&period, &resets_at, doc_string(&t->doc, "budget_duration"), c->now_ms);
	put_string(o, "budget_id", t->id);
	fields_put(o, &tier_noun, &t->doc);
	put_moment(o, "budget_reset_at", resets_at);
	put_made(o, &t->doc, t->created_at, t->updated_at);
	return (NULL);
}

static struct error *
say(struct admin_call *c, const struct thing *t)
{
	return (thing_put(&(struct json_out){ .to = &c->out }, c, t, put_row));
}

/* whatever has the tier is brought in step */

struct step {
	struct admin_call *c;
	struct text	 tier;
	unsigned	 n;		/* so far */
};

static struct error *
in_step(struct step *s, enum scope scope, enum known_kind kind, struct text entity, struct text doc)
{
	struct doc d;

	doc_read(&d, s->c->arena, doc);
	TRY(accounts_of(s->c, scope, entity, &d, s->tier));
	if (s->n++ < NOTED_MOST)
		admin_changed(s->c, kind, entity);
	return (NULL);
}

static struct error *
keys_in_step(struct step *s)
{
	struct text last = TEXT("");
	struct rows rows;

	do {
		TRY(ASK(s->c, &rows, SQL_TIER_KEYS, V_TEXT(s->tier), V_TEXT(last), V_INT(PAGE)));
		for (unsigned i = 0; i < rows.n; i++) {
			last = rows_text(&rows, i, 0);
			TRY(in_step(s, SCOPE_KEY, KNOWN_KEY, last, rows_text(&rows, i, 1)));
		}
	} while (rows.n == PAGE);
	return (NULL);
}

static struct error *
members_in_step(struct step *s)
{
	struct text team = TEXT(""), user = TEXT("");
	struct rows rows;

	do {
		TRY(ASK(s->c, &rows, SQL_TIER_MEMBERS, V_TEXT(s->tier), V_TEXT(team), V_TEXT(user), V_INT(PAGE)));
		for (unsigned i = 0; i < rows.n; i++) {
			team = rows_text(&rows, i, 0);
			user = rows_text(&rows, i, 1);
			TRY(in_step(s, SCOPE_MEMBER, KNOWN_MEMBER, arena_print(s->c->arena, TEXT_FMT "/" TEXT_FMT, TEXT_ARG(team), TEXT_ARG(user)),
			    rows_text(&rows, i, 2)));
		}
	} while (rows.n == PAGE);
	return (NULL);
}

static struct error *
organizations_in_step(struct step *s)
{
	struct text last = TEXT("");
	struct rows rows;

	do {
		TRY(ASK(s->c, &rows, SQL_TIER_ORGANIZATIONS, V_TEXT(s->tier), V_TEXT(last), V_INT(PAGE)));
		for (unsigned i = 0; i < rows.n; i++) {
			last = rows_text(&rows, i, 0);
			TRY(in_step(s, SCOPE_ORGANIZATION, KNOWN_ORGANIZATION, last, rows_text(&rows, i, 1)));
		}
	} while (rows.n == PAGE);
	return (NULL);
}

static struct error *
things_in_step(struct step *s)
{
	struct text kind = TEXT(""), id = TEXT("");
	struct rows rows;

	do {
		TRY(ASK(s->c, &rows, SQL_TIER_THINGS, V_TEXT(s->tier), V_TEXT(kind), V_TEXT(id), V_INT(PAGE)));
		for (unsigned i = 0; i < rows.n; i++) {
			bool customer = text_is(rows_text(&rows, i, 0), "customer");

			kind = rows_text(&rows, i, 0);
			id = rows_text(&rows, i, 1);
			TRY(in_step(s, customer ? SCOPE_CUSTOMER : SCOPE_TAG, customer ? KNOWN_CUSTOMER : KNOWN_TAG, id, rows_text(&rows, i, 2)));
		}
	} while (rows.n == PAGE);
	return (NULL);
}

/* A project says it in its document: what is a wildcard of LIKE in a tier's id is escaped, and so is what is escaped in JSON. */
static struct text
said_in_doc(struct arena *arena, struct text tier)
{
	struct quoted q = json_escape(arena, tier);
	struct growing g = { 0 };

	arena_append(arena, &g, TEXT("%\"budget\\_id\":\""));
	for (size_t i = 0; i < q.len; i++) {
		if (strchr("%_\\", q.at[i]) != NULL)
			arena_append(arena, &g, TEXT("\\"));
		arena_append(arena, &g, (struct text){ q.at + i, 1 });
	}
	arena_append(arena, &g, TEXT("\"%"));
	return ((struct text){ g.at, g.len });
}

static struct error *
projects_in_step(struct step *s)
{
	struct text last = TEXT("");
	struct rows rows;
	struct doc d;

	do {
		TRY(ASK(s->c, &rows, SQL_TIER_PROJECTS, V_TEXT(said_in_doc(s->c->arena, s->tier)), V_TEXT(last), V_INT(PAGE)));
		for (unsigned i = 0; i < rows.n; i++) {
			last = rows_text(&rows, i, 0);
			doc_read(&d, s->c->arena, rows_text(&rows, i, 1));
			if (text_eq(doc_string(&d, "budget_id"), s->tier))
				TRY(in_step(s, SCOPE_PROJECT, KNOWN_PROJECT, last, rows_text(&rows, i, 1)));
		}
	} while (rows.n == PAGE);
	return (NULL);
}

static struct error *
all_in_step(unsigned *n, struct admin_call *c, struct text tier)
{
	struct step s = { c, tier, 0 };

	TRY(keys_in_step(&s));
	TRY(members_in_step(&s));
	TRY(organizations_in_step(&s));
	TRY(things_in_step(&s));
	TRY(projects_in_step(&s));
	*n = s.n;
	return (s.n > NOTED_MOST ? admin_end(c, change_note_all(c->store, c->arena)) : NULL);
}

/* How many have it. */
static struct error *
has_users(bool *has, struct admin_call *c, struct text tier)
{
	struct rows keys, members, organizations, things, projects;

	TRY(ASK(c, &keys, SQL_TIER_KEYS, V_TEXT(tier), V_TEXT(TEXT("")), V_INT(1)));
	TRY(ASK(c, &members, SQL_TIER_MEMBERS, V_TEXT(tier), V_TEXT(TEXT("")), V_TEXT(TEXT("")), V_INT(1)));
	TRY(ASK(c, &organizations, SQL_TIER_ORGANIZATIONS, V_TEXT(tier), V_TEXT(TEXT("")), V_INT(1)));
	TRY(ASK(c, &things, SQL_TIER_THINGS, V_TEXT(tier), V_TEXT(TEXT("")), V_TEXT(TEXT("")), V_INT(1)));
	TRY(ASK(c, &projects, SQL_TIER_PROJECTS, V_TEXT(said_in_doc(c->arena, tier)), V_TEXT(TEXT("")), V_INT(1)));
	*has = keys.n + members.n + organizations.n + things.n + projects.n > 0;
	return (NULL);
}

/* writing */

static struct error *
check(struct admin_call *c, const struct thing *t)
{
	int64_t max = doc_money(&t->doc, "max_budget"), soft = doc_money(&t->doc, "soft_budget");

	if (max != NO_LIMIT && soft != NO_LIMIT && soft > max)
		return (admin_bad(c, "soft_budget", "soft_budget must not be above max_budget."));
	return (NULL);
}

static struct error *
keep(struct admin_call *c, struct thing *t, struct text before, const char *action)
{
	struct text after;
	unsigned n;

	TRY(check(c, t));
	TRY(thing_write(c, t));
	if (before.len > 0)
		TRY(all_in_step(&n, c, t->id));
	TRY(thing_text(&after, c, t, put_row));
	return (audit(c, action, "budget", t->id, TEXT(""), before, after));
}

struct error *
budget_new(struct admin_call *c)
{
	struct thing t;
	struct text id;

	TRY(body_text(&id, c, c->body, "budget_id"));
	thing_new(&t, c, "budget", id.len > 0 ? id : new_uuid(c));
	TRY(thing_must_not_be(c, "budget", t.id, "budget_id"));
	TRY(fields_read(&t.doc, c, &tier_noun, c->body));
	TRY(keep(c, &t, TEXT(""), "created"));
	return (say(c, &t));
}

struct error *
budget_update(struct admin_call *c)
{
	struct text id, before;
	struct thing t;

	TRY(body_id(&id, c, c->body, "budget_id"));
	TRY(thing_must_be(&t, c, "budget", id, "budget_id"));
	TRY(thing_text(&before, c, &t, put_row));
	TRY(fields_read(&t.doc, c, &tier_noun, c->body));
	TRY(keep(c, &t, before, "updated"));
	return (say(c, &t));
}

struct error *
budget_info(struct admin_call *c)
{
	struct json_out o = { .to = &c->out };
	struct text *ids;
	unsigned n;

	TRY(body_texts(&ids, &n, c, c->body, "budgets"));
	if (n == 0)
		return (admin_bad(c, "budgets", "Specify list of budget id's to query. Passed in=budgets"));
	json_open(&o, '[');
	for (unsigned i = 0; i < n; i++) {
		struct thing t;
		bool there;

		TRY(thing_find(&t, &there, c, "budget", ids[i]));
		if (!there)
			continue;
		TRY(thing_put(&o, c, &t, put_row));
	}
	json_close(&o, ']');
	return (NULL);
}

struct error *
budget_list(struct admin_call *c)
{
	struct json_out o = { .to = &c->out };
	struct thing *list;
	unsigned n;

	TRY(things_list(&list, &n, c, "budget", TEXT("")));
	return (things_put(&o, c, list, n, put_row));
}

/* The fields of a tier, described, with what this one has. */
struct error *
budget_settings(struct admin_call *c)
{
	static const struct {
		const char	*name, *type, *what;
	} shown[] = {
		{ "max_parallel_requests", "Integer", "How many calls may run at once." },
		{ "tpm_limit", "Integer", "Tokens a minute." },
		{ "rpm_limit", "Integer", "Requests a minute." },
		{ "budget_duration", "String", "How long a period is, as in 30d; without it the budget is for ever." },
		{ "max_budget", "Float", "Dollars of a period." },
		{ "soft_budget", "Float", "Dollars after which an alert is sent." },
	};
	struct json_out o = { .to = &c->out };
	struct thing t;

	TRY(thing_must_be(&t, c, "budget", query_text(c, "budget_id"), "budget_id"));
	json_open(&o, '[');
	for (unsigned i = 0; i < nitems(shown); i++) {
		json_open(&o, '{');
		put_string(&o, "field_name", text_of(shown[i].name));
		put_string(&o, "field_type", text_of(shown[i].type));
		put_string(&o, "field_description", text_of(shown[i].what));
		put_raw(&o, "field_value", doc_raw(&t.doc, shown[i].name), "null");
		json_name(&o, "stored_in_db");
		json_bool(&o, doc_raw(&t.doc, shown[i].name).len > 0);
		put_raw(&o, "field_default_value", TEXT(""), "null");
		json_close(&o, '}');
	}
	json_close(&o, ']');
	return (NULL);
}

struct error *
budget_delete(struct admin_call *c)
{
	struct text id, before;
	struct thing t;
	bool used;

	TRY(body_id(&id, c, c->body, "id"));
	TRY(thing_must_be(&t, c, "budget", id, "id"));
	TRY(has_users(&used, c, id));
	if (used)
		return (admin_bad(c, "id", "The budget " TEXT_FMT " is that of keys, members, organizations, customers, tags or projects: give them another one first.",
		    TEXT_ARG(text_whole(text_sub(id, 0, 200)))));
	TRY(thing_text(&before, c, &t, put_row));
	TRY(thing_delete(c, &t));
	TRY(audit(c, "deleted", "budget", id, TEXT(""), before, TEXT("")));
	return (say(c, &t));
}

/* tiers of one entity alone */

static bool
says_limits(const struct json *body)
{
	for (const struct field *f = tier_fields; f->name != NULL; f++)
		if (!(f->flags & FIELD_SAID) && json_get(body, f->name) != NULL)
			return (true);
	return (false);
}

static struct text
owner_of(struct admin_call *c, const char *kind, struct text owner)
{
	return (arena_print(c->arena, "%s/" TEXT_FMT, kind, TEXT_ARG(owner)));
}

static struct error *
own_tier(struct thing *t, struct admin_call *c, struct text budget_id, struct text owner)
{
	struct doc doc;
	bool there;

	TRY(thing_find(t, &there, c, "budget", budget_id));
	if (there && text_eq(doc_string(&t->doc, "owner"), owner))
		return (NULL);
	doc_read(&doc, c->arena, there ? doc_text(&t->doc) : TEXT(""));	/* it goes on from what it shared */
	thing_new(t, c, "budget", new_uuid(c));
	t->doc = doc;
	doc_set_string(&t->doc, "owner", owner);
	return (NULL);
}

struct error *
tier_patch(struct text *budget_id, struct admin_call *c, const char *owner_kind, struct text owner, const struct json *body)
{
	const struct json *said = json_get(body, "budget_id");
	struct text id;
	struct thing t;

	TRY(body_text(&id, c, body, "budget_id"));
	if (said != NULL && !text_eq(id, *budget_id)) {
		TRY(tier_must_be(c, id));
		TRY(tier_leave(c, owner_kind, owner, *budget_id));
		*budget_id = id;
	}
	if (!says_limits(body) || id.len > 0)
		return (NULL);
	TRY(own_tier(&t, c, *budget_id, owner_of(c, owner_kind, owner)));
	TRY(fields_read(&t.doc, c, &tier_noun, body));
	TRY(check(c, &t));
	TRY(thing_write(c, &t));
	*budget_id = t.id;
	return (NULL);
}

struct error *
tier_leave(struct admin_call *c, const char *owner_kind, struct text owner, struct text budget_id)
{
	struct thing t;
	bool there;

	TRY(thing_find(&t, &there, c, "budget", budget_id));
	return (there && text_eq(doc_string(&t.doc, "owner"), owner_of(c, owner_kind, owner)) ? thing_delete(c, &t) : NULL);
}
