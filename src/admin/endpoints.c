/* SPDX-License-Identifier: Apache-2.0 */
/* Pass-through endpoints of the store, and what is told of those of the file.  Headers are secrets; of a target its query and user are not told. */
#include "admin/models.h"

#include "admin/nouns.h"
#include "admin/overlay.h"
#include "admin/teams.h"

static const char *const members[] = { "path", "target", "headers", "include_subpath", "forward_headers", "cost_per_request", "auth", "methods",
	"timeout" };

/* The endpoint a document keeps, opened. */
static struct text
opened(struct admin_call *c, const struct doc *d)
{
	struct text raw = doc_raw(d, "endpoint"), shut;

	return (overlay_open(c->arena, c->config->settings.salt_key, raw.len > 0 ? raw : TEXT("{}"), &shut));
}

static const struct conduit *
conduit_of(const struct config *config, struct text path)
{
	for (size_t i = 0; config != NULL && i < config->n_conduits; i++)
		if (text_eq(config->conduits[i].path, path))
			return (&config->conduits[i]);
	return (NULL);
}

static void
put_headers(struct json_out *o, const struct conduit *p)
{
	struct text name, value;

	json_name(o, "headers");
	json_open(o, '{');
	for (size_t i = 0; p->to != NULL && i < p->to->n_headers; i++) {
		text_cut(p->to->headers[i], ':', &name, &value);
		json_name_quoted(o, (struct quoted){ name.at, name.len });	/* a token of HTTP: nothing to escape */
		json_string(o, TEXT("********"));
	}
	json_close(o, '}');
}

static void
put_conduit(struct json_out *o, struct arena *arena, struct text id, const struct conduit *p, bool stored)
{
	struct text *methods = arena_alloc(arena, (p->methods.len + 1) * sizeof(*methods)), rest = p->methods;
	unsigned n = 0;

	while (rest.len > 0) {
		text_cut(rest, ',', &methods[n], &rest);
		methods[n] = text_trim(methods[n]);
		n++;
	}
	json_open(o, '{');
	put_string(o, "id", id);
	put_string(o, "path", p->path);
	put_string(o, "target", p->to != NULL ? p->to->api_base : TEXT(""));
	put_headers(o, p);
	json_name(o, "include_subpath");
	json_bool(o, p->deep);
	json_name(o, "auth");
	json_bool(o, !p->open);
	json_name(o, "methods");
	json_raw(o, texts_raw(arena, methods, n));
	json_name(o, "is_from_config");
	json_bool(o, !stored);
	json_close(o, '}');
}

static bool
is_vendors(const struct conduit *p)
{
	return (text_is(p->path, "/anthropic") || text_is(p->path, "/openai") || text_is(p->path, "/vllm"));
}

static bool
is_among(struct text path, const struct text *paths, unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		if (text_eq(paths[i], path))
			return (true);
	return (false);
}

struct wanted {
	struct text	 id;			/* empty: all */
	bool		 by_path;		/* these only */
	struct text	*paths;
	unsigned	 n_paths;
};

/* Those of the store by their ids, those of the file by their paths. */
static struct error *
put_wanted(struct admin_call *c, const struct config *config, const struct wanted *w, unsigned *found)
{
	struct json_out o = { .to = &c->out };
	struct thing *list;
	unsigned n;

	*found = 0;
	TRY(things_list(&list, &n, c, "endpoint", TEXT("")));
	json_open(&o, '{');
	json_name(&o, "endpoints");
	json_open(&o, '[');
	for (size_t i = 0; i < config->n_conduits; i++) {
		const struct conduit *p = &config->conduits[i];
		struct text id = p->path;
		bool stored = false;

		for (unsigned k = 0; k < n && !stored; k++)
			if ((stored = text_eq(list[k].parent, p->path)))
				id = list[k].id;
		if (is_vendors(p) || (w->id.len > 0 && !text_eq(w->id, id)) || (w->by_path && !is_among(p->path, w->paths, w->n_paths)))
			continue;
		++*found;
		put_conduit(&o, c->arena, id, p, stored);
	}
	json_close(&o, ']');
	json_close(&o, '}');
	return (NULL);
}

static struct error *
put_all(struct admin_call *c, const struct config *config, struct text only, unsigned *found)
{
	return (put_wanted(c, config, &(struct wanted){ .id = only }, found));
}

