/* SPDX-License-Identifier: Apache-2.0 */
/* The pages of settings that LiteLLM's dashboard reads and saves: the router, defaults of users and teams, the dashboard itself, callbacks. */
#include "admin/settings.h"

#include "admin/nouns.h"
#include "admin/things.h"

static const char general[] = "general_settings", litellm[] = "litellm_settings", router[] = "router_settings";

static struct error *
say_saved(struct admin_call *c, const char *message, struct text settings)
{
	struct json_out o = { .to = &c->out };

	json_open(&o, '{');
	put_string(&o, "message", text_of(message));
	put_string(&o, "status", TEXT("success"));
	put_raw(&o, "settings", settings, "{}");
	json_close(&o, '}');
	return (NULL);
}

/* The router */

#define BY_WEIGHT	"Deployments of a model are drawn by their weights."

static const struct runtime_setting shuffle = { router, "routing_strategy", "Select", "\"simple-shuffle\"", BY_WEIGHT };

static void
put_field(struct json_out *o, const struct runtime_setting *r, struct text value)
{
	json_open(o, '{');
	put_string(o, "field_name", text_of(r->key));
	put_string(o, "field_type", text_of(r->type));
	put_raw(o, "field_value", value, "null");
	put_string(o, "field_description", text_of(r->help));
	put_raw(o, "field_default", text_of(r->otherwise), "null");
	put_raw(o, "options", r == &shuffle ? TEXT("[\"simple-shuffle\"]") : TEXT(""), "null");
	put_string(o, "ui_field_name", text_of(r->key));
	put_raw(o, "link", TEXT(""), "null");
	json_close(o, '}');
}

static const struct runtime_setting *
next_of_router(const struct runtime_setting *r)
{
	for (r = r == &shuffle ? runtime_settings : r + 1; r->key != NULL; r++)
		if (strcmp(r->section, router) == 0)
			return (r);
	return (NULL);
}

/* What is not said in router_settings may be in litellm_settings. */
static const struct said_setting *
router_said(const struct config *config, const struct runtime_setting *r)
{
	const struct said_setting *s = r != &shuffle ? setting_said(config, router, text_of(r->key)) : NULL;

	return (s != NULL || r == &shuffle ? s : setting_said(config, litellm, text_of(r->key)));
}

static struct text
router_value(const struct config *config, const struct runtime_setting *r)
{
	const struct said_setting *s = router_said(config, r);

	return (s != NULL ? s->value : text_of(r->otherwise));
}

static void
put_fields(struct json_out *o, const struct config *config)
{
	json_name(o, "fields");
	json_open(o, '[');
	for (const struct runtime_setting *r = &shuffle; r != NULL; r = next_of_router(r))
		put_field(o, r, config == NULL ? TEXT("") : router_value(config, r));
	json_close(o, ']');
	put_raw(o, "routing_strategy_descriptions", TEXT("{\"simple-shuffle\":\"" BY_WEIGHT "\"}"), "{}");
}

struct error *
router_settings(struct admin_call *c)
{
	struct json_out o = { .to = &c->out };

	json_open(&o, '{');
	put_fields(&o, c->config);
	json_name(&o, "current_values");
	json_open(&o, '{');
	for (const struct runtime_setting *r = &shuffle; r != NULL; r = next_of_router(r))
		put_raw(&o, r->key, router_value(c->config, r), "null");
	json_close(&o, '}');
	json_name(&o, "source");
	json_open(&o, '{');
	for (const struct runtime_setting *r = &shuffle; r != NULL; r = next_of_router(r)) {
		const struct said_setting *s = router_said(c->config, r);

		put_string(&o, r->key, s == NULL ? TEXT("default") : s->stored ? TEXT("db") : TEXT("config"));
	}
	json_close(&o, '}');
	json_close(&o, '}');
	return (NULL);
}

struct error *
router_fields(struct admin_call *c)
{
	struct json_out o = { .to = &c->out };

	json_open(&o, '{');
	put_fields(&o, NULL);
	json_close(&o, '}');
	return (NULL);
}

/* What new users and teams have */

struct shown_field {
	const char	*name, *type, *help;
};

