/* SPDX-License-Identifier: Apache-2.0 */
/* From a key to all that stand behind it. */
#include "access/find.h"

#include "access/admit.h"
#include "base/digest.h"

#define KEY_MOST	4096
#define HOPS_MOST	4		/* of keys that were regenerated again within their grace */
#define GROUPS_MOST	64
#define NAME_MOST	1024

struct text
key_shown(struct arena *arena, struct text key)
{
	char shown[3 + 3 + 4];

	if (key.len < 12)
		return (TEXT("sk-..."));
	memcpy(shown, key.at, 3);
	memcpy(shown + 3, "...", 3);
	memcpy(shown + 6, key.at + key.len - 4, 4);
	return (arena_copy(arena, (struct text){ shown, sizeof(shown) }));
}

/* refusals */

static enum find_end
refuse(struct finding *f, struct error *e)
{
	f->error = e;
	return (FOUND_ERROR);
}

static enum find_end
unknown(struct finding *f, struct text key, struct text digest)
{
	struct text shown = key_shown(f->arena, key);

	f->guessed = true;
	return (refuse(f, refusal(f->arena, E_AUTH, "token_not_found_in_db", "key", "Authentication Error, Invalid proxy server token passed. Received API Key = "
	    TEXT_FMT ", Key Hash (Token) =" TEXT_FMT ". Unable to find token in cache or `LiteLLM_VerificationTokenTable`", TEXT_ARG(shown),
	    TEXT_ARG(digest))));
}

static enum find_end
not_known_now(struct finding *f, const struct wish *w)
{
	struct error *e;

	if (w->state == WISH_BUSY)
		e = error_new(f->arena, E_BUSY, "The gateway has too many keys to look up just now; try again soon.");
	else
		e = error_new(f->arena, E_STORE_AWAY, "Authentication Error, the store where keys are kept can not be reached, and this host does not know %s; "
		    "try again soon.", w->entity.kind == KNOWN_KEY ? "this key" : "all that stands behind this key");
	e->retry_after_ms = 1000;
	return (refuse(f, e));
}

/* wishes */

static struct wish *
wish_for(struct finding *f, enum known_kind kind, struct text id, struct text user)
{
	return (lookup_wish(f->lookup, kind, id, user));
}

/* Is it one of what was asked for, and not of a namesake: team "a/b" with user "c" is not team "a" with user "b/c". */
static bool
is_it(const struct wish *w, const struct standing *s)
{
	if (s->scope != entity_scope(&w->entity))
		return (false);
	return (w->entity.kind != KNOWN_MEMBER || (text_eq(s->team_id, w->entity.id) && text_eq(s->user_id, w->entity.user_id)));
}

static const struct standing *
unpacked(struct finding *f, struct wish *w)
{
	struct standing *s = arena_new_of(f->arena, struct standing);

	if (standing_unpack(s, f->arena, w->payload))
		w->standing = s;
	return (w->standing);
}

/* What came of a wish; NULL: there is no such entity.  What has run out is wished for once more. */
static const struct standing *
standing_of(struct finding *f, struct wish *w)
{
	const struct standing *s = w->standing;

	if (w->state != WISH_HERE || w->payload.len == 0)
		return (NULL);
	if (s == NULL)
		s = unpacked(f, w);
	if (s == NULL || !is_it(w, s)) {
		lookup_anew(w, false);			/* it is of another version of this program */
		return (NULL);
	}
	if (s->good_until_ms > 0 && s->good_until_ms <= f->now_ms)
		lookup_anew(w, true);
	return (s);
}

/* What callers name themselves: with the store away a name that was never known here stands for nobody, so that known keys go on working, unless the
 * configuration wants it otherwise.  One that was known may have a budget, which is not to be escaped so. */
static bool
may_lack(const struct finding *f, const struct wish *w)
{
	bool named = w->entity.kind == KNOWN_TAG || (w->entity.kind == KNOWN_CUSTOMER && w->entity.tier.len == 0);

	return (named && w->state == WISH_AWAY && !w->lapsed && !f->config->settings.names_must_be_known);
}

