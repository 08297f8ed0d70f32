/* SPDX-License-Identifier: Apache-2.0 */
/* What the store adds to the file: rows read, their secrets opened, made entries. */
#include "admin/overlay.h"

#include "admin/kept.h"
#include "base/log.h"
#include "base/vault.h"

#define PAGE		500

/* sealing and opening */

/* Names whose values say what is called, not with what: they may be looked at in the store. */
static bool
is_plain(struct text name)
{
	static const char *const names[] = { "model", "custom_llm_provider", "litellm_credential_name", "mode", "tags" };

	for (unsigned i = 0; i < nitems(names); i++)
		if (text_is(name, names[i]))
			return (true);
	return (false);
}

/* One walk through a value; `shut` is the first that does not open, or is a mask of nothing. */
struct changing {
	struct arena	*arena;
	struct text	 salt_key;
	bool		 seals;
	struct text	 shut;
};

static void
is_shut(struct changing *c, struct text name)
{
	if (c->shut.len == 0)
		c->shut = name.len > 0 ? name : TEXT("a value");
}

/* What looks sealed and does not open must not be sent to anybody as if it were the secret; what is no secret may look so by chance. */
static struct text
changed_text(struct changing *c, struct text name, struct text value)
{
	struct text opened;

	if (c->seals)
		return (value.len > 0 && !is_plain(name) ? vault_seal(c->arena, c->salt_key, value, VAULT_BOX) : value);
	if (!vault_is_sealed(value))
		return (value);
	if (vault_open(&opened, c->arena, c->salt_key, value))
		return (opened);
	if (is_plain(name))
		return (value);
	is_shut(c, name);
	return (TEXT(""));
}

bool
overlay_is_mask(struct text t)
{
	size_t stars = 0;

	while (stars < t.len && t.at[stars] == '*')
		stars++;
	return ((stars == t.len && stars >= 3) || text_is(t, "***REDACTED***"));
}

/*
 * What is kept where that item of an object or a list is; empty: nothing.  Names are compared as they are written: who sends back what was shown writes
 * them so.
 */
static struct text
kept_at(struct text kept, bool object, struct quoted name, unsigned nth)
{
	struct json_walk w;
	struct json_item item;

	if (kept.len == 0 || kept.at[0] != (object ? '{' : '['))
		return (TEXT(""));
	w = json_walk(kept);
	for (unsigned i = 0; json_next(&w, &item); i++)
		if (object ? item.name.len == name.len && memcmp(item.name.at, name.at, name.len) == 0 : i == nth)
			return (item.raw);
	return (TEXT(""));
}

static void
change_string(struct json_out *o, struct changing *c, struct text name, struct text value, struct text kept)
{
	if (!c->seals || !overlay_is_mask(value))
		json_string(o, changed_text(c, name, value));
	else if (kept.len > 0 && kept.at[0] == '"')
		json_raw(o, kept);
	else {
		is_shut(c, name);
		json_string(o, TEXT(""));
	}
}

static void
change(struct json_out *o, struct changing *c, struct text name, const struct json_item *item, struct text kept)
{
	bool object = item->type == JSON_OBJECT;
	struct json_walk w = json_walk(item->raw);
	struct json_item inner;

	if (item->type == JSON_STRING)
		change_string(o, c, name, json_unescape(c->arena, json_inside(item->raw)), kept);
	if (!object && item->type != JSON_ARRAY) {
		if (item->type != JSON_STRING)
			json_raw(o, item->raw);
		return;
	}
	json_open(o, object ? '{' : '[');
	for (unsigned nth = 0; json_next(&w, &inner); nth++) {
		struct text its = object ? json_unescape(c->arena, inner.name) : name;

		if (object)
			json_name_quoted(o, inner.name);
		change(o, c, its, &inner, kept_at(kept, object, inner.name, nth));
	}
	json_close(o, object ? '}' : ']');
}