static void
put_schema(struct json_out *o, const char *about, const struct shown_field *fields)
{
	json_name(o, "field_schema");
	json_open(o, '{');
	put_string(o, "description", text_of(about));
	json_name(o, "properties");
	json_open(o, '{');
	for (const struct shown_field *f = fields; f->name != NULL; f++) {
		json_name(o, f->name);
		json_open(o, '{');
		put_string(o, "description", text_of(f->help));
		put_string(o, "type", text_of(f->type));
		json_close(o, '}');
	}
	json_close(o, '}');
	json_close(o, '}');
}

static struct error *
say_page(struct admin_call *c, const struct doc *values, const char *about, const struct shown_field *fields)
{
	struct json_out o = { .to = &c->out };
	struct doc all = *values;

	for (const struct shown_field *f = fields; f->name != NULL; f++)
		if (doc_raw(&all, f->name).len == 0)
			doc_set(&all, text_of(f->name), TEXT("null"));
	json_open(&o, '{');
	put_raw(&o, "values", doc_text(&all), "{}");
	put_schema(&o, about, fields);
	json_close(&o, '}');
	return (NULL);
}

struct defaults {
	const char	*key, *about, *saved;
	const struct shown_field *fields;
};

static const struct shown_field user_fields[] = {
	{ "user_role", "string", "The role of who is new." }, { "max_budget", "number", "Dollars a period." },
	{ "budget_duration", "string", "30d: how long a period is." },
	{ "models", "array", "Which models." }, { "tpm_limit", "integer", "Tokens a minute." }, { "rpm_limit", "integer", "Requests a minute." },
	{ "teams", "array", "The teams that who is new becomes a member of: ids, or objects with team_id, max_budget_in_team and user_role." },
	{ NULL, NULL, NULL },
};
static const struct shown_field team_fields[] = {
	{ "models", "array", "Which models." }, { "max_budget", "number", "Dollars a period." },
	{ "budget_duration", "string", "30d: how long a period is." }, { "tpm_limit", "integer", "Tokens a minute." },
	{ "rpm_limit", "integer", "Requests a minute." }, { "organization_id", "string", "Its organization." },
	{ "team_member_permissions", "array", "What members may do with the team's keys." }, { NULL, NULL, NULL },
};
static const struct defaults users = { "default_internal_user_params", "What a new user has, where its maker says nothing.",
	"Internal user settings updated successfully", user_fields };
static const struct defaults teams = { "default_team_params", "What a new team has, where its maker says nothing.",
	"Default team settings updated successfully", team_fields };

static void
defaults_read(struct doc *d, struct admin_call *c, const struct defaults *p)
{
	doc_read(d, c->arena, setting_raw(c->config, litellm, p->key, "{}"));
}

static struct error *
defaults_show(struct admin_call *c, const struct defaults *p)
{
	struct doc d;

	defaults_read(&d, c, p);
	return (say_page(c, &d, p->about, p->fields));
}

static struct error *
team_must_exist(struct admin_call *c, struct text id)
{
	struct rows rows;

	TRY(ASK(c, &rows, SQL_TEAM_DOC, V_TEXT(id)));
	return (rows.n > 0 ? NULL : admin_bad(c, "teams", "Team(s) not found: " TEXT_FMT ". A team must exist before new users can be put into it.",
	    TEXT_ARG(text_whole(text_sub(id, 0, 200)))));
}

/* Whoever is made later would be refused for a team that is not there. */
static struct error *
check_teams(struct admin_call *c, const struct json *list)
{
	struct text id;

	if (list == NULL || list->type == JSON_NULL)
		return (NULL);
	if (list->type != JSON_ARRAY || list->count > ADMIN_ITEMS_MOST)
		return (admin_invalid(c, "teams", "teams must be a list of at most %d teams.", ADMIN_ITEMS_MOST));
	for (const struct json *i = list->first; i != NULL; i = i->next) {
		if (i->type == JSON_OBJECT)
			TRY(body_id(&id, c, i, "team_id"));
		else
			id = json_unescape(c->arena, json_quoted(i));
		TRY(team_must_exist(c, id));
	}
	return (NULL);
}

/* What the body leaves out stays, null clears. */
static struct error *
defaults_change(struct admin_call *c, const struct defaults *p)
{
	struct changing all = { 0 };
	struct json_fault fault;
	struct doc d;

	defaults_read(&d, c, p);
	for (const struct json *m = c->body->first; m != NULL; m = m->next)
		doc_set(&d, arena_copy(c->arena, json_unescape(c->arena, m->name)), m->type == JSON_NULL ? TEXT("") : m->raw);
	TRY(setting_change(&all, c, litellm, text_of(p->key), json_parse(c->arena, doc_text(&d), &fault)));
	TRY(settings_try(&all, c));
	return (say_saved(c, p->saved, doc_text(&d)));
}

