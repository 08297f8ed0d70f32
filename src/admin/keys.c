/* SPDX-License-Identifier: Apache-2.0 */
/* A virtual key: its fields, its row, made, written, shown and removed. */
#include "admin/keys.h"

#include "admin/jwt_mappings.h"
#include "admin/pledges.h"
#include "base/clock.h"
#include "base/date.h"
#include "base/digest.h"
#include "base/span.h"

#define KEY_BYTES	16			/* of random, as LiteLLM's */
#define KEY_LEAST	16			/* characters of a caller's own */
#define KEY_MOST	256

static const char *const limit_types[] = { "guaranteed_throughput", "best_effort_throughput", "dynamic", NULL },
    *const key_types[] = { "default", "llm_api", "management", "read_only", NULL };

static const struct field key_fields[] = {
	{ "key_name", FIELD_TEXT, FIELD_SAID, NULL, NULL, 0 },
	{ "key_alias", FIELD_TEXT, 0, NULL, NULL, 255 },
	{ "duration", FIELD_ANY, FIELD_SAID, NULL, NULL, 0 },
	{ "models", FIELD_TEXTS, 0, "[]", NULL, 0 },
	{ "aliases", FIELD_OBJECT, 0, "{}", NULL, 0 },
	{ "config", FIELD_OBJECT, 0, "{}", NULL, 0 },
	{ "user_id", FIELD_TEXT, 0, NULL, NULL, 255 },
	{ "team_id", FIELD_TEXT, 0, NULL, NULL, 255 },
	{ "agent_id", FIELD_TEXT, 0, NULL, NULL, 255 },
	{ "organization_id", FIELD_TEXT, 0, NULL, NULL, 255 },
	{ "project_id", FIELD_TEXT, 0, NULL, NULL, 255 },
	{ "budget_id", FIELD_TEXT, 0, NULL, NULL, 255 },
	{ "permissions", FIELD_OBJECT, 0, "{}", NULL, 0 },
	{ "max_parallel_requests", FIELD_INT, 0, NULL, NULL, 0 },
	{ "metadata", FIELD_OBJECT, 0, "{}", NULL, 0 },
	{ "blocked", FIELD_BOOL, 0, NULL, NULL, 0 },
	{ "tpm_limit", FIELD_INT, 0, NULL, NULL, 0 },
	{ "rpm_limit", FIELD_INT, 0, NULL, NULL, 0 },
	{ "max_budget", FIELD_MONEY, 0, NULL, NULL, 0 },
	{ "soft_budget", FIELD_MONEY, 0, NULL, NULL, 0 },
	{ "budget_duration", FIELD_SPAN, 0, NULL, NULL, 0 },
	{ "budget_limits", FIELD_WINDOWS, 0, NULL, NULL, 0 },
	{ "allowed_cache_controls", FIELD_TEXTS, 0, "[]", NULL, 0 },
	{ "allowed_routes", FIELD_TEXTS, 0, "[]", NULL, 0 },
	{ "model_spend", FIELD_OBJECT, FIELD_SAID, "{}", NULL, 0 },
	{ "model_max_budget", FIELD_BUDGETS, 0, "{}", NULL, 0 },
	{ "budget_fallbacks", FIELD_LISTS, 0, "{}", NULL, 0 },
	{ "throttle_on_budget_exceeded", FIELD_BOOL, FIELD_INSIDE, NULL, NULL, 0 },
	{ "object_permission", FIELD_OBJECT, 0, NULL, NULL, 0 },
	{ "object_permission_id", FIELD_TEXT, 0, NULL, NULL, 255 },
	{ "router_settings", FIELD_OBJECT, 0, NULL, NULL, 0 },
	{ "access_group_ids", FIELD_TEXTS, 0, "[]", NULL, 0 },
	{ "key_type", FIELD_TEXT, 0, NULL, key_types, 0 },
	{ "auto_rotate", FIELD_BOOL, 0, "false", NULL, 0 },
	{ "rotation_interval", FIELD_SPAN, 0, NULL, NULL, 0 },
	{ "tags", FIELD_TEXTS, FIELD_INSIDE, NULL, NULL, 0 },
	{ "guardrails", FIELD_TEXTS, FIELD_INSIDE, NULL, NULL, 0 },
	{ "policies", FIELD_TEXTS, FIELD_INSIDE, NULL, NULL, 0 },
	{ "prompts", FIELD_TEXTS, FIELD_INSIDE, NULL, NULL, 0 },
	{ "enforced_params", FIELD_TEXTS, FIELD_INSIDE, NULL, NULL, 0 },
	{ "max_iterations", FIELD_INT, FIELD_INSIDE, NULL, NULL, 0 },
	{ "max_budget_per_session", FIELD_MONEY, FIELD_INSIDE, NULL, NULL, 0 },
	{ "model_rpm_limit", FIELD_COUNTS, FIELD_INSIDE, NULL, NULL, 0 },
	{ "model_tpm_limit", FIELD_COUNTS, FIELD_INSIDE, NULL, NULL, 0 },
	{ "mcp_rpm_limit", FIELD_COUNTS, FIELD_INSIDE, NULL, NULL, 0 },
	{ "tag_rpm_limit", FIELD_COUNTS, FIELD_INSIDE, NULL, NULL, 0 },
	{ "tag_tpm_limit", FIELD_COUNTS, FIELD_INSIDE, NULL, NULL, 0 },
	{ "rpm_limit_type", FIELD_TEXT, FIELD_INSIDE, NULL, limit_types, 0 },
	{ "tpm_limit_type", FIELD_TEXT, FIELD_INSIDE, NULL, limit_types, 0 },
	{ "disable_global_guardrails", FIELD_BOOL, FIELD_INSIDE, NULL, NULL, 0 },
	{ "allowed_passthrough_routes", FIELD_TEXTS, FIELD_INSIDE, NULL, NULL, 0 },
	{ "allowed_vector_store_indexes", FIELD_ANY, FIELD_INSIDE, NULL, NULL, 0 },
	{ "temp_budget_increase", FIELD_MONEY, FIELD_INSIDE, NULL, NULL, 0 },
	{ "temp_budget_expiry", FIELD_MOMENT, FIELD_INSIDE, NULL, NULL, 0 },
	{ "may_assert_user", FIELD_BOOL, FIELD_INSIDE, NULL, NULL, 0 },
	{ "store_prompts", FIELD_BOOL, FIELD_INSIDE, NULL, NULL, 0 },
	{ "service_account_id", FIELD_TEXT, FIELD_INSIDE | FIELD_HIDDEN, NULL, NULL, 0 },
	{ NULL, FIELD_ANY, 0, NULL, NULL, 0 },
};
const struct noun key_noun = { "key", key_fields };