/* All wishes here, or why not. */
static enum find_end
fetch(struct finding *f)
{
	if (!lookup_fetch(f->lookups, f->lookup))
		return (FOUND_WAIT);
	for (const struct wish *w = f->lookup->wishes; w != NULL; w = w->next)
		if (w->state != WISH_HERE && !may_lack(f, w))
			return (not_known_now(f, w));
	return (FOUND);
}

/* the key */

/* A key of the file. */
static const struct standing *
of_file(struct finding *f, struct known_key *k)
{
	struct standing *s = arena_new_of(f->arena, struct standing);
	struct json_fault fault;
	struct buf packed = { 0 };

	if (k->standing.len > 0 && standing_unpack(s, f->arena, k->standing))
		return (s);
	key_of_file(s, f->arena, k->digest, json_parse(f->arena, k->doc, &fault));
	s->expires_ms = k->expires_ms;
	standing_pack(&packed, s);
	k->standing = arena_copy(f->config->arena, buf_as_text(&packed));
	buf_free(&packed);
	return (s);
}

/* The key's own standing, by way of those it was before. */
static enum find_end
find_key(const struct standing **key, struct finding *f, struct text sent, struct text digest)
{
	struct known_key *in_file = config_key(f->config, digest);
	struct text now = digest;
	enum find_end end;

	if (in_file != NULL && !in_file->has_budget) {
		*key = of_file(f, in_file);
		return (FOUND);
	}
	for (unsigned hop = 0; hop < HOPS_MOST; hop++) {
		struct wish *w = wish_for(f, KNOWN_KEY, now, TEXT(""));
		struct moved moved;

		if (in_file != NULL && w->state == WISH_NEW) {
			w->entity.doc = in_file->doc;
			w->entity.expires_ms = in_file->expires_ms;
		}
		if (f->no_guess && w->state == WISH_NEW && !lookup_is_known(f->lookups, w))
			return (unknown(f, sent, digest));
		if ((end = fetch(f)) != FOUND)
			return (end);
		if (w->payload.len == 0)
			break;
		if (moved_unpack(&moved, w->payload)) {
			if (moved.until_ms <= f->now_ms)
				break;
			now = moved.digest;
			continue;
		}
		*key = standing_of(f, w);
		if ((end = fetch(f)) != FOUND)		/* it may have run out */
			return (end);
		*key = standing_of(f, w);
		if (*key != NULL)
			return (FOUND);
		break;
	}
	return (unknown(f, sent, digest));
}

/* who stands behind it */

static enum known_kind
kind_of(enum scope scope)
{
	static const enum known_kind kinds[SCOPES] = {
		[SCOPE_KEY] = KNOWN_KEY, [SCOPE_USER] = KNOWN_USER, [SCOPE_TEAM] = KNOWN_TEAM, [SCOPE_MEMBER] = KNOWN_MEMBER,
		[SCOPE_PROJECT] = KNOWN_PROJECT, [SCOPE_ORGANIZATION] = KNOWN_ORGANIZATION, [SCOPE_CUSTOMER] = KNOWN_CUSTOMER, [SCOPE_TAG] = KNOWN_TAG,
		[SCOPE_EMPLOYEE] = KNOWN_OTHER, [SCOPE_AGENT] = KNOWN_OTHER, [SCOPE_SESSION] = KNOWN_OTHER, [SCOPE_PROVIDER] = KNOWN_OTHER,
		[SCOPE_DEPLOYMENT] = KNOWN_OTHER, [SCOPE_PROXY] = KNOWN_OTHER,
	};

	return (kinds[scope]);
}

