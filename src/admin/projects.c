/* SPDX-License-Identifier: Apache-2.0 */
/* Projects: parts of a team's work, with models and limits of their own. */
#include "admin/things.h"

#include "admin/nouns.h"
#include "admin/roles.h"

static const struct field project_fields[] = {
	{ "project_alias", FIELD_TEXT, 0, NULL, NULL, 0 },
	{ "description", FIELD_TEXT, 0, NULL, NULL, 4096 },
	{ "models", FIELD_TEXTS, 0, "[]", NULL, 0 },
	{ "metadata", FIELD_OBJECT, 0, "{}", NULL, 0 },
	{ "blocked", FIELD_BOOL, 0, "false", NULL, 0 },
	{ "object_permission", FIELD_OBJECT, 0, NULL, NULL, 0 },
	{ "object_permission_id", FIELD_TEXT, 0, NULL, NULL, 255 },
	{ "tags", FIELD_TEXTS, FIELD_INSIDE, NULL, NULL, 0 },
	{ "model_rpm_limit", FIELD_COUNTS, FIELD_INSIDE, NULL, NULL, 0 },
	{ "model_tpm_limit", FIELD_COUNTS, FIELD_INSIDE, NULL, NULL, 0 },
	{ NULL, FIELD_ANY, 0, NULL, NULL, 0 },
};
static const struct noun project_noun = { "project", project_fields };

static struct error *
put_row(struct json_out *o, struct admin_call *c, const struct thing *t)
{
	struct text tier = doc_string(&t->doc, "budget_id");

	put_string(o, "project_id", t->id);
	put_string(o, "team_id", t->parent);
	fields_put(o, &project_noun, &t->doc);
	put_spent(o, &t->spent);
	put_raw(o, "model_spend", TEXT(""), "{}");
	put_string(o, "budget_id", tier);
	put_made(o, &t->doc, t->created_at, t->updated_at);
	return (put_tier(o, c, tier));
}

static const struct spender spender = { "project", SCOPE_PROJECT, KNOWN_PROJECT, put_row, NULL };

/* Admins, and the admins of its team. */
static struct error *
may_change(struct admin_call *c, struct text team_id)
{
	return (may_team(c, DEED_CHANGE, team_id));
}

static struct error *
keep(struct admin_call *c, struct thing *t, struct text before, const char *action)
{
	struct text tier = doc_string(&t->doc, "budget_id");

	TRY(tier_patch(&tier, c, "project", t->id, c->body));
	doc_set_string(&t->doc, "budget_id", tier);
	return (spender_keep(&spender, c, t, tier, t->parent, before, action));
}

struct error *
project_new(struct admin_call *c)
{
	struct json_out o = { .to = &c->out };
	struct text id, team;
	struct thing t;

	TRY(body_id(&team, c, c->body, "team_id"));
	TRY(body_text(&id, c, c->body, "project_id"));
	TRY(must_be_there(c, SQL_TEAM_DOC, "team", "team_id", team));
	TRY(may_change(c, team));
	thing_new(&t, c, "project", id.len > 0 ? id : new_uuid(c));
	TRY(thing_must_not_be(c, "project", t.id, "project_id"));
	t.parent = team;
	TRY(fields_read(&t.doc, c, &project_noun, c->body));
	TRY(keep(c, &t, TEXT(""), "created"));
	return (thing_put(&o, c, &t, put_row));
}

struct error *
project_update(struct admin_call *c)
{
	struct json_out o = { .to = &c->out };
	struct text id, team, before;
	struct thing t;

	TRY(body_id(&id, c, c->body, "project_id"));
	TRY(body_text(&team, c, c->body, "team_id"));
	TRY(thing_must_be(&t, c, "project", id, "project_id"));
	TRY(may_change(c, t.parent));
	TRY(thing_text(&before, c, &t, put_row));
	if (team.len > 0 && !text_eq(team, t.parent)) {
		TRY(must_be_there(c, SQL_TEAM_DOC, "team", "team_id", team));
		TRY(may_change(c, team));
		t.parent = team;
	}
	TRY(fields_read(&t.doc, c, &project_noun, c->body));
	TRY(keep(c, &t, before, "updated"));
	return (thing_put(&o, c, &t, put_row));
}

struct error *
project_info(struct admin_call *c)
{
	struct json_out o = { .to = &c->out };
	struct thing t;

	TRY(thing_must_be(&t, c, "project", query_text(c, "project_id"), "project_id"));
	TRY(may_team(c, DEED_READ, t.parent));
	return (thing_put(&o, c, &t, put_row));
}

struct error *
project_list(struct admin_call *c)
{
	struct text team = query_text(c, "team_id");
	struct json_out o = { .to = &c->out };
	struct thing *list;
	unsigned n;

	if (!sees_all(c)) {
		if (team.len == 0)
			return (admin_forbidden(c, "Only proxy admins see the projects of all teams: name one with team_id."));
		TRY(may_team(c, DEED_READ, team));
	}
	TRY(things_list(&list, &n, c, "project", team));
	return (things_put(&o, c, list, n, put_row));
}

struct error *
project_delete(struct admin_call *c)
{
	struct json_out o = { .to = &c->out };
	struct text *ids;
	struct rows keys;
	struct thing t;
	unsigned n;

	TRY(body_texts(&ids, &n, c, c->body, "project_ids"));
	if (n == 0)
		return (admin_invalid(c, "project_ids", "project_ids is required: a list of ids."));
	json_open(&o, '[');
	for (unsigned i = 0; i < n; i++) {
		TRY(thing_must_be(&t, c, "project", ids[i], "project_id"));
		TRY(may_change(c, t.parent));
		TRY(ASK(c, &keys, SQL_PROJECT_KEYS, V_TEXT(t.id)));
		if (keys.n > 0)
			return (admin_bad(c, "project_ids", "The project " TEXT_FMT " has keys: delete them, or give them another one first.",
			    TEXT_ARG(text_whole(text_sub(t.id, 0, 200)))));
		TRY(spender_remove(&spender, c, &t, doc_string(&t.doc, "budget_id"), t.parent));
		TRY(thing_put(&o, c, &t, put_row));
	}
	json_close(&o, ']');
	return (NULL);
}
