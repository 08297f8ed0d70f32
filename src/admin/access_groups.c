/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Access groups, of both kinds.
 *
 * The older ones are a mark of deployments (model_info.access_groups): a group is all that are marked so.  The newer ones are things of their own, which
 * keys and teams name by their id.
 */
#include "admin/models.h"

#include "admin/keys.h"
#include "admin/nouns.h"
#include "admin/teams.h"

/* The older kind */

static bool
has(struct text *list, unsigned n, struct text t)
{
	for (unsigned i = 0; i < n; i++)
		if (text_eq(list[i], t))
			return (true);
	return (false);
}

static unsigned
groups_of(struct text **groups, struct arena *arena, struct text model_info)
{
	struct doc info;

	doc_read(&info, arena, model_info);
	return (doc_strings(groups, &info, "access_groups"));
}

static bool
is_marked(struct arena *arena, const struct deployment *d, struct text group)
{
	struct text *groups;
	unsigned n = groups_of(&groups, arena, d->model_info);

	return (has(groups, n, group));
}

/* The names of a group's models, each once; how many deployments there are. */
static unsigned
put_models(struct json_out *o, struct arena *arena, const struct config *c, struct text group)
{
	struct text *names = arena_alloc(arena, (c->n_deployments + 1) * sizeof(*names));
	unsigned n = 0, all = 0;

	json_name(o, "model_names");
	json_open(o, '[');
	for (size_t i = 0; i < c->n_deployments; i++) {
		if (!is_marked(arena, c->deployments[i], group))
			continue;
		all++;
		if (!has(names, n, c->deployments[i]->group)) {
			names[n++] = c->deployments[i]->group;
			json_string(o, names[n - 1]);
		}
	}
	json_close(o, ']');
	return (all);
}

static struct error *
put_group(struct json_out *o, struct admin_call *c, const struct config *config, struct text group)
{
	unsigned n;

	json_open(o, '{');
	put_string(o, "access_group", group);
	n = put_models(o, c->arena, config, group);
	json_name(o, "deployment_count");
	json_int(o, n);
	json_name(o, "models_updated");
	json_int(o, n);
	json_close(o, '}');
	return (NULL);
}

static bool
is_there(struct admin_call *c, const struct config *config, struct text group)
{
	for (size_t i = 0; i < config->n_deployments; i++)
		if (is_marked(c->arena, config->deployments[i], group))
			return (true);
	return (false);
}

static struct error *
must_be_group(struct admin_call *c, struct text group)
{
	return (is_there(c, c->config, group) ? NULL : admin_missing(c, "access_group", "Access group '" TEXT_FMT "' not found.",
	    TEXT_ARG(text_whole(text_sub(group, 0, 200)))));
}

/* Takes the mark off, or puts it on. */
static struct error *
mark(struct admin_call *c, struct thing *t, struct text group, bool on)
{
	struct text *groups, *wanted;
	struct doc info;
	unsigned n, m = 0;

	doc_inner(&info, &t->doc, "model_info");
	n = doc_strings(&groups, &info, "access_groups");
	if (has(groups, n, group) == on)
		return (NULL);
	wanted = arena_alloc(c->arena, (n + 1) * sizeof(*wanted));
	for (unsigned i = 0; i < n; i++)
		if (!text_eq(groups[i], group))
			wanted[m++] = groups[i];
	if (on)
		wanted[m++] = group;
	doc_set(&info, TEXT("access_groups"), texts_raw(c->arena, wanted, m));
	doc_set(&t->doc, TEXT("model_info"), doc_text(&info));
	return (thing_write(c, t));
}

/* The models of the store with one of these names are marked, others are not. */
static struct error *
mark_all(struct admin_call *c, struct text group, struct text *names, unsigned n)
{
	struct thing *models;
	unsigned count;

	TRY(things_list(&models, &count, c, "model", TEXT("")));
	for (unsigned i = 0; i < count; i++)
		TRY(mark(c, &models[i], group, has(names, n, models[i].parent)));
	return (NULL);
}

/* What stands in the file is marked there. */
static struct error *
check_names(struct admin_call *c, struct text *names, unsigned n)
{
	for (unsigned i = 0; i < n; i++) {
		bool there = false, file = false;

		for (size_t k = 0; k < c->config->n_deployments; k++)
			if (text_eq(c->config->deployments[k]->group, names[i])) {
				there = there || c->config->deployments[k]->stored;
				file = file || !c->config->deployments[k]->stored;
			}
		if (!there && !file)
			return (admin_bad(c, "model_names", "The model " TEXT_FMT " was not found.", TEXT_ARG(text_whole(text_sub(names[i], 0, 200)))));
		if (!there)
			return (admin_bad(c, "model_names", "The model " TEXT_FMT " stands in the configuration file: give it model_info.access_groups there.",
			    TEXT_ARG(text_whole(text_sub(names[i], 0, 200)))));
	}
	return (NULL);
}