static struct text
changed(struct changing *c, struct text json, struct text kept)
{
	struct json_item whole = { .raw = json };
	struct buf b = { 0 };
	struct json_out o = { .to = &b };
	struct json_fault fault;
	struct text t = TEXT("{}");

	if (json_scan(json, &whole.type, NULL, 0, &(size_t){ 0 }, &fault)) {
		change(&o, c, TEXT(""), &whole, kept);
		t = arena_copy(c->arena, buf_as_text(&b));
	}
	buf_free(&b);
	return (t);
}

struct text
overlay_seal(struct arena *arena, struct text salt_key, struct text json, struct text kept, struct text *lost)
{
	struct changing c = { .arena = arena, .salt_key = salt_key, .seals = true, .shut = TEXT("") };
	struct text sealed = changed(&c, json, kept);

	*lost = c.shut;
	return (sealed);
}

struct text
overlay_open(struct arena *arena, struct text salt_key, struct text json, struct text *shut)
{
	struct changing c = { .arena = arena, .salt_key = salt_key, .shut = TEXT("") };
	struct text opened = changed(&c, json, TEXT(""));

	*shut = c.shut;
	return (opened);
}

/* rows to entries */

struct reading {
	struct arena	*arena;
	struct store	*store;			/* or NULL: */
	struct text	 kept;			/* what it said last (kept.h) */
	struct text	 salt_key;
};

typedef void entry_f(struct more_entry *, const struct reading *, struct text id, struct text doc);

static struct text
member(struct text object, const char *name, const char *otherwise)
{
	struct json_item item;

	return (json_find(object, name, &item) && item.type != JSON_NULL ? item.raw : text_of(otherwise));
}

/* model_info, with what LiteLLM adds to it of its table. */
static void
put_info(struct json_out *o, struct text id, struct text doc)
{
	struct text info = member(doc, "model_info", "{}");
	struct json_walk w = json_walk(info);
	struct json_item item;

	json_name(o, "model_info");
	json_open(o, '{');
	json_name(o, "id");
	json_string(o, id);
	while (json_next(&w, &item))
		if (!quoted_is(item.name, "id") && !quoted_is(item.name, "db_model") && !quoted_is(item.name, "blocked")) {
			json_name_quoted(o, item.name);
			json_raw(o, item.raw);
		}
	if (text_is(member(doc, "blocked", "false"), "true") || text_is(member(info, "blocked", "false"), "true")) {
		json_name(o, "blocked");
		json_bool(o, true);
	}
	json_close(o, '}');
}

static void
model_entry(struct more_entry *e, const struct reading *r, struct text id, struct text doc)
{
	struct buf b = { 0 };
	struct json_out o = { .to = &b };

	json_open(&o, '{');
	json_name(&o, "model_name");
	json_raw(&o, member(doc, "model_name", "null"));
	json_name(&o, "litellm_params");
	json_raw(&o, overlay_open(r->arena, r->salt_key, member(doc, "litellm_params", "{}"), &e->shut));
	put_info(&o, id, doc);
	json_close(&o, '}');
	e->name = arena_print(r->arena, "model " TEXT_FMT, TEXT_ARG(id));
	e->json = arena_copy(r->arena, buf_as_text(&b));
	buf_free(&b);
}

static void
credential_entry(struct more_entry *e, const struct reading *r, struct text id, struct text doc)
{
	struct buf b = { 0 };
	struct json_out o = { .to = &b };

	json_open(&o, '{');
	json_name(&o, "credential_name");
	json_string(&o, id);
	json_name(&o, "credential_info");
	json_raw(&o, member(doc, "credential_info", "{}"));
	json_name(&o, "credential_values");
	json_raw(&o, overlay_open(r->arena, r->salt_key, member(doc, "credential_values", "{}"), &e->shut));
	json_close(&o, '}');
	e->name = arena_print(r->arena, "credential " TEXT_FMT, TEXT_ARG(id));
	e->json = arena_copy(r->arena, buf_as_text(&b));
	buf_free(&b);
}

