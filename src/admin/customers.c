/* SPDX-License-Identifier: Apache-2.0 */
/* Customers: the end users of those who call, under LiteLLM's two names for their paths. */
#include "admin/things.h"

#include "admin/nouns.h"

static const char *const regions[] = { "eu", "us", NULL };

static const struct field customer_fields[] = {
	{ "alias", FIELD_TEXT, 0, NULL, NULL, 0 },
	{ "blocked", FIELD_BOOL, 0, "false", NULL, 0 },
	{ "allowed_model_region", FIELD_TEXT, 0, NULL, regions, 0 },
	{ "default_model", FIELD_TEXT, 0, NULL, NULL, 0 },
	{ "object_permission", FIELD_OBJECT, 0, NULL, NULL, 0 },
	{ "object_permission_id", FIELD_TEXT, 0, NULL, NULL, 255 },
	{ "metadata", FIELD_OBJECT, 0, NULL, NULL, 0 },
	{ NULL, FIELD_ANY, 0, NULL, NULL, 0 },
};
static const struct noun customer_noun = { "customer", customer_fields };

static struct error *
put_row(struct json_out *o, struct admin_call *c, const struct thing *t)
{
	put_string(o, "user_id", t->id);
	fields_put(o, &customer_noun, &t->doc);
	put_spent(o, &t->spent);
	put_string(o, "budget_id", t->parent);
	put_moment(o, "created_at", t->created_at);
	put_moment(o, "updated_at", t->updated_at);
	return (put_tier(o, c, t->parent));
}

static const struct spender spender = { "customer", SCOPE_CUSTOMER, KNOWN_CUSTOMER, put_row, NULL };

static struct error *
keep(struct admin_call *c, struct thing *t, struct text before, const char *action)
{
	return (spender_keep(&spender, c, t, t->parent, TEXT(""), before, action));
}

static struct error *
read_spend(struct admin_call *c, const struct thing *t)
{
	int64_t nano;

	TRY(body_money(&nano, c, c->body, "spend"));
	if (nano == NO_LIMIT)
		return (NULL);
	TRY(accounts_of(c, SCOPE_CUSTOMER, t->id, &t->doc, t->parent));
	return (spent_set(c, SCOPE_CUSTOMER, t->id, nano));
}

static struct error *
one_budget(struct admin_call *c)
{
	if (body_has(c->body, "max_budget") && body_has(c->body, "budget_id"))
		return (admin_bad(c, "budget_id", "Set either budget_id or max_budget, not both."));
	return (NULL);
}

struct error *
customer_new(struct admin_call *c)
{
	struct json_out o = { .to = &c->out };
	struct thing t;
	struct text id;

	TRY(body_id(&id, c, c->body, "user_id"));
	TRY(one_budget(c));
	TRY(thing_must_not_be(c, "customer", id, "user_id"));
	thing_new(&t, c, "customer", id);
	TRY(fields_read(&t.doc, c, &customer_noun, c->body));
	TRY(tier_patch(&t.parent, c, "customer", id, c->body));
	TRY(read_spend(c, &t));
	TRY(keep(c, &t, TEXT(""), "created"));
	return (thing_put(&o, c, &t, put_row));
}

struct error *
customer_update(struct admin_call *c)
{
	struct json_out o = { .to = &c->out };
	struct text id, before;
	struct thing t;

	TRY(body_id(&id, c, c->body, "user_id"));
	TRY(one_budget(c));
	TRY(thing_must_be(&t, c, "customer", id, "user_id"));
	TRY(thing_text(&before, c, &t, put_row));
	TRY(fields_read(&t.doc, c, &customer_noun, c->body));
	TRY(tier_patch(&t.parent, c, "customer", id, c->body));
	TRY(read_spend(c, &t));
	TRY(keep(c, &t, before, "updated"));
	return (thing_put(&o, c, &t, put_row));
}

struct error *
customer_info(struct admin_call *c)
{
	struct text id = query_text(c, "end_user_id");
	struct json_out o = { .to = &c->out };
	struct thing t;

	TRY(thing_must_be(&t, c, "customer", id, "end_user_id"));
	return (thing_put(&o, c, &t, put_row));
}

struct error *
customer_list(struct admin_call *c)
{
	struct json_out o = { .to = &c->out };
	struct thing *list;
	unsigned n;

	TRY(things_list(&list, &n, c, "customer", TEXT("")));
	return (things_put(&o, c, list, n, put_row));
}

/* The ids of a body, at least one. */
static struct error *
ids_of(struct text **ids, unsigned *n, struct admin_call *c)
{
	TRY(body_texts(ids, n, c, c->body, "user_ids"));
	return (*n > 0 ? NULL : admin_invalid(c, "user_ids", "user_ids is required: a list of ids."));
}

struct error *
customer_delete(struct admin_call *c)
{
	struct json_out o = { .to = &c->out };
	struct text *ids;
	struct thing t;
	unsigned n;

	TRY(ids_of(&ids, &n, c));
	for (unsigned i = 0; i < n; i++) {
		TRY(thing_must_be(&t, c, "customer", ids[i], "user_id"));
		TRY(spender_remove(&spender, c, &t, t.parent, TEXT("")));
	}
	json_open(&o, '{');
	json_name(&o, "deleted_customers");
	json_int(&o, n);
	put_string(&o, "message", arena_print(c->arena, "Successfully deleted customers with ids: %u", n));
	json_close(&o, '}');
	return (NULL);
}

/* Blocking makes those that are not known yet: nobody gets in before it is. */
static struct error *
block(struct admin_call *c, bool blocked, const char *shown)
{
	struct json_out o = { .to = &c->out };
	struct text *ids, before;
	struct thing t;
	unsigned n;
	bool there;

	TRY(ids_of(&ids, &n, c));
	json_open(&o, '{');
	json_name(&o, shown);
	json_open(&o, '[');
	for (unsigned i = 0; i < n; i++) {
		before = TEXT("");
		TRY(thing_find(&t, &there, c, "customer", ids[i]));
		if (!there && !blocked)
			return (admin_missing(c, "user_ids", "The customer '" TEXT_FMT "' was not found.", TEXT_ARG(text_whole(text_sub(ids[i], 0, 200)))));
		if (there)
			TRY(thing_text(&before, c, &t, put_row));
		else
			thing_new(&t, c, "customer", ids[i]);
		doc_set(&t.doc, TEXT("blocked"), blocked ? TEXT("true") : TEXT("false"));
		TRY(keep(c, &t, before, blocked ? "blocked" : "unblocked"));
		TRY(thing_put(&o, c, &t, put_row));
	}
	json_close(&o, ']');
	json_close(&o, '}');
	return (NULL);
}

struct error *
customer_block(struct admin_call *c)
{
	return (block(c, true, "blocked_users"));
}

struct error *
customer_unblock(struct admin_call *c)
{
	return (block(c, false, "unblocked_users"));
}