static struct text
id_of(const struct caller *c, enum scope scope)
{
	switch (scope) {
	case SCOPE_USER:
		return (c->user_id);
	case SCOPE_TEAM:
		return (c->team_id);
	case SCOPE_MEMBER:
		return (c->user_id.len > 0 ? c->team_id : TEXT(""));
	case SCOPE_PROJECT:
		return (c->standing[SCOPE_KEY] != NULL ? c->standing[SCOPE_KEY]->project_id : TEXT(""));
	case SCOPE_ORGANIZATION:
		return (c->organization_id);
	case SCOPE_CUSTOMER:
		return (c->customer);
	default:
		return (TEXT(""));
	}
}

/* The wish of a scope, or NULL: the caller has none. */
static struct wish *
wish_of(struct caller *c, struct finding *f, enum scope scope)
{
	struct text id = id_of(c, scope);

	if (id.len == 0)
		return (NULL);
	return (wish_for(f, kind_of(scope), id, scope == SCOPE_MEMBER ? c->user_id : TEXT("")));
}

static enum find_end
find_scopes(struct caller *c, struct finding *f, const enum scope *scopes, size_t n)
{
	struct wish *wishes[SCOPES];
	bool anew = true;
	enum find_end end;

	for (size_t i = 0; i < n; i++) {
		wishes[i] = wish_of(c, f, scopes[i]);
		if (wishes[i] != NULL && scopes[i] == SCOPE_CUSTOMER)
			wishes[i]->entity.tier = f->config->settings.customer_tier;
	}
	for (unsigned again = 0; again < 2 && anew; again++) {	/* once more for what has run out */
		if ((end = fetch(f)) != FOUND)
			return (end);
		anew = false;
		for (size_t i = 0; i < n; i++) {
			c->standing[scopes[i]] = wishes[i] != NULL ? standing_of(f, wishes[i]) : NULL;
			anew |= wishes[i] != NULL && wishes[i]->state == WISH_NEW;
		}
	}
	return (anew ? fetch(f) : FOUND);
}

static void
wish_groups(struct caller *c, struct finding *f, const struct standing *s)
{
	for (unsigned i = 0; s != NULL && i < s->n_groups && c->n_groups < GROUPS_MOST; i++) {
		struct text name = arena_print(f->arena, "access_group/" TEXT_FMT, TEXT_ARG(s->groups[i]));

		c->groups[c->n_groups++] = standing_of(f, wish_for(f, KNOWN_OTHER, name, TEXT("")));
	}
}

/* A group that is gone allows nothing. */
static enum find_end
find_groups(struct caller *c, struct finding *f)
{
	enum find_end end = FOUND;

	for (unsigned again = 0; again < 2 && end == FOUND; again++) {
		c->n_groups = 0;
		wish_groups(c, f, c->standing[SCOPE_KEY]);
		wish_groups(c, f, c->standing[SCOPE_TEAM]);
		end = fetch(f);
	}
	return (end);
}

/* One of KNOWN_OTHER; `doc`: what the configuration says of it, or empty. */
static enum find_end
find_other(const struct standing **s, struct finding *f, struct text id, struct text doc)
{
	enum find_end end = FOUND;

	for (unsigned again = 0; again < 2 && end == FOUND; again++) {
		struct wish *w = wish_for(f, KNOWN_OTHER, id, TEXT(""));

		w->entity.doc = doc;
		if ((end = fetch(f)) == FOUND)
			*s = standing_of(f, w);
	}
	return (end == FOUND ? fetch(f) : end);
}

/* What the configuration says; said by another configuration it is another wish. */
static enum find_end
find_of_file(const struct standing **s, struct finding *f, const char *kind, struct text name, struct text doc)
{
	*s = NULL;
	if (doc.len == 0)
		return (FOUND);
	return (find_other(s, f, arena_print(f->arena, "%s" TEXT_FMT "#%llx", kind, TEXT_ARG(name), (unsigned long long)text_hash(doc)), doc));
}

