/* SPDX-License-Identifier: Apache-2.0 */
/* /config/…: settings of the store, changed and shown one by one or by sections. */
#include "admin/settings.h"

#include "admin/keys.h"
#include "admin/nouns.h"
#include "admin/overlay.h"
#include "admin/teams.h"
#include "admin/users.h"

#define VARIABLE_MOST	65536

static const char general[] = "general_settings", litellm[] = "litellm_settings", router[] = "router_settings", variables[] = "environment_variables";

/* What is in force */

const struct said_setting *
setting_said(const struct config *config, const char *section, struct text key)
{
	for (size_t i = 0; i < config->n_said; i++)
		if (strcmp(config->said[i].section, section) == 0 && text_eq(config->said[i].key, key))
			return (&config->said[i]);
	return (NULL);
}

struct text
setting_raw(const struct config *config, const char *section, const char *key, const char *otherwise)
{
	const struct said_setting *s = setting_said(config, section, text_of(key));

	return (s != NULL ? s->value : text_of(otherwise));
}

void
settings_put(struct json_out *o, struct arena *arena, const struct config *config, const char *section)
{
	json_open(o, '{');
	for (size_t i = 0; i < config->n_said; i++)
		if (strcmp(config->said[i].section, section) == 0) {
			json_name_quoted(o, json_escape(arena, config->said[i].key));
			json_raw(o, config->said[i].value);
		}
	json_close(o, '}');
}

/* Changing */

/* In the file, in that section or in its twin. */
static bool
file_has(const struct config *config, const char *section, struct text key)
{
	const char *twin = strcmp(section, litellm) == 0 ? router : strcmp(section, router) == 0 ? litellm : section;
	const struct said_setting *here = setting_said(config, section, key), *there = setting_said(config, twin, key);

	return ((here != NULL && !here->stored) || (there != NULL && !there->stored));
}

struct error *
setting_is_free(struct admin_call *c, struct text section, struct text key)
{
	struct text why = runtime_refuses(c->arena, section, key);
	const char *name = runtime_section(section);

	if (why.len > 0)
		return (admin_bad(c, "field_name", TEXT_FMT ".", TEXT_ARG(why)));
	if (file_has(c->config, name, key))
		return (admin_bad(c, "field_name", "%s." TEXT_FMT " is set in the config file and cannot be changed here: the file counts.  Take it out "
		    "there, and the database may have it.", name, TEXT_ARG(key)));
	return (NULL);
}

/* Objects of defaults are read as the bodies they stand in for. */
static struct error *
check_fields(struct admin_call *c, struct text id, const struct json *value)
{
	static const struct {
		const char	*id;
		const struct noun *noun;
	} nouns[] = {
		{ "litellm_settings/default_internal_user_params", &user_noun }, { "litellm_settings/default_team_params", &team_noun },
		{ "litellm_settings/default_key_generate_params", &key_noun },
	};
	struct doc unused;

	doc_read(&unused, c->arena, TEXT(""));
	for (unsigned i = 0; i < nitems(nouns); i++)
		if (text_is(id, nouns[i].id) && value->type == JSON_OBJECT)
			return (fields_read(&unused, c, nouns[i].noun, value));
	return (NULL);
}

/* A variable's value is a text, and no reference to another. */
static struct error *
variable_raw(struct text *raw, struct admin_call *c, struct text key, const struct json *value)
{
	struct text t = value->type == JSON_STRING ? json_unescape(c->arena, json_quoted(value)) : value->raw;
	struct quoted q = json_escape(c->arena, t);

	if (value->type == JSON_OBJECT || value->type == JSON_ARRAY)
		return (admin_invalid(c, "environment_variables", "The variable " TEXT_FMT " must be a text.", TEXT_ARG(key)));
	if (memchr(t.at, '\0', t.len) != NULL || t.len > VARIABLE_MOST || text_starts(t, TEXT("os.environ/")))
		return (admin_bad(c, "environment_variables", "The variable " TEXT_FMT " must be at most %d bytes without a zero, and no os.environ/.",
		    TEXT_ARG(key), VARIABLE_MOST));
	*raw = arena_print(c->arena, "\"%.*s\"", (int)q.len, q.at);
	return (NULL);
}

