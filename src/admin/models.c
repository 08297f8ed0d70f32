/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Models that are kept in the store beside those of the file.
 *
 * A change is tried before it is kept: the file is read together with the store as it would be, and what the deployment lacks is what the caller
 * hears.  The configuration that was made for it is in force on this worker before the answer; others hear of the change and make their own.
 */
#include "admin/models.h"

#include "admin/nouns.h"
#include "admin/overlay.h"
#include "admin/roles.h"

#define ID_MOST	200

/* Shown: what a deployment shows of itself, and nothing sealed. */

static void
put_names(struct json_out *o, struct text object)
{
	struct json_walk w = json_walk(object);
	struct json_item item;

	while (json_next(&w, &item)) {
		json_name_quoted(o, item.name);
		json_raw(o, item.raw);
	}
}

static void
put_row(struct json_out *o, const struct thing *t, const struct deployment *d)
{
	struct text info = doc_raw(&t->doc, "model_info");

	json_open(o, '{');
	put_string(o, "model_id", t->id);
	put_string(o, "model_name", t->parent);
	json_name(o, "litellm_params");
	json_raw(o, d != NULL ? d->shown_params : TEXT("{}"));
	json_name(o, "model_info");
	json_open(o, '{');
	put_string(o, "id", t->id);
	json_name(o, "db_model");
	json_bool(o, true);
	put_names(o, info.len > 0 ? info : TEXT("{}"));
	json_close(o, '}');
	json_name(o, "blocked");
	json_bool(o, doc_true(&t->doc, "blocked"));
	put_made(o, &t->doc, t->created_at, t->updated_at);
	json_close(o, '}');
}

/* Reading a body */

static struct text
alone(struct admin_call *c, const struct json *m, struct text raw)
{
	return (raw.len == 0 ? raw : arena_print(c->arena, "{\"%.*s\":" TEXT_FMT "}", (int)m->name.len, m->name.at, TEXT_ARG(raw)));
}

struct error *
mask_of_nothing(struct admin_call *c, const char *name, struct text lost)
{
	return (admin_bad(c, name, TEXT_FMT " of %s is a mask, which stands for what is kept already: nothing is.",
	    TEXT_ARG(text_whole(text_sub(lost, 0, 128))), name));
}

/* A value as it is kept, sealed by its name; masks in it stand for what `before` has. */
static struct error *
seal_member(struct text *raw, struct admin_call *c, const char *name, const struct json *m, struct text before)
{
	struct text lost;
	struct json_walk w = json_walk(overlay_seal(c->arena, c->config->settings.salt_key, alone(c, m, m->raw), alone(c, m, before), &lost));
	struct json_item item = { 0 };

	json_next(&w, &item);
	*raw = item.raw;
	return (lost.len > 0 ? mask_of_nothing(c, name, lost) : NULL);
}

static struct error *
patch_member(struct doc *inner, struct admin_call *c, const char *name, const struct json *m, bool secret)
{
	struct text its = json_unescape(c->arena, m->name), raw = m->type == JSON_NULL ? TEXT("") : m->raw;

	if (raw.len > 0 && secret)
		TRY(seal_member(&raw, c, name, m, doc_raw(inner, arena_print(c->arena, TEXT_FMT, TEXT_ARG(its)).at)));
	doc_set(inner, its, raw);
	return (NULL);
}

/* A client that changes one thing sends all it was shown: what comes back as it was shown, without its secrets, is no change. */
static bool
was_shown(const struct json *shown, const struct json *m)
{
	for (const struct json *s = json_is(shown, JSON_OBJECT) ? shown->first : NULL; s != NULL; s = s->next)
		if (s->name.len == m->name.len && memcmp(s->name.at, m->name.at, m->name.len) == 0)
			return (json_same(s, m));
	return (false);
}

