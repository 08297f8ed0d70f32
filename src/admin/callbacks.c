/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where the calls of a team are to be logged, as LiteLLM has it: entries of metadata.logging, whose variables are sealed and never told again.
 *
 * They are kept and handed back by an export.  Nothing here sends calls to any of these services, and every answer says so.
 */
#include "admin/callbacks.h"

#include "admin/nouns.h"
#include "admin/overlay.h"
#include "admin/roles.h"
#include "admin/teams.h"

#define MASK		"\"***REDACTED***\""
#define ENTRIES_MOST	100

static const char *const types[] = { "success", "failure", "success_and_failure", NULL };

/* Entries with other variables: sealed, or masked. */
static void
put_entry(struct json_out *o, struct admin_call *c, const struct json_item *entry)
{
	struct json_walk w = json_walk(entry->raw), vars;
	struct json_item m, v;

	if (entry->type != JSON_OBJECT) {
		json_raw(o, entry->raw);
		return;
	}
	json_open(o, '{');
	while (json_next(&w, &m)) {
		json_name_quoted(o, m.name);
		if (!quoted_is(m.name, "callback_vars"))
			json_raw(o, m.raw);
		else if (c != NULL)
			json_raw(o, overlay_seal(c->arena, c->config->settings.salt_key, m.raw));
		else if (m.type == JSON_OBJECT) {
			json_open(o, '{');
			for (vars = json_walk(m.raw); json_next(&vars, &v);) {
				json_name_quoted(o, v.name);
				json_raw(o, TEXT(MASK));
			}
			json_close(o, '}');
		} else
			json_raw(o, TEXT(MASK));
	}
	json_close(o, '}');
}

static struct text
changed(struct arena *arena, struct admin_call *c, struct text raw)
{
	struct json_walk w = json_walk(raw);
	struct json_item entry;
	struct buf b = { 0 };
	struct json_out o = { .to = &b };
	struct text t;

	if (raw.len == 0 || raw.at[0] != '[')
		return (raw);
	json_open(&o, '[');
	while (json_next(&w, &entry))
		put_entry(&o, c, &entry);
	json_close(&o, ']');
	t = arena_copy(arena, buf_as_text(&b));
	buf_free(&b);
	return (t);
}

struct text
callbacks_sealed(struct admin_call *c, struct text raw)
{
	return (c->config->settings.salt_key.len > 0 ? changed(c->arena, c, raw) : raw);
}

struct text
callbacks_masked(struct arena *arena, struct text raw)
{
	return (changed(arena, NULL, raw));
}

/* A team's */

static struct error *
named(struct team *t, struct admin_call *c)
{
	TRY(team_must_be(t, c, c->id[0]));
	return (may_team(c, DEED_CHANGE, t->id));
}

static const struct json *
entries_of(struct admin_call *c, const struct team *t)
{
	struct json_fault fault;
	struct doc inside;
	struct text raw;

	doc_inner(&inside, &t->doc, "metadata");
	raw = doc_raw(&inside, "logging");
	return (json_parse(c->arena, raw.len > 0 && raw.at[0] == '[' ? raw : TEXT("[]"), &fault));
}

static struct error *
set_entries(struct admin_call *c, struct team *t, struct text raw)
{
	struct text before = team_text(c, t);
	struct doc inside;

	doc_inner(&inside, &t->doc, "metadata");
	doc_set(&inside, TEXT("logging"), raw);
	doc_set(&t->doc, TEXT("metadata"), doc_text(&inside));
	if (doc_text(&t->doc).len > DOC_MOST)
		return (admin_bad(c, "callback_vars", "This team would take more than %d bytes with its callbacks.", DOC_MOST));
	t->updated_at = c->now_ms;
	TRY(team_write(c, t));
	return (audit(c, "updated", "team", t->id, t->id, before, team_text(c, t)));
}

static struct text
string_of(struct admin_call *c, const struct json *entry, const char *name)
{
	return (json_unescape(c->arena, json_quoted(json_get(entry, name))));
}

static struct error *
read_entry(struct text *raw, struct text *name, struct text *type, struct admin_call *c)
{
	const struct json *vars = json_get(c->body, "callback_vars");
	struct doc entry;

	TRY(body_id(name, c, c->body, "callback_name"));
	TRY(body_text(type, c, c->body, "callback_type"));
	if (type->len == 0)
		*type = TEXT("success_and_failure");
	if (!text_is(*type, types[0]) && !text_is(*type, types[1]) && !text_is(*type, types[2]))
		return (admin_invalid(c, "callback_type", "callback_type must be success, failure or success_and_failure."));
	if (!json_is(vars, JSON_OBJECT))
		return (admin_invalid(c, "callback_vars", "callback_vars is required: an object of texts."));
	for (const struct json *v = vars->first; v != NULL; v = v->next)
		if (v->type != JSON_STRING || text_has(json_unescape(c->arena, json_quoted(v)), TEXT("os.environ/")))
			return (admin_bad(c, "callback_vars", "callback_vars must be texts, and no os.environ/."));
	doc_read(&entry, c->arena, TEXT(""));
	doc_set_string(&entry, "callback_name", *name);
	doc_set_string(&entry, "callback_type", *type);
	doc_set(&entry, TEXT("callback_vars"), vars->raw);
	*raw = doc_text(&entry);
	return (NULL);
}

