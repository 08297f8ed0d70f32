/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where the calls of a team are to be logged, as LiteLLM has it: entries of metadata.logging, whose variables are sealed and never told again.
 *
 * They are kept and handed back by an export.  Nothing here sends calls to any of these services, and every answer says so.
 */
#include "admin/callbacks.h"

#include "admin/keys.h"
#include "admin/models.h"
#include "admin/nouns.h"
#include "admin/overlay.h"
#include "admin/roles.h"
#include "admin/teams.h"
#include "base/vault.h"

#define MASK		"\"***REDACTED***\""
#define SEALED		"litellm_enc::"		/* before what is sealed */
#define ENTRIES_MOST	100

static const char *const types[] = { "success", "failure", "success_and_failure", NULL };

/* Sealed as LiteLLM marks it, where there is a key for that: what is so already stays, as does what a mask stands for. */
static struct error *
seal(struct text *raw, struct admin_call *c, const struct json *v, const struct json *kept)
{
	struct text value = json_unescape(c->arena, json_quoted(v)), name = json_unescape(c->arena, v->name);

	*raw = v->raw;
	if (overlay_is_mask(value)) {
		kept = json_get(kept, arena_print(c->arena, TEXT_FMT, TEXT_ARG(name)).at);
		*raw = kept != NULL ? kept->raw : TEXT("\"\"");
		return (kept != NULL ? NULL : mask_of_nothing(c, "callback_vars", name));
	}
	if (c->config->settings.salt_key.len > 0 && v->type == JSON_STRING && value.len > 0 && !text_starts(value, TEXT(SEALED)))
		*raw = arena_print(c->arena, "\"" SEALED TEXT_FMT "\"", TEXT_ARG(vault_seal(c->arena, c->config->settings.salt_key, value, VAULT_BOX)));
	return (NULL);
}

/* The variables of the entry of that name that is kept: of the same event, or of another. */
static const struct json *
vars_of(struct admin_call *c, const struct json *kept, const struct json *entry)
{
	const struct json *found = NULL;

	for (const struct json *k = json_is(kept, JSON_ARRAY) ? kept->first : NULL; k != NULL; k = k->next)
		if (json_same(json_get(k, "callback_name"), json_get(entry, "callback_name"))) {
			if (json_same(json_get(k, "callback_type"), json_get(entry, "callback_type")))
				return (json_get(k, "callback_vars"));
			found = json_get(k, "callback_vars");
		}
	return (found);
}

static struct error *
seal_vars(struct doc *entry, struct admin_call *c, const struct json *vars, const struct json *kept)
{
	struct doc d = { .arena = c->arena };
	struct text raw;

	if (vars->type != JSON_OBJECT)
		return (vars->type == JSON_NULL ? NULL : admin_invalid(c, "callback_vars", "callback_vars must be an object."));
	for (const struct json *v = vars->first; v != NULL; v = v->next) {
		TRY(seal(&raw, c, v, kept));
		doc_set(&d, json_unescape(c->arena, v->name), raw);
	}
	doc_set(entry, TEXT("callback_vars"), doc_text(&d));
	return (NULL);
}

static void
put_list(struct text *raw, struct arena *arena, const struct json *list, const struct text *entries)
{
	struct buf b = { 0 };
	struct json_out o = { .to = &b };

	json_open(&o, '[');
	for (unsigned i = 0; i < list->count; i++)
		json_raw(&o, entries[i]);
	json_close(&o, ']');
	*raw = arena_copy(arena, buf_as_text(&b));
	buf_free(&b);
}

struct error *
callbacks_seal(struct text *raw, struct admin_call *c, const struct json *list, struct text kept)
{
	struct json_fault fault;
	const struct json *before = kept.len > 0 ? json_parse(c->arena, kept, &fault) : NULL;
	struct text *entries;
	unsigned n = 0;

	*raw = list->raw;
	if (list->type != JSON_ARRAY)
		return (NULL);
	entries = arena_alloc(c->arena, (list->count + 1) * sizeof(*entries));
	for (const struct json *e = list->first; e != NULL; e = e->next, n++) {
		struct doc d;

		entries[n] = e->raw;
		if (json_get(e, "callback_vars") == NULL)
			continue;
		doc_read(&d, c->arena, e->raw);
		TRY(seal_vars(&d, c, json_get(e, "callback_vars"), vars_of(c, before, e)));
		entries[n] = doc_text(&d);
	}
	put_list(raw, c->arena, list, entries);
	return (NULL);
}

