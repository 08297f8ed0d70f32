/* SPDX-License-Identifier: Apache-2.0 */
/*
 * /invitation/…, /onboarding/…: a link for a user who has neither key nor sign-in yet.
 *
 * An invitation is a thing of kind "invitation" whose parent is the user.  Its token is told once; beside it stands, as "invitation_token", only its
 * digest.  It is good for seven days and once: whoever is signed in at the web server then becomes the user that was invited, and others get the user's
 * first key.
 */
#include "admin/key_policy.h"
#include "admin/keys.h"
#include "admin/nouns.h"
#include "admin/roles.h"
#include "admin/things.h"
#include "admin/users.h"

#include "base/clock.h"
#include "base/digest.h"

#define KIND		"invitation"
#define TOKEN_KIND	"invitation_token"
#define LIFE_MS		(7 * INT64_C(86400000))
#define TOKEN_BYTES	32

/* showing */

static struct error *
put_row(struct json_out *o, struct admin_call *c, const struct thing *t)
{
	(void)c;
	put_string(o, "id", t->id);
	put_string(o, "user_id", t->parent);
	json_name(o, "is_accepted");
	json_bool(o, doc_int(&t->doc, "accepted_at", 0) > 0);
	put_moment(o, "accepted_at", doc_int(&t->doc, "accepted_at", 0));
	put_moment(o, "expires_at", doc_int(&t->doc, "expires_at", 0));
	put_made(o, &t->doc, t->created_at, t->updated_at);
	return (NULL);
}

static struct error *
note_it(struct admin_call *c, const char *action, const struct thing *t)
{
	struct text row;

	TRY(thing_text(&row, c, t, put_row));
	return (audit(c, action, KIND, t->id, TEXT(""), strcmp(action, "deleted") == 0 ? row : TEXT(""), strcmp(action, "deleted") == 0 ? TEXT("") : row));
}

static struct error *
say(struct admin_call *c, const struct thing *t, struct text token)
{
	struct json_out o = { .to = &c->out };

	json_open(&o, '{');
	TRY(put_row(&o, c, t));
	if (token.len > 0) {
		put_string(&o, "token", token);
		put_string(&o, "invitation_link", arena_print(c->arena, "/onboarding/get_token?invite_link=" TEXT_FMT, TEXT_ARG(token)));
	}
	json_close(&o, '}');
	return (NULL);
}

/* making and keeping */

static struct text
new_token(struct arena *arena)
{
	unsigned char bytes[TOKEN_BYTES];
	char hex[2 * TOKEN_BYTES];

	random_bytes(bytes, sizeof(bytes));
	hex_print(hex, bytes, sizeof(bytes));
	return (arena_print(arena, "inv-%.*s", (int)sizeof(hex), hex));
}

static struct error *
must_be_user(struct user *u, struct admin_call *c, struct text id)
{
	bool there;

	TRY(user_find(u, &there, c, id));
	return (there ? NULL : admin_missing(c, "user_id", "User not found: user_id=" TEXT_FMT ".", TEXT_ARG(text_whole(text_sub(id, 0, 200)))));
}

/* An invitation is as good as the user's key: who may invite may change the user, and makes no administrators. */
static struct error *
may_invite(struct admin_call *c, const struct user *u)
{
	TRY(may_user(c, DEED_CHANGE, u->id));
	if (!is_admin(c) && text_starts(doc_string(&u->doc, "user_role"), TEXT("proxy_admin")))
		return (admin_forbidden(c, "Only proxy admins may invite proxy admins."));
	return (NULL);
}

struct error *
invitation_new(struct admin_call *c)
{
	struct text id, token = new_token(c->arena);
	struct thing t, secret;
	struct user u;

	TRY(body_id(&id, c, c->body, "user_id"));
	TRY(must_be_user(&u, c, id));
	TRY(may_invite(c, &u));
	thing_new(&t, c, KIND, new_uuid(c));
	t.parent = u.id;
	doc_set_int(&t.doc, "expires_at", c->now_ms + LIFE_MS);
	TRY(thing_write(c, &t));
	thing_new(&secret, c, TOKEN_KIND, sha256_hex(c->arena, token));
	secret.parent = t.id;
	TRY(thing_write(c, &secret));
	TRY(note_it(c, "created", &t));
	return (say(c, &t, token));
}

static struct error *
must_be(struct thing *t, struct admin_call *c, struct text id)
{
	struct user u;
	bool there;

	TRY(thing_find(t, &there, c, KIND, id));
	if (!there)
		return (admin_missing(c, "invitation_id", "Invitation not found."));
	TRY(must_be_user(&u, c, t->parent));
	return (may_invite(c, &u));
}

static struct error *
named(struct thing *t, struct admin_call *c)
{
	struct text id;

	TRY(body_id(&id, c, c->body, "invitation_id"));
	return (must_be(t, c, id));
}

struct error *
invitation_info(struct admin_call *c)
{
	struct thing t;

	TRY(must_be(&t, c, query_text(c, "invitation_id")));
	return (say(c, &t, TEXT("")));
}