/* All entries but those of that name (empty: of no name), with one more behind them. */
static struct text
list_without(struct admin_call *c, const struct json *entries, struct text name, struct text more)
{
	struct buf b = { 0 };
	struct json_out o = { .to = &b };
	struct text t;

	json_open(&o, '[');
	for (const struct json *i = entries->first; i != NULL; i = i->next)
		if (name.len == 0 || !text_eq(string_of(c, i, "callback_name"), name))
			json_raw(&o, i->raw);
	if (more.len > 0)
		json_raw(&o, more);
	json_close(&o, ']');
	t = arena_copy(c->arena, buf_as_text(&b));
	buf_free(&b);
	return (t);
}

static void
put_force(struct json_out *o)
{
	json_name(o, "in_force");
	json_bool(o, false);
	put_string(o, "note", TEXT("Kept and handed back; this version sends calls to none of these services."));
}

struct error *
team_callback_add(struct admin_call *c)
{
	struct json_out o = { .to = &c->out };
	struct text raw, name, type;
	const struct json *entries;
	struct team t;

	TRY(named(&t, c));
	TRY(read_entry(&raw, &name, &type, c));
	if (c->config->settings.salt_key.len == 0)
		return (admin_bad(c, "callback_vars", "Secrets can not be kept: set LITELLM_SALT_KEY, or a master key."));
	entries = entries_of(c, &t);
	for (const struct json *i = entries->first; i != NULL; i = i->next)
		if (text_eq(string_of(c, i, "callback_name"), name) && text_eq(string_of(c, i, "callback_type"), type))
			return (admin_bad(c, "callback_name", "callback_name = " TEXT_FMT " already exists in team_callback_settings, for team_id = "
			    TEXT_FMT " and event = " TEXT_FMT, TEXT_ARG(name), TEXT_ARG(t.id), TEXT_ARG(type)));
	if (entries->count >= ENTRIES_MOST)
		return (admin_bad(c, "callback_name", "A team has %d callbacks at most.", ENTRIES_MOST));
	raw = callbacks_sealed(c, arena_print(c->arena, "[" TEXT_FMT "]", TEXT_ARG(raw)));
	TRY(set_entries(c, &t, list_without(c, entries, TEXT(""), text_sub(raw, 1, raw.len - 1))));
	json_open(&o, '{');
	put_string(&o, "status", TEXT("success"));
	json_name(&o, "data");
	json_open(&o, '{');
	TRY(team_put(&o, c, &t));
	json_close(&o, '}');
	put_force(&o);
	json_close(&o, '}');
	return (NULL);
}

/* Names of what hears of success, or of failure. */
static void
put_names(struct json_out *o, struct admin_call *c, const char *name, const struct json *entries, const char *event)
{
	json_name(o, name);
	json_open(o, '[');
	for (const struct json *i = entries->first; i != NULL; i = i->next) {
		struct text type = string_of(c, i, "callback_type");

		if (text_is(type, event) || text_is(type, "success_and_failure"))
			json_string(o, string_of(c, i, "callback_name"));
	}
	json_close(o, ']');
}

static void
put_data(struct json_out *o, struct admin_call *c, const struct team *t, const struct json *entries, bool vars)
{
	struct doc all, one;

	doc_read(&all, c->arena, TEXT(""));
	for (const struct json *i = entries->first; i != NULL; i = i->next) {
		doc_read(&one, c->arena, json_get(i, "callback_vars") != NULL ? json_get(i, "callback_vars")->raw : TEXT(""));
		for (unsigned v = 0; v < one.n; v++)
			doc_set(&all, one.members[v].name, TEXT(MASK));
	}
	json_name(o, "data");
	json_open(o, '{');
	put_string(o, "team_id", t->id);
	put_names(o, c, "success_callbacks", entries, "success");
	put_names(o, c, "failure_callbacks", entries, "failure");
	if (vars)
		put_raw(o, "callback_vars", doc_text(&all), "{}");
	json_close(o, '}');
}

struct error *
team_callbacks(struct admin_call *c)
{
	struct json_out o = { .to = &c->out };
	struct team t;

	TRY(named(&t, c));
	json_open(&o, '{');
	put_string(&o, "status", TEXT("success"));
	put_data(&o, c, &t, entries_of(c, &t), true);
	put_force(&o);
	json_close(&o, '}');
	return (NULL);
}

static struct error *
say_less(struct admin_call *c, const struct team *t, struct text message)
{
	struct json_out o = { .to = &c->out };

	json_open(&o, '{');
	put_string(&o, "status", TEXT("success"));
	put_string(&o, "message", message);
	put_data(&o, c, t, entries_of(c, t), false);
	json_close(&o, '}');
	return (NULL);
}

struct error *
team_callback_delete(struct admin_call *c)
{
	const struct json *entries;
	struct team t;
	struct text rest;

	TRY(named(&t, c));
	entries = entries_of(c, &t);
	rest = list_without(c, entries, c->id[1], TEXT(""));
	if (text_eq(rest, list_without(c, entries, TEXT(""), TEXT(""))))
		return (admin_missing(c, "callback_name", "Callback '" TEXT_FMT "' of team '" TEXT_FMT "' was not found.",
		    TEXT_ARG(text_whole(text_sub(c->id[1], 0, 200))), TEXT_ARG(t.id)));
	TRY(set_entries(c, &t, rest));
	return (say_less(c, &t, arena_print(c->arena, "Callback " TEXT_FMT " deleted", TEXT_ARG(c->id[1]))));
}

struct error *
team_logging_off(struct admin_call *c)
{
	struct team t;

	TRY(named(&t, c));
	TRY(set_entries(c, &t, TEXT("[]")));
	return (say_less(c, &t, arena_print(c->arena, "Logging disabled for team " TEXT_FMT, TEXT_ARG(t.id))));
}