struct error *
user_defaults(struct admin_call *c)
{
	return (defaults_show(c, &users));
}

struct error *
user_defaults_update(struct admin_call *c)
{
	TRY(check_teams(c, json_get(c->body, "teams")));
	return (defaults_change(c, &users));
}

struct error *
team_defaults(struct admin_call *c)
{
	return (defaults_show(c, &teams));
}

struct error *
team_defaults_update(struct admin_call *c)
{
	struct text org;

	TRY(body_text(&org, c, c->body, "organization_id"));
	TRY(must_be_there(c, SQL_ORGANIZATION_EXISTS, "organization", "organization_id", org));
	return (defaults_change(c, &teams));
}

/* The dashboard.  Two of its switches are settings of calls; of the others it is told how things are. */

static const struct shown_field ui_fields[] = {
	{ "forward_client_headers_to_llm_api", "boolean", "The client's own headers go to the upstream." },
	{ "forward_llm_provider_auth_headers", "boolean", "A vendor's key that the client sends goes to the upstream." }, { NULL, NULL, NULL },
};

static void
ui_read(struct doc *d, struct admin_call *c, const struct config *config)
{
	doc_read(d, c->arena, TEXT(""));
	for (const struct shown_field *f = ui_fields; f->name != NULL; f++)
		doc_set(d, text_of(f->name), setting_raw(config, general, f->name, "false"));
}

struct error *
ui_settings(struct admin_call *c)
{
	struct doc d;

	ui_read(&d, c, c->config);
	return (say_page(c, &d, "What of the dashboard's settings is in force here.", ui_fields));
}

static bool
is_ui_field(struct text name)
{
	for (const struct shown_field *f = ui_fields; f->name != NULL; f++)
		if (text_is(name, f->name))
			return (true);
	return (false);
}

/* A dashboard saves all of its switches: those that are off may be. */
static bool
is_off(const struct json *v)
{
	return (v->type == JSON_NULL || (v->type == JSON_BOOL && !json_true(v)) || (v->type == JSON_ARRAY && v->count == 0));
}

struct error *
ui_settings_update(struct admin_call *c)
{
	struct changing all = { 0 };
	struct doc d;

	for (const struct json *m = c->body->first; m != NULL; m = m->next) {
		struct text name = arena_copy(c->arena, json_unescape(c->arena, m->name));

		if (is_ui_field(name))
			TRY(setting_change(&all, c, general, name, m));
		else if (!is_off(m))
			return (admin_bad(c, "settings", TEXT_FMT " is not in force in this version; nothing was changed.",
			    TEXT_ARG(text_whole(text_sub(name, 0, 128)))));
	}
	if (all.n == 0)
		return (admin_bad(c, "settings", "The body names no setting that is in force in this version."));
	TRY(settings_try(&all, c));
	ui_read(&d, c, c->made);
	return (say_saved(c, "UI settings updated successfully", doc_text(&d)));
}

static const struct shown_field no_fields[] = { { NULL, NULL, NULL } };

struct error *
sso_settings(struct admin_call *c)
{
	struct doc none;

	doc_read(&none, c->arena, TEXT(""));
	return (say_page(c, &none, "People are signed in by the web server in front; sluice.people in the file says who they are here.", no_fields));
}

struct error *
sso_settings_update(struct admin_call *c)
{
	return (admin_bad(c, "settings", "Sign-on is the web server's, and sluice.people of the configuration file says what its users may: neither can be "
	    "changed while the gateway runs."));
}

/* The theme: kept and told to dashboards, which are pages beside the gateway. */

static const struct field theme_fields[] = {
	{ "logo_url", FIELD_TEXT, 0, NULL, NULL, 2048 },
	{ "logo_url_dark", FIELD_TEXT, 0, NULL, NULL, 2048 },
	{ "favicon_url", FIELD_TEXT, 0, NULL, NULL, 2048 },
	{ NULL, FIELD_ANY, 0, NULL, NULL, 0 },
};
static const struct noun theme_noun = { "theme", theme_fields };
static const struct shown_field theme_shown[] = {
	{ "logo_url", "string", "Of an image, http or https." }, { "logo_url_dark", "string", "The same on dark ground." },
	{ "favicon_url", "string", "Of an image, http or https." }, { NULL, NULL, NULL },
};