/* Those a team names in allowed_passthrough_routes. */
struct error *
endpoint_of_team(struct admin_call *c)
{
	struct wanted w = { .id = TEXT(""), .by_path = true };
	struct doc metadata;
	struct team t;
	unsigned found;

	TRY(team_must_be(&t, c, c->id[0]));
	doc_inner(&metadata, &t.doc, "metadata");
	w.n_paths = doc_strings(&w.paths, &metadata, "allowed_passthrough_routes");
	return (put_wanted(c, c->config, &w, &found));
}

struct error *
endpoint_list(struct admin_call *c)
{
	struct text only = query_text(c, "endpoint_id");
	unsigned found;

	TRY(put_all(c, c->config, only, &found));
	return (only.len == 0 || found > 0 ? NULL : admin_missing(c, "endpoint_id", "Endpoint with ID " TEXT_FMT " not found.",
	    TEXT_ARG(text_whole(text_sub(only, 0, 200)))));
}

/* A target that comes back as it is shown, without its query, is no change. */
static bool
is_as_shown(struct admin_call *c, const struct thing *t, struct text target)
{
	const struct conduit *p = conduit_of(c->made, t->parent);

	return (p != NULL && p->to != NULL && text_eq(p->to->api_base, target));
}

/* What a body says of it, the rest as it was. */
static struct error *
read_body(struct thing *t, struct admin_call *c)
{
	struct doc said, all;
	struct json_fault fault;

	doc_read(&said, c->arena, TEXT(""));
	for (unsigned i = 0; i < nitems(members); i++)
		if (json_get(c->body, members[i]) != NULL)
			doc_set(&said, text_of(members[i]), json_get(c->body, members[i])->raw);
	if (doc_raw(&t->doc, "endpoint").len > 0) {
		TRY(models_as_stored(c));
		if (is_as_shown(c, t, doc_string(&said, "target")))
			doc_set(&said, TEXT("target"), TEXT(""));
	}
	TRY(model_secrets(&t->doc, c, "endpoint", json_parse(c->arena, doc_text(&said), &fault)));
	doc_read(&all, c->arena, opened(c, &t->doc));
	t->parent = doc_string(&all, "path");
	while (t->parent.len > 1 && t->parent.at[t->parent.len - 1] == '/')
		t->parent.len--;
	return (t->parent.len > 1 ? NULL : admin_invalid(c, "path", "path is required."));
}

static struct error *
check(struct admin_call *c, const struct thing *t)
{
	struct text why = models_problems(c, c->made, arena_print(c->arena, "endpoint " TEXT_FMT, TEXT_ARG(t->id)));

	return (why.len == 0 && conduit_of(c->made, t->parent) != NULL ? NULL :
	    admin_bad(c, "target", "This endpoint can not be served: " TEXT_FMT, TEXT_ARG(why)));
}

static struct error *
keep(struct admin_call *c, struct thing *t, const char *action)
{
	unsigned found;

	TRY(thing_write(c, t));
	TRY(models_changed(c));
	TRY(check(c, t));
	TRY(put_all(c, c->made, t->id, &found));
	return (audit(c, action, "pass_through_endpoint", t->id, TEXT(""), TEXT(""), buf_as_text(&c->out)));
}

struct error *
endpoint_new(struct admin_call *c)
{
	struct thing t;
	struct text id;

	TRY(body_text(&id, c, c->body, "id"));
	TRY(thing_must_not_be(c, "endpoint", id, "id"));
	thing_new(&t, c, "endpoint", id.len > 0 ? id : new_uuid(c));
	TRY(read_body(&t, c));
	if (conduit_of(c->config, t.parent) != NULL)
		return (admin_bad(c, "path", "A pass-through endpoint with that path already exists."));
	return (keep(c, &t, "created"));
}

static struct error *
must_be(struct thing *t, struct admin_call *c, struct text id)
{
	bool there;

	TRY(thing_find(t, &there, c, "endpoint", id));
	return (there ? NULL : admin_missing(c, "endpoint_id", "Endpoint with ID " TEXT_FMT " not found.", TEXT_ARG(text_whole(text_sub(id, 0, 200)))));
}

struct error *
endpoint_update(struct admin_call *c)
{
	struct thing t;

	TRY(must_be(&t, c, c->id[0]));
	TRY(read_body(&t, c));
	return (keep(c, &t, "updated"));
}

struct error *
endpoint_delete(struct admin_call *c)
{
	struct thing t;
	unsigned found;

	TRY(must_be(&t, c, query_text(c, "endpoint_id")));
	TRY(put_all(c, c->config, t.id, &found));
	TRY(thing_delete(c, &t));
	TRY(models_changed(c));
	return (audit(c, "deleted", "pass_through_endpoint", t.id, TEXT(""), buf_as_text(&c->out), TEXT("")));
}