/* reading */

struct text
key_digest(struct arena *arena, struct text said)
{
	unsigned char bytes[DIGEST_BYTES];
	char hex[DIGEST_HEX];

	said = text_trim(said);
	if (text_starts(said, TEXT("sk-")))
		return (sha256_hex(arena, said));
	if (!hex_read(bytes, sizeof(bytes), said))
		return (TEXT(""));
	hex_print(hex, bytes, sizeof(bytes));
	return (arena_copy(arena, (struct text){ hex, sizeof(hex) }));
}

struct error *
key_of_row(struct key *k, struct admin_call *c, const struct rows *rows, unsigned row)
{
	k->digest = rows_text(rows, row, 0);
	doc_read(&k->doc, c->arena, rows_text(rows, row, 1));
	k->expires = rows_int(rows, row, 2, 0);
	k->created_at = rows_int(rows, row, 3, 0);
	k->updated_at = rows_int(rows, row, 4, 0);
	return (spent_of(&k->spent, c, rows, row, 5));
}

struct error *
key_find(struct key *k, bool *there, struct admin_call *c, struct text digest)
{
	struct rows rows = { 0 };

	if (digest.len > 0)
		TRY(ASK(c, &rows, SQL_KEY_FIND, V_TEXT(digest)));
	*there = rows.n > 0;
	return (*there ? key_of_row(k, c, &rows, 0) : NULL);
}