/* The members of `said` over those of what is kept; null takes one away. */
static struct error *
patch_object(struct doc *d, struct admin_call *c, const char *name, const struct json *said, bool secret, struct text shown)
{
	struct json_fault fault;
	const struct json *before = shown.len > 0 ? json_parse(c->arena, shown, &fault) : NULL;
	struct doc inner;

	if (said == NULL || said->type == JSON_NULL)
		return (NULL);
	if (said->type != JSON_OBJECT)
		return (admin_invalid(c, name, "%s must be an object.", name));
	if (secret && c->config->settings.salt_key.len == 0)
		return (admin_bad(c, name, "Secrets can not be kept: set LITELLM_SALT_KEY, or a master key."));
	if (said->raw.len > DOC_MOST)			/* before it is compared with what is kept */
		return (admin_bad(c, name, "This takes more than %d bytes.", DOC_MOST));
	doc_inner(&inner, d, name);
	for (const struct json *m = said->first; m != NULL; m = m->next)
		if (!was_shown(before, m))
			TRY(patch_member(&inner, c, name, m, secret));
	doc_set(d, text_of(name), doc_text(&inner));
	return (doc_text(d).len <= DOC_MOST ? NULL : admin_bad(c, name, "This takes more than %d bytes.", DOC_MOST));
}

struct error *
model_secrets(struct doc *d, struct admin_call *c, const char *name, const struct json *said)
{
	return (patch_object(d, c, name, said, true, TEXT("")));
}

/* Ours to say: they are not kept in model_info. */
static void
tidy_info(struct doc *d)
{
	static const char *const ours[] = { "id", "db_model", "created_at", "created_by", "updated_at", "updated_by" };
	struct doc info;

	doc_inner(&info, d, "model_info");
	for (unsigned i = 0; i < nitems(ours); i++)
		doc_set(&info, text_of(ours[i]), TEXT(""));
	doc_set(d, TEXT("model_info"), doc_text(&info));
}

/* Whose it is; empty: everybody's. */
static struct text
team_of(const struct thing *t)
{
	struct doc info;

	doc_inner(&info, &t->doc, "model_info");
	return (doc_string(&info, "team_id"));
}

/* A team's own model is stored under a name that nobody else has: the one that the team's deployments of that name have already, or a new one. */
static struct error *
name_for_team(struct thing *t, struct admin_call *c, struct text name)
{
	struct text team = team_of(t), stored;
	struct doc info;

	if (team.len == 0)
		return (NULL);
	TRY(must_be_there(c, SQL_TEAM_DOC, "team", "team_id", team));
	doc_inner(&info, &t->doc, "model_info");
	if ((name.len == 0 || text_starts(name, TEXT(TEAM_MODEL))) && doc_raw(&info, "team_public_model_name").len > 0)
		name = doc_string(&info, "team_public_model_name");	/* it is not said, or as it is stored, here or at LiteLLM */
	stored = config_team_model(c->config, team, name);
	t->parent = stored.len > 0 ? stored : arena_print(c->arena, TEAM_MODEL TEXT_FMT "_" TEXT_FMT, TEXT_ARG(team), TEXT_ARG(new_uuid(c)));
	doc_set_string(&info, "team_public_model_name", name);
	doc_set(&t->doc, TEXT("model_info"), doc_text(&info));
	doc_set_string(&t->doc, "model_name", t->parent);
	return (NULL);
}

/* `shown`: its litellm_params as /model/info has them; empty: it is new. */
static struct error *
read_body(struct thing *t, struct admin_call *c, struct text shown)
{
	struct text name;
	bool blocked;

	TRY(body_text(&name, c, c->body, "model_name"));
	if (name.len > 0)
		t->parent = name;
	doc_set_string(&t->doc, "model_name", t->parent);
	TRY(patch_object(&t->doc, c, "litellm_params", json_get(c->body, "litellm_params"), true, shown));
	TRY(patch_object(&t->doc, c, "model_info", json_get(c->body, "model_info"), false, TEXT("")));
	tidy_info(&t->doc);
	TRY(name_for_team(t, c, name));
	TRY(body_bool(&blocked, c, c->body, "blocked", doc_true(&t->doc, "blocked")));
	doc_set(&t->doc, TEXT("blocked"), blocked ? TEXT("true") : TEXT(""));
	return (NULL);
}

/* Trying it */

