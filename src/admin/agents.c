/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Agents: whom keys may be of (agent_id), what all their calls may take, and what each of their sessions may.
 *
 * Those of the file (agent_list) are shown with the others and changed there.  Nobody calls an agent through the gateway, so what would lead to one
 * (secrets, headers of its calls) is refused, not kept.
 */
#include "admin/things.h"

#include "admin/keys.h"
#include "admin/nouns.h"
#include "admin/roles.h"

static const struct field agent_fields[] = {
	{ "agent_name", FIELD_TEXT, 0, NULL, NULL, 255 },
	{ "agent_card_params", FIELD_OBJECT, 0, "{}", NULL, 0 },
	{ "litellm_params", FIELD_OBJECT, 0, "{}", NULL, 0 },
	{ "enabled", FIELD_BOOL, 0, "true", NULL, 0 },
	{ "tpm_limit", FIELD_INT, 0, NULL, NULL, 0 },
	{ "rpm_limit", FIELD_INT, 0, NULL, NULL, 0 },
	{ "session_tpm_limit", FIELD_INT, 0, NULL, NULL, 0 },
	{ "session_rpm_limit", FIELD_INT, 0, NULL, NULL, 0 },
	{ "max_budget", FIELD_MONEY, 0, NULL, NULL, 0 },
	{ "soft_budget", FIELD_MONEY, 0, NULL, NULL, 0 },
	{ "budget_duration", FIELD_SPAN, 0, NULL, NULL, 0 },
	{ "object_permission", FIELD_OBJECT, 0, NULL, NULL, 0 },
	{ "access_group_ids", FIELD_TEXTS, 0, "[]", NULL, 0 },
	{ NULL, FIELD_ANY, 0, NULL, NULL, 0 },
};
static const struct noun agent_noun = { "agent", agent_fields };

/* What stands in litellm_params and is in force. */
static const struct field param_fields[] = {
	{ "max_iterations", FIELD_INT, 0, NULL, NULL, 0 },
	{ "max_budget_per_session", FIELD_MONEY, 0, NULL, NULL, 0 },
	{ "require_trace_id_on_calls_by_agent", FIELD_BOOL, 0, NULL, NULL, 0 },
	{ NULL, FIELD_ANY, 0, NULL, NULL, 0 },
};
static const struct noun param_noun = { "agent", param_fields };

static struct error *
put_row(struct json_out *o, struct admin_call *c, const struct thing *t)
{
	(void)c;
	put_string(o, "agent_id", t->id);
	fields_put(o, &agent_noun, &t->doc);
	put_spent(o, &t->spent);
	put_made(o, &t->doc, t->created_at, t->updated_at);
	return (NULL);
}

static const struct spender spender = { "agent", SCOPE_AGENT, KNOWN_OTHER, put_row, "agent/" };

/* of the file */

static struct error *
of_file(struct thing *t, bool *there, struct admin_call *c, struct text id)
{
	struct text doc = config_agent(c->config, id);

	*there = doc.len > 0;
	if (!*there)
		return (NULL);
	thing_new(t, c, "agent", id);
	doc_read(&t->doc, c->arena, doc);
	return (spent_read(&t->spent, c, SCOPE_AGENT, id));
}

/* The path's, or, of one that was taken over, the body's. */
static struct error *
must_be(struct thing *t, struct admin_call *c, bool to_change)
{
	struct text id = c->id[0];
	bool there;

	if (id.len == 0)
		TRY(body_id(&id, c, c->body, "agent_id"));
	TRY(of_file(t, &there, c, id));
	if (there && to_change)
		return (admin_bad(c, "agent_id", "The agent '" TEXT_FMT "' stands in the configuration file (agent_list): it is changed there.",
		    TEXT_ARG(text_whole(text_sub(t->id, 0, 200)))));
	return (there ? NULL : thing_must_be(t, c, "agent", id, "agent_id"));
}

