/* SPDX-License-Identifier: Apache-2.0 */
/*
 * SCIM's groups: our teams and their members.
 *
 * A new team has the id that the identity provider calls the group by (externalId), if it says one: Entra ID's tokens name groups so, and a token's
 * groups are then the teams without any rule.
 */
#include "admin/nouns.h"
#include "admin/scim.h"
#include "admin/teams.h"
#include "admin/things.h"

#define PATH		"/scim/v2/Groups"
#define EXTERNAL_KIND	"scim_group"

/* showing */

static struct error *
put_members(struct doc *r, struct admin_call *c, struct text team_id)
{
	struct buf b = { 0 };
	struct json_out o = { .to = &b };
	struct rows rows;

	TRY(ASK(c, &rows, SQL_MEMBERS_OF_TEAM, V_TEXT(team_id)));
	json_open(&o, '[');
	for (unsigned i = 0; i < rows.n; i++) {
		struct text id = rows_text(&rows, i, 1), email = rows_text(&rows, i, 4);

		json_open(&o, '{');
		json_pair(&o, "value", id);
		json_pair(&o, "display", email.len > 0 ? email : id);
		json_pair(&o, "type", TEXT("User"));
		json_close(&o, '}');
	}
	json_close(&o, ']');
	doc_set(r, TEXT("members"), arena_copy(c->arena, buf_as_text(&b)));
	buf_free(&b);
	return (NULL);
}

static struct error *
resource_of(struct doc *r, struct admin_call *c, const struct team *t)
{
	struct text alias = doc_string(&t->doc, "team_alias");
	struct doc metadata, kept;

	doc_inner(&metadata, &t->doc, "metadata");
	doc_inner(&kept, &metadata, "scim_metadata");
	doc_read(r, c->arena, TEXT("{\"schemas\":[\"" SCIM_GROUP "\"]}"));
	doc_set_string(r, "id", t->id);
	doc_set_string(r, "externalId", doc_string(&kept, "externalId"));
	doc_set_string(r, "displayName", alias.len > 0 ? alias : t->id);
	TRY(put_members(r, c, t->id));
	scim_meta(r, "Group", PATH, t->id, t->created_at, t->updated_at);
	return (NULL);
}

/* putting back */

static struct error *
put_fields(struct team *t, struct admin_call *c, const struct doc *r)
{
	struct text name = text_trim(scim_string(r, "displayName"));
	struct json_fault fault;
	struct doc body, kept;

	if (name.len == 0)
		return (scim_bad(c, "invalidValue", "displayName is required."));
	doc_read(&body, c->arena, TEXT(""));
	doc_read(&kept, c->arena, TEXT(""));
	doc_set_string(&body, "team_alias", name);
	doc_set_string(&kept, "externalId", scim_string(r, "externalId"));
	doc_set(&body, TEXT("scim_metadata"), doc_text(&kept));
	return (fields_read(&t->doc, c, &team_noun, json_parse(c->arena, doc_text(&body), &fault)));
}

static struct error *
keep_external(struct admin_call *c, const struct team *t, struct text external)
{
	struct thing other, now;
	bool there;

	TRY(ASK(c, NULL, SQL_SCIM_EXTERNAL_DELETE, V_TEXT(t->id)));
	if (external.len == 0)
		return (NULL);
	TRY(thing_find(&other, &there, c, EXTERNAL_KIND, external));
	if (there)
		return (scim_taken(c, "externalId", external));
	thing_new(&now, c, EXTERNAL_KIND, external);
	now.parent = t->id;
	return (thing_write(c, &now));
}

static bool
is_in(const struct scim_items *items, struct arena *arena, struct text id)
{
	for (unsigned i = 0; i < items->n; i++)
		if (text_eq(scim_value_of(arena, items->list[i]), id))
			return (true);
	return (false);
}

static struct error *
join(struct admin_call *c, const struct team *t, struct text id)
{
	struct json_fault fault;
	struct rows rows = { 0 };
	struct member m;
	struct doc who;

	if (id.len > 0)
		TRY(ASK(c, &rows, SQL_USER_EXISTS, V_TEXT(id)));
	if (rows.n == 0)
		return (scim_bad(c, "invalidValue", "The member '" TEXT_FMT "' is no user here.", TEXT_ARG(text_whole(text_sub(id, 0, 200)))));
	doc_read(&who, c->arena, TEXT("{\"role\":\"user\"}"));
	doc_set_string(&who, "user_id", id);
	TRY(member_add(c, t, json_parse(c->arena, doc_text(&who), &fault), NULL, &m));
	return (audit(c, "created", "team_member", member_entity(c, &m), t->id, TEXT(""), member_text(c, &m)));
}

