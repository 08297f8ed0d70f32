/* SPDX-License-Identifier: Apache-2.0 */
/*
 * SCIM's users: ours, as identity providers see them.
 *
 * userName is looked for as the id of a user, as its e-mail address, and as the name that SCIM gave it, which is a thing of kind "scim_name" so that no
 * two users have one.  `active: false` is metadata.scim_active, and stops all keys of the user (access/admit.c).
 */
#include "admin/nouns.h"
#include "admin/scim.h"
#include "admin/things.h"
#include "admin/users.h"

#define PATH		"/scim/v2/Users"
#define NAME_KIND	"scim_name"

/* showing */

/* The address that counts is the user's; what else SCIM said of addresses stays as long as that is among them. */
static void
put_emails(struct doc *r, struct text email)
{
	struct scim_items items;
	struct quoted q = json_escape(r->arena, email);

	scim_items_read(&items, r->arena, scim_get(r, "emails"));
	for (unsigned i = 0; i < items.n; i++)
		if (text_eq_nocase(scim_value_of(r->arena, items.list[i]), email))
			return;
	doc_set(r, TEXT("emails"), email.len == 0 ? TEXT("") :
	    arena_print(r->arena, "[{\"value\":\"%.*s\",\"type\":\"work\",\"primary\":true}]", (int)q.len, q.at));
}

static struct error *
put_groups(struct doc *r, struct admin_call *c, struct text user_id)
{
	struct buf b = { 0 };
	struct json_out o = { .to = &b };
	struct rows rows;

	TRY(ASK(c, &rows, SQL_SCIM_GROUPS_OF_USER, V_TEXT(user_id)));
	json_open(&o, '[');
	for (unsigned i = 0; i < rows.n; i++) {
		json_open(&o, '{');
		json_pair(&o, "value", rows_text(&rows, i, 0));
		json_pair(&o, "display", rows_text(&rows, i, 1));
		json_pair(&o, "$ref", arena_print(c->arena, "/scim/v2/Groups/" TEXT_FMT, TEXT_ARG(arena_percent_encode(c->arena, rows_text(&rows, i, 0)))));
		json_close(&o, '}');
	}
	json_close(&o, ']');
	doc_set(r, TEXT("groups"), arena_copy(c->arena, buf_as_text(&b)));
	buf_free(&b);
	return (NULL);
}

static struct text
user_name(const struct user *u, const struct doc *kept)
{
	struct text name = scim_string(kept, "userName"), email = doc_string(&u->doc, "user_email");

	return (name.len > 0 ? name : email.len > 0 ? email : u->id);
}

/* LiteLLM keeps two names only, and these without a `name` around them. */
static void
name_of_litellm(struct doc *kept)
{
	static const char *const parts[] = { "givenName", "familyName" };
	struct doc name;

	doc_inner(&name, kept, "name");
	for (size_t i = 0; i < nitems(parts); i++) {
		if (doc_raw(kept, parts[i]).len > 0 && doc_raw(&name, parts[i]).len == 0)
			doc_set(&name, text_of(parts[i]), doc_raw(kept, parts[i]));
		doc_set(kept, text_of(parts[i]), TEXT(""));
	}
	if (name.n > 0)
		doc_set(kept, TEXT("name"), doc_text(&name));
}

static struct error *
resource_of(struct doc *r, struct admin_call *c, const struct user *u)
{
	struct doc metadata, kept;

	doc_inner(&metadata, &u->doc, "metadata");
	doc_inner(&kept, &metadata, "scim_metadata");
	name_of_litellm(&kept);
	doc_read(r, c->arena, TEXT("{\"schemas\":[\"" SCIM_USER "\"]}"));
	for (unsigned i = 0; i < kept.n; i++)
		doc_set(r, kept.members[i].name, kept.members[i].raw);
	doc_set_string(r, "id", u->id);
	doc_set_string(r, "externalId", doc_string(&u->doc, "sso_user_id"));
	doc_set_string(r, "userName", user_name(u, &kept));
	doc_set_string(r, "displayName", doc_string(&u->doc, "user_alias"));
	doc_set(r, TEXT("active"), text_is(doc_raw(&metadata, "scim_active"), "false") ? TEXT("false") : TEXT("true"));
	put_emails(r, doc_string(&u->doc, "user_email"));
	TRY(put_groups(r, c, u->id));
	scim_meta(r, "User", PATH, u->id, u->created_at, u->updated_at);
	return (NULL);
}

/* putting back */

