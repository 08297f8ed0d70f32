/* SPDX-License-Identifier: Apache-2.0 */
/* Tags: what requests are marked with; their models, their limits, what they spent. */
#include "admin/things.h"

#include "admin/nouns.h"

static const struct field tag_fields[] = {
	{ "description", FIELD_TEXT, 0, NULL, NULL, 4096 },
	{ "models", FIELD_TEXTS, 0, "[]", NULL, 0 },
	{ "model_info", FIELD_OBJECT, 0, NULL, NULL, 0 },
	{ NULL, FIELD_ANY, 0, NULL, NULL, 0 },
};
static const struct noun tag_noun = { "tag", tag_fields };

static struct error *
put_row(struct json_out *o, struct admin_call *c, const struct thing *t)
{
	put_string(o, "name", t->id);
	fields_put(o, &tag_noun, &t->doc);
	put_spent(o, &t->spent);
	put_string(o, "budget_id", t->parent);
	put_made(o, &t->doc, t->created_at, t->updated_at);
	return (put_tier(o, c, t->parent));
}

static const struct spender spender = { "tag", SCOPE_TAG, KNOWN_TAG, put_row, NULL };

static struct error *
keep(struct admin_call *c, struct thing *t, struct text before, const char *action)
{
	return (spender_keep(&spender, c, t, t->parent, TEXT(""), before, action));
}

static struct error *
say(struct admin_call *c, const struct thing *t, const char *done)
{
	struct json_out o = { .to = &c->out };

	json_open(&o, '{');
	put_string(&o, "message", arena_print(c->arena, "Tag " TEXT_FMT " %s successfully", TEXT_ARG(t->id), done));
	json_name(&o, "tag");
	TRY(thing_put(&o, c, t, put_row));
	json_close(&o, '}');
	return (NULL);
}

struct error *
tag_new(struct admin_call *c)
{
	struct thing t;
	struct text name;

	TRY(body_id(&name, c, c->body, "name"));
	TRY(thing_must_not_be(c, "tag", name, "name"));
	thing_new(&t, c, "tag", name);
	TRY(fields_read(&t.doc, c, &tag_noun, c->body));
	TRY(tier_patch(&t.parent, c, "tag", name, c->body));
	TRY(keep(c, &t, TEXT(""), "created"));
	return (say(c, &t, "created"));
}

struct error *
tag_update(struct admin_call *c)
{
	struct text name, before;
	struct thing t;

	TRY(body_id(&name, c, c->body, "name"));
	TRY(thing_must_be(&t, c, "tag", name, "name"));
	TRY(thing_text(&before, c, &t, put_row));
	TRY(fields_read(&t.doc, c, &tag_noun, c->body));
	TRY(tier_patch(&t.parent, c, "tag", name, c->body));
	TRY(keep(c, &t, before, "updated"));
	return (say(c, &t, "updated"));
}

/* {name: row} of those that are there; none of them is 404. */
struct error *
tag_info(struct admin_call *c)
{
	struct json_out o = { .to = &c->out };
	struct text *names;
	unsigned n, found = 0;

	TRY(body_texts(&names, &n, c, c->body, "names"));
	if (n == 0)
		return (admin_invalid(c, "names", "names is required: a list of tags."));
	json_open(&o, '{');
	for (unsigned i = 0; i < n; i++) {
		struct thing t;
		bool there;

		TRY(thing_find(&t, &there, c, "tag", names[i]));
		if (!there)
			continue;
		found++;
		json_name_quoted(&o, json_escape(c->arena, t.id));
		TRY(thing_put(&o, c, &t, put_row));
	}
	json_close(&o, '}');
	return (found > 0 ? NULL : admin_missing(c, "names", "None of these tags was found: they are not found in db."));
}

struct error *
tag_list(struct admin_call *c)
{
	struct json_out o = { .to = &c->out };
	struct thing *list;
	unsigned n;

	TRY(things_list(&list, &n, c, "tag", TEXT("")));
	return (things_put(&o, c, list, n, put_row));
}

struct error *
tag_delete(struct admin_call *c)
{
	struct json_out o = { .to = &c->out };
	struct text name;
	struct thing t;

	TRY(body_id(&name, c, c->body, "name"));
	TRY(thing_must_be(&t, c, "tag", name, "name"));
	TRY(spender_remove(&spender, c, &t, t.parent, TEXT("")));
	json_open(&o, '{');
	put_string(&o, "message", arena_print(c->arena, "Tag " TEXT_FMT " deleted successfully", TEXT_ARG(name)));
	json_close(&o, '}');
	return (NULL);
}