/* showing */

void
key_put(struct json_out *o, const struct key *k, bool token)
{
	if (token)
		put_string(o, "token", k->digest);
	put_string(o, "key_name", doc_string(&k->doc, "key_name"));
	put_money(o, "spend", k->spent.nano);
	put_moment(o, "expires", k->expires);
	fields_put(o, &key_noun, &k->doc);
	put_moment(o, "budget_reset_at", k->spent.resets_at);
	put_raw(o, "rotation_count", doc_raw(&k->doc, "rotation_count"), "0");
	put_moment(o, "last_rotation_at", doc_int(&k->doc, "rotation_count", 0) > 0 ? doc_int(&k->doc, "rotation_from", 0) : 0);
	put_moment(o, "key_rotation_at", key_rotates(k));
	put_raw(o, "model_spend", TEXT(""), "{}");
	put_moment(o, "created_at", k->created_at);
	put_string(o, "created_by", doc_string(&k->doc, "created_by"));
	put_moment(o, "updated_at", k->updated_at);
	put_string(o, "updated_by", doc_string(&k->doc, "updated_by"));
}

struct text
key_text(struct admin_call *c, const struct key *k)
{
	struct buf b = { 0 };
	struct json_out o = { .to = &b };
	struct text t;

	json_open(&o, '{');
	key_put(&o, k, true);
	json_close(&o, '}');
	t = arena_copy(c->arena, buf_as_text(&b));
	buf_free(&b);
	return (t);
}

struct error *
keys_put(struct json_out *o, struct admin_call *c, enum statement which, struct text id, int64_t most)
{
	struct rows rows;
	struct key k;

	TRY(ASK(c, &rows, which, V_TEXT(id), V_INT(most)));
	json_open(o, '[');
	for (unsigned i = 0; i < rows.n; i++) {
		TRY(key_of_row(&k, c, &rows, i));
		json_open(o, '{');
		key_put(o, &k, true);
		json_close(o, '}');
	}
	json_close(o, ']');
	return (NULL);
}

/* When it is to have another value; 0: never. */
int64_t
key_rotates(const struct key *k)
{
	int64_t from = doc_int(&k->doc, "rotation_from", 0);
	struct span s;

	if (!doc_true(&k->doc, "auto_rotate") || from == 0 || !span_read(doc_string(&k->doc, "rotation_interval"), &s))
		return (0);
	return (span_after(&s, from));
}

/* Rotation counts from when it was switched on. */
struct error *
key_rotation(struct admin_call *c, struct doc *d)
{
	struct span s;

	if (!doc_true(d, "auto_rotate")) {
		doc_set(d, TEXT("rotation_from"), TEXT(""));
		return (NULL);
	}
	if (!span_read(doc_string(d, "rotation_interval"), &s))
		return (admin_bad(c, "rotation_interval", "auto_rotate needs a rotation_interval, such as 30d."));
	if (doc_int(d, "rotation_from", 0) == 0)
		doc_set_int(d, "rotation_from", c->now_ms);
	return (NULL);
}

/* writing */

