/* SPDX-License-Identifier: Apache-2.0 */
/* Who changed what, and who was refused what; without secrets. */
#include "admin/admin_priv.h"

#include "base/clock.h"
#include "base/digest.h"
#include "base/log.h"

#define DOC_MOST	(256 * 1024)		/* of before and after */
#define NOTE_MOST	1000

/* masking */

/* Names of members whose values are nobody's business.  What ends in one of these counts, too: azure_ad_token, aws_secret_access_key. */
bool
is_secret_name(struct text name)
{
	static const char *const whole[] = { "key", "keys", "new_key", "new_master_key", "credential_values", "callback_vars", "authorization",
		"headers", "extra_headers" };
	static const char *const ends[] = { "api_key", "password", "secret", "access_key", "private_key", "_token", "vertex_credentials", "credentials_json",
		"authorization", "api-key", "connection_string" };

	for (size_t i = 0; i < nitems(whole); i++)
		if (text_eq_nocase(name, text_of(whole[i])))
			return (true);
	for (size_t i = 0; i < nitems(ends); i++) {
		size_t n = strlen(ends[i]);

		if (name.len >= n && text_eq_nocase(text_sub(name, name.len - n, name.len), text_of(ends[i])))
			return (true);
	}
	return (text_is(name, "token"));
}

static bool
is_digest(struct text t)
{
	unsigned char bytes[32];

	return (t.len == 64 && hex_read(bytes, sizeof(bytes), t));
}

/* A key keeps its last four characters, by which LiteLLM shows it; the digest of one is no secret. */
static void
put_masked(struct json_out *o, struct text raw, bool secret)
{
	struct quoted q = raw.len > 1 && raw.at[0] == '"' ? json_inside(raw) : QUOTED("");
	struct text t = { q.at, q.len };
	struct buf b = { 0 };

	if (text_starts(t, TEXT("sk-"))) {
		buf_lit(&b, "\"sk-...");
		if (t.len >= 20)
			buf_text(&b, text_sub(t, t.len - 4, t.len));
		buf_byte(&b, '"');
		json_raw(o, buf_as_text(&b));
	} else if (secret && raw.len > 0 && raw.at[0] == '"' && t.len > 0 && !is_digest(t))
		json_raw(o, TEXT("\"***\""));
	else
		json_raw(o, raw);
	buf_free(&b);
}

static void
mask(struct json_out *o, const struct json_item *item, bool secret, struct arena *scratch)
{
	struct json_walk w;
	struct json_item inner;

	if (item->type != JSON_OBJECT && item->type != JSON_ARRAY) {
		put_masked(o, item->raw, secret);
		return;
	}
	json_open(o, item->type == JSON_OBJECT ? '{' : '[');
	for (w = json_walk(item->raw); json_next(&w, &inner);) {
		bool hides = secret;

		if (item->type == JSON_OBJECT) {
			json_name_quoted(o, inner.name);
			hides |= is_secret_name(json_unescape(scratch, inner.name));
		}
		mask(o, &inner, hides, scratch);
	}
	json_close(o, item->type == JSON_OBJECT ? '}' : ']');
}

void
buf_masked(struct buf *b, struct text json)
{
	struct json_item whole = { .raw = text_trim(json) };
	struct arena *scratch = arena_new();
	struct json_out o = { .to = b };
	struct json_fault fault;

	if (json_scan(json, &whole.type, NULL, 0, &(size_t){ 0 }, &fault))
		mask(&o, &whole, false, scratch);
	else
		buf_lit(b, "null");
	arena_free(scratch);
}

static struct value
masked(struct admin_call *c, struct text json)
{
	struct buf b = { 0 };
	struct text t;

	if (json.len == 0)
		return (V_NULL);
	buf_masked(&b, json);
	t = b.len > DOC_MOST ? arena_print(c->arena, "{\"too_long\":%zu}", b.len) : arena_copy(c->arena, buf_as_text(&b));
	buf_free(&b);
	return (V_TEXT(t));
}

/* rows */

static struct text
by_key(const struct admin_call *c)
{
	return (c->caller->kind == CALLER_MASTER ? TEXT("master_key") : c->caller->digest);
}

static struct text
new_id(struct admin_call *c)
{
	char id[37];

	uuid7(id);
	return (arena_copy(c->arena, text_of(id)));
}

struct error *
audit(struct admin_call *c, const char *action, const char *kind, struct text entity, struct text team_id, struct text before, struct text after)
{
	c->audited = true;
	return (ASK(c, NULL, SQL_AUDIT_ADD, V_TEXT(new_id(c)), V_INT(c->now_ms), V_TEXT(c->changed_by), V_TEXT(by_key(c)), V_TEXT(text_of(action)),
	    V_TEXT(text_of(kind)), V_TEXT(entity), V_TEXT_OR_NULL(team_id), V_INT(200), masked(c, before), masked(c, after), V_NULL));
}

/* What a refused call was about, as far as one can tell: the path, or the member that names it. */
static struct text
meant(struct admin_call *c)
{
	static const char *const names[] = { "team_id", "user_id", "organization_id", "budget_id", "key_alias", "id", "name" };
	struct text t = c->id[0];

	for (size_t i = 0; i < nitems(names) && t.len == 0; i++)
		t = json_unescape(c->arena, json_quoted(json_get(c->body, names[i])));
	t = text_starts(t, TEXT("sk-")) ? sha256_hex(c->arena, t) : text_whole(text_sub(t, 0, 256));
	return (memchr(t.at, '\0', t.len) == NULL ? t : TEXT(""));
}

void
audit_refused(struct admin_call *c, const struct error *e)
{
	enum store_end end = STORE(c->store, c->arena, NULL, SQL_AUDIT_ADD, V_TEXT(new_id(c)), V_INT(c->now_ms), V_TEXT(c->changed_by), V_TEXT(by_key(c)),
	    V_TEXT(text_of(c->row->action)), V_TEXT(text_of(c->row->kind)), V_TEXT(meant(c)), V_NULL, V_INT(error_status(e)), V_NULL, masked(c, c->sent),
	    V_TEXT(text_whole(text_sub(e->message, 0, NOTE_MOST))));

	if (end != STORE_FINE)
		note(NOTE_WARN, "", "no audit row for a refused %s %s: %s", c->row->method, c->row->path, store_why(c->store));
}