struct text
models_problems(struct admin_call *c, const struct config *config, struct text entry)
{
	struct growing g = { 0 };

	for (const struct problem *p = config->problems; p != NULL; p = p->next)
		if (text_eq(p->file, entry) && p->level <= PROBLEM_WARNING) {
			if (g.len > 0)
				arena_append(c->arena, &g, TEXT("; "));
			arena_append(c->arena, &g, p->message);
		}
	return ((struct text){ g.len > 0 ? g.at : "", g.len });
}

struct error *
models_as_stored(struct admin_call *c)
{
	enum store_end end;
	struct error *e;

	config_release(c->made);
	c->made = overlay_load_here(c->config, c->store, &end);
	if ((e = admin_end(c, end)) == NULL && c->made->n_errors > 0)
		e = admin_bad(c, NULL, "The configuration file has errors now, so that no change of models can be put in force; see sluice check.");
	return (e);
}

struct error *
models_changed(struct admin_call *c)
{
	admin_changed(c, OVERLAY_KIND, TEXT(OVERLAY_ENTITY));
	return (models_as_stored(c));
}

static bool
is_team_host(const struct config *c, struct text host)
{
	for (size_t i = 0; i < c->settings.team_model_hosts.n; i++)
		if (text_eq_nocase(c->settings.team_model_hosts.list[i], host))
			return (true);
	return (false);
}

/*
 * Where a team's admins may send its calls: to a server that https names, or one that the operator lists; never into the gateway's own network, and never
 * with what the machine itself may do at its cloud.
 */
static struct error *
check_server(struct admin_call *c, const struct deployment *d)
{
	struct text rest = d->url, host, path;

	if (is_admin(c) || d->mock)
		return (NULL);
	if (d->credential != NULL)
		return (admin_forbidden(c, "Team admins may add models that are called with an api_key only."));
	if (text_starts(d->url, TEXT("https://")) && d->host.len > 0)
		return (NULL);
	while (rest.len > 0 && !text_starts(rest, TEXT("//")))
		rest = text_sub(rest, 1, rest.len);
	text_cut(text_sub(rest, 2, rest.len), '/', &host, &path);
	if (host.len > 0 && host.at[0] != '[')
		text_cut(host, ':', &host, &path);
	if (is_team_host(c->config, host))
		return (NULL);
	return (admin_forbidden(c, "Team admins may name servers by https and a name, or those of sluice.team_model_hosts."));
}

/* One that can not be served is refused with the words of the check. */
static struct error *
must_serve(const struct deployment **d, struct admin_call *c, const struct thing *t)
{
	struct text why;

	TRY(models_changed(c));
	if ((*d = config_deployment(c->made, t->id)) != NULL)
		return (check_server(c, *d));
	why = models_problems(c, c->made, arena_print(c->arena, "model " TEXT_FMT, TEXT_ARG(t->id)));
	return (admin_bad(c, "litellm_params", "This model can not be served: " TEXT_FMT, TEXT_ARG(why.len > 0 ? why : TEXT("its environment is another one"))));
}

static struct error *
keep(const struct deployment **d, struct admin_call *c, struct thing *t, const char *action, struct text before)
{
	struct buf b = { 0 };
	struct json_out o = { .to = &b };
	struct error *e;

	if ((e = thing_write(c, t)) == NULL && (e = must_serve(d, c, t)) == NULL) {
		put_row(&o, t, *d);
		e = audit(c, action, "model", t->id, TEXT(""), before, arena_copy(c->arena, buf_as_text(&b)));
	}
	buf_free(&b);
	return (e);
}

/* What it shows before the change. */
static struct error *
look_before(struct text *row, struct text *shown, struct admin_call *c, const struct thing *t)
{
	const struct deployment *d;
	struct buf b = { 0 };
	struct json_out o = { .to = &b };

	TRY(models_as_stored(c));
	d = config_deployment(c->made, t->id);
	put_row(&o, t, d);
	*row = arena_copy(c->arena, buf_as_text(&b));
	*shown = d != NULL ? arena_copy(c->arena, d->shown_params) : TEXT("");
	buf_free(&b);
	return (NULL);
}

static struct error *
say(struct admin_call *c, const struct thing *t, const struct deployment *d)
{
	struct json_out o = { .to = &c->out };

	put_row(&o, t, d);
	return (NULL);
}