struct error *
agent_must_be(struct admin_call *c, struct text id)
{
	struct thing t;
	bool there;

	if (id.len == 0)
		return (NULL);
	TRY(of_file(&t, &there, c, id));
	if (!there)
		TRY(thing_find(&t, &there, c, "agent", id));
	return (there ? NULL : admin_bad(c, "agent_id", "Agent not found, agent_id=" TEXT_FMT ". Make it first (POST /v1/agents).",
	    TEXT_ARG(text_whole(text_sub(id, 0, 200)))));
}

/* made and changed */

/* The first member, at any depth, that is named as secrets are; NULL: there is none.  A price per token is a number. */
static const struct json *
secret_in(struct admin_call *c, const struct json *v)
{
	const struct json *found = NULL;

	for (const struct json *m = v != NULL ? v->first : NULL; m != NULL && found == NULL; m = m->next)
		found = v->type == JSON_OBJECT && (m->type == JSON_STRING || m->count > 0) && is_secret_name(json_unescape(c->arena, m->name)) ? m :
		    secret_in(c, m);
	return (found);
}

/* Nothing here could use it, so nothing keeps it. */
static struct error *
check_no_calls(struct admin_call *c, const struct json *params)
{
	static const char *const of_calls[] = { "static_headers", "extra_headers", "kill_switch", "identity" };
	const struct json *secret = secret_in(c, params);

	for (size_t i = 0; i < nitems(of_calls); i++) {
		const struct json *v = json_get(c->body, of_calls[i]);

		if (v != NULL && (v->count > 0 || json_true(v) || json_quoted(v).len > 0))
			return (admin_bad(c, of_calls[i], "%s is not in force: agents are not called through this gateway. Nothing was kept.",
			    of_calls[i]));
	}
	if (secret != NULL)
		return (admin_bad(c, "litellm_params", "litellm_params holds a secret (" TEXT_FMT "), which nothing here could use: agents are not called through "
		    "this gateway. Nothing was kept.", TEXT_ARG(text_whole(text_sub(json_unescape(c->arena, secret->name), 0, 64)))));
	return (NULL);
}

/* What counts of litellm_params is checked, and brought into one spelling; the rest stays as it is. */
static struct error *
read_params(struct thing *t, struct admin_call *c)
{
	const struct json *said = json_get(c->body, "litellm_params");
	struct doc params, all;

	TRY(check_no_calls(c, json_is(said, JSON_OBJECT) ? said : NULL));
	if (!json_is(said, JSON_OBJECT))
		return (NULL);
	doc_read(&params, c->arena, TEXT(""));
	TRY(fields_read(&params, c, &param_noun, said));
	doc_inner(&all, &t->doc, "litellm_params");
	for (unsigned i = 0; i < params.n; i++)
		doc_set(&all, params.members[i].name, params.members[i].raw);
	doc_set(&t->doc, TEXT("litellm_params"), doc_text(&all));
	return (NULL);
}

static struct error *
check_name(struct admin_call *c, const struct thing *t)
{
	struct text name = doc_string(&t->doc, "agent_name");
	struct thing *others;
	unsigned n;

	if (name.len == 0)
		return (admin_invalid(c, "agent_name", "agent_name is required."));
	TRY(things_list(&others, &n, c, "agent", name));
	for (unsigned i = 0; i < n; i++)
		if (!text_eq(others[i].id, t->id))
			return (admin_bad(c, "agent_name", "Agent with name " TEXT_FMT " already exists.", TEXT_ARG(text_whole(text_sub(name, 0, 200)))));
	return (NULL);
}

static struct error *
keep(struct admin_call *c, struct thing *t, struct text before, const char *action)
{
	struct json_out o = { .to = &c->out };

	TRY(fields_read(&t->doc, c, &agent_noun, c->body));
	TRY(read_params(t, c));
	TRY(check_name(c, t));
	t->parent = doc_string(&t->doc, "agent_name");
	TRY(spender_keep(&spender, c, t, TEXT(""), TEXT(""), before, action));
	return (thing_put(&o, c, t, put_row));
}