/* Who is a member already keeps role and limits; who is no longer named leaves, with the keys of that team. */
static struct error *
put_back_members(struct admin_call *c, const struct team *t, const struct doc *r)
{
	struct scim_items wanted;
	struct rows rows;
	bool there;

	scim_items_read(&wanted, c->arena, scim_get(r, "members"));
	TRY(ASK(c, &rows, SQL_MEMBERS_OF_TEAM, V_TEXT(t->id)));
	for (unsigned i = 0; i < rows.n; i++) {
		struct member m;

		if (is_in(&wanted, c->arena, rows_text(&rows, i, 1)))
			continue;
		TRY(member_find(&m, &there, c, t->id, rows_text(&rows, i, 1)));
		TRY(member_remove(c, &m));
		TRY(audit(c, "deleted", "team_member", member_entity(c, &m), t->id, member_text(c, &m), TEXT("")));
	}
	for (unsigned i = 0; i < wanted.n; i++) {
		struct member m;
		struct text id = scim_value_of(c->arena, wanted.list[i]);

		TRY(member_find(&m, &there, c, t->id, id));
		if (!there)
			TRY(join(c, t, id));
	}
	return (NULL);
}

static struct error *
put_back(struct team *t, struct admin_call *c, const struct doc *r, struct text before)
{
	TRY(put_fields(t, c, r));
	t->updated_at = c->now_ms;
	TRY(team_write(c, t));
	TRY(keep_external(c, t, scim_string(r, "externalId")));
	TRY(put_back_members(c, t, r));
	TRY(spent_read(&t->spent, c, SCOPE_TEAM, t->id));
	return (audit(c, before.len > 0 ? "updated" : "created", "team", t->id, t->id, before, team_text(c, t)));
}

static struct error *
say(struct admin_call *c, const struct team *t, int status)
{
	struct doc r;

	TRY(resource_of(&r, c, t));
	return (scim_answer(c, &r, status));
}

static struct error *
must_be(struct team *t, struct admin_call *c)
{
	bool there;

	TRY(team_find(t, &there, c, c->id[0]));
	return (there ? NULL : scim_missing(c, "Group", c->id[0]));
}

/* the calls */

struct error *
scim_group_new(struct admin_call *c)
{
	struct team t = { .created_at = c->now_ms, .updated_at = c->now_ms };
	bool there;
	struct doc r;

	doc_read(&r, c->arena, c->body->raw);
	t.id = scim_string(&r, "externalId");
	TRY(team_find(&(struct team){ 0 }, &there, c, t.id));
	if (there || t.id.len == 0 || t.id.len > 255 || memchr(t.id.at, '/', t.id.len) != NULL)
		t.id = new_uuid(c);
	TRY(team_fresh(&t, c));
	TRY(put_back(&t, c, &r, TEXT("")));
	return (say(c, &t, 201));
}

struct error *
scim_group_get(struct admin_call *c)
{
	struct team t;

	TRY(must_be(&t, c));
	return (say(c, &t, 200));
}

struct error *
scim_group_put(struct admin_call *c)
{
	struct team t;
	struct doc r;

	TRY(must_be(&t, c));
	doc_read(&r, c->arena, c->body->raw);
	TRY(put_back(&t, c, &r, team_text(c, &t)));
	return (say(c, &t, 200));
}

struct error *
scim_group_patch(struct admin_call *c)
{
	struct team t;
	struct doc r;

	TRY(must_be(&t, c));
	TRY(resource_of(&r, c, &t));
	TRY(scim_patch(&r, c, c->body));
	TRY(put_back(&t, c, &r, team_text(c, &t)));
	return (say(c, &t, 200));
}

struct error *
scim_group_delete(struct admin_call *c)
{
	struct team t;

	TRY(must_be(&t, c));
	TRY(team_remove(c, &t));
	c->status = 204;
	return (NULL);
}

/* the list */

static struct error *
candidates(struct rows *rows, bool *sought, struct admin_call *c, const struct scim_node *f)
{
	struct text id = scim_term_of(f, "id"), external = scim_term_of(f, "externalId"), name = scim_term_of(f, "displayName"),
	    member = scim_term_of(f, "members");

	*sought = id.len + external.len + name.len + member.len > 0;
	if (!*sought)
		return (NULL);
	return (ASK(c, rows, SQL_SCIM_TEAMS_FOUND, V_TEXT_OR_NULL(id), V_TEXT_OR_NULL(external), V_TEXT_OR_NULL(name), V_TEXT_OR_NULL(member),
	    V_INT(SCIM_RESULTS_MOST)));
}

static struct error *
row_resource(struct doc *r, struct admin_call *c, const struct rows *rows, unsigned row)
{
	struct team t;

	TRY(team_of_row(&t, c, rows, row));
	return (resource_of(r, c, &t));
}

struct error *
scim_group_list(struct admin_call *c)
{
	static const struct scim_kind groups = { candidates, row_resource, SQL_SCIM_TEAMS, SQL_SCIM_TEAM_COUNT };

	return (scim_list(c, &groups));
}