/* Whose call */

static bool
is_one_of(struct text name, const char *const *names, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (text_is(name, names[i]))
			return (true);
	return (false);
}

/*
 * What team admins may say of a model: nothing that reaches for the operator's secrets (its environment, its credentials, the machine's identity) or into
 * its network.
 */
static struct error *
check_params(struct admin_call *c, const struct json *params)
{
	static const char *const plain[] = { "model", "api_key", "api_base", "api_version", "custom_llm_provider", "organization", "rpm", "tpm",
	    "weight", "order",
		"timeout", "stream_timeout", "max_retries", "num_retries", "tags", "input_cost_per_token", "output_cost_per_token",
		"cache_read_input_token_cost", "cache_creation_input_token_cost", "max_tokens", "temperature", "drop_params", "mock_response" };

	for (const struct json *m = json_is(params, JSON_OBJECT) ? params->first : NULL; m != NULL; m = m->next) {
		struct text name = json_unescape(c->arena, m->name), value = json_unescape(c->arena, json_quoted(m));

		if (!is_one_of(name, plain, nitems(plain)))
			return (admin_forbidden(c, "Team admins may not set litellm_params." TEXT_FMT ".", TEXT_ARG(text_whole(text_sub(name, 0, 100)))));
		if (text_has(value, TEXT("os.environ")) || (m->type == JSON_ARRAY && memchr(m->raw.at, '\\', m->raw.len) != NULL) || m->type == JSON_OBJECT ||
		    text_has(m->raw, TEXT("os.environ")))
			return (admin_forbidden(c, "Team admins may not name the gateway's environment (litellm_params." TEXT_FMT ").", TEXT_ARG(name)));
	}
	return (NULL);
}

/* Its key is the team's own: without one a vendor's usual variable would be taken. */
static struct error *
check_own(struct admin_call *c, const struct json *params, bool new)
{
	struct text base, key;

	TRY(check_params(c, params));
	TRY(body_text(&base, c, params, "api_base"));
	TRY(body_text(&key, c, params, "api_key"));
	if (overlay_is_mask(key))
		key = TEXT("");					/* it would take the kept one to wherever api_base says */
	if (key.len == 0 && (new || json_get(params, "api_key") != NULL))
		return (admin_bad(c, "api_key", "api_key is required: the model's own key."));
	if (key.len == 0 && (base.len > 0 || json_get(params, "model") != NULL))
		return (admin_bad(c, "api_key", "Send api_key along: a key goes to the server and the vendor it was given for."));
	return (NULL);
}

/* Admins may change any model; admins of a team those of it, which stay its own. */
static struct error *
may_change(struct admin_call *c, struct text team, bool new)
{
	static const struct json nothing = { .type = JSON_OBJECT };
	const struct json *params = json_get(c->body, "litellm_params"), *info = json_get(c->body, "model_info");
	struct text said;

	if (is_admin(c))
		return (NULL);
	if (team.len == 0)
		return (admin_forbidden(c, "Only proxy admins may call %s for a model that is of no team (model_info.team_id).", c->row->path));
	TRY(may_team(c, DEED_CHANGE, team));
	TRY(body_text(&said, c, info, "team_id"));
	if (json_get(info, "team_id") != NULL && !text_eq(said, team))
		return (admin_forbidden(c, "Only proxy admins may give a model to another team."));
	if (json_get(info, "access_groups") != NULL)
		return (admin_forbidden(c, "Only proxy admins may put a model into access groups."));
	return (check_own(c, json_is(params, JSON_OBJECT) ? params : &nothing, new));
}

/* The calls */