/* The primary address, else the first; without any a name that looks like one. */
static struct text
email_of(const struct doc *r)
{
	struct text first = TEXT(""), name = scim_string(r, "userName");
	struct scim_items items;

	scim_items_read(&items, r->arena, scim_get(r, "emails"));
	for (unsigned i = 0; i < items.n; i++) {
		struct text value = scim_value_of(r->arena, items.list[i]);
		bool primary = false;
		struct doc one;

		doc_read(&one, r->arena, items.list[i]);
		if (value.len > 0 && scim_bool(&primary, scim_get(&one, "primary")) && primary)
			return (value);
		if (first.len == 0)
			first = value;
	}
	return (first.len > 0 ? first : memchr(name.at, '@', name.len) != NULL ? name : TEXT(""));
}

/* What is kept as it is: all but what we say ourselves, what stands elsewhere, and a password, which nothing here takes. */
static struct text
rest_of(const struct doc *r)
{
	static const char *const ours[] = { "schemas", "id", "meta", "groups", "active", "externalId", "displayName", "password" };
	struct doc kept;

	doc_read(&kept, r->arena, doc_text(r));
	for (size_t i = 0; i < nitems(ours); i++)
		scim_set(&kept, text_of(ours[i]), TEXT(""));
	for (unsigned i = kept.n; i-- > 0;)
		if (text_is(kept.members[i].raw, "null"))
			doc_set(&kept, kept.members[i].name, TEXT(""));
	return (doc_text(&kept));
}

static struct error *
read_active(bool *active, struct admin_call *c, const struct doc *r, bool otherwise)
{
	struct text raw = scim_get(r, "active");

	*active = otherwise;
	if (raw.len == 0 || scim_bool(active, raw))
		return (NULL);
	return (scim_bad(c, "invalidValue", "active must be true or false."));
}

/* Through the table of fields, which knows what a field may hold. */
static struct error *
put_fields(struct user *u, struct admin_call *c, const struct doc *r)
{
	struct text external = scim_string(r, "externalId"), display = scim_string(r, "displayName"), email = email_of(r);
	struct json_fault fault;
	struct doc body;
	bool active;

	TRY(read_active(&active, c, r, true));
	doc_read(&body, c->arena, TEXT("{\"user_email\":null,\"user_alias\":null,\"sso_user_id\":null}"));
	if (email.len > 0)
		doc_set_string(&body, "user_email", email);
	if (display.len > 0)
		doc_set_string(&body, "user_alias", display);
	if (external.len > 0)
		doc_set_string(&body, "sso_user_id", external);
	doc_set(&body, TEXT("scim_metadata"), rest_of(r));
	doc_set(&body, TEXT("scim_active"), active ? TEXT("true") : TEXT("false"));
	return (fields_read(&u->doc, c, &user_noun, json_parse(c->arena, doc_text(&body), &fault)));
}

/* No two users have a name, an address or a sign-in. */
static struct error *
check_names(struct admin_call *c, const struct user *u, struct text name)
{
	struct text email = doc_string(&u->doc, "user_email"), sso = doc_string(&u->doc, "sso_user_id"), other;
	struct rows rows = { 0 };

	TRY(ASK(c, &rows, SQL_SCIM_NAME_FIND, V_TEXT(scim_lower(c->arena, name))));
	if (rows.n > 0 && !text_eq(rows_text(&rows, 0, 0), u->id))
		return (scim_taken(c, "userName", name));
	TRY(user_by_email(&other, c, email));
	if (other.len > 0 && !text_eq(other, u->id))
		return (scim_taken(c, "The email", email));
	rows = (struct rows){ 0 };
	if (sso.len > 0)
		TRY(ASK(c, &rows, SQL_USER_BY_SSO, V_TEXT(sso)));
	if (rows.n > 0 && !text_eq(rows_text(&rows, 0, 0), u->id))
		return (scim_taken(c, "externalId", sso));
	return (NULL);
}

static struct error *
keep_name(struct admin_call *c, const struct user *u, struct text name)
{
	struct thing t;

	TRY(ASK(c, NULL, SQL_SCIM_NAMES_DELETE, V_TEXT(u->id)));
	thing_new(&t, c, NAME_KIND, scim_lower(c->arena, name));
	t.parent = u->id;
	return (thing_write(c, &t));
}

static struct error *
put_back(struct user *u, struct admin_call *c, const struct doc *r, struct text before)
{
	struct text name = text_trim(scim_string(r, "userName")), after;

	if (name.len == 0 || name.len > 255)
		return (scim_bad(c, "invalidValue", "userName is required, of at most 255 bytes."));
	TRY(put_fields(u, c, r));
	TRY(check_names(c, u, name));
	u->updated_at = c->now_ms;
	TRY(user_write(c, u));
	TRY(keep_name(c, u, name));
	TRY(spent_read(&u->spent, c, SCOPE_USER, u->id));
	TRY(user_text(&after, c, u));
	return (audit(c, before.len > 0 ? "updated" : "created", "user", u->id, TEXT(""), before, after));
}

