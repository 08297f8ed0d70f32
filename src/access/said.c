/* SPDX-License-Identifier: Apache-2.0 */
/* End users, sessions, notes and tags, from headers, the body, the key and its team. */
#include "access/said.h"

#include "access/admit.h"

#define NAME_MOST	256		/* bytes of an end user's name */
#define TAG_MOST	128
#define SESSION_MOST	128
#define NOTES_MOST	1024		/* a row has room for some more */

/* the body */

static bool
member(const struct said *s, const char *name, struct json_item *item)
{
	for (size_t i = 0; i < s->n_top; i++)
		if (quoted_is(json_spot_name(s->body, &s->top[i]), name)) {
			*item = (struct json_item){ .type = s->top[i].type, .raw = json_spot_value(s->body, &s->top[i]) };
			return (true);
		}
	return (false);
}

static bool
member_of(const struct said *s, const char *object, const char *name, struct json_item *item)
{
	if (object == NULL)
		return (member(s, name, item));
	return (member(s, object, item) && item->type == JSON_OBJECT && json_find(item->raw, name, item));
}

/* A name is one line of text, so that it fits a log and a page; else it is none. */
static struct text
name_in(struct arena *arena, struct text t, size_t most)
{
	t = text_trim(t);
	if (t.len > most)
		return (TEXT(""));
	for (size_t i = 0; i < t.len; i++)
		if ((unsigned char)t.at[i] < ' ' || t.at[i] == 0x7f)
			return (TEXT(""));
	return (t.len > 0 ? arena_copy(arena, t) : TEXT(""));
}

static struct text
from_body(struct arena *arena, const struct said *s)
{
	static const struct { const char *object, *name; } rows[] = {
		{ NULL, "user" }, { "litellm_metadata", "user" }, { "metadata", "user_id" }, { NULL, "safety_identifier" },
	};
	struct json_item item;
	struct text name = TEXT("");

	for (size_t i = 0; i < nitems(rows) && name.len == 0; i++)
		if (member_of(s, rows[i].object, rows[i].name, &item) && item.type == JSON_STRING)
			name = name_in(arena, json_unescape(arena, json_inside(item.raw)), NAME_MOST);
	return (name);
}

static struct text
from_headers(struct arena *arena, const struct said *s)
{
	static const char *const rows[] = { "x-litellm-customer-id", "x-litellm-end-user-id" };
	struct text name = TEXT("");

	for (size_t i = 0; i < nitems(rows) && name.len == 0; i++)
		name = name_in(arena, request_header(s->request, rows[i]), NAME_MOST);
	for (size_t i = 0; i < s->settings->n_user_headers && name.len == 0; i++)
		name = name_in(arena, request_header(s->request, s->settings->user_headers[i].at), NAME_MOST);
	return (name);
}

/* sessions */

static struct text
session_in(struct arena *arena, enum json_type type, struct text raw)
{
	return (type == JSON_STRING ? name_in(arena, json_unescape(arena, json_inside(raw)), SESSION_MOST) : TEXT(""));
}

/* What no database could keep is none. */
static struct text
sound(struct text t)
{
	return (text_is_sound(t) ? t : TEXT(""));
}

static struct text
session_of(struct arena *arena, struct text object)
{
	static const char *const names[] = { "session_id", "litellm_session_id", "trace_id", "litellm_trace_id" };
	struct text session = TEXT("");
	struct json_item item;

	for (size_t i = 0; i < nitems(names) && session.len == 0; i++)
		if (json_find(object, names[i], &item))
			session = session_in(arena, item.type, item.raw);
	return (session);
}

/* One look at the members' names: most bodies have none of these. */
static struct text
session_from_body(struct arena *arena, const struct said *s)
{
	struct text session = TEXT("");

	for (size_t i = 0; i < s->n_top && session.len == 0; i++) {
		struct quoted name = json_spot_name(s->body, &s->top[i]);
		struct text raw;

		if (name.len < 8 || (name.at[0] != 'm' && name.at[0] != 'l'))
			continue;
		raw = json_spot_value(s->body, &s->top[i]);
		if (quoted_is(name, "litellm_session_id") || quoted_is(name, "litellm_trace_id"))
			session = session_in(arena, s->top[i].type, raw);
		else if (s->top[i].type == JSON_OBJECT && (quoted_is(name, "metadata") || quoted_is(name, "litellm_metadata")))
			session = session_of(arena, raw);
	}
	return (session);
}