static struct error *
set_group(struct admin_call *c, struct text group, const char *action)
{
	struct json_out o = { .to = &c->out };
	struct text *names;
	unsigned n;

	TRY(body_texts(&names, &n, c, c->body, "model_names"));
	if (n == 0)
		return (admin_bad(c, "model_names", "model_names is required: a list of at least one model."));
	TRY(check_names(c, names, n));
	TRY(mark_all(c, group, names, n));
	TRY(models_changed(c));
	TRY(audit(c, action, "access_group", group, TEXT(""), TEXT(""), c->sent));
	return (put_group(&o, c, c->made, group));
}

struct error *
access_group_new(struct admin_call *c)
{
	struct text group;

	TRY(body_id(&group, c, c->body, "access_group"));
	if (is_there(c, c->config, group)) {
		struct error *e = admin_bad(c, "access_group", "Access group '" TEXT_FMT "' already exists.", TEXT_ARG(text_whole(text_sub(group, 0, 200))));

		e->status = 409;
		e->code = TEXT("409");
		return (e);
	}
	return (set_group(c, group, "created"));
}

struct error *
access_group_update(struct admin_call *c)
{
	TRY(must_be_group(c, c->id[0]));
	return (set_group(c, c->id[0], "updated"));
}

struct error *
access_group_delete(struct admin_call *c)
{
	struct json_out o = { .to = &c->out };

	TRY(must_be_group(c, c->id[0]));
	TRY(mark_all(c, c->id[0], NULL, 0));
	TRY(models_changed(c));
	if (is_there(c, c->made, c->id[0]))
		return (admin_bad(c, "access_group", "Models of the configuration file are in this group: take it out of their model_info.access_groups."));
	TRY(audit(c, "deleted", "access_group", c->id[0], TEXT(""), TEXT(""), TEXT("")));
	json_open(&o, '{');
	put_string(&o, "access_group", c->id[0]);
	put_string(&o, "message", arena_print(c->arena, "Access group '" TEXT_FMT "' deleted successfully", TEXT_ARG(c->id[0])));
	json_close(&o, '}');
	return (NULL);
}

struct error *
access_group_info(struct admin_call *c)
{
	struct json_out o = { .to = &c->out };

	TRY(must_be_group(c, c->id[0]));
	return (put_group(&o, c, c->config, c->id[0]));
}

struct error *
access_group_list(struct admin_call *c)
{
	struct json_out o = { .to = &c->out };
	struct text *groups, *all = NULL;
	unsigned n, room = 0, count = 0;

	json_open(&o, '{');
	json_name(&o, "access_groups");
	json_open(&o, '[');
	for (size_t i = 0; i < c->config->n_deployments; i++) {
		n = groups_of(&groups, c->arena, c->config->deployments[i]->model_info);
		for (unsigned k = 0; k < n; k++) {
			if (has(all, count, groups[k]))
				continue;
			all = arena_widen(c->arena, all, &room, count + 1, count, sizeof(*all));
			all[count++] = groups[k];
			TRY(put_group(&o, c, c->config, groups[k]));
		}
	}
	json_close(&o, ']');
	json_close(&o, '}');
	return (NULL);
}

/* The newer kind */

static const struct field group_fields[] = {
	{ "access_group_name", FIELD_TEXT, 0, NULL, NULL, 255 },
	{ "description", FIELD_TEXT, 0, NULL, NULL, 4096 },
	{ "access_model_names", FIELD_TEXTS, 0, "[]", NULL, 0 },
	{ "access_mcp_server_ids", FIELD_TEXTS, 0, "[]", NULL, 0 },
	{ "access_agent_ids", FIELD_TEXTS, 0, "[]", NULL, 0 },
	{ "assigned_team_ids", FIELD_TEXTS, 0, "[]", NULL, 0 },
	{ "assigned_key_ids", FIELD_TEXTS, 0, "[]", NULL, 0 },
	{ NULL, FIELD_ANY, 0, NULL, NULL, 0 },
};
static const struct noun group_noun = { "access group", group_fields };

static struct error *
put_row(struct json_out *o, struct admin_call *c, const struct thing *t)
{
	(void)c;
	put_string(o, "access_group_id", t->id);
	fields_put(o, &group_noun, &t->doc);
	put_made(o, &t->doc, t->created_at, t->updated_at);
	return (NULL);
}

/* Puts the group into a list of a document, or takes it out; false: it was so already. */
static bool
name_group(struct doc *d, struct text id, bool on)
{
	struct text *groups, *wanted;
	unsigned n = doc_strings(&groups, d, "access_group_ids"), m = 0;

	if (has(groups, n, id) == on)
		return (false);
	wanted = arena_alloc(d->arena, (n + 1) * sizeof(*wanted));
	for (unsigned i = 0; i < n; i++)
		if (!text_eq(groups[i], id))
			wanted[m++] = groups[i];
	if (on)
		wanted[m++] = id;
	doc_set(d, TEXT("access_group_ids"), texts_raw(d->arena, wanted, m));
	return (true);
}