static struct error *
say(struct admin_call *c, const struct user *u, int status)
{
	struct doc r;

	TRY(resource_of(&r, c, u));
	return (scim_answer(c, &r, status));
}

static struct error *
must_be(struct user *u, struct admin_call *c)
{
	bool there;

	TRY(user_find(u, &there, c, c->id[0]));
	return (there ? NULL : scim_missing(c, "User", c->id[0]));
}

/* the calls */

/* The id is the userName, as LiteLLM has it, so that who signs in by that name is this user; if that is too long or has been somebody's, one is made. */
struct error *
scim_user_new(struct admin_call *c)
{
	struct user u = { .created_at = c->now_ms, .updated_at = c->now_ms };
	struct doc r;
	bool there;

	doc_read(&r, c->arena, c->body->raw);
	u.id = text_trim(scim_string(&r, "userName"));
	TRY(user_find(&(struct user){ 0 }, &there, c, u.id));
	if (there)
		return (scim_taken(c, "userName", u.id));
	TRY(user_fresh(&u, c));
	TRY(put_back(&u, c, &r, TEXT("")));
	return (say(c, &u, 201));
}

struct error *
scim_user_get(struct admin_call *c)
{
	struct user u;

	TRY(must_be(&u, c));
	return (say(c, &u, 200));
}

/* What a PUT leaves out is cleared; but whoever says nothing of `active` changes nothing of it. */
struct error *
scim_user_put(struct admin_call *c)
{
	struct text before;
	struct doc r, old;
	struct user u;

	TRY(must_be(&u, c));
	TRY(user_text(&before, c, &u));
	TRY(resource_of(&old, c, &u));
	doc_read(&r, c->arena, c->body->raw);
	if (scim_get(&r, "active").len == 0)
		scim_set(&r, TEXT("active"), doc_raw(&old, "active"));
	TRY(put_back(&u, c, &r, before));
	return (say(c, &u, 200));
}

struct error *
scim_user_patch(struct admin_call *c)
{
	struct text before;
	struct user u;
	struct doc r;

	TRY(must_be(&u, c));
	TRY(user_text(&before, c, &u));
	TRY(resource_of(&r, c, &u));
	TRY(scim_patch(&r, c, c->body));
	TRY(put_back(&u, c, &r, before));
	return (say(c, &u, 200));
}

struct error *
scim_user_delete(struct admin_call *c)
{
	struct user u;

	TRY(must_be(&u, c));
	TRY(user_remove(c, &u));
	c->status = 204;
	return (NULL);
}

/* the list */

/* The rows that may fit a filter: by the first of its terms that the store can look for. */
static struct error *
candidates(struct rows *rows, bool *sought, struct admin_call *c, const struct scim_node *f)
{
	struct text name = scim_term_of(f, "userName"), email = scim_term_of(f, "emails"), id = scim_term_of(f, "id"), external = scim_term_of(f, "externalId"),
	    display = scim_term_of(f, "displayName");
	struct quoted q = json_escape(c->arena, display);

	*sought = id.len + external.len + name.len + email.len + display.len > 0;
	if (id.len + external.len > 0)
		return (ASK(c, rows, SQL_SCIM_USERS_KNOWN, V_TEXT_OR_NULL(id), V_TEXT_OR_NULL(external)));
	if (name.len == 0)
		name = email;
	if (name.len > 0)
		return (ASK(c, rows, SQL_SCIM_USERS_NAMED, V_TEXT(scim_lower(c->arena, name)), V_TEXT(name)));
	if (display.len > 0)
		return (ASK(c, rows, SQL_SCIM_USERS_SHOWN, V_TEXT(like_within(c->arena, scim_lower(c->arena, (struct text){ q.at, q.len }))),
		    V_INT(SCIM_RESULTS_MOST)));
	return (NULL);
}

static struct error *
row_resource(struct doc *r, struct admin_call *c, const struct rows *rows, unsigned row)
{
	struct user u;

	TRY(user_of_row(&u, c, rows, row));
	return (resource_of(r, c, &u));
}

struct error *
scim_user_list(struct admin_call *c)
{
	static const struct scim_kind users = { candidates, row_resource, SQL_SCIM_USERS, SQL_USER_COUNT };

	return (scim_list(c, &users));
}