struct error *
agent_new(struct admin_call *c)
{
	struct thing t;
	struct text id;
	bool there;

	TRY(body_text(&id, c, c->body, "agent_id"));
	if (id.len == 0)
		id = new_uuid(c);
	TRY(of_file(&t, &there, c, id));
	if (there)
		return (admin_bad(c, "agent_id", "An agent of this id already exists, in the configuration file."));
	TRY(thing_must_not_be(c, "agent", id, "agent_id"));
	thing_new(&t, c, "agent", id);
	return (keep(c, &t, TEXT(""), "created"));
}

struct error *
agent_patch(struct admin_call *c)
{
	struct text before;
	struct thing t;

	TRY(must_be(&t, c, true));
	TRY(thing_text(&before, c, &t, put_row));
	return (keep(c, &t, before, "updated"));
}

/* What the body leaves out is gone. */
struct error *
agent_put(struct admin_call *c)
{
	struct text before, by;
	struct thing t;

	TRY(must_be(&t, c, true));
	TRY(thing_text(&before, c, &t, put_row));
	by = doc_string(&t.doc, "created_by");
	doc_read(&t.doc, c->arena, TEXT(""));
	doc_set_string(&t.doc, "created_by", by);
	return (keep(c, &t, before, "updated"));
}

/* shown and deleted */

struct error *
agent_info(struct admin_call *c)
{
	struct json_out o = { .to = &c->out };
	struct thing t;

	TRY(must_be(&t, c, false));
	return (thing_put(&o, c, &t, put_row));
}

/* Administrators see all; a key the one it is of. */
static bool
is_seen(const struct admin_call *c, struct text id)
{
	const struct standing *key = c->caller->standing[SCOPE_KEY];

	return (sees_all(c) || (key != NULL && text_eq(key->agent_id, id)));
}

struct error *
agent_list(struct admin_call *c)
{
	struct json_out o = { .to = &c->out };
	struct thing *list, t;
	unsigned n;
	bool there;

	TRY(things_list(&list, &n, c, "agent", TEXT("")));
	json_open(&o, '[');
	for (size_t i = 0; i < c->config->n_agents; i++) {
		if (!is_seen(c, c->config->agents[i].id))
			continue;
		TRY(of_file(&t, &there, c, c->config->agents[i].id));
		TRY(thing_put(&o, c, &t, put_row));
	}
	for (unsigned i = 0; i < n; i++)
		if (is_seen(c, list[i].id))
			TRY(thing_put(&o, c, &list[i], put_row));
	json_close(&o, ']');
	return (NULL);
}

/* In the document of a key. */
static struct text
as_kept(struct arena *arena, struct text id)
{
	struct quoted q = json_escape(arena, id);

	return (arena_print(arena, "\"agent_id\":\"" TEXT_FMT "\"", (int)q.len, q.at));
}

struct error *
agent_delete(struct admin_call *c)
{
	struct json_out o = { .to = &c->out };
	struct rows keys;
	struct thing t;

	TRY(must_be(&t, c, true));
	TRY(ASK(c, &keys, SQL_AGENT_KEYS, V_TEXT(like_within(c->arena, as_kept(c->arena, t.id)))));
	if (keys.n > 0)
		return (admin_bad(c, "agent_id",
		    "The agent '" TEXT_FMT "' has keys, which would be bound by nothing any more: delete them, or give them another one first.",
		    TEXT_ARG(text_whole(text_sub(t.id, 0, 200)))));
	TRY(spender_remove(&spender, c, &t, TEXT(""), TEXT("")));
	json_open(&o, '{');
	put_string(&o, "message", arena_print(c->arena, "Agent " TEXT_FMT " deleted successfully", TEXT_ARG(t.id)));
	json_close(&o, '}');
	return (NULL);
}