static struct error *
value_raw(struct text *raw, struct admin_call *c, struct text id, const char *section, struct text key, const struct json *value, struct text kept)
{
	struct text salt = c->config->settings.salt_key, lost = TEXT("");

	*raw = value->raw;
	if (strcmp(section, variables) == 0)
		TRY(variable_raw(raw, c, key, value));
	TRY(check_fields(c, id, value));
	if (overlay_seals(id) && salt.len == 0)
		return (admin_bad(c, "field_name", "Secrets can not be kept: set LITELLM_SALT_KEY, or a master key."));
	if (overlay_seals(id) && raw->len <= DOC_MOST)
		*raw = overlay_seal(c->arena, salt, *raw, kept, &lost);
	if (lost.len > 0)
		return (mask_of_nothing(c, "field_value", lost));
	return (raw->len <= DOC_MOST ? NULL : admin_bad(c, "field_value", "This takes more than %d bytes.", DOC_MOST));
}

/* For the audit: {"value": …}; empty: none. */
static struct text
told(struct admin_call *c, struct text id, struct text raw)
{
	return (raw.len == 0 ? TEXT("") : overlay_seals(id) ? TEXT("{\"value\":\"***\"}") :
	    arena_print(c->arena, "{\"value\":" TEXT_FMT "}", TEXT_ARG(raw)));
}

static struct error *
keep(struct admin_call *c, struct text id, const char *section, struct text key, const struct json *value)
{
	struct text raw, before = TEXT("");
	struct thing t;
	bool there;

	TRY(thing_find(&t, &there, c, "setting", id));
	if (there)
		before = told(c, id, doc_raw(&t.doc, "value"));
	if (value == NULL || value->type == JSON_NULL) {
		if (!there)
			return (NULL);
		TRY(thing_delete(c, &t));
		return (audit(c, "deleted", "setting", id, TEXT(""), before, TEXT("")));
	}
	if (!there)
		thing_new(&t, c, "setting", id);
	TRY(value_raw(&raw, c, id, section, key, value, doc_raw(&t.doc, "value")));
	t.parent = text_of(section);
	doc_set(&t.doc, TEXT("value"), raw);
	TRY(thing_write(c, &t));
	return (audit(c, there ? "updated" : "created", "setting", id, TEXT(""), before, told(c, id, raw)));
}

/* As it was shown, without its secrets: that is no change, wherever it stands. */
static bool
is_sent_back(struct admin_call *c, struct text id, const char *section, struct text key, const struct json *value)
{
	const struct said_setting *s = setting_said(c->config, section, key);
	struct json_fault fault;

	if (s == NULL || value == NULL || !(overlay_seals(id) || overlay_is_mask(json_unescape(c->arena, json_quoted(value)))))
		return (false);
	return (json_same(json_parse(c->arena, s->value, &fault), value));
}

struct error *
setting_change(struct changing *all, struct admin_call *c, const char *section, struct text key, const struct json *value)
{
	struct text id = arena_print(c->arena, "%s/" TEXT_FMT, section, TEXT_ARG(key));

	if (is_sent_back(c, id, section, key, value))
		return (NULL);
	TRY(setting_is_free(c, text_of(section), key));
	TRY(keep(c, id, runtime_section(text_of(section)), key, value));
	all->ids = arena_widen(c->arena, all->ids, &all->room, all->n + 1, all->n, sizeof(*all->ids));
	all->ids[all->n++] = id;
	return (NULL);
}

struct error *
settings_try(const struct changing *all, struct admin_call *c)
{
	TRY(models_changed(c));
	for (unsigned i = 0; i < all->n; i++) {
		struct text why = models_problems(c, c->made, arena_print(c->arena, "setting " TEXT_FMT, TEXT_ARG(all->ids[i])));

		if (why.len > 0)
			return (admin_bad(c, "field_value", TEXT_FMT, TEXT_ARG(why)));
	}
	return (NULL);
}