/* An agent that is nowhere binds nothing. */
static enum find_end
find_agent(struct caller *c, struct finding *f)
{
	const struct standing *key = c->standing[SCOPE_KEY], **agent = &c->standing[SCOPE_AGENT];
	struct text doc;

	if (key == NULL || key->agent_id.len == 0)
		return (FOUND);
	doc = config_agent(f->config, key->agent_id);
	if (doc.len > 0)
		return (find_of_file(agent, f, "agent/", key->agent_id, doc));
	return (find_other(agent, f, arena_print(f->arena, "agent/" TEXT_FMT, TEXT_ARG(key->agent_id)), TEXT("")));
}

static enum find_end
find_behind(struct caller *c, struct finding *f)
{
	static const enum scope first[] = { SCOPE_TEAM, SCOPE_USER, SCOPE_MEMBER, SCOPE_PROJECT }, then[] = { SCOPE_ORGANIZATION };
	const struct standing *key = c->standing[SCOPE_KEY], *team, *user;
	enum find_end end;

	if ((end = find_scopes(c, f, first, nitems(first))) != FOUND)
		return (end);
	team = c->standing[SCOPE_TEAM];
	user = c->standing[SCOPE_USER];
	if (c->organization_id.len == 0 && team != NULL)
		c->organization_id = team->organization_id;
	if (user != NULL && c->role == USER_NONE)
		c->role = role_of(user->role);
	if ((end = find_scopes(c, f, then, nitems(then))) != FOUND || (end = find_agent(c, f)) != FOUND)
		return (end);
	if ((key == NULL || key->n_groups == 0) && (team == NULL || team->n_groups == 0))
		return (FOUND);
	c->groups = arena_alloc(f->arena, GROUPS_MOST * sizeof(*c->groups));
	return (find_groups(c, f));
}

static enum find_end
be_key(struct caller *c, struct finding *f, const struct standing *key)
{
	c->kind = CALLER_KEY;
	c->digest = key->id;
	c->standing[SCOPE_KEY] = key;
	c->user_id = key->user_id;
	c->team_id = key->team_id;
	c->organization_id = key->organization_id;
	return (find_behind(c, f));
}

enum find_end
find_caller(struct caller *c, struct finding *f, struct text key)
{
	const struct settings *s = &f->config->settings;
	const struct standing *standing = NULL;
	struct text digest;
	enum find_end end;

	caller_nobody(c);
	c->shown = key_shown(f->arena, key);
	if (key.len == 0)
		return (refuse(f, refusal(f->arena, E_AUTH, "auth_error", "None", "Authentication Error, No api key passed in.")));
	if (s->master_key.len > 0 && key.len <= KEY_MOST && text_eq_secret(key, s->master_key)) {
		c->kind = CALLER_MASTER;
		c->role = USER_ADMIN;
		c->user_id = TEXT("default_user_id");
		return (FOUND);
	}
	f->guessed = !text_starts(key, TEXT("sk-")) || key.len > KEY_MOST;
	if (f->guessed)
		return (refuse(f, refusal(f->arena, E_AUTH, "auth_error", "None", "Authentication Error, LiteLLM Virtual Key expected. Received=%.3s..., "
		    "expected to start with 'sk-'.", key.len > 11 ? arena_copy(f->arena, text_sub(key, 0, 3)).at : "")));
	digest = sha256_hex(f->arena, key);
	if ((end = find_key(&standing, f, key, digest)) != FOUND)
		return (end);
	return (be_key(c, f, standing));
}

/* people */

/* Whose other name that is; *id stays empty where nobody's, or where no store could keep such a name. */
static enum find_end
find_named(struct text *id, struct finding *f, const char *kind, struct text name)
{
	const struct standing *s = NULL;
	enum find_end end = FOUND;

	*id = TEXT("");
	if (name.len == 0 || name.len > NAME_MOST || !text_is_sound(name))
		return (FOUND);
	for (unsigned again = 0; again < 2 && end == FOUND; again++) {
		struct wish *w = wish_for(f, KNOWN_OTHER, arena_print(f->arena, "%s/" TEXT_FMT, kind, TEXT_ARG(name)), TEXT(""));

		if ((end = fetch(f)) == FOUND)
			s = standing_of(f, w);
	}
	*id = s != NULL ? s->user_id : TEXT("");
	return (end == FOUND ? fetch(f) : end);
}

