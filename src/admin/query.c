/* SPDX-License-Identifier: Apache-2.0 */
/* What callers ask with: members of the query and of the body, patterns; and what they are answered with. */
#include "admin/admin_priv.h"

#include "base/clock.h"
#include "base/date.h"

#define TEXT_MOST	1024
#define NAMES_MOST	10000

struct text
fit_text(struct arena *arena, struct text t)
{
	if (t.len > 0 && memchr(t.at, '\0', t.len) != NULL)
		return (TEXT(""));
	return (json_unescape(arena, json_escape(arena, t)));
}

/* The next parameter of that name, decoded ('+' is a blank). */
static bool
next_of(struct arena *arena, struct text *rest, const char *name, struct text *value)
{
	struct text one, key, raw;

	while (rest->len > 0) {
		char *plain;

		text_cut(*rest, '&', &one, rest);
		if (!text_cut(one, '=', &key, &raw))
			raw = TEXT("");
		if (!text_is(arena_percent_decode(arena, key), name))
			continue;
		raw = arena_copy(arena, raw);
		plain = (char *)(uintptr_t)raw.at;
		for (size_t i = 0; i < raw.len; i++)
			if (plain[i] == '+')
				plain[i] = ' ';
		*value = arena_percent_decode(arena, raw);
		*value = fit_text(arena, *value);
		return (true);
	}
	return (false);
}

bool
query_has(const struct admin_call *c, const char *name)
{
	struct text rest = c->query, value;

	return (next_of(c->arena, &rest, name, &value));
}

struct text
query_text(const struct admin_call *c, const char *name)
{
	struct text rest = c->query, value;

	return (next_of(c->arena, &rest, name, &value) ? value : TEXT(""));
}

struct error *
query_int(int64_t *n, struct admin_call *c, const char *name, int64_t otherwise, int64_t least, int64_t most)
{
	struct text t = query_text(c, name);

	*n = otherwise;
	if (t.len == 0)
		return (NULL);
	if (!text_to_i64(t, n) || *n < least || *n > most)
		return (admin_invalid(c, name, "%s must be a whole number from %lld to %lld.", name, (long long)least, (long long)most));
	return (NULL);
}

struct error *
query_bool(bool *is, struct admin_call *c, const char *name, bool otherwise)
{
	static const char *const yes[] = { "true", "1", "yes", "on" }, *const no[] = { "false", "0", "no", "off" };
	struct text t = query_text(c, name);

	*is = otherwise;
	for (size_t i = 0; i < nitems(yes); i++)
		if (text_eq_nocase(t, text_of(yes[i])) || text_eq_nocase(t, text_of(no[i]))) {
			*is = text_eq_nocase(t, text_of(yes[i]));
			return (NULL);
		}
	return (t.len == 0 ? NULL : admin_invalid(c, name, "%s must be true or false.", name));
}

unsigned
query_list(struct text **list, const struct admin_call *c, const char *name)
{
	struct text rest = c->query, value, one;
	unsigned n = 0, room = 0;

	*list = NULL;
	while (next_of(c->arena, &rest, name, &value))
		for (bool more = true; more && n < NAMES_MOST;) {
			more = text_cut(value, ',', &one, &value);
			one = text_trim(one);
			if (one.len == 0)
				continue;
			*list = arena_widen(c->arena, *list, &room, n + 1, n, sizeof(**list));
			(*list)[n++] = one;
		}
	return (n);
}

struct error *
query_pages(int64_t *page, int64_t *size, struct admin_call *c, const char *size_name, int64_t size_otherwise)
{
	TRY(query_int(page, c, "page", 1, 1, 10000000));
	return (query_int(size, c, size_name, size_otherwise, 1, ADMIN_PAGE_MOST));
}

struct error *
query_day(int64_t *ms, struct admin_call *c, const char *name, int64_t otherwise)
{
	struct text t = query_text(c, name);

	*ms = otherwise;
	if (t.len == 0 || moment_read(t, ms))
		return (NULL);
	return (admin_bad(c, name, "%s must be a date as 2026-11-30 or a moment as 2026-11-30 12:00:00.", name));
}

