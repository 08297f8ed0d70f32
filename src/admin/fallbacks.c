/* SPDX-License-Identifier: Apache-2.0 */
/* Fallbacks of a model, kept in the store; they stand before the file's. */
#include "admin/models.h"

#include "admin/nouns.h"

static const char *const types[] = { "general", "context_window", "content_policy", NULL };

static struct error *
type_of(struct text *type, struct admin_call *c, struct text said)
{
	*type = said.len > 0 ? said : TEXT("general");
	for (const char *const *t = types; *t != NULL; t++)
		if (text_is(*type, *t))
			return (NULL);
	return (admin_bad(c, "fallback_type", "fallback_type must be general, context_window or content_policy."));
}

static struct text
id_of(struct admin_call *c, struct text type, struct text model)
{
	return (arena_print(c->arena, TEXT_FMT "/" TEXT_FMT, TEXT_ARG(type), TEXT_ARG(model)));
}

static struct error *
put_row(struct json_out *o, struct admin_call *c, const struct thing *t)
{
	(void)c;
	put_string(o, "model", t->parent);
	put_raw(o, "fallback_models", doc_raw(&t->doc, "fallback_models"), "[]");
	put_raw(o, "fallback_type", doc_raw(&t->doc, "fallback_type"), "\"general\"");
	return (NULL);
}

static struct error *
must_be_served(struct admin_call *c, const char *param, struct text model)
{
	struct capture captured;
	struct error *e;

	if (config_group(c->config, model, &captured) != NULL)
		return (NULL);
	e = admin_missing(c, param, "The model '" TEXT_FMT "' was not found in the router.", TEXT_ARG(text_whole(text_sub(model, 0, 200))));
	return (e);
}

struct error *
fallback_set(struct admin_call *c)
{
	struct json_out o = { .to = &c->out };
	struct text model, type, *list, before = TEXT(""), after;
	struct thing t;
	bool there;
	unsigned n;

	TRY(body_id(&model, c, c->body, "model"));
	TRY(body_text(&type, c, c->body, "fallback_type"));
	TRY(type_of(&type, c, type));
	TRY(body_texts(&list, &n, c, c->body, "fallback_models"));
	if (n == 0)
		return (admin_invalid(c, "fallback_models", "fallback_models is required: a list of at least one model."));
	TRY(must_be_served(c, "model", model));
	for (unsigned i = 0; i < n; i++) {
		TRY(must_be_served(c, "fallback_models", list[i]));
		if (text_eq(list[i], model))
			return (admin_bad(c, "fallback_models", "A model can not be its own fallback."));
	}
	TRY(thing_find(&t, &there, c, "fallback", id_of(c, type, model)));
	if (there)
		TRY(thing_text(&before, c, &t, put_row));
	else
		thing_new(&t, c, "fallback", id_of(c, type, model));
	t.parent = model;
	doc_set_string(&t.doc, "model", model);
	doc_set_string(&t.doc, "fallback_type", type);
	doc_set(&t.doc, TEXT("fallback_models"), texts_raw(c->arena, list, n));
	TRY(thing_write(c, &t));
	TRY(models_changed(c));
	TRY(thing_text(&after, c, &t, put_row));
	TRY(audit(c, there ? "updated" : "created", "fallback", t.id, TEXT(""), before, after));
	json_open(&o, '{');
	TRY(put_row(&o, c, &t));
	put_string(&o, "message", arena_print(c->arena, "Fallback configuration %s successfully", there ? "updated" : "created"));
	json_close(&o, '}');
	return (NULL);
}

/* What is in force: the store's, else the file's. */
struct error *
fallback_get(struct admin_call *c)
{
	struct json_out o = { .to = &c->out };
	struct capture captured;
	const struct group *g;
	struct text type, *list;
	size_t n;

	TRY(type_of(&type, c, query_text(c, "fallback_type")));
	TRY(must_be_served(c, "model", c->id[0]));
	g = config_group(c->config, c->id[0], &captured);
	list = text_is(type, "general") ? g->fallbacks : text_is(type, "context_window") ? g->context_fallbacks : g->policy_fallbacks;
	n = text_is(type, "general") ? g->n_fallbacks : text_is(type, "context_window") ? g->n_context_fallbacks : g->n_policy_fallbacks;
	if (n == 0)
		return (admin_missing(c, "model", "No " TEXT_FMT " fallbacks configured for model '" TEXT_FMT "': not found.", TEXT_ARG(type),
		    TEXT_ARG(text_whole(text_sub(c->id[0], 0, 200)))));
	json_open(&o, '{');
	put_string(&o, "model", c->id[0]);
	json_name(&o, "fallback_models");
	json_raw(&o, texts_raw(c->arena, list, (unsigned)n));
	put_string(&o, "fallback_type", type);
	json_close(&o, '}');
	return (NULL);
}

struct error *
fallback_delete(struct admin_call *c)
{
	struct json_out o = { .to = &c->out };
	struct text type, before;
	struct thing t;
	bool there;

	TRY(type_of(&type, c, query_text(c, "fallback_type")));
	TRY(thing_find(&t, &there, c, "fallback", id_of(c, type, c->id[0])));
	if (!there)
		return (admin_missing(c, "model", "No " TEXT_FMT " fallbacks of model '" TEXT_FMT "' were found in db.", TEXT_ARG(type),
		    TEXT_ARG(text_whole(text_sub(c->id[0], 0, 200)))));
	TRY(thing_text(&before, c, &t, put_row));
	TRY(thing_delete(c, &t));
	TRY(models_changed(c));
	TRY(audit(c, "deleted", "fallback", t.id, TEXT(""), before, TEXT("")));
	json_open(&o, '{');
	put_string(&o, "model", c->id[0]);
	put_string(&o, "fallback_type", type);
	put_string(&o, "message", TEXT("Fallback configuration deleted successfully"));
	json_close(&o, '}');
	return (NULL);
}