/* What was accepted stays so: is_accepted true ends an invitation, and nothing brings one back. */
struct error *
invitation_update(struct admin_call *c)
{
	struct thing t;
	bool accepted, is;

	TRY(named(&t, c));
	is = doc_int(&t.doc, "accepted_at", 0) > 0;
	TRY(body_bool(&accepted, c, c->body, "is_accepted", is));
	if (is && !accepted)
		return (admin_bad(c, "is_accepted", "This invitation has been used; make a new one."));
	if (accepted && !is) {
		doc_set_int(&t.doc, "accepted_at", c->now_ms);
		TRY(ASK(c, NULL, SQL_INVITATION_TOKEN_DELETE, V_TEXT(t.id)));
		TRY(thing_write(c, &t));
		TRY(note_it(c, "updated", &t));
	}
	return (say(c, &t, TEXT("")));
}

struct error *
invitation_delete(struct admin_call *c)
{
	struct thing t;

	TRY(named(&t, c));
	TRY(ASK(c, NULL, SQL_INVITATION_TOKEN_DELETE, V_TEXT(t.id)));
	TRY(thing_delete(c, &t));
	TRY(note_it(c, "deleted", &t));
	return (say(c, &t, TEXT("")));
}

/* whoever has the link */

/* One answer to all that is wrong with a link: nobody learns which were good once. */
static struct error *
find_link(struct thing *t, struct user *u, struct admin_call *c, struct text token)
{
	struct error *wrong = admin_missing(c, "invitation_link", "This invitation is not known, has been used, or has run out.");
	struct rows rows = { 0 };
	bool there;

	if (token.len != 4 + 2 * TOKEN_BYTES || !text_starts(token, TEXT("inv-")))
		return (wrong);
	TRY(ASK(c, &rows, SQL_INVITATION_TOKEN_FIND, V_TEXT(sha256_hex(c->arena, token))));
	if (rows.n == 0)
		return (wrong);
	TRY(thing_find(t, &there, c, KIND, rows_text(&rows, 0, 0)));
	if (!there || doc_int(&t->doc, "accepted_at", 0) > 0 || doc_int(&t->doc, "expires_at", 0) <= c->now_ms)
		return (wrong);
	TRY(user_find(u, &there, c, t->parent));
	return (there ? NULL : wrong);
}

struct error *
onboarding_get(struct admin_call *c)
{
	struct json_out o = { .to = &c->out };
	struct thing t;
	struct user u;

	TRY(find_link(&t, &u, c, query_text(c, "invite_link")));
	json_open(&o, '{');
	put_string(&o, "login_url", TEXT("/sign-in"));
	put_raw(&o, "token", TEXT(""), "null");
	put_string(&o, "user_id", u.id);
	put_string(&o, "user_email", doc_string(&u.doc, "user_email"));
	put_moment(&o, "expires_at", doc_int(&t.doc, "expires_at", 0));
	put_string(&o, "signed_in_as", c->person);
	json_close(&o, '}');
	return (NULL);
}

/* Whoever is signed in is that user from now on. */
static struct error *
bind(struct admin_call *c, struct user *u)
{
	struct text before, after;
	struct rows rows;

	TRY(ASK(c, &rows, SQL_ACCESS_PERSON, V_TEXT(c->person)));
	if (rows.n > 0 && !text_eq(rows_text(&rows, 0, 0), u->id))
		return (admin_bad(c, "user_id", "Who is signed in is another user here already."));
	TRY(user_text(&before, c, u));
	doc_set_string(&u->doc, "sso_user_id", c->person);
	u->updated_at = c->now_ms;
	TRY(user_write(c, u));
	TRY(user_text(&after, c, u));
	return (audit(c, "updated", "user", u->id, TEXT(""), before, after));
}

static struct error *
first_key(struct json_out *o, struct admin_call *c, const struct user *u)
{
	const struct json *body;
	struct json_fault fault;
	struct text text;
	struct key k;
	struct doc d;

	doc_read(&d, c->arena, TEXT(""));
	doc_set_string(&d, "user_id", u->id);
	TRY(key_policy(&body, c, json_parse(c->arena, doc_text(&d), &fault), true));
	TRY(key_make(&k, &text, c, body, u->id));
	put_string(o, "key", text);
	put_string(o, "token", k.digest);
	put_moment(o, "expires", k.expires);
	return (NULL);
}

struct error *
onboarding_claim(struct admin_call *c)
{
	struct json_out o = { .to = &c->out };
	struct text token, user_id;
	struct thing t;
	struct user u;

	TRY(body_text(&token, c, c->body, "invitation_link"));
	TRY(find_link(&t, &u, c, token));
	TRY(body_text(&user_id, c, c->body, "user_id"));
	if (user_id.len > 0 && !text_eq(user_id, u.id))
		return (admin_bad(c, "user_id", "The invitation is another user's."));
	if (body_has(c->body, "password"))
		return (admin_bad(c, "password", "Passwords are not kept here: send the link without one for a key, or sign in first to use your sign-in."));
	c->changed_by = u.id;
	json_open(&o, '{');
	put_string(&o, "user_id", u.id);
	put_string(&o, "user_email", doc_string(&u.doc, "user_email"));
	put_string(&o, "signed_in_as", c->person);
	if (c->person.len > 0)
		TRY(bind(c, &u));
	else
		TRY(first_key(&o, c, &u));
	json_close(&o, '}');
	doc_set_int(&t.doc, "accepted_at", c->now_ms);
	TRY(ASK(c, NULL, SQL_INVITATION_TOKEN_DELETE, V_TEXT(t.id)));
	TRY(thing_write(c, &t));
	return (note_it(c, "claimed", &t));
}