/* the body */

bool
body_has(const struct json *o, const char *name)
{
	const struct json *v = json_get(o, name);

	return (v != NULL && v->type != JSON_NULL);
}

static struct error *
one_text(struct text *t, struct admin_call *c, const struct json *v, const char *name)
{
	if (!json_is(v, JSON_STRING))
		return (admin_invalid(c, name, "%s must be a text.", name));
	*t = json_unescape(c->arena, json_quoted(v));
	if (t->len > TEXT_MOST)
		return (admin_bad(c, name, "%s is longer than %d bytes.", name, TEXT_MOST));
	if (t->len > 0 && memchr(t->at, '\0', t->len) != NULL)
		return (admin_bad(c, name, "%s must not have zero bytes.", name));
	return (NULL);
}

struct error *
body_text(struct text *t, struct admin_call *c, const struct json *o, const char *name)
{
	*t = TEXT("");
	return (body_has(o, name) ? one_text(t, c, json_get(o, name), name) : NULL);
}

struct error *
body_id(struct text *t, struct admin_call *c, const struct json *o, const char *name)
{
	TRY(body_text(t, c, o, name));
	return (t->len > 0 ? NULL : admin_invalid(c, name, "%s is required.", name));
}

struct error *
body_texts(struct text **list, unsigned *n, struct admin_call *c, const struct json *o, const char *name)
{
	const struct json *v = json_get(o, name);
	unsigned room = 0;

	*list = NULL;
	*n = 0;
	if (!body_has(o, name))
		return (NULL);
	if (v->type != JSON_ARRAY && v->type != JSON_STRING)
		return (admin_invalid(c, name, "%s must be a list of texts.", name));
	if (v->count > NAMES_MOST)
		return (admin_bad(c, name, "%s has more than %d entries.", name, NAMES_MOST));
	for (const struct json *i = v->type == JSON_ARRAY ? v->first : v; i != NULL; i = v->type == JSON_ARRAY ? i->next : NULL) {
		*list = arena_widen(c->arena, *list, &room, *n + 1, *n, sizeof(**list));
		TRY(one_text(&(*list)[*n], c, i, name));
		++*n;
	}
	return (NULL);
}

struct text
like_is(struct arena *arena, struct text t)
{
	struct growing g = { 0 };

	for (size_t i = 0; i < t.len; i++) {
		char c = t.at[i] >= 'A' && t.at[i] <= 'Z' ? (char)(t.at[i] | 0x20) : t.at[i];

		if (c == '%' || c == '_' || c == '\\')
			arena_append(arena, &g, TEXT("\\"));
		arena_append(arena, &g, (struct text){ &c, 1 });
	}
	return ((struct text){ g.len > 0 ? g.at : "", g.len });
}

struct text
like_within(struct arena *arena, struct text t)
{
	struct text is = like_is(arena, t);

	return (arena_print(arena, "%%" TEXT_FMT "%%", TEXT_ARG(is)));
}

/* answers */

void
put_moment(struct json_out *o, const char *name, int64_t ms)
{
	char when[25];

	json_name(o, name);
	if (ms <= 0) {
		json_null(o);
		return;
	}
	clock_iso(when, ms);
	json_string(o, text_of(when));
}

void
put_money(struct json_out *o, const char *name, int64_t nano)
{
	json_name(o, name);
	if (nano == NO_LIMIT)
		json_null(o);
	else
		money_json(o, nano);
}

void
put_string(struct json_out *o, const char *name, struct text t)
{
	json_name(o, name);
	if (t.len == 0)
		json_null(o);
	else
		json_string(o, t);
}

void
put_raw(struct json_out *o, const char *name, struct text raw, const char *otherwise)
{
	json_name(o, name);
	json_raw(o, raw.len > 0 ? raw : text_of(otherwise));
}