/* POST /config/update */

static struct error *
change_section(struct changing *all, struct admin_call *c, const struct json *m)
{
	struct text name = json_unescape(c->arena, m->name);
	const char *section = runtime_section(name);

	if (section == NULL)
		return (admin_bad(c, "field_name", "\"" TEXT_FMT "\" is no section that can be changed here: general_settings, litellm_settings, "
		    "router_settings and environment_variables are; models are made by /model/new.", TEXT_ARG(text_whole(text_sub(name, 0, 64)))));
	if (m->type != JSON_OBJECT && m->type != JSON_NULL)
		return (admin_invalid(c, section, "%s must be an object.", section));
	if (m->count > ADMIN_ITEMS_MOST)
		return (admin_bad(c, section, "%s has more than %d settings.", section, ADMIN_ITEMS_MOST));
	for (const struct json *v = m->first; v != NULL; v = v->next)
		TRY(setting_change(all, c, section, arena_copy(c->arena, json_unescape(c->arena, v->name)), v));
	return (NULL);
}

static void
say_done(struct admin_call *c, const char *message)
{
	struct json_out o = { .to = &c->out };

	json_open(&o, '{');
	put_string(&o, "message", text_of(message));
	put_string(&o, "status", TEXT("success"));
	json_close(&o, '}');
}

struct error *
config_update(struct admin_call *c)
{
	struct changing all = { 0 };

	for (const struct json *m = c->body->first; m != NULL; m = m->next)
		TRY(change_section(&all, c, m));
	if (all.n == 0)
		return (admin_bad(c, NULL, "The body names no setting."));
	TRY(settings_try(&all, c));
	say_done(c, "Config updated successfully");
	return (NULL);
}

/* Fields */

static struct error *
section_of(const char **section, struct admin_call *c, struct text said)
{
	*section = said.len > 0 ? runtime_section(said) : general;
	return (*section != NULL && strcmp(*section, variables) != 0 ? NULL : admin_bad(c, "config_type",
	    "config_type must be general_settings, litellm_settings or router_settings."));
}

static const char *
source_of(const struct said_setting *s)
{
	return (s == NULL ? "unset" : s->stored ? "db" : "config");
}

static void
put_source(struct json_out *o, const struct said_setting *s)
{
	put_string(o, "source", text_of(source_of(s)));
	json_name(o, "editable");
	json_bool(o, s == NULL || s->stored);
}

static void
put_row(struct json_out *o, const struct config *config, const struct runtime_setting *r)
{
	const struct said_setting *s = setting_said(config, r->section, text_of(r->key));

	json_open(o, '{');
	put_string(o, "field_name", text_of(r->key));
	put_string(o, "field_type", text_of(r->type));
	put_string(o, "field_description", text_of(r->help));
	put_raw(o, "field_value", s != NULL ? s->value : TEXT(""), r->otherwise);
	put_raw(o, "stored_in_db", s == NULL ? TEXT("") : s->stored ? TEXT("true") : TEXT("false"), "null");
	put_raw(o, "field_default_value", text_of(r->otherwise), "null");
	json_name(o, "premium_field");
	json_bool(o, false);
	put_raw(o, "nested_fields", TEXT(""), "null");
	put_source(o, s);
	json_close(o, '}');
}

struct error *
config_list(struct admin_call *c)
{
	struct json_out o = { .to = &c->out };
	const char *section;

	TRY(section_of(&section, c, query_text(c, "config_type")));
	json_open(&o, '[');
	for (const struct runtime_setting *r = runtime_settings; r->key != NULL; r++)
		if (strcmp(r->section, section) == 0)
			put_row(&o, c->config, r);
	json_close(&o, ']');
	return (NULL);
}