static void
endpoint_entry(struct more_entry *e, const struct reading *r, struct text id, struct text doc)
{
	e->name = arena_print(r->arena, "endpoint " TEXT_FMT, TEXT_ARG(id));
	e->json = overlay_open(r->arena, r->salt_key, member(doc, "endpoint", "{}"), &e->shut);
}

/* Nobody may be looking at sluice check. */
static void
say_shut(const struct more_entry *e)
{
	if (e->shut.len > 0)
		note(NOTE_ERROR, "", TEXT_FMT " of the database is not used: its " TEXT_FMT " does not open with this LITELLM_SALT_KEY", TEXT_ARG(e->name),
		    TEXT_ARG(e->shut));
}

/* All rows of a kind: id and document, page by page. */
typedef void row_f(void *self, struct text id, struct text doc);

static enum store_end
stored(struct arena *arena, struct store *store, const char *kind, row_f *take, void *self)
{
	struct text last = TEXT("");
	struct rows rows;
	enum store_end end;

	do {
		if ((end = STORE(store, arena, &rows, SQL_THING_LIST, V_TEXT(text_of(kind)), V_NULL, V_TEXT(last), V_INT(PAGE))) != STORE_FINE)
			return (end);
		for (unsigned i = 0; i < rows.n; i++) {
			last = rows_text(&rows, i, 0);
			take(self, last, rows_text(&rows, i, 2));
		}
	} while (rows.n == PAGE);
	return (STORE_FINE);
}

static void
known_before(struct arena *arena, struct text kept, const char *kind, row_f *take, void *self)
{
	struct json_walk w = json_walk(kept);
	struct json_item row;

	while (json_next(&w, &row))
		if (quoted_is(json_inside(member(row.raw, "kind", "\"\"")), kind))
			take(self, json_unescape(arena, json_inside(member(row.raw, "id", "\"\""))), member(row.raw, "doc", "{}"));
}

struct making {
	const struct reading *r;
	struct more_entry *list;
	unsigned	 n, room;
	entry_f		*make;
};

static void
make_entry(void *self, struct text id, struct text doc)
{
	struct making *m = self;

	m->list = arena_widen(m->r->arena, m->list, &m->room, m->n + 1, m->n, sizeof(*m->list));
	m->make(&m->list[m->n], m->r, id, doc);
	say_shut(&m->list[m->n++]);
}

static enum store_end
entries(struct more_entry **list, unsigned *n, const struct reading *r, const char *kind, entry_f *make)
{
	struct making m = { .r = r, .make = make };
	enum store_end end = STORE_FINE;

	if (r->store != NULL)
		end = stored(r->arena, r->store, kind, make_entry, &m);
	else
		known_before(r->arena, r->kept, kind, make_entry, &m);
	*list = m.list;
	*n = m.n;
	return (end);
}

/* {"model": "a", "fallback_models": ["b"]} becomes {"a": ["b"]}. */
static void
fallback_entry(struct more_entry *e, const struct reading *r, struct text id, struct text doc)
{
	e->name = id;
	e->json = arena_print(r->arena, "{" TEXT_FMT ":" TEXT_FMT "}", TEXT_ARG(member(doc, "model", "\"\"")), TEXT_ARG(member(doc, "fallback_models", "[]")));
}

bool
overlay_seals(struct text setting_id)
{
	return (text_starts(setting_id, TEXT("environment_variables/")) || text_is(setting_id, "router_settings/default_litellm_params") ||
	    text_is(setting_id, "general_settings/alert_to_webhook_url"));
}