static struct error *
theme_read(struct thing *t, bool *there, struct admin_call *c)
{
	TRY(thing_find(t, there, c, "ui_theme", TEXT("ui_theme")));
	if (!*there)
		thing_new(t, c, "ui_theme", TEXT("ui_theme"));
	return (NULL);
}

static struct text
theme_values(struct admin_call *c, const struct doc *d)
{
	struct doc shown;

	doc_read(&shown, c->arena, TEXT(""));
	for (const struct field *f = theme_fields; f->name != NULL; f++)
		doc_set(&shown, text_of(f->name), doc_raw(d, f->name).len > 0 ? doc_raw(d, f->name) : TEXT("null"));
	return (doc_text(&shown));
}

struct error *
theme_settings(struct admin_call *c)
{
	struct doc values;
	struct thing t;
	bool there;

	TRY(theme_read(&t, &there, c));
	doc_read(&values, c->arena, theme_values(c, &t.doc));
	return (say_page(c, &values, "Kept for dashboards; the gateway has no page of its own that would show it.", theme_shown));
}

static bool
is_address(struct text t)
{
	struct text host = text_starts(t, TEXT("https://")) ? text_sub(t, 8, t.len) : text_starts(t, TEXT("http://")) ? text_sub(t, 7, t.len) : TEXT("");

	for (size_t i = 0; i < t.len; i++)
		if (t.at[i] <= ' ' || t.at[i] > '~')
			return (false);
	return (host.len > 0 && host.at[0] != '/');
}

struct error *
theme_settings_update(struct admin_call *c)
{
	struct text before;
	struct thing t;
	bool there;

	TRY(theme_read(&t, &there, c));
	before = there ? theme_values(c, &t.doc) : TEXT("");
	TRY(fields_read(&t.doc, c, &theme_noun, c->body));
	for (const struct field *f = theme_fields; f->name != NULL; f++)
		if (doc_raw(&t.doc, f->name).len > 0 && !is_address(doc_string(&t.doc, f->name)))
			return (admin_bad(c, f->name, "Invalid %s: must be an http(s) URL with a host.", f->name));
	TRY(thing_write(c, &t));
	TRY(audit(c, "updated", "setting", TEXT("ui_theme_config"), TEXT(""), before, theme_values(c, &t.doc)));
	return (say_saved(c, "UI theme settings updated successfully", theme_values(c, &t.doc)));
}

/* Callbacks: what LiteLLM calls so, and of them what is in force here, which is metrics. */

static const struct {
	const char	*key, *type;
} lists[] = {
	{ "success_callback", "success" }, { "failure_callback", "failure" }, { "callbacks", "success_and_failure" },
};

static bool
in_force(struct text name)
{
	return (text_is(name, "prometheus"));
}

/* The names of one list of the file; a lone text is a list of one. */
static unsigned
callbacks_of(struct text **names, struct admin_call *c, const char *key)
{
	struct doc d;
	unsigned n;

	doc_read(&d, c->arena, TEXT(""));
	doc_set(&d, text_of(key), setting_raw(c->config, litellm, key, ""));
	if ((n = doc_strings(names, &d, key)) > 0 || doc_string(&d, key).len == 0)
		return (n);
	*names = arena_alloc(c->arena, sizeof(**names));
	(*names)[0] = doc_string(&d, key);
	return (1);
}

static void
put_callbacks(struct json_out *o, struct admin_call *c)
{
	for (unsigned i = 0; i < nitems(lists); i++) {
		struct text *names;
		unsigned n = callbacks_of(&names, c, lists[i].key);

		for (unsigned k = 0; k < n; k++) {
			json_open(o, '{');
			put_string(o, "name", names[k]);
			put_raw(o, "variables", TEXT("{}"), "{}");
			put_string(o, "type", text_of(lists[i].type));
			json_name(o, "in_force");
			json_bool(o, in_force(names[k]));
			json_close(o, '}');
		}
	}
}