/* The user of that name, sign-in id or e-mail address; the name itself where the store knows none. */
static enum find_end
find_user_id(struct text *id, struct finding *f, struct text name)
{
	enum find_end end = find_named(id, f, "person", name);

	if (id->len == 0)
		*id = name;
	return (end);
}

static void
narrow(struct caller *c, const struct person *who)
{
	c->only = who->only;
	c->n_only = who->n_only;
}

enum find_end
find_by_claim(struct caller *c, struct finding *f, const struct person *who, bool *there)
{
	struct text name = arena_print(f->arena, TEXT_FMT "=" TEXT_FMT, TEXT_ARG(f->config->jwt.key_claim), TEXT_ARG(who->key_claim)), digest;
	const struct standing *standing = NULL;
	enum find_end end = find_named(&digest, f, "jwt", name);

	*there = end == FOUND && digest.len > 0;
	if (!*there)
		return (end);
	caller_nobody(c);
	c->shown = TEXT("a token's key");
	if ((end = find_key(&standing, f, TEXT(""), digest)) != FOUND)
		return (end);
	narrow(c, who);
	return (be_key(c, f, standing));
}

/* A team and an organization that a token calls by their aliases. */
static enum find_end
find_aliases(struct text *team, struct text *organization, struct finding *f, const struct person *who)
{
	enum find_end end = find_named(team, f, "team_alias", who->team_alias);

	if (end == FOUND)
		end = find_named(organization, f, "org_alias", who->organization_alias);
	if (end == FOUND && who->team_alias.len > 0 && team->len == 0)
		return (refuse(f, refusal(f->arena, E_FORBIDDEN, "auth_error", "None", "The token's team '" TEXT_FMT "' is not the alias of one team here.",
		    TEXT_ARG(text_whole(text_sub(who->team_alias, 0, 200))))));
	if (end == FOUND && who->organization_alias.len > 0 && organization->len == 0)
		return (refuse(f, refusal(f->arena, E_FORBIDDEN, "auth_error", "None", "The token's organization '" TEXT_FMT "' is not the alias of one here.",
		    TEXT_ARG(text_whole(text_sub(who->organization_alias, 0, 200))))));
	return (end);
}

static bool
has_team(const struct person *who, struct text team)
{
	for (unsigned i = 0; i < who->n_teams; i++)
		if (text_eq(who->teams[i], team))
			return (true);
	return (false);
}

/* The teams of the person, that of the alias first. */
static void
take_teams(struct caller *c, struct finding *f, const struct person *who, struct text by_alias)
{
	struct text *teams = arena_alloc(f->arena, (PERSON_TEAMS + 1) * sizeof(*teams));
	unsigned n = 0;

	if (by_alias.len > 0)
		teams[n++] = by_alias;
	for (unsigned i = 0; i < who->n_teams; i++)
		if (!text_eq(who->teams[i], by_alias))
			teams[n++] = who->teams[i];
	c->teams = teams;
	c->n_teams = n;
}

