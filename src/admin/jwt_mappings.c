/* SPDX-License-Identifier: Apache-2.0 */
/* /jwt/key/mapping/…: which claim of a token stands for which virtual key. */
#include "admin/jwt_mappings.h"

#include "admin/keys.h"
#include "admin/nouns.h"
#include "admin/things.h"

#define KIND		"jwt_mapping"
#define CLAIM_KIND	"jwt_claim"
#define NAME_MOST	255

static struct text
claim_of(struct admin_call *c, struct text claim, struct text value)
{
	return (arena_print(c->arena, TEXT_FMT "=" TEXT_FMT, TEXT_ARG(claim), TEXT_ARG(value)));
}

static struct text
claim_id(struct admin_call *c, const struct doc *d)
{
	return (claim_of(c, doc_string(d, "jwt_claim_name"), doc_string(d, "jwt_claim_value")));
}

static void
claim_changed(struct admin_call *c, struct text id)
{
	admin_changed(c, KNOWN_OTHER, arena_print(c->arena, "jwt/" TEXT_FMT, TEXT_ARG(id)));
}

void
jwt_claim_changed(struct admin_call *c, struct text claim, struct text value)
{
	claim_changed(c, claim_of(c, claim, value));
}

static struct error *
taken(struct admin_call *c, const struct doc *d)
{
	struct error *e = admin_bad(c, "jwt_claim_value", "A mapping for claim '" TEXT_FMT "' = '" TEXT_FMT "' already exists.",
	    TEXT_ARG(doc_string(d, "jwt_claim_name")), TEXT_ARG(text_whole(text_sub(doc_string(d, "jwt_claim_value"), 0, 200))));

	e->status = 409;
	e->code = TEXT("409");
	return (e);
}

static bool
is_active(const struct thing *t)
{
	return (!text_is(doc_raw(&t->doc, "is_active"), "false"));
}

static struct error *
write_claim(struct admin_call *c, const struct thing *t)
{
	struct thing claim;

	thing_new(&claim, c, CLAIM_KIND, claim_id(c, &t->doc));
	claim.parent = is_active(t) ? t->id : TEXT("");
	doc_set_string(&claim.doc, "mapping", t->id);
	claim_changed(c, claim.id);
	return (thing_write(c, &claim));
}

static struct error *
remove_claim(struct admin_call *c, struct text id)
{
	const struct thing claim = { .kind = CLAIM_KIND, .id = id };

	claim_changed(c, id);
	return (thing_delete(c, &claim));
}

struct error *
jwt_mapping_is_there(bool *there, struct admin_call *c, struct text claim, struct text value)
{
	struct thing t;

	return (thing_find(&t, there, c, CLAIM_KIND, claim_of(c, claim, value)));
}

/* showing */

static struct error *
put_row(struct json_out *o, struct admin_call *c, const struct thing *t)
{
	put_string(o, "id", t->id);
	put_string(o, "jwt_claim_name", doc_string(&t->doc, "jwt_claim_name"));
	put_string(o, "jwt_claim_value", doc_string(&t->doc, "jwt_claim_value"));
	put_string(o, "description", doc_string(&t->doc, "description"));
	json_name(o, "is_active");
	json_bool(o, is_active(t));
	put_made(o, &t->doc, t->created_at, t->updated_at);
	return (NULL);
}

static struct error *
say(struct admin_call *c, const struct thing *t)
{
	return (thing_put(&(struct json_out){ .to = &c->out }, c, t, put_row));
}

/* With the key's digest, which is in no answer. */
static struct error *
put_audited(struct json_out *o, struct admin_call *c, const struct thing *t)
{
	put_string(o, "token", t->parent);
	return (put_row(o, c, t));
}

static struct error *
note_it(struct admin_call *c, const char *action, const struct thing *t, struct text before)
{
	struct text after = TEXT("");

	if (strcmp(action, "deleted") != 0)
		TRY(thing_text(&after, c, t, put_audited));
	return (audit(c, action, KIND, t->id, TEXT(""), before, after));
}

/* reading */

/* By the key itself, or by its digest. */
static struct error *
read_key(struct text *digest, struct admin_call *c, bool must)
{
	struct text key, token;
	struct key k;
	bool there;

	TRY(body_text(&key, c, c->body, "key"));
	TRY(body_text(&token, c, c->body, "token"));
	if (token.len == 0)
		TRY(body_text(&token, c, c->body, "token_id"));
	*digest = TEXT("");
	if (key.len == 0 && token.len == 0 && !must)
		return (NULL);
	if ((key.len > 0) == (token.len > 0))
		return (admin_bad(c, "key", "Provide exactly one of `key` (the virtual key) or `token` (its SHA-256 hash)."));
	*digest = key_digest(c->arena, key.len > 0 ? key : token);
	TRY(key_find(&k, &there, c, *digest));
	return (there ? NULL : admin_bad(c, "key", "The provided key does not match an existing virtual key."));
}

static struct error *
read_member(struct doc *d, struct admin_call *c, const char *name, bool needed)
{
	struct text t;

	TRY(body_text(&t, c, c->body, name));
	if (t.len > 0 || body_has(c->body, name))
		doc_set_string(d, name, t);
	if (needed && doc_string(d, name).len == 0)
		return (admin_bad(c, name, "%s is required.", name));
	return (NULL);
}