static void
put_targets(struct json_out *o, const struct config *config, const char *name, enum alert_form form)
{
	static const char *const types[] = { [ALERT_BUDGETS] = "budget_alerts", [ALERT_OUTAGES] = "db_exceptions" };
	unsigned active = 0;

	for (size_t i = 0; i < config->alerting.n_targets; i++)
		active |= config->alerting.targets[i].form == form ? config->alerting.targets[i].types : 0;
	json_open(o, '{');
	put_string(o, "name", text_of(name));
	put_raw(o, "variables", TEXT("{}"), "{}");
	json_name(o, "active_alerts");
	json_open(o, '[');
	for (unsigned t = 0; t < nitems(types); t++)
		if (active & 1u << t)
			json_string(o, text_of(types[t]));
	json_close(o, ']');
	json_close(o, '}');
}

struct error *
config_callbacks(struct admin_call *c)
{
	struct json_out o = { .to = &c->out };

	json_open(&o, '{');
	put_string(&o, "status", TEXT("success"));
	json_name(&o, "callbacks");
	json_open(&o, '[');
	put_callbacks(&o, c);
	json_close(&o, ']');
	json_name(&o, "alerts");
	json_open(&o, '[');
	put_targets(&o, c->config, "slack", ALERT_SLACK);
	put_targets(&o, c->config, "webhook", ALERT_WEBHOOK);
	put_targets(&o, c->config, "email", ALERT_MAIL);
	json_close(&o, ']');
	put_raw(&o, "active_alerting_destinations", setting_raw(c->config, general, "alerting", "[]"), "[]");
	json_name(&o, "router_settings");
	settings_put(&o, c->arena, c->config, router);
	put_raw(&o, "available_callbacks", TEXT("{}"), "{}");
	json_close(&o, '}');
	return (NULL);
}

struct error *
callback_delete(struct admin_call *c)
{
	struct text name, *names;

	TRY(body_id(&name, c, c->body, "callback_name"));
	for (unsigned i = 0; i < nitems(lists); i++)
		for (unsigned k = 0, n = callbacks_of(&names, c, lists[i].key); k < n; k++)
			if (text_eq_nocase(names[k], name))
				return (admin_bad(c, "callback_name", "litellm_settings.%s is set in the config file and cannot be changed here: "
				    "the file counts.", lists[i].key));
	return (admin_missing(c, "callback_name", "Callback '" TEXT_FMT "' not found in active configuration", TEXT_ARG(name)));
}

/* Those in force, as a list of names. */
static void
put_active(struct json_out *o, struct admin_call *c, const char *name, const char *key)
{
	struct text *names;
	unsigned n = key != NULL ? callbacks_of(&names, c, key) : 0;

	json_name(o, name);
	json_open(o, '[');
	for (unsigned i = 0; i < n; i++)
		if (in_force(names[i]))
			json_string(o, names[i]);
	json_close(o, ']');
}

static unsigned
count_active(struct admin_call *c)
{
	unsigned active = 0;
	struct text *names;

	for (unsigned i = 0; i < nitems(lists); i++)
		for (unsigned k = 0, n = callbacks_of(&names, c, lists[i].key); k < n; k++)
			active += in_force(names[k]);
	return (active);
}

struct error *
active_callbacks(struct admin_call *c)
{
	struct json_out o = { .to = &c->out };

	json_open(&o, '{');
	put_raw(&o, "alerting", setting_raw(c->config, general, "alerting", "null"), "null");
	put_active(&o, c, "litellm.callbacks", "callbacks");
	put_active(&o, c, "litellm.input_callback", NULL);
	put_active(&o, c, "litellm.failure_callback", "failure_callback");
	put_active(&o, c, "litellm.success_callback", "success_callback");
	put_active(&o, c, "all_litellm_callbacks", "callbacks");
	json_name(&o, "num_callbacks");
	json_int(&o, count_active(c));
	json_name(&o, "num_alerting");
	json_int(&o, (int64_t)c->config->alerting.n_targets);
	json_name(&o, "litellm.request_timeout");
	json_int(&o, c->config->settings.total_timeout_ms / 1000);
	json_close(&o, '}');
	return (NULL);
}

struct error *
callbacks_list(struct admin_call *c)
{
	struct json_out o = { .to = &c->out };

	json_open(&o, '{');
	for (unsigned i = 0; i < nitems(lists); i++)
		put_active(&o, c, lists[i].type, lists[i].key);
	json_close(&o, '}');
	return (NULL);
}

/* Callbacks that could be set up here: there are none. */
struct error *
callback_configs(struct admin_call *c)
{
	buf_lit(&c->out, "[]");
	return (NULL);
}