/* A setting is kept under its section and its key: "router_settings/num_retries". */
static void
setting_entry(struct more_entry *e, const struct reading *r, struct text id, struct text doc)
{
	struct text section, key, value = member(doc, "value", "null");
	struct buf b = { 0 };
	struct json_out o = { .to = &b };

	text_cut(id, '/', &section, &key);
	if (overlay_seals(id))
		value = overlay_open(r->arena, r->salt_key, value, &e->shut);
	json_open(&o, '{');
	json_name(&o, "section");
	json_string(&o, section);
	json_name(&o, "key");
	json_string(&o, key);
	json_name(&o, "value");
	json_raw(&o, value);
	json_close(&o, '}');
	e->name = arena_print(r->arena, "setting " TEXT_FMT, TEXT_ARG(id));
	e->json = arena_copy(r->arena, buf_as_text(&b));
	buf_free(&b);
}

static enum store_end
fallbacks(struct more_entry *all, const struct reading *r)
{
	static const struct {
		const char	*prefix, *name;
	} types[] = {
		{ "general/", "fallbacks" }, { "context_window/", "context_window_fallbacks" }, { "content_policy/", "content_policy_fallbacks" },
	};
	struct buf b = { 0 };
	struct json_out o = { .to = &b };
	struct more_entry *list;
	enum store_end end;
	unsigned n;

	*all = (struct more_entry){ TEXT("fallbacks of the store"), TEXT(""), TEXT("") };
	if ((end = entries(&list, &n, r, "fallback", fallback_entry)) != STORE_FINE || n == 0)
		return (end);
	json_open(&o, '{');
	for (unsigned t = 0; t < nitems(types); t++) {
		json_name(&o, types[t].name);
		json_open(&o, '[');
		for (unsigned i = 0; i < n; i++)
			if (text_starts(list[i].name, text_of(types[t].prefix)))
				json_raw(&o, list[i].json);
		json_close(&o, ']');
	}
	json_close(&o, '}');
	all->json = arena_copy(r->arena, buf_as_text(&b));
	buf_free(&b);
	return (STORE_FINE);
}

static enum store_end
read_all(struct config_more *more, const struct reading *r)
{
	enum store_end end;

	*more = (struct config_more){ 0 };
	if ((end = entries(&more->models, &more->n_models, r, "model", model_entry)) != STORE_FINE)
		return (end);
	if ((end = entries(&more->credentials, &more->n_credentials, r, "credential", credential_entry)) != STORE_FINE)
		return (end);
	if ((end = entries(&more->endpoints, &more->n_endpoints, r, "endpoint", endpoint_entry)) != STORE_FINE)
		return (end);
	if ((end = entries(&more->settings, &more->n_settings, r, "setting", setting_entry)) != STORE_FINE)
		return (end);
	return (fallbacks(&more->fallbacks, r));
}

enum store_end
overlay_read(struct config_more *more, struct arena *arena, struct store *store, struct text salt_key)
{
	return (read_all(more, &(struct reading){ .arena = arena, .store = store, .salt_key = salt_key }));
}

/* kept for a start without the store */

struct keeping {
	struct json_out	*o;
	const char	*kind;
};

static void
keep_row(void *self, struct text id, struct text doc)
{
	const struct keeping *k = self;
	enum json_type type;
	struct json_fault fault;

	if (json_scan(doc, &type, NULL, 0, &(size_t){ 0 }, &fault))
		kept_add(k->o, k->kind, id, doc);
}

static void
keep(const struct settings *s, struct store *store)
{
	static const char *const kinds[] = { "model", "credential", "endpoint", "setting", "fallback" };
	struct arena *arena = arena_new();
	struct buf b = { 0 }, why = { 0 };
	struct json_out o = { .to = &b };
	enum store_end end = STORE_FINE;

	kept_begin(&o);
	for (unsigned i = 0; i < nitems(kinds) && end == STORE_FINE; i++)
		end = stored(arena, store, kinds[i], keep_row, &(struct keeping){ &o, kinds[i] });
	kept_end(&o);
	if (end == STORE_FINE && !kept_write(s, buf_as_text(&b), &why))
		note(NOTE_ERROR, "", "a start without the database would not know its settings: " TEXT_FMT, TEXT_ARG(buf_as_text(&why)));
	buf_free(&b);
	buf_free(&why);
	arena_free(arena);
}