static struct error *
read_body(struct thing *t, struct admin_call *c, bool new)
{
	struct text digest, issuer;
	bool active;

	TRY(body_text(&issuer, c, c->body, "jwt_issuer"));
	if (issuer.len > 0 && !text_eq(issuer, c->config->jwt.issuer))
		return (admin_bad(c, "jwt_issuer",
		    "jwt_issuer: claims are those of any issuer that is trusted here (JWT_ISSUER), and of one only if there is but that one."));
	TRY(read_member(&t->doc, c, "jwt_claim_name", true));
	TRY(read_member(&t->doc, c, "jwt_claim_value", true));
	TRY(read_member(&t->doc, c, "description", false));
	if (doc_string(&t->doc, "jwt_claim_name").len > NAME_MOST)
		return (admin_bad(c, "jwt_claim_name", "jwt_claim_name is longer than %d bytes.", NAME_MOST));
	TRY(body_bool(&active, c, c->body, "is_active", is_active(t)));
	doc_set(&t->doc, TEXT("is_active"), active ? TEXT("true") : TEXT("false"));
	TRY(read_key(&digest, c, new));
	if (digest.len > 0)
		t->parent = digest;
	return (NULL);
}

/* the calls */

static struct error *
keep_new(struct admin_call *c, struct thing *t)
{
	bool there;

	TRY(jwt_mapping_is_there(&there, c, doc_string(&t->doc, "jwt_claim_name"), doc_string(&t->doc, "jwt_claim_value")));
	if (there)
		return (taken(c, &t->doc));
	TRY(thing_write(c, t));
	TRY(write_claim(c, t));
	return (note_it(c, "created", t, TEXT("")));
}

struct error *
jwt_mapping_make(struct text *id, struct admin_call *c, struct text claim, struct text value, struct text digest, struct text description)
{
	struct thing t;

	*id = new_uuid(c);
	thing_new(&t, c, KIND, *id);
	t.parent = digest;
	doc_set_string(&t.doc, "jwt_claim_name", claim);
	doc_set_string(&t.doc, "jwt_claim_value", value);
	doc_set_string(&t.doc, "description", description);
	return (keep_new(c, &t));
}

struct error *
jwt_mapping_new(struct admin_call *c)
{
	struct thing t;
	struct text id;

	TRY(body_text(&id, c, c->body, "id"));			/* of one that is brought from elsewhere */
	if (id.len > 0)
		TRY(thing_must_not_be(c, KIND, id, "id"));
	thing_new(&t, c, KIND, id.len > 0 ? id : new_uuid(c));
	TRY(read_body(&t, c, true));
	TRY(keep_new(c, &t));
	return (say(c, &t));
}

static struct error *
must_be(struct thing *t, struct admin_call *c, struct text id)
{
	bool there;

	TRY(thing_find(t, &there, c, KIND, id));
	return (there ? NULL : admin_missing(c, "id", "Mapping not found"));
}

struct error *
jwt_mapping_update(struct admin_call *c)
{
	struct text id, before, was;
	struct thing t;
	bool there;

	TRY(body_id(&id, c, c->body, "id"));
	TRY(must_be(&t, c, id));
	TRY(thing_text(&before, c, &t, put_audited));
	was = claim_id(c, &t.doc);
	TRY(read_body(&t, c, false));
	if (!text_eq(was, claim_id(c, &t.doc))) {
		TRY(jwt_mapping_is_there(&there, c, doc_string(&t.doc, "jwt_claim_name"), doc_string(&t.doc, "jwt_claim_value")));
		if (there)
			return (taken(c, &t.doc));
		TRY(remove_claim(c, was));
	}
	TRY(thing_write(c, &t));
	TRY(write_claim(c, &t));
	TRY(note_it(c, "updated", &t, before));
	return (say(c, &t));
}

static struct error *
remove_one(struct admin_call *c, const struct thing *t)
{
	struct text before;

	TRY(thing_text(&before, c, t, put_audited));
	TRY(remove_claim(c, claim_id(c, &t->doc)));
	TRY(thing_delete(c, t));
	return (note_it(c, "deleted", t, before));
}

struct error *
jwt_mapping_delete(struct admin_call *c)
{
	struct text id;
	struct thing t;

	TRY(body_id(&id, c, c->body, "id"));
	TRY(must_be(&t, c, id));
	TRY(remove_one(c, &t));
	buf_lit(&c->out, "{\"status\":\"success\"}");
	return (NULL);
}

struct error *
jwt_mapping_info(struct admin_call *c)
{
	struct thing t;

	TRY(must_be(&t, c, query_text(c, "id")));
	return (say(c, &t));
}

struct error *
jwt_mapping_list(struct admin_call *c)
{
	struct json_out o = { .to = &c->out };
	int64_t page, size;
	struct thing *list;
	unsigned n;

	TRY(query_pages(&page, &size, c, "size", 50));
	TRY(things_list(&list, &n, c, KIND, TEXT("")));
	json_open(&o, '{');
	json_name(&o, "mappings");
	json_open(&o, '[');
	for (int64_t i = (page - 1) * size; i < (int64_t)n && i < page * size; i++)
		TRY(thing_put(&o, c, &list[i], put_row));
	json_close(&o, ']');
	json_pair_int(&o, "total_count", n);
	json_pair_int(&o, "current_page", page);
	json_pair_int(&o, "total_pages", pages_of(n, size));
	json_close(&o, '}');
	return (NULL);
}

/* with their keys */

struct error *
jwt_mappings_follow(struct admin_call *c, struct text digest, struct text now)
{
	struct thing *list;
	unsigned n;

	TRY(things_list(&list, &n, c, KIND, digest));
	for (unsigned i = 0; i < n; i++) {
		if (now.len == 0) {
			TRY(remove_one(c, &list[i]));
			continue;
		}
		list[i].parent = now;
		TRY(thing_write(c, &list[i]));
		claim_changed(c, claim_id(c, &list[i].doc));
	}
	return (NULL);
}