static struct error *
read_session(struct caller *c, struct arena *arena, const struct said *s)
{
	const struct session_rule *rule = caller_session_rule(c);

	c->session = sound(s->session.len > 0 ? s->session : session_from_body(arena, s));
	if (rule == NULL || !rule->named || c->session.len > 0)
		return (NULL);
	return (refusal(arena, E_BAD_REQUEST, "bad_request_error", "None", "Requests made with this agent's key must include the "
	    "x-litellm-trace-id header."));
}

/* notes: LiteLLM's spend_logs_metadata */

static struct text
notes_of(struct arena *arena, const struct said *s)
{
	static const char *const objects[] = { "metadata", "litellm_metadata" };
	struct text header = request_header(s->request, "x-litellm-spend-logs-metadata");
	struct json_fault fault;
	struct json_item item;

	if (header.len > 0 && header.len <= NOTES_MOST && text_is_sound(header) && json_is(json_parse(arena, header, &fault), JSON_OBJECT))
		return (arena_copy(arena, text_trim(header)));
	for (size_t i = 0; i < nitems(objects); i++)
		if (member_of(s, objects[i], "spend_logs_metadata", &item) && item.type == JSON_OBJECT && item.raw.len <= NOTES_MOST)
			return (arena_copy(arena, sound(item.raw)));
	return (TEXT(""));
}

/* tags */

static void
add_tag(struct caller *c, struct arena *arena, struct text tag)
{
	tag = name_in(arena, tag, TAG_MOST);
	if (tag.len == 0 || c->n_tags >= TAGS_MOST)
		return;
	for (unsigned i = 0; i < c->n_tags; i++)
		if (text_eq(c->tags[i], tag))
			return;
	c->tags[c->n_tags++] = tag;
}

static void
add_list(struct caller *c, struct arena *arena, const struct json_item *list)
{
	struct json_item one;
	struct json_walk w;

	if (list->type != JSON_ARRAY)
		return;
	w = json_walk(list->raw);
	while (json_next(&w, &one))
		if (one.type == JSON_STRING)
			add_tag(c, arena, json_unescape(arena, json_inside(one.raw)));
}

/* Those of key and team first: a client that sends many can not crowd them out. */
static void
read_tags(struct caller *c, struct arena *arena, const struct said *s)
{
	static const enum scope owners[] = { SCOPE_KEY, SCOPE_TEAM };
	static const struct { const char *object; } rows[] = { { "metadata" }, { "litellm_metadata" }, { NULL } };
	struct text rest = request_header(s->request, "x-litellm-tags"), one;
	struct json_item list;

	c->tags = arena_alloc(arena, TAGS_MOST * sizeof(*c->tags));
	for (size_t i = 0; i < nitems(owners); i++)
		for (unsigned k = 0; c->standing[owners[i]] != NULL && k < c->standing[owners[i]]->n_tags; k++)
			add_tag(c, arena, c->standing[owners[i]]->tags[k]);
	for (bool more = rest.len > 0 && !s->settings->reject_client_tags; more;) {
		more = text_cut(rest, ',', &one, &rest);
		add_tag(c, arena, one);
	}
	for (size_t i = 0; i < nitems(rows); i++)
		if (member_of(s, rows[i].object, "tags", &list))
			add_list(c, arena, &list);
}

static bool
is_blocked(const struct settings *s, struct text user)
{
	for (size_t i = 0; i < s->n_blocked_users; i++)
		if (text_eq(s->blocked_users[i], user))
			return (true);
	return (false);
}

struct error *
said_read(struct caller *c, struct arena *arena, const struct said *s)
{
	const struct standing *key = c->standing[SCOPE_KEY];
	bool may_name = c->kind == CALLER_MASTER || (key != NULL && key->may_assert_user);
	struct text user = from_headers(arena, s);

	if (user.len == 0)
		user = from_body(arena, s);
	if (user.len == 0 && s->settings->end_user_required)
		return (refusal(arena, E_BAD_REQUEST, "bad_request_error", "user", "BadRequest please pass param=user in request body. This gateway requires an "
		    "end-user id (general_settings.require_end_user_id)."));
	if (is_blocked(s->settings, user))
		return (refusal(arena, E_BAD_REQUEST, "bad_request_error", "user", "User blocked from making LLM API Calls. User=" TEXT_FMT, TEXT_ARG(user)));
	if (may_name)
		c->customer = user;
	c->notes = notes_of(arena, s);
	read_tags(c, arena, s);
	return (read_session(c, arena, s));
}
