/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Standings, packed for the board and back.
 *
 * Small: numbers take as few bytes as they need, so most entities fit one slot.  What is unpacked was written by any process of the host, perhaps by
 * another version or torn: nothing in it is trusted, every length is checked, and the layout's own digest stands in front.
 */
#include "access/caller.h"

const char *const scope_names[SCOPES] = {
	[SCOPE_KEY] = "key", [SCOPE_USER] = "user", [SCOPE_TEAM] = "team", [SCOPE_MEMBER] = "member", [SCOPE_PROJECT] = "project",
	[SCOPE_ORGANIZATION] = "organization", [SCOPE_EMPLOYEE] = "organization_member", [SCOPE_CUSTOMER] = "customer",
	[SCOPE_AGENT] = "agent", [SCOPE_SESSION] = "session", [SCOPE_TAG] = "tag",
	[SCOPE_PROVIDER] = "provider", [SCOPE_DEPLOYMENT] = "deployment", [SCOPE_PROXY] = "proxy",
};

const char *const role_names[USER_ADMIN + 1] = {
	[USER_NONE] = "", [USER_INTERNAL_VIEWER] = "internal_user_viewer", [USER_INTERNAL] = "internal_user",
	[USER_ADMIN_VIEWER] = "proxy_admin_viewer", [USER_ADMIN] = "proxy_admin",
};

enum user_role
role_of(struct text name)
{
	for (enum user_role r = USER_INTERNAL_VIEWER; r <= USER_ADMIN; r++)
		if (text_is(name, role_names[r]))
			return (r);
	return (USER_NONE);
}

void
caller_nobody(struct caller *c)
{
	*c = (struct caller){ .digest = TEXT(""), .shown = TEXT(""), .user_id = TEXT(""), .team_id = TEXT(""), .organization_id = TEXT(""),
		.customer = TEXT(""), .session = TEXT("") };
}

/* the layout, as rows */

enum field_kind { FIELD_BOOL, FIELD_SCOPE, FIELD_INT, FIELD_TEXT, FIELD_LIST };

struct field {
	enum field_kind	 kind;
	size_t		 at;
	size_t		 count_at;		/* lists: where their length is */
	const struct shape *of;			/* lists: one of their items */
};
struct shape {
	size_t		 size;
	const struct field *fields;
	size_t		 n;
};
#define SHAPE(type, fields)	{ sizeof(type), fields, nitems(fields) }

static const struct field text_fields[] = {
	{ FIELD_TEXT, 0, 0, NULL },
};
static const struct shape texts = SHAPE(struct text, text_fields);

static const struct field pair_fields[] = {
	{ FIELD_TEXT, offsetof(struct pair_text, from), 0, NULL },
	{ FIELD_TEXT, offsetof(struct pair_text, to), 0, NULL },
};
static const struct shape pairs = SHAPE(struct pair_text, pair_fields);

static const struct field limit_fields[] = {
	{ FIELD_TEXT, offsetof(struct model_limit, name), 0, NULL },
	{ FIELD_INT, offsetof(struct model_limit, rpm), 0, NULL },
	{ FIELD_INT, offsetof(struct model_limit, tpm), 0, NULL },
};
static const struct shape limits = SHAPE(struct model_limit, limit_fields);

static const struct field purse_fields[] = {
	{ FIELD_INT, offsetof(struct purse, account), 0, NULL },
	{ FIELD_TEXT, offsetof(struct purse, part), 0, NULL },
	{ FIELD_INT, offsetof(struct purse, ceiling), 0, NULL },
	{ FIELD_INT, offsetof(struct purse, soft), 0, NULL },
	{ FIELD_INT, offsetof(struct purse, period), 0, NULL },
	{ FIELD_INT, offsetof(struct purse, resets_at), 0, NULL },
	{ FIELD_INT, offsetof(struct purse, spent), 0, NULL },
};
static const struct shape purses = SHAPE(struct purse, purse_fields);

static const struct field session_fields[] = {
	{ FIELD_INT, offsetof(struct session_rule, turns), 0, NULL },
	{ FIELD_INT, offsetof(struct session_rule, ceiling), 0, NULL },
	{ FIELD_INT, offsetof(struct session_rule, rpm), 0, NULL },
	{ FIELD_INT, offsetof(struct session_rule, tpm), 0, NULL },
	{ FIELD_BOOL, offsetof(struct session_rule, named), 0, NULL },
};
static const struct shape session_rules = SHAPE(struct session_rule, session_fields);

#define PLAIN(kind, member)		{ FIELD_ ## kind, offsetof(struct standing, member), 0, NULL }
#define LIST(member, shape)		{ FIELD_LIST, offsetof(struct standing, member), offsetof(struct standing, n_ ## member), shape }