struct error *
key_write(struct admin_call *c, const struct key *k)
{
	struct text alias = doc_string(&k->doc, "key_alias"), user = doc_string(&k->doc, "user_id"), team = doc_string(&k->doc, "team_id"),
	    org = doc_string(&k->doc, "organization_id"), project = doc_string(&k->doc, "project_id"), tier = doc_string(&k->doc, "budget_id");

	c->clash = admin_bad(c, "key_alias", "Key with alias '" TEXT_FMT "' already exists. Unique key aliases across all keys are required.", TEXT_ARG(alias));
	TRY(ASK(c, NULL, SQL_KEY_WRITE, V_TEXT(k->digest), V_TEXT_OR_NULL(alias), V_TEXT_OR_NULL(user), V_TEXT_OR_NULL(team), V_TEXT_OR_NULL(org),
	    V_TEXT_OR_NULL(project), V_TEXT_OR_NULL(tier), V_INT_OR_NULL(k->expires > 0, k->expires), V_INT(k->created_at), V_INT(k->updated_at),
	    V_TEXT(doc_text(&k->doc)), V_INT_OR_NULL(key_rotates(k) > 0, key_rotates(k))));
	c->clash = NULL;
	TRY(accounts_of(c, SCOPE_KEY, k->digest, &k->doc, tier));
	admin_changed(c, KNOWN_KEY, k->digest);
	return (NULL);
}

/* Older values of it that are still good die with it. */
static struct error *
old_ones_changed(struct admin_call *c, struct text digest)
{
	struct rows rows;

	TRY(ASK(c, &rows, SQL_KEY_OLD_LIST, V_TEXT(digest)));
	for (unsigned i = 0; i < rows.n; i++)
		admin_changed(c, KNOWN_KEY, rows_text(&rows, i, 0));
	return (NULL);
}

struct error *
key_remove(struct admin_call *c, const struct key *k)
{
	struct text row = key_text(c, k);

	TRY(old_ones_changed(c, k->digest));
	TRY(ASK(c, NULL, SQL_KEY_OLD_DELETE, V_TEXT(k->digest)));
	TRY(jwt_mappings_follow(c, k->digest, TEXT("")));
	TRY(archive(c, "key", k->digest, row));
	TRY(ASK(c, NULL, SQL_KEY_DELETE, V_TEXT(k->digest)));
	TRY(admin_end(c, account_leave(c->store, c->arena, SCOPE_KEY, k->digest)));
	admin_changed(c, KNOWN_KEY, k->digest);
	return (audit(c, "deleted", "key", k->digest, doc_string(&k->doc, "team_id"), row, TEXT("")));
}

/* The older value stays good for a while, or dies at once; those before it come along. */
static struct error *
retire(struct admin_call *c, struct text old, struct text now, int64_t good_until)
{
	TRY(old_ones_changed(c, old));
	TRY(ASK(c, NULL, SQL_KEY_OLD_MOVE, V_TEXT(old), V_TEXT(now)));
	TRY(ASK(c, NULL, SQL_KEY_OLD_FORGET, V_TEXT(now)));		/* it may have been good before its time: rotate.c */
	if (good_until > 0)
		TRY(ASK(c, NULL, SQL_KEY_OLD_ADD, V_TEXT(old), V_TEXT(now), V_INT(good_until)));
	admin_changed(c, KNOWN_KEY, old);
	return (NULL);
}

struct error *
key_renew(struct key *k, struct admin_call *c, const struct key *old, struct text text, int64_t good_until)
{
	struct text row = key_text(c, old);

	key_named(k, c, text);
	if (doc_true(&k->doc, "auto_rotate")) {
		doc_set_int(&k->doc, "rotation_from", c->now_ms);
		doc_set_int(&k->doc, "rotation_count", doc_int(&k->doc, "rotation_count", 0) + 1);
	}
	TRY(archive(c, "key", old->digest, row));
	TRY(ASK(c, NULL, SQL_KEY_RENEW, V_TEXT(old->digest), V_TEXT(k->digest)));
	TRY(admin_end(c, account_rename(c->store, c->arena, SCOPE_KEY, old->digest, k->digest)));
	TRY(jwt_mappings_follow(c, old->digest, k->digest));
	TRY(retire(c, old->digest, k->digest, good_until));
	TRY(key_write(c, k));
	TRY(spent_read(&k->spent, c, SCOPE_KEY, k->digest));
	return (audit(c, "rotated", "key", k->digest, doc_string(&k->doc, "team_id"), row, key_text(c, k)));
}