/* configurations */

static bool
is_empty(const struct config_more *more)
{
	return (more->n_models + more->n_credentials + more->n_endpoints + more->n_settings == 0 && more->fallbacks.json.len == 0);
}

/* What closes doors is general: it holds even where the rest does not go together with the file. */
static struct config *
with_general_settings(struct config *file, const struct config_more *more, struct arena *arena)
{
	struct config_more rest = *more;

	rest.settings = arena_alloc(arena, more->n_settings * sizeof(*rest.settings));
	rest.n_settings = 0;
	for (unsigned i = 0; i < more->n_settings; i++)
		if (text_starts(more->settings[i].name, TEXT("setting general_settings/")))
			rest.settings[rest.n_settings++] = more->settings[i];
	return (config_load_more(file->path, file->given, &rest));
}

/* Settings that break what the file says are left out, as a bad row is: they were tried when they were kept, but with another file. */
static struct config *
without_settings(struct config *file, struct config *both, const struct config_more *more)
{
	struct config_more rest = *more;
	struct arena *arena;

	if (both->n_errors == 0 || file->n_errors > 0 || more->n_settings == 0)
		return (both);
	config_release(both);
	arena = arena_new();
	both = with_general_settings(file, more, arena);
	arena_free(arena);
	note(NOTE_ERROR, "", "settings of the database do not go together with the file, and are left out%s: take back what the file now has otherwise",
	    both->n_errors == 0 ? ", but for general_settings" : ", all of them");
	if (both->n_errors == 0)
		return (both);
	config_release(both);
	rest.n_settings = 0;
	return (config_load_more(file->path, file->given, &rest));
}

/* The file is read for its settings first, which say how secrets are opened; again only if something is added to it. */
static struct config *
with(struct config *file, const struct config_more *more, bool tried)
{
	struct config *both;

	if (more == NULL || is_empty(more))
		return (file);
	both = config_load_more(file->path, file->given, more);
	if (!tried)
		both = without_settings(file, both, more);
	config_release(file);
	return (both);
}

struct config *
overlay_load_here(const struct config *like, struct store *store, enum store_end *end)
{
	struct config *file = config_load_text(like->path, like->given);
	struct arena *arena = arena_new();
	struct config_more more;

	*end = overlay_read(&more, arena, store, file->settings.salt_key);
	file = with(file, *end == STORE_FINE ? &more : like->more, true);
	arena_free(arena);
	return (file);
}

struct config *
overlay_load(const char *path, struct text given, struct store_pool *pool, int wait_ms, const struct config *last, enum store_end *end)
{
	struct config *file = config_load_text(path, given);
	struct store *store = store_lend(pool, wait_ms);
	struct arena *arena = arena_new();
	struct config_more more;

	*end = store != NULL ? overlay_read(&more, arena, store, file->settings.salt_key) : STORE_AWAY;
	file = with(file, *end == STORE_FINE ? &more : last != NULL ? last->more : NULL, false);
	if (store != NULL)
		store_return(pool, store);
	arena_free(arena);
	return (file);
}

struct config *
overlay_load_and_keep(const struct config *like, struct store *store, enum store_end *end)
{
	struct config *c = overlay_load_here(like, store, end);

	if (*end == STORE_FINE)
		keep(&like->settings, store);
	return (c);
}

struct config *
overlay_load_kept(const char *path, bool *damaged)
{
	struct config *file = config_load(path);
	struct arena *arena = arena_new();
	struct reading r = { .arena = arena, .salt_key = file->settings.salt_key };
	struct config_more more;
	enum kept kept = kept_read(&r.kept, arena, &file->settings);

	*damaged = kept == KEPT_DAMAGED;
	if (kept == KEPT_FINE && read_all(&more, &r) == STORE_FINE)
		file = with(file, &more, false);
	else {
		config_release(file);
		file = NULL;
	}
	arena_free(arena);
	return (file);
}
