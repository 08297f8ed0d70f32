/* SPDX-License-Identifier: Apache-2.0 */
/* Keys that are due get another value. */
#include "admin/rotate.h"

#include "admin/keys.h"
#include "admin/overlay.h"
#include "alert/alert.h"
#include "base/clock.h"
#include "base/digest.h"
#include "base/log.h"

#define LEND_MS		2000
#define HAND_MS		INT64_C(600000)		/* for one who has it in hand: then another may */

/* A call of the management API by nobody but the gateway. */

static admin_f claim, renew;

static const struct admin_row claim_row = { "POST", "(rotation)", ROLE_ADMIN, claim, true, "updated", "key" };
static const struct admin_row renew_row = { "POST", "(rotation)", ROLE_ADMIN, renew, true, "rotated", "key" };

struct rotation {
	struct arena	*arena;
	struct store_pool *pool;
	const struct config *config;
	const char	*host;
	struct text	 digest, text;		/* the key's; its new value */
};

static bool
call(struct text *out, const struct rotation *r, const struct admin_row *row)
{
	struct caller system;
	struct admin_call c = { .arena = r->arena, .config = r->config, .caller = &system, .row = row, .query = TEXT(""), .changed_by = TEXT("key_rotation"),
		.now_ms = clock_wall_ms(), .id = { r->digest, TEXT("") } };
	struct error *e;

	caller_nobody(&system);
	system.kind = CALLER_PERSON;
	system.role = USER_ADMIN;
	c.sent = arena_print(r->arena, "{\"new_key\":\"" TEXT_FMT "\"}", TEXT_ARG(r->text));
	e = admin_run(&c, r->pool);
	*out = arena_copy(r->arena, buf_as_text(&c.out));
	buf_free(&c.out);
	if (e != NULL && error_status(e) != 404)
		note(NOTE_WARN, "", "a key was not rotated: " TEXT_FMT, TEXT_ARG(e->message));
	return (e == NULL && out->len > 0);
}

/* The key in hand, as it is now; *there false: it is not due any more. */
static struct error *
in_hand(struct key *k, bool *there, struct admin_call *c)
{
	TRY(key_find(k, there, c, c->id[0]));
	*there = *there && doc_true(&k->doc, "auto_rotate") && !doc_true(&k->doc, "blocked") && (k->expires == 0 || k->expires > c->now_ms);
	c->audited = true;			/* what is done to it is told by what does it */
	return (NULL);
}

/* It is taken in hand, and its new value is good from now on; what the web hook is told is the answer. */
static struct error *
claim(struct admin_call *c)
{
	struct json_out o = { .to = &c->out };
	struct text text, digest;
	struct rows rows;
	struct key k;
	bool there;

	TRY(in_hand(&k, &there, c));
	TRY(ASK(c, &rows, SQL_KEY_ROTATE_CLAIM, V_TEXT(c->id[0]), V_INT(c->now_ms), V_INT(c->now_ms + HAND_MS)));
	if (!there || rows.changed == 0)
		return (NULL);
	if (key_rotates(&k) == 0 || key_rotates(&k) > c->now_ms) {	/* it has only begun to count */
		TRY(key_rotation(c, &k.doc));
		return (key_write(c, &k));
	}
	TRY(body_text(&text, c, c->body, "new_key"));
	digest = sha256_hex(c->arena, text);
	TRY(ASK(c, NULL, SQL_KEY_OLD_TIDY, V_TEXT(k.digest), V_INT(c->now_ms)));
	TRY(ASK(c, NULL, SQL_KEY_OLD_ADD, V_TEXT(digest), V_TEXT(k.digest), V_INT(c->now_ms + 2 * HAND_MS)));
	admin_changed(c, KNOWN_KEY, digest);
	json_open(&o, '{');
	put_string(&o, "event", TEXT("key_rotated"));
	put_string(&o, "event_group", TEXT("key"));
	put_string(&o, "event_message", TEXT("The key has a new value, which is good already."));
	put_string(&o, "key", text);
	put_string(&o, "token", digest);
	put_string(&o, "old_token", k.digest);
	put_string(&o, "key_name", doc_string(&k.doc, "key_name"));
	put_string(&o, "key_alias", doc_string(&k.doc, "key_alias"));
	put_string(&o, "user_id", doc_string(&k.doc, "user_id"));
	put_string(&o, "team_id", doc_string(&k.doc, "team_id"));
	put_moment(&o, "old_key_good_until", c->now_ms + c->config->settings.key_rotation_grace_ms);
	json_close(&o, '}');
	return (NULL);
}

static struct error *
renew(struct admin_call *c)
{
	int64_t grace = c->config->settings.key_rotation_grace_ms;
	struct key k, old;
	struct text text;
	bool there;

	TRY(in_hand(&k, &there, c));
	if (!there)
		return (admin_missing(c, "key", "Key not found."));
	old = k;
	doc_read(&k.doc, c->arena, doc_text(&old.doc));
	k.updated_at = c->now_ms;
	TRY(body_text(&text, c, c->body, "new_key"));
	TRY(key_renew(&k, c, &old, text, grace > 0 ? c->now_ms + grace : 0));
	buf_lit(&c->out, "true");
	return (NULL);
}

static void
say_stuck(const struct rotation *r)
{
	struct store *store = store_lend(r->pool, LEND_MS);

	if (store == NULL)
		return;
	if (alert_unrotated(store, r->arena, r->digest, r->host, clock_wall_ms()) != STORE_FINE)
		note(NOTE_WARN, "", "a key could not be rotated, and no alert of it raised: %s", store_why(store));
	store_return(r->pool, store);
}

static bool
rotate(struct rotation *r)
{
	struct text event, done;

	r->text = key_fresh(r->arena);
	if (!call(&event, r, &claim_row))
		return (false);
	if (alert_hand_over(r->config, event))
		return (call(&done, r, &renew_row));
	say_stuck(r);
	return (false);
}

unsigned
rotate_keys(struct store_pool *pool, const struct config *config, const char *host)
{
	struct rotation r = { .arena = arena_new(), .pool = pool, .config = config, .host = host };
	struct store *store = store_lend(pool, LEND_MS);
	struct rows due = { 0 };
	enum store_end end = STORE_AWAY;
	unsigned n = 0;

	if (store != NULL) {
		end = STORE(store, r.arena, &due, SQL_KEYS_TO_ROTATE, V_INT(clock_wall_ms()));
		store_return(pool, store);
	}
	for (unsigned i = 0; end == STORE_FINE && i < due.n; i++) {
		r.digest = rows_text(&due, i, 0);
		n += rotate(&r);
	}
	arena_free(r.arena);
	return (n);
}

const struct housekeeper_above admin_for_keeper = { overlay_load_and_keep, rotate_keys };