enum find_end
find_person(struct caller *c, struct finding *f, const struct person *who, struct text team)
{
	struct text id = TEXT(""), by_alias, organization;
	enum find_end end;

	caller_nobody(c);
	if (who->name.len > 0 && (end = find_user_id(&id, f, who->name)) != FOUND)
		return (end);
	if ((end = find_aliases(&by_alias, &organization, f, who)) != FOUND)
		return (end);
	take_teams(c, f, who, by_alias);
	c->kind = CALLER_PERSON;
	c->role = who->role;
	c->shown = who->by_token ? TEXT("a token") : TEXT("a person");
	c->user_id = id;
	c->team_id = team.len > 0 ? team : c->n_teams > 0 ? c->teams[0] : TEXT("");
	c->organization_id = organization.len > 0 ? organization : who->organization_id;
	c->customer = who->customer;
	c->routes = who->routes;
	c->n_routes = who->n_routes;
	c->needs_team = who->by_token && f->config->jwt.by_team;
	narrow(c, who);
	if ((end = find_behind(c, f)) != FOUND)
		return (end);
	if (team.len > 0 && !has_team(who, team) && !text_eq(team, by_alias) && (who->by_token || c->standing[SCOPE_MEMBER] == NULL))
		return (refuse(f, refusal(f->arena, E_FORBIDDEN, "auth_error", "None", "User=" TEXT_FMT " is not in team=" TEXT_FMT ".", TEXT_ARG(who->name),
		    TEXT_ARG(text_sub(team, 0, 200)))));
	if (team.len > 0) {
		c->teams = &c->team_id;
		c->n_teams = 1;
	}
	if (c->standing[SCOPE_USER] != NULL && role_of(c->standing[SCOPE_USER]->role) > c->role)
		c->role = role_of(c->standing[SCOPE_USER]->role);
	if (c->role == USER_NONE)
		return (refuse(f, refusal(f->arena, E_FORBIDDEN, "auth_error", "None", "User=" TEXT_FMT " is signed in, but has no role at this gateway.",
		    TEXT_ARG(who->name))));
	return (FOUND);
}

static enum find_end
no_team(struct caller *c, struct finding *f, struct text model)
{
	struct buf list = { 0 };
	struct error *e;

	for (unsigned i = 0; i < c->n_teams; i++)
		buf_print(&list, "%s'" TEXT_FMT "'", i > 0 ? ", " : "", TEXT_ARG(c->teams[i]));
	e = refusal(f->arena, E_FORBIDDEN, "auth_error", "model", "No team has access to the requested model: " TEXT_FMT ". Checked teams=[" TEXT_FMT
	    "]. Check /models to see all available models.", TEXT_ARG(text_whole(text_sub(model, 0, 200))), TEXT_ARG(buf_as_text(&list)));
	buf_free(&list);
	return (refuse(f, e));
}

enum find_end
find_team(struct caller *c, struct finding *f, struct text model)
{
	enum find_end end;
	unsigned i = 0;

	if ((c->n_teams < 2 && !c->needs_team) || model.len == 0)
		return (FOUND);
	for (unsigned t = 0; t < c->n_teams; t++)
		wish_for(f, KNOWN_TEAM, c->teams[t], TEXT(""));
	if ((end = fetch(f)) != FOUND)
		return (end);
	while (i < c->n_teams && !admit_team(standing_of(f, wish_for(f, KNOWN_TEAM, c->teams[i], TEXT(""))), f->config, model))
		i++;
	if (i < c->n_teams) {
		if (c->standing[SCOPE_TEAM] != NULL && text_eq(c->organization_id, c->standing[SCOPE_TEAM]->organization_id))
			c->organization_id = TEXT("");			/* that of the team it would have been */
		c->team_id = c->teams[i];
	} else if (c->needs_team)
		return (no_team(c, f, model));
	if ((end = find_behind(c, f)) == FOUND) {
		c->n_teams = 0;
		c->needs_team = false;
	}
	return (end);
}

enum find_end
find_as_team(struct caller *c, struct finding *f, struct text team)
{
	enum find_end end;

	caller_nobody(c);
	c->kind = CALLER_KEY;
	c->role = USER_INTERNAL;
	c->team_id = team;
	if ((end = find_behind(c, f)) != FOUND || c->standing[SCOPE_TEAM] != NULL)
		return (end);
	return (refuse(f, refusal(f->arena, E_NOT_FOUND, "not_found_error", "team_id", "Team not found: team_id=" TEXT_FMT ".",
	    TEXT_ARG(text_whole(text_sub(team, 0, 200))))));
}