static const struct field standing_fields[] = {
	PLAIN(SCOPE, scope), PLAIN(TEXT, id), PLAIN(TEXT, alias), PLAIN(BOOL, blocked), PLAIN(INT, expires_ms),
	PLAIN(INT, rpm), PLAIN(INT, tpm), PLAIN(INT, parallel),
	LIST(purses, &purses), LIST(models, &texts), LIST(routes, &texts), LIST(tags, &texts), LIST(groups, &texts),
	LIST(aliases, &pairs), LIST(model_limits, &limits), LIST(enforced, &texts), LIST(budget_fallbacks, &pairs),
	LIST(session_rules, &session_rules),
	PLAIN(BOOL, throttled), PLAIN(BOOL, rpm_dynamic), PLAIN(BOOL, tpm_dynamic), PLAIN(TEXT, priority),
	PLAIN(TEXT, user_id), PLAIN(TEXT, team_id), PLAIN(TEXT, organization_id), PLAIN(TEXT, project_id), PLAIN(TEXT, budget_id),
	PLAIN(TEXT, agent_id), PLAIN(TEXT, role), PLAIN(TEXT, email), PLAIN(BOOL, may_assert_user), PLAIN(INT, store_prompts),
	PLAIN(INT, file_expiry_s), PLAIN(INT, batch_expiry_s), PLAIN(TEXT, metadata),
	PLAIN(INT, loaded_ms), PLAIN(INT, good_until_ms),
};
static const struct shape standings = SHAPE(struct standing, standing_fields);

static const struct field moved_fields[] = {
	{ FIELD_TEXT, offsetof(struct moved, digest), 0, NULL },
	{ FIELD_INT, offsetof(struct moved, until_ms), 0, NULL },
};
static const struct shape moveds = SHAPE(struct moved, moved_fields);

#define NONE	{ "", 0 }

const struct standing standing_none = {
	.id = NONE, .alias = NONE, .rpm = NO_LIMIT, .tpm = NO_LIMIT, .parallel = NO_LIMIT, .user_id = NONE, .team_id = NONE, .organization_id = NONE,
	.project_id = NONE, .budget_id = NONE, .agent_id = NONE, .role = NONE, .email = NONE, .metadata = NONE, .priority = NONE,
};

/* Two layouts that differ have, very likely, different digests. */
static uint32_t
layout(const struct shape *shape, uint32_t h)
{
	for (size_t i = 0; i < shape->n; i++) {
		h = (h ^ (uint32_t)shape->fields[i].kind) * 16777619u;
		h = (h ^ (uint32_t)shape->fields[i].at) * 16777619u;
		if (shape->fields[i].kind == FIELD_LIST)
			h = layout(shape->fields[i].of, h);
	}
	return (h);
}

/* packing: seven bits a byte, the lowest first */

static void
put_number(struct buf *b, uint64_t n)
{
	for (; n >= 0x80; n >>= 7)
		buf_byte(b, (char)(n | 0x80));
	buf_byte(b, (char)n);
}

/* Small negative numbers stay small. */
static void
put_int(struct buf *b, int64_t n)
{
	put_number(b, (uint64_t)n << 1 ^ (n < 0 ? UINT64_MAX : 0));
}

static void
put_shape(struct buf *b, const struct shape *shape, const char *from)
{
	for (size_t i = 0; i < shape->n; i++) {
		const struct field *f = &shape->fields[i];
		const char *at = from + f->at;
		unsigned count;

		switch (f->kind) {
		case FIELD_BOOL:
			put_number(b, *(const bool *)(const void *)at);
			break;
		case FIELD_SCOPE:
			put_number(b, *(const enum scope *)(const void *)at);
			break;
		case FIELD_INT:
			put_int(b, *(const int64_t *)(const void *)at);
			break;
		case FIELD_TEXT:
			put_number(b, ((const struct text *)(const void *)at)->len);
			buf_text(b, *(const struct text *)(const void *)at);
			break;
		case FIELD_LIST:
			count = *(const unsigned *)(const void *)(from + f->count_at);
			put_number(b, count);
			for (unsigned n = 0; n < count; n++)
				put_shape(b, f->of, *(const char *const *)(const void *)at + n * f->of->size);
			break;
		}
	}
}

static void
pack(struct buf *b, const struct shape *shape, const void *from)
{
	uint32_t h = layout(shape, 2166136261u);

	buf_add(b, &h, sizeof(h));
	put_shape(b, shape, from);
}

void
standing_pack(struct buf *b, const struct standing *s)
{
	pack(b, &standings, s);
}

void
moved_pack(struct buf *b, const struct moved *m)
{
	pack(b, &moveds, m);
}

/* unpacking */

static bool
get_number(struct text *t, uint64_t *n)
{
	*n = 0;
	for (unsigned i = 0; i < t->len && i < 10; i++) {
		uint64_t seven = (unsigned char)t->at[i] & 0x7f;

		if (i == 9 && seven > 1)
			return (false);
		*n |= seven << 7 * i;
		if (((unsigned char)t->at[i] & 0x80) == 0) {
			*t = text_sub(*t, i + 1, t->len);
			return (true);
		}
	}
	return (false);
}