struct error *
keys_remove(struct admin_call *c, enum statement which, const struct value *values, unsigned n)
{
	struct rows rows;
	struct key k;

	TRY(admin_ask(c, &rows, which, values, n));
	for (unsigned i = 0; i < rows.n; i++) {
		TRY(key_of_row(&k, c, &rows, i));
		TRY(key_remove(c, &k));
	}
	return (NULL);
}

/* making */

struct text
key_fresh(struct arena *arena)
{
	static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
	unsigned char bytes[KEY_BYTES + 2] = { 0 };
	char text[3 + (KEY_BYTES * 8 + 5) / 6] = "sk-";
	unsigned bit = 0;

	random_bytes(bytes, KEY_BYTES);
	for (size_t i = 3; i < sizeof(text); i++, bit += 6)
		text[i] = digits[((bytes[bit / 8] << 8 | bytes[bit / 8 + 1]) >> (10 - bit % 8)) & 63];
	return (arena_copy(arena, (struct text){ text, sizeof(text) }));
}

static bool
is_plain(struct text t)
{
	for (size_t i = 0; i < t.len; i++)
		if (t.at[i] <= ' ' || t.at[i] > '~')
			return (false);
	return (true);
}

/* The caller's own value, or a new one; it must be no key's, nor have been one's lately. */
struct error *
key_value(struct text *text, struct admin_call *c, const struct json *body, const char *name)
{
	struct rows rows;
	struct text digest;

	TRY(body_text(text, c, body, name));
	if (text->len == 0) {
		*text = key_fresh(c->arena);
		return (NULL);
	}
	if (!text_starts(*text, TEXT("sk-")) || text->len < KEY_LEAST || text->len > KEY_MOST || !is_plain(*text))
		return (admin_bad(c, name, "Invalid key format. A LiteLLM virtual key must start with 'sk-' and have %d to %d visible characters.",
		    KEY_LEAST, KEY_MOST));
	if (text_eq_secret(*text, c->config->settings.master_key))
		return (admin_bad(c, name, "The master key can not be a virtual key."));
	digest = sha256_hex(c->arena, *text);
	TRY(ASK(c, &rows, SQL_KEY_FIND, V_TEXT(digest)));
	if (rows.n == 0)
		TRY(ASK(c, &rows, SQL_KEY_OLD_EXISTS, V_TEXT(digest)));
	return (rows.n == 0 ? NULL : admin_bad(c, name, "This key already exists."));
}

void
key_named(struct key *k, struct admin_call *c, struct text text)
{
	k->digest = sha256_hex(c->arena, text);
	doc_set_string(&k->doc, "key_name", arena_print(c->arena, "sk-..." TEXT_FMT, TEXT_ARG(text_sub(text, text.len - 4, text.len))));
}

/* "30d" from now; null, "" and -1 are never. */
struct error *
key_expires(struct key *k, struct admin_call *c, const struct json *body)
{
	struct text duration;
	struct span s;

	if (json_get(body, "duration") == NULL)
		return (NULL);
	TRY(body_span(&duration, c, body, "duration"));
	k->expires = span_read(duration, &s) ? span_after(&s, c->now_ms) : 0;
	return (NULL);
}

/* What a body names must be there. */
struct error *
key_refers(struct admin_call *c, const struct doc *d)
{
	TRY(must_be_there(c, SQL_TEAM_DOC, "team", "team_id", doc_string(d, "team_id")));
	TRY(must_be_there(c, SQL_ORGANIZATION_EXISTS, "organization", "organization_id", doc_string(d, "organization_id")));
	TRY(must_be_there(c, SQL_PROJECT_EXISTS, "project", "project_id", doc_string(d, "project_id")));
	TRY(agent_must_be(c, doc_string(d, "agent_id")));
	return (tier_must_be(c, doc_string(d, "budget_id")));
}