/* What the file says of that name in a map of budgets; empty: nothing. */
static struct text
budget_of_file(struct text all, struct text name)
{
	struct json_item one;
	char word[256];

	if (all.len == 0 || name.len >= sizeof(word))
		return (TEXT(""));
	memcpy(word, name.at, name.len);
	word[name.len] = '\0';
	return (json_find(all, word, &one) && one.type == JSON_OBJECT ? one.raw : TEXT(""));
}

enum find_end
find_provider(const struct standing **s, struct finding *f, struct text name)
{
	return (find_of_file(s, f, "provider/", name, budget_of_file(f->config->settings.provider_budgets, name)));
}

enum find_end
find_deployment(const struct standing **s, struct finding *f, const struct deployment *d)
{
	return (find_of_file(s, f, "deployment/", d->id, d->budget));
}

static struct wish *
wish_for_tag(struct finding *f, struct text tag)
{
	struct wish *w = wish_for(f, KNOWN_TAG, tag, TEXT(""));

	if (w->state == WISH_NEW)
		w->entity.tier = budget_of_file(f->config->settings.tag_budgets, tag);
	return (w);
}

/* What holds the money of a session is an account of its own, of which nothing has to be known before. */
static struct text
session_doc(struct arena *arena, const struct session_rule *r)
{
	struct buf b = { 0 };
	struct text doc;

	buf_lit(&b, "{\"max_budget\":");
	money_print(&b, r->ceiling);
	if (r->rpm != NO_LIMIT)
		buf_print(&b, ",\"rpm_limit\":%lld", (long long)r->rpm);
	if (r->tpm != NO_LIMIT)
		buf_print(&b, ",\"tpm_limit\":%lld", (long long)r->tpm);
	buf_byte(&b, '}');
	doc = arena_copy(arena, buf_as_text(&b));
	buf_free(&b);
	return (doc);
}

static const struct standing *
session_of_rates(struct arena *arena, const struct session_rule *r, struct text name)
{
	struct standing *s = arena_new_of(arena, struct standing);

	*s = standing_none;
	s->scope = SCOPE_SESSION;
	s->id = name;
	s->rpm = r->rpm;
	s->tpm = r->tpm;
	return (s);
}

static enum find_end
find_session(struct caller *c, struct finding *f)
{
	const struct session_rule *r = caller_session_rule(c);
	struct text name;

	if (r == NULL || c->session.len == 0 || (r->ceiling == NO_LIMIT && r->rpm == NO_LIMIT && r->tpm == NO_LIMIT))
		return (FOUND);
	name = caller_session(f->arena, c);
	if (r->ceiling != NO_LIMIT)
		return (find_of_file(&c->standing[SCOPE_SESSION], f, "session/", name, session_doc(f->arena, r)));
	c->standing[SCOPE_SESSION] = session_of_rates(f->arena, r, name);
	return (FOUND);
}

enum find_end
find_more(struct caller *c, struct finding *f)
{
	static const enum scope customer[] = { SCOPE_CUSTOMER };
	enum find_end end = find_scopes(c, f, customer, nitems(customer));

	if (end == FOUND)
		end = find_session(c, f);
	if (c->n_tags > 0 && c->tag_standings == NULL)
		c->tag_standings = arena_alloc(f->arena, c->n_tags * sizeof(*c->tag_standings));
	for (unsigned again = 0; again < 2 && end == FOUND; again++) {
		for (unsigned i = 0; i < c->n_tags; i++)
			c->tag_standings[i] = standing_of(f, wish_for_tag(f, c->tags[i]));
		end = fetch(f);
	}
	if (c->n_tags > 0)
		c->standing[SCOPE_TAG] = c->tag_standings[0];
	return (end == FOUND ? find_of_file(&c->standing[SCOPE_PROXY], f, "", TEXT("proxy"), f->config->settings.proxy_budget) : end);
}