static struct error *
name_in_team(struct admin_call *c, struct text team_id, struct text id, bool on)
{
	struct team t;
	bool there;

	TRY(team_find(&t, &there, c, team_id));
	if (!there)
		return (on ? admin_missing(c, "assigned_team_ids", "Team not found, team_id=" TEXT_FMT ".", TEXT_ARG(text_whole(text_sub(team_id, 0, 200)))) : NULL);
	t.updated_at = c->now_ms;
	return (name_group(&t.doc, id, on) ? team_write(c, &t) : NULL);
}

static struct error *
name_in_key(struct admin_call *c, struct text said, struct text id, bool on)
{
	struct text digest = key_digest(c->arena, said);
	struct key k;
	bool there = false;

	if (digest.len > 0)
		TRY(key_find(&k, &there, c, digest));
	if (!there)
		return (on ? admin_missing(c, "assigned_key_ids", "A key of assigned_key_ids was not found.") : NULL);
	k.updated_at = c->now_ms;
	return (name_group(&k.doc, id, on) ? key_write(c, &k) : NULL);
}

/* Those that are assigned name the group; those that were and are not any more do not. */
static struct error *
assign(struct admin_call *c, struct text id, const struct doc *before, const struct doc *after)
{
	static const struct {
		const char	*list;
		struct error	*(*name)(struct admin_call *, struct text whom, struct text id, bool on);
	} all[] = { { "assigned_team_ids", name_in_team }, { "assigned_key_ids", name_in_key } };
	struct text *old, *new;

	for (unsigned a = 0; a < nitems(all); a++) {
		unsigned n_old = doc_strings(&old, before, all[a].list), n_new = doc_strings(&new, after, all[a].list);

		for (unsigned i = 0; i < n_old; i++)
			if (!has(new, n_new, old[i]))
				TRY(all[a].name(c, old[i], id, false));
		for (unsigned i = 0; i < n_new; i++)
			TRY(all[a].name(c, new[i], id, true));
	}
	return (NULL);
}

static struct error *
keep(struct admin_call *c, struct thing *t, const struct doc *before, struct text row, const char *action)
{
	struct json_out o = { .to = &c->out };
	struct text after;

	doc_set(&t->doc, TEXT("models"), doc_raw(&t->doc, "access_model_names"));	/* by which who may call them is known */
	TRY(thing_write(c, t));
	TRY(assign(c, t->id, before, &t->doc));
	admin_changed(c, KNOWN_OTHER, arena_print(c->arena, "access_group/" TEXT_FMT, TEXT_ARG(t->id)));
	TRY(thing_text(&after, c, t, put_row));
	TRY(audit(c, action, "access_group", t->id, TEXT(""), row, after));
	json_raw(&o, after);
	return (NULL);
}

struct error *
group_new(struct admin_call *c)
{
	struct doc nothing;
	struct thing t;
	struct text name, id;

	TRY(body_id(&name, c, c->body, "access_group_name"));
	TRY(body_text(&id, c, c->body, "access_group_id"));
	thing_new(&t, c, "access_group", id.len > 0 ? id : new_uuid(c));
	TRY(thing_must_not_be(c, "access_group", t.id, "access_group_id"));
	doc_read(&nothing, c->arena, TEXT(""));
	TRY(fields_read(&t.doc, c, &group_noun, c->body));
	TRY(keep(c, &t, &nothing, TEXT(""), "created"));
	c->status = 201;
	return (NULL);
}

struct error *
group_update(struct admin_call *c)
{
	struct text row;
	struct doc before;
	struct thing t;

	TRY(thing_must_be(&t, c, "access_group", c->id[0], "access_group_id"));
	TRY(thing_text(&row, c, &t, put_row));
	doc_read(&before, c->arena, doc_text(&t.doc));
	TRY(fields_read(&t.doc, c, &group_noun, c->body));
	return (keep(c, &t, &before, row, "updated"));
}

struct error *
group_info(struct admin_call *c)
{
	struct json_out o = { .to = &c->out };
	struct thing t;

	TRY(thing_must_be(&t, c, "access_group", c->id[0], "access_group_id"));
	return (thing_put(&o, c, &t, put_row));
}

struct error *
group_list(struct admin_call *c)
{
	struct json_out o = { .to = &c->out };
	struct thing *list;
	unsigned n;

	TRY(things_list(&list, &n, c, "access_group", TEXT("")));
	return (things_put(&o, c, list, n, put_row));
}

struct error *
group_delete(struct admin_call *c)
{
	struct doc nothing;
	struct thing t;
	struct text row;

	TRY(thing_must_be(&t, c, "access_group", c->id[0], "access_group_id"));
	TRY(thing_text(&row, c, &t, put_row));
	doc_read(&nothing, c->arena, TEXT(""));
	TRY(assign(c, t.id, &t.doc, &nothing));
	TRY(thing_delete(c, &t));
	admin_changed(c, KNOWN_OTHER, arena_print(c->arena, "access_group/" TEXT_FMT, TEXT_ARG(t.id)));
	TRY(audit(c, "deleted", "access_group", t.id, TEXT(""), row, TEXT("")));
	c->status = 204;
	return (NULL);
}