struct text
callbacks_masked(struct arena *arena, struct text raw)
{
	struct json_fault fault;
	const struct json *list = raw.len > 0 ? json_parse(arena, raw, &fault) : NULL;
	struct text *entries, shown;
	unsigned n = 0;

	if (!json_is(list, JSON_ARRAY))
		return (raw);
	entries = arena_alloc(arena, (list->count + 1) * sizeof(*entries));
	for (const struct json *e = list->first; e != NULL; e = e->next, n++) {
		struct doc d, vars;

		entries[n] = e->raw;
		if (json_get(e, "callback_vars") == NULL)
			continue;
		doc_read(&d, arena, e->raw);
		doc_inner(&vars, &d, "callback_vars");
		for (unsigned v = 0; v < vars.n; v++)
			vars.members[v].raw = TEXT(MASK);
		doc_set(&d, TEXT("callback_vars"), doc_text(&vars));
		entries[n] = doc_text(&d);
	}
	put_list(&shown, arena, list, entries);
	return (shown);
}

/* A team's */

static struct error *
named(struct team *t, struct admin_call *c)
{
	TRY(team_must_be(t, c, c->id[0]));
	return (may_team(c, DEED_CHANGE, t->id));
}

static const struct json *
entries_of(struct admin_call *c, const struct doc *d)
{
	struct json_fault fault;
	struct doc inside;
	struct text raw;

	doc_inner(&inside, d, "metadata");
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

static const char kept_only[] = "Kept and handed back; this version sends calls to none of these services.";

static void
put_force(struct json_out *o, const char *note)
{
	json_name(o, "in_force");
	json_bool(o, false);
	put_string(o, "note", text_of(note));
}

struct error *
team_callback_add(struct admin_call *c)
{
	struct json_out o = { .to = &c->out };
	struct text raw, name, type;
	const struct json *entries;
	struct json_fault fault;
	struct team t;

	TRY(named(&t, c));
	TRY(read_entry(&raw, &name, &type, c));
	if (c->config->settings.salt_key.len == 0)
		return (admin_bad(c, "callback_vars", "Secrets can not be kept: set LITELLM_SALT_KEY, or a master key."));
	entries = entries_of(c, &t.doc);
	for (const struct json *i = entries->first; i != NULL; i = i->next)
		if (text_eq(string_of(c, i, "callback_name"), name) && text_eq(string_of(c, i, "callback_type"), type))
			return (admin_bad(c, "callback_name", "callback_name = " TEXT_FMT " already exists in team_callback_settings, for team_id = "
			    TEXT_FMT " and event = " TEXT_FMT, TEXT_ARG(name), TEXT_ARG(t.id), TEXT_ARG(type)));
	if (entries->count >= ENTRIES_MOST)
		return (admin_bad(c, "callback_name", "A team has %d callbacks at most.", ENTRIES_MOST));
	TRY(callbacks_seal(&raw, c, json_parse(c->arena, arena_print(c->arena, "[" TEXT_FMT "]", TEXT_ARG(raw)), &fault), entries->raw));
	TRY(set_entries(c, &t, list_without(c, entries, TEXT(""), text_sub(raw, 1, raw.len - 1))));
	json_open(&o, '{');
	put_string(&o, "status", TEXT("success"));
	json_name(&o, "data");
	json_open(&o, '{');
	TRY(team_put(&o, c, &t));
	json_close(&o, '}');
	put_force(&o, kept_only);
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
	put_data(&o, c, &t, entries_of(c, &t.doc), true);
	put_force(&o, kept_only);
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
	put_data(&o, c, t, entries_of(c, &t->doc), false);
	put_force(&o, "This version sends calls to no such service, before and after. The ledger goes on: a row for each call, and its words where "
	    "store_prompts asks for them.");
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
	entries = entries_of(c, &t.doc);
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

/* POST /key/health: a key that came so far is well; what it wants its calls sent to is not, as nothing is. */

static void
put_unwell(struct json_out *o, struct admin_call *c, const struct json *entries)
{
	json_open(o, '{');
	json_name(o, "callbacks");
	json_open(o, '[');
	for (const struct json *i = entries->first; i != NULL; i = i->next)
		json_string(o, string_of(c, i, "callback_name"));
	json_close(o, ']');
	put_string(o, "status", TEXT("unhealthy"));
	put_string(o, "details", text_of(kept_only));
	json_close(o, '}');
}

struct error *
key_health(struct admin_call *c)
{
	struct json_out o = { .to = &c->out };
	const struct json *entries;
	struct key k;
	bool there;

	TRY(key_find(&k, &there, c, c->caller->digest));
	entries = there ? entries_of(c, &k.doc) : NULL;
	json_open(&o, '{');
	if (entries != NULL && entries->first != NULL) {
		put_string(&o, "key", TEXT("unhealthy"));
		json_name(&o, "logging_callbacks");
		put_unwell(&o, c, entries);
	} else {
		put_string(&o, "key", TEXT("healthy"));
		put_raw(&o, "logging_callbacks", TEXT(""), "null");
	}
	json_close(&o, '}');
	return (NULL);
}