static bool
get_text(struct text *t, struct text *out)
{
	uint64_t n;

	if (!get_number(t, &n) || n > t->len)
		return (false);
	*out = text_sub(*t, 0, (size_t)n);
	*t = text_sub(*t, (size_t)n, t->len);
	return (true);
}

static bool get_shape(struct text *, const struct shape *, struct arena *, char *to);

/* An item takes a byte at least, so that no length can ask for more memory than a small multiple of the packed text. */
static bool
get_list(struct text *t, const struct field *f, struct arena *arena, char *to)
{
	uint64_t n;
	char *items;

	if (!get_number(t, &n) || n > t->len)
		return (false);
	items = n > 0 ? arena_alloc(arena, (size_t)n * f->of->size) : NULL;
	*(char **)(void *)(to + f->at) = items;
	*(unsigned *)(void *)(to + f->count_at) = (unsigned)n;
	for (uint64_t i = 0; i < n; i++)
		if (!get_shape(t, f->of, arena, items + i * f->of->size))
			return (false);
	return (true);
}

static bool
get_shape(struct text *t, const struct shape *shape, struct arena *arena, char *to)
{
	for (size_t i = 0; i < shape->n; i++) {
		const struct field *f = &shape->fields[i];
		char *at = to + f->at;
		uint64_t n = 0;

		if (f->kind == FIELD_TEXT) {
			if (!get_text(t, (struct text *)(void *)at))
				return (false);
			continue;
		}
		if (f->kind == FIELD_LIST) {
			if (!get_list(t, f, arena, to))
				return (false);
			continue;
		}
		if (!get_number(t, &n))
			return (false);
		if (f->kind == FIELD_INT)
			*(int64_t *)(void *)at = (int64_t)(n >> 1 ^ (n & 1 ? UINT64_MAX : 0));
		else if (n >= (f->kind == FIELD_BOOL ? 2 : SCOPES))
			return (false);
		else if (f->kind == FIELD_BOOL)
			*(bool *)(void *)at = n == 1;
		else
			*(enum scope *)(void *)at = (enum scope)n;
	}
	return (true);
}

static bool
unpack(void *to, const struct shape *shape, struct arena *arena, struct text packed)
{
	uint32_t h;

	if (packed.len < sizeof(h))
		return (false);
	memcpy(&h, packed.at, sizeof(h));
	packed = text_sub(packed, sizeof(h), packed.len);
	return (h == layout(shape, 2166136261u) && get_shape(&packed, shape, arena, to) && packed.len == 0);
}

bool
standing_unpack(struct standing *s, struct arena *arena, struct text packed)
{
	return (unpack(s, &standings, arena, packed));
}

bool
moved_unpack(struct moved *m, struct text packed)
{
	return (unpack(m, &moveds, NULL, packed));
}

static const struct standing *
standing_copy(struct arena *arena, const struct standing *s)
{
	struct standing *copy = arena_new_of(arena, struct standing);
	struct buf packed = { 0 };
	bool fine;

	if (s == NULL)
		return (NULL);
	standing_pack(&packed, s);
	fine = standing_unpack(copy, arena, arena_copy(arena, buf_as_text(&packed)));
	buf_free(&packed);
	return (fine ? copy : NULL);
}

void
caller_copy(struct caller *to, struct arena *arena, const struct caller *from)
{
	caller_nobody(to);
	to->kind = from->kind;
	to->role = from->role;
	to->digest = arena_copy(arena, from->digest);
	to->shown = arena_copy(arena, from->shown);
	to->user_id = arena_copy(arena, from->user_id);
	to->team_id = arena_copy(arena, from->team_id);
	to->organization_id = arena_copy(arena, from->organization_id);
	for (enum scope s = 0; s < SCOPES; s++)
		to->standing[s] = s == SCOPE_TAG || s == SCOPE_SESSION || s == SCOPE_CUSTOMER ? NULL : standing_copy(arena, from->standing[s]);
}

/* sessions */

const struct session_rule *
caller_session_rule(const struct caller *c)
{
	const struct standing *agent = c->standing[SCOPE_AGENT], *key = c->standing[SCOPE_KEY];

	if (agent != NULL && agent->n_session_rules > 0)
		return (agent->session_rules);
	return (key != NULL && key->n_session_rules > 0 ? key->session_rules : NULL);
}

struct text
caller_session(struct arena *arena, const struct caller *c)
{
	const struct standing *agent = c->standing[SCOPE_AGENT];
	enum scope of = agent != NULL && agent->n_session_rules > 0 ? SCOPE_AGENT : SCOPE_KEY;

	return (arena_print(arena, "%s:" TEXT_FMT ":" TEXT_FMT, scope_names[of], TEXT_ARG(c->standing[of]->id), TEXT_ARG(c->session)));
}
