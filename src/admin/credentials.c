/* SPDX-License-Identifier: Apache-2.0 */
/* Credentials: what several models share to show who they are.  Values go in and are never told again. */
#include "admin/things.h"

#include "admin/models.h"
#include "admin/nouns.h"
#include "admin/overlay.h"

#define MASK	"\"********\""

static struct error *
put_row(struct json_out *o, struct admin_call *c, const struct thing *t)
{
	struct text values = doc_raw(&t->doc, "credential_values");
	struct json_walk w = json_walk(values.len > 0 ? values : TEXT("{}"));
	struct json_item item;

	(void)c;
	put_string(o, "credential_name", t->id);
	put_string(o, "display_name", doc_string(&t->doc, "display_name"));
	json_name(o, "credential_values");
	json_open(o, '{');
	while (json_next(&w, &item)) {
		json_name_quoted(o, item.name);
		json_raw(o, TEXT(MASK));
	}
	json_close(o, '}');
	put_raw(o, "credential_info", doc_raw(&t->doc, "credential_info"), "{}");
	return (NULL);
}

static struct error *
keep(struct admin_call *c, struct thing *t, struct text before, const char *action)
{
	struct text after;

	TRY(thing_write(c, t));
	TRY(models_changed(c));
	TRY(thing_text(&after, c, t, put_row));
	return (audit(c, action, "credential", t->id, TEXT(""), before, after));
}

static struct error *
say(struct admin_call *c, const char *what)
{
	struct json_out o = { .to = &c->out };

	json_open(&o, '{');
	json_name(&o, "success");
	json_bool(&o, true);
	put_string(&o, "message", text_of(what));
	json_close(&o, '}');
	return (NULL);
}

/* The values of a model that is kept already, where a body names it by model_id. */
static struct error *
values_of_model(struct text *values, struct admin_call *c, struct text model_id)
{
	static const char *const not_secret[] = { "model", "rpm", "tpm", "weight", "order", "timeout", "stream_timeout", "max_retries" };
	struct thing t;
	struct doc params;

	TRY(thing_must_be(&t, c, "model", model_id, "model_id"));
	doc_inner(&params, &t.doc, "litellm_params");
	for (unsigned i = 0; i < nitems(not_secret); i++)
		doc_set(&params, text_of(not_secret[i]), TEXT(""));
	*values = doc_text(&params);
	return (NULL);
}

/* Members of what is said over those that are kept; null takes one away.  An empty object says nothing. */
static struct error *
read_info(struct doc *d, struct admin_call *c)
{
	const struct json *said = json_get(c->body, "credential_info");
	struct doc info;

	if (said == NULL || said->type == JSON_NULL)
		return (NULL);
	if (said->type != JSON_OBJECT)
		return (admin_invalid(c, "credential_info", "credential_info must be an object."));
	doc_inner(&info, d, "credential_info");
	for (const struct json *m = said->first; m != NULL; m = m->next)
		doc_set(&info, json_unescape(c->arena, m->name), m->type == JSON_NULL ? TEXT("") : m->raw);
	doc_set(d, TEXT("credential_info"), doc_text(&info));
	return (NULL);
}

static struct error *
drop_values(struct doc *d, struct admin_call *c)
{
	struct text *names;
	struct doc values;
	unsigned n;

	TRY(body_texts(&names, &n, c, c->body, "credential_values_to_delete"));
	doc_inner(&values, d, "credential_values");
	for (unsigned i = 0; i < n; i++)
		doc_set(&values, names[i], TEXT(""));
	if (n > 0)
		doc_set(d, TEXT("credential_values"), doc_text(&values));
	return (NULL);
}

static struct error *
read_values(struct thing *t, struct admin_call *c)
{
	struct text model_id, values, shown;

	TRY(body_text(&model_id, c, c->body, "model_id"));
	TRY(model_secrets(&t->doc, c, "credential_values", json_get(c->body, "credential_values")));
	if (json_get(c->body, "credential_values") == NULL && model_id.len > 0) {
		TRY(values_of_model(&values, c, model_id));
		doc_set(&t->doc, TEXT("credential_values"), values);
	}
	TRY(drop_values(&t->doc, c));
	TRY(body_text(&shown, c, c->body, "display_name"));
	if (json_get(c->body, "display_name") != NULL)
		doc_set_string(&t->doc, "display_name", shown);
	return (read_info(&t->doc, c));
}

struct error *
credential_new(struct admin_call *c)
{
	struct text name;
	struct thing t;

	TRY(body_id(&name, c, c->body, "credential_name"));
	TRY(thing_must_not_be(c, "credential", name, "credential_name"));
	thing_new(&t, c, "credential", name);
	if (!body_has(c->body, "credential_values") && !body_has(c->body, "model_id"))
		return (admin_bad(c, "credential_values", "Either credential_values or model_id must be given."));
	TRY(read_values(&t, c));
	TRY(keep(c, &t, TEXT(""), "created"));
	return (say(c, "Credential created successfully"));
}

static struct error *
must_be(struct thing *t, struct admin_call *c, struct text name)
{
	bool there;

	TRY(thing_find(t, &there, c, "credential", name));
	return (there ? NULL : admin_missing(c, "credential_name", "Credential not found. Got credential name: " TEXT_FMT,
	    TEXT_ARG(text_whole(text_sub(name, 0, 200)))));
}

struct error *
credential_update(struct admin_call *c)
{
	struct text name, before;
	struct thing t;

	TRY(must_be(&t, c, c->id[0]));
	TRY(body_text(&name, c, c->body, "credential_name"));
	if (name.len > 0 && !text_eq(name, t.id))
		return (admin_bad(c, "credential_name", "A credential can not be renamed: models call it by its name."));
	TRY(thing_text(&before, c, &t, put_row));
	TRY(read_values(&t, c));
	TRY(keep(c, &t, before, "updated"));
	return (say(c, "Credential updated successfully"));
}

struct error *
credential_delete(struct admin_call *c)
{
	struct text before;
	struct thing t;

	TRY(must_be(&t, c, c->id[0]));
	TRY(thing_text(&before, c, &t, put_row));
	TRY(thing_delete(c, &t));
	TRY(models_changed(c));
	TRY(audit(c, "deleted", "credential", t.id, TEXT(""), before, TEXT("")));
	return (say(c, "Credential deleted successfully"));
}

struct error *
credential_list(struct admin_call *c)
{
	struct json_out o = { .to = &c->out };
	struct thing *list;
	unsigned n;

	TRY(things_list(&list, &n, c, "credential", TEXT("")));
	json_open(&o, '{');
	json_name(&o, "success");
	json_bool(&o, true);
	json_name(&o, "credentials");
	TRY(things_put(&o, c, list, n, put_row));
	json_close(&o, '}');
	return (NULL);
}

struct error *
credential_by_name(struct admin_call *c)
{
	struct json_out o = { .to = &c->out };
	struct thing t;

	TRY(must_be(&t, c, c->id[0]));
	return (thing_put(&o, c, &t, put_row));
}

/* What a model of the store would give as a credential. */
struct error *
credential_by_model(struct admin_call *c)
{
	struct json_out o = { .to = &c->out };
	struct text values;
	struct thing t;

	TRY(values_of_model(&values, c, c->id[0]));
	thing_new(&t, c, "credential", arena_print(c->arena, TEXT_FMT "-credential", TEXT_ARG(c->id[0])));
	doc_set(&t.doc, TEXT("credential_values"), values);
	return (thing_put(&o, c, &t, put_row));
}