struct error *
model_new(struct admin_call *c)
{
	const struct deployment *d;
	struct thing t;
	struct text id, team;
	bool there;

	TRY(body_id(&id, c, c->body, "model_name"));
	if (!json_is(json_get(c->body, "litellm_params"), JSON_OBJECT))
		return (admin_invalid(c, "litellm_params", "litellm_params is required: an object."));
	TRY(body_text(&id, c, json_get(c->body, "model_info"), "id"));
	if (id.len > ID_MOST)
		return (admin_bad(c, "id", "id is longer than %d bytes.", ID_MOST));
	TRY(body_text(&team, c, json_get(c->body, "model_info"), "team_id"));
	TRY(may_change(c, team, true));
	thing_new(&t, c, "model", id.len > 0 ? id : new_uuid(c));
	TRY(thing_find(&(struct thing){ 0 }, &there, c, "model", t.id));
	if (there || config_deployment(c->config, t.id) != NULL)
		return (admin_bad(c, "id", "Model with id=" TEXT_FMT " already exists.", TEXT_ARG(t.id)));
	TRY(read_body(&t, c, TEXT("")));
	TRY(keep(&d, c, &t, "created", TEXT("")));
	return (say(c, &t, d));
}

/* A model of the store; one of the file is there, but not to be changed here. */
static struct error *
must_be(struct thing *t, struct admin_call *c, struct text id, bool patch)
{
	struct text brief = text_whole(text_sub(id, 0, ID_MOST));
	bool there;

	if (id.len == 0)
		return (admin_invalid(c, "id", "model_info.id is required."));
	TRY(thing_find(t, &there, c, "model", id));
	if (there)
		return (NULL);
	if (config_deployment(c->config, id) != NULL)
		return (admin_bad(c, "id", "Model with id=" TEXT_FMT " not found in db: it stands in the configuration file.", TEXT_ARG(brief)));
	if (!patch)
		return (admin_bad(c, "id", "Model with id=" TEXT_FMT " not found in db", TEXT_ARG(brief)));
	return (admin_missing(c, "id", "Model " TEXT_FMT " not found on litellm proxy: Model with id=" TEXT_FMT " not found in db", TEXT_ARG(brief),
	    TEXT_ARG(brief)));
}

static struct error *
update(struct admin_call *c, struct text id, bool patch)
{
	const struct deployment *d;
	struct text before, shown;
	struct thing t;

	TRY(must_be(&t, c, id, patch));
	TRY(may_change(c, team_of(&t), false));
	TRY(look_before(&before, &shown, c, &t));
	TRY(read_body(&t, c, shown));
	TRY(keep(&d, c, &t, "updated", before));
	return (say(c, &t, d));
}

/* The id stands in model_info, or at the top as LiteLLM's own client has it. */
struct error *
model_update(struct admin_call *c)
{
	struct text id;

	TRY(body_text(&id, c, json_get(c->body, "model_info"), "id"));
	if (id.len == 0)
		TRY(body_text(&id, c, c->body, "id"));
	return (update(c, id, false));
}

struct error *
model_patch(struct admin_call *c)
{
	return (update(c, c->id[0], true));
}

struct error *
model_delete(struct admin_call *c)
{
	struct json_out o = { .to = &c->out };
	struct text id, before, shown;
	struct thing t;

	TRY(body_id(&id, c, c->body, "id"));
	TRY(must_be(&t, c, id, false));
	TRY(may_change(c, team_of(&t), false));
	TRY(look_before(&before, &shown, c, &t));
	TRY(thing_delete(c, &t));
	TRY(models_changed(c));
	TRY(audit(c, "deleted", "model", id, TEXT(""), before, TEXT("")));
	json_open(&o, '{');
	put_string(&o, "message", arena_print(c->arena, "Model: " TEXT_FMT " deleted successfully", TEXT_ARG(id)));
	json_close(&o, '}');
	return (NULL);
}

static struct error *
block(struct admin_call *c, bool blocked)
{
	const struct deployment *d;
	struct text id, before, shown;
	struct thing t;

	TRY(body_id(&id, c, c->body, "model_id"));
	TRY(must_be(&t, c, id, true));
	TRY(may_change(c, team_of(&t), false));
	TRY(look_before(&before, &shown, c, &t));
	doc_set(&t.doc, TEXT("blocked"), blocked ? TEXT("true") : TEXT(""));
	TRY(keep(&d, c, &t, blocked ? "blocked" : "unblocked", before));
	return (say(c, &t, d));
}

struct error *
model_block(struct admin_call *c)
{
	return (block(c, true));
}

struct error *
model_unblock(struct admin_call *c)
{
	return (block(c, false));
}