struct error *
key_alias_free(struct admin_call *c, struct text alias, struct text digest)
{
	struct rows rows;

	if (alias.len == 0)
		return (NULL);
	TRY(ASK(c, &rows, SQL_KEY_BY_ALIAS, V_TEXT(alias)));
	if (rows.n == 0 || text_eq(rows_text(&rows, 0, 0), digest))
		return (NULL);
	return (admin_bad(c, "key_alias", "Key with alias '" TEXT_FMT "' already exists. Unique key aliases across all keys are required.", TEXT_ARG(alias)));
}

/* LiteLLM's kinds of keys are lists of routes. */
static void
type_routes(struct doc *d)
{
	struct text type = doc_string(d, "key_type");

	if (doc_raw(d, "allowed_routes").len > 0 && !text_is(doc_raw(d, "allowed_routes"), "[]"))
		return;
	if (text_is(type, "llm_api"))
		doc_set(d, TEXT("allowed_routes"), TEXT("[\"llm_api_routes\"]"));
	else if (text_is(type, "management"))
		doc_set(d, TEXT("allowed_routes"), TEXT("[\"management_routes\"]"));
	else if (text_is(type, "read_only"))
		doc_set(d, TEXT("allowed_routes"), TEXT("[\"info_routes\"]"));
}

/* A member's key lives no longer than its team says; a service account is no member. */
static struct error *
limit_life(struct key *k, struct admin_call *c)
{
	struct text team_id = doc_string(&k->doc, "team_id");
	struct rows rows = { 0 };
	struct doc team;
	struct span s;

	if (team_id.len == 0 || doc_raw(&k->doc, "user_id").len == 0)
		return (NULL);
	TRY(ASK(c, &rows, SQL_TEAM_DOC, V_TEXT(team_id)));
	doc_read(&team, c->arena, rows.n > 0 ? rows_text(&rows, 0, 0) : TEXT(""));
	if (span_read(doc_string(&team, "team_member_key_duration"), &s) && (k->expires == 0 || k->expires > span_after(&s, c->now_ms)))
		k->expires = span_after(&s, c->now_ms);
	return (NULL);
}

struct error *
key_make(struct key *k, struct text *text, struct admin_call *c, const struct json *body, struct text user_id)
{
	int64_t spend;

	*k = (struct key){ .created_at = c->now_ms, .updated_at = c->now_ms };
	doc_read(&k->doc, c->arena, TEXT(""));
	TRY(fields_read(&k->doc, c, &key_noun, body));
	if (doc_raw(&k->doc, "user_id").len == 0)
		doc_set_string(&k->doc, "user_id", user_id);
	type_routes(&k->doc);
	TRY(key_rotation(c, &k->doc));
	TRY(key_refers(c, &k->doc));
	TRY(key_alias_free(c, doc_string(&k->doc, "key_alias"), TEXT("")));
	TRY(pledges_of_key(c, &k->doc, TEXT("")));
	TRY(key_expires(k, c, body));
	TRY(limit_life(k, c));
	TRY(body_money(&spend, c, body, "spend"));
	TRY(key_value(text, c, body, "key"));
	key_named(k, c, *text);
	doc_set_string(&k->doc, "created_by", c->changed_by);
	doc_set_string(&k->doc, "updated_by", c->changed_by);
	TRY(key_write(c, k));
	if (spend != NO_LIMIT)
		TRY(spent_set(c, SCOPE_KEY, k->digest, spend));
	TRY(spent_read(&k->spent, c, SCOPE_KEY, k->digest));
	return (audit(c, "created", "key", k->digest, doc_string(&k->doc, "team_id"), TEXT(""), key_text(c, k)));
}