struct error *
config_field_info(struct admin_call *c)
{
	struct text field = query_text(c, "field_name"), brief = text_whole(text_sub(field, 0, 128));
	struct json_out o = { .to = &c->out };
	const struct said_setting *s;
	const char *section;

	TRY(section_of(&section, c, query_text(c, "config_type")));
	if (field.len == 0)
		return (admin_invalid(c, "field_name", "field_name is required."));
	s = setting_said(c->config, section, field);
	if (s == NULL && runtime_refuses(c->arena, text_of(section), field).len > 0)
		return (admin_bad(c, "field_name", "Invalid field=" TEXT_FMT " passed in.", TEXT_ARG(brief)));
	if (s == NULL)
		return (admin_bad(c, "field_name", "Field name=" TEXT_FMT " is not set", TEXT_ARG(brief)));
	json_open(&o, '{');
	put_string(&o, "field_name", field);
	put_raw(&o, "field_value", s->value, "null");
	put_source(&o, s);
	json_close(&o, '}');
	return (NULL);
}

static struct error *
change_field(struct admin_call *c, const struct json *value, const char *message)
{
	struct changing all = { 0 };
	struct text field, type;
	const char *section;

	TRY(body_id(&field, c, c->body, "field_name"));
	TRY(body_text(&type, c, c->body, "config_type"));
	TRY(section_of(&section, c, type));
	if (value == NULL && (setting_said(c->config, section, field) == NULL || !setting_said(c->config, section, field)->stored)) {
		TRY(setting_is_free(c, text_of(section), field));
		return (admin_bad(c, "field_name", "Field name=" TEXT_FMT " not in config", TEXT_ARG(field)));
	}
	TRY(setting_change(&all, c, section, field, value));
	TRY(settings_try(&all, c));
	say_done(c, message);
	return (NULL);
}

struct error *
config_field_update(struct admin_call *c)
{
	const struct json *value = json_get(c->body, "field_value");

	return (value == NULL ? admin_invalid(c, "field_value", "field_value is required.") : change_field(c, value, "Field updated successfully"));
}

struct error *
config_field_delete(struct admin_call *c)
{
	return (change_field(c, NULL, "Field deleted successfully"));
}

/* Discounts and margins: the body is the whole of it. */

static struct error *
say_values(struct admin_call *c, const struct config *config, const char *key, const char *message)
{
	struct json_out o = { .to = &c->out };

	json_open(&o, '{');
	if (message != NULL) {
		put_string(&o, "message", text_of(message));
		put_string(&o, "status", TEXT("success"));
	}
	put_raw(&o, "values", setting_raw(config, litellm, key, "{}"), "{}");
	json_close(&o, '}');
	return (NULL);
}

static struct error *
change_values(struct admin_call *c, const char *key, const char *message)
{
	struct changing all = { 0 };
	struct json_fault fault;

	TRY(setting_change(&all, c, litellm, text_of(key), json_parse(c->arena, c->body->raw.len > 0 ? c->body->raw : TEXT("{}"), &fault)));
	TRY(settings_try(&all, c));
	return (say_values(c, c->made, key, message));
}

struct error *
cost_discounts(struct admin_call *c)
{
	return (say_values(c, c->config, "cost_discount_config", NULL));
}

struct error *
cost_discounts_update(struct admin_call *c)
{
	return (change_values(c, "cost_discount_config", "Cost discount configuration updated successfully"));
}

struct error *
cost_margins(struct admin_call *c)
{
	return (say_values(c, c->config, "cost_margin_config", NULL));
}

struct error *
cost_margins_update(struct admin_call *c)
{
	return (change_values(c, "cost_margin_config", "Cost margin configuration updated successfully"));
}

/* All sections as they are in force, without secrets. */
struct error *
config_sections(struct admin_call *c)
{
	static const char *const sections[] = { general, litellm, router, variables };
	struct json_out o = { .to = &c->out };

	json_open(&o, '{');
	for (unsigned i = 0; i < nitems(sections); i++) {
		json_name(&o, sections[i]);
		settings_put(&o, c->arena, c->config, sections[i]);
	}
	json_close(&o, '}');
	return (NULL);
}
