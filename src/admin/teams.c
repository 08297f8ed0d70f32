/* SPDX-License-Identifier: Apache-2.0 */
/* A team: its fields, its row, written, shown and removed. */
#include "admin/teams.h"

#include "admin/keys.h"
#include "admin/roles.h"

#define KEYS_MOST	100000

static const char *const limit_types[] = { "guaranteed_throughput", "best_effort_throughput", "dynamic", NULL };

static const struct field team_fields[] = {
	{ "team_alias", FIELD_TEXT, 0, NULL, NULL, 255 },
	{ "organization_id", FIELD_TEXT, 0, NULL, NULL, 255 },
	{ "admins", FIELD_TEXTS, 0, "[]", NULL, 0 },
	{ "members", FIELD_TEXTS, 0, "[]", NULL, 0 },
	{ "team_member_permissions", FIELD_TEXTS, 0, "[]", member_permissions, 0 },
	{ "metadata", FIELD_OBJECT, 0, "{}", NULL, 0 },
	{ "tpm_limit", FIELD_INT, 0, NULL, NULL, 0 },
	{ "rpm_limit", FIELD_INT, 0, NULL, NULL, 0 },
	{ "max_parallel_requests", FIELD_INT, 0, NULL, NULL, 0 },
	{ "max_budget", FIELD_MONEY, 0, NULL, NULL, 0 },
	{ "soft_budget", FIELD_MONEY, 0, NULL, NULL, 0 },
	{ "budget_duration", FIELD_SPAN, 0, NULL, NULL, 0 },
	{ "budget_limits", FIELD_WINDOWS, 0, NULL, NULL, 0 },
	{ "models", FIELD_TEXTS, 0, "[]", NULL, 0 },
	{ "blocked", FIELD_BOOL, 0, "false", NULL, 0 },
	{ "model_aliases", FIELD_OBJECT, FIELD_HIDDEN, NULL, NULL, 0 },
	{ "router_settings", FIELD_OBJECT, 0, NULL, NULL, 0 },
	{ "access_group_ids", FIELD_TEXTS, 0, "[]", NULL, 0 },
	{ "default_team_member_models", FIELD_TEXTS, 0, "[]", NULL, 0 },
	{ "model_id", FIELD_INT, FIELD_SAID, NULL, NULL, 0 },
	{ "model_max_budget", FIELD_BUDGETS, 0, "{}", NULL, 0 },
	{ "policies", FIELD_TEXTS, 0, "[]", NULL, 0 },
	{ "prompts", FIELD_TEXTS, 0, NULL, NULL, 0 },
	{ "object_permission", FIELD_OBJECT, 0, NULL, NULL, 0 },
	{ "object_permission_id", FIELD_TEXT, 0, NULL, NULL, 255 },
	{ "allow_team_guardrail_config", FIELD_BOOL, 0, "false", NULL, 0 },
	{ "secret_manager_settings", FIELD_OBJECT, FIELD_HIDDEN, NULL, NULL, 0 },
	{ "team_member_budget", FIELD_MONEY, 0, NULL, NULL, 0 },
	{ "team_member_budget_duration", FIELD_SPAN, 0, NULL, NULL, 0 },
	{ "team_member_rpm_limit", FIELD_INT, 0, NULL, NULL, 0 },
	{ "team_member_tpm_limit", FIELD_INT, 0, NULL, NULL, 0 },
	{ "team_member_key_duration", FIELD_SPAN, 0, NULL, NULL, 0 },
	{ "enforced_file_expires_after", FIELD_OBJECT, FIELD_INSIDE, NULL, NULL, 0 },
	{ "enforced_batch_output_expires_after", FIELD_OBJECT, FIELD_INSIDE, NULL, NULL, 0 },
	{ "tags", FIELD_TEXTS, FIELD_INSIDE, NULL, NULL, 0 },
	{ "guardrails", FIELD_TEXTS, FIELD_INSIDE, NULL, NULL, 0 },
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
	{ "store_prompts", FIELD_BOOL, FIELD_INSIDE, NULL, NULL, 0 },
	{ "scim_metadata", FIELD_OBJECT, FIELD_INSIDE | FIELD_HIDDEN, NULL, NULL, 0 },
	{ NULL, FIELD_ANY, 0, NULL, NULL, 0 },
};
const struct noun team_noun = { "team", team_fields };

struct error *
team_of_row(struct team *t, struct admin_call *c, const struct rows *rows, unsigned row)
{
	t->id = rows_text(rows, row, 0);
	doc_read(&t->doc, c->arena, rows_text(rows, row, 1));
	t->created_at = rows_int(rows, row, 2, 0);
	t->updated_at = rows_int(rows, row, 3, 0);
	return (spent_of(&t->spent, c, rows, row, 4));
}

struct error *
team_fresh(struct team *t, struct admin_call *c)
{
	struct json_fault fault;
	const struct json *said = json_parse(c->arena, c->config->settings.team_defaults, &fault);

	doc_read(&t->doc, c->arena, TEXT(""));
	return (json_is(said, JSON_OBJECT) ? fields_read(&t->doc, c, &team_noun, said) : NULL);
}

struct error *
team_find(struct team *t, bool *there, struct admin_call *c, struct text team_id)
{
	struct rows rows = { 0 };

	if (team_id.len > 0)
		TRY(ASK(c, &rows, SQL_TEAM_FIND, V_TEXT(team_id)));
	*there = rows.n > 0;
	return (*there ? team_of_row(t, c, &rows, 0) : NULL);
}

struct error *
team_must_be(struct team *t, struct admin_call *c, struct text team_id)
{
	bool there;

	TRY(team_find(t, &there, c, team_id));
	if (there)
		return (NULL);
	return (admin_missing(c, "team_id", "Team not found, passed team_id=" TEXT_FMT ".", TEXT_ARG(text_whole(text_sub(team_id, 0, 200)))));
}

struct error *
team_write(struct admin_call *c, const struct team *t)
{
	TRY(ASK(c, NULL, SQL_TEAM_WRITE, V_TEXT(t->id), V_TEXT_OR_NULL(doc_string(&t->doc, "team_alias")), V_TEXT_OR_NULL(doc_string(&t->doc, "organization_id")),
	    V_INT(t->created_at), V_INT(t->updated_at), V_TEXT(doc_text(&t->doc))));
	TRY(accounts_of(c, SCOPE_TEAM, t->id, &t->doc, TEXT("")));
	admin_changed(c, KNOWN_TEAM, t->id);
	return (NULL);
}

/* showing */

struct error *
team_put(struct json_out *o, struct admin_call *c, const struct team *t)
{
	put_string(o, "team_id", t->id);
	put_spent(o, &t->spent);
	fields_put(o, &team_noun, &t->doc);
	json_name(o, "members_with_roles");
	TRY(members_put_roles(o, c, t->id));
	json_name(o, "litellm_model_table");
	if (doc_raw(&t->doc, "model_aliases").len > 0) {
		json_open(o, '{');
		put_raw(o, "model_aliases", doc_raw(&t->doc, "model_aliases"), "{}");
		json_close(o, '}');
	} else
		json_null(o);
	put_raw(o, "model_id", TEXT(""), "null");
	put_raw(o, "model_spend", TEXT(""), "{}");
	put_moment(o, "created_at", t->created_at);
	put_moment(o, "updated_at", t->updated_at);
	return (NULL);
}

struct text
team_text(struct admin_call *c, const struct team *t)
{
	struct doc d;

	doc_read(&d, c->arena, doc_text(&t->doc));
	doc_set_string(&d, "team_id", t->id);
	doc_set_money(&d, "spend", t->spent.nano);
	return (doc_text(&d));
}

/* the end of one */

static struct error *
remove_members(struct admin_call *c, const struct team *t)
{
	struct member m;
	struct rows rows;
	bool there;

	TRY(ASK(c, &rows, SQL_MEMBERS_OF_TEAM, V_TEXT(t->id)));
	for (unsigned i = 0; i < rows.n; i++) {
		TRY(member_find(&m, &there, c, t->id, rows_text(&rows, i, 1)));
		if (there)
			TRY(member_remove(c, &m));
	}
	return (NULL);
}

struct error *
team_remove(struct admin_call *c, const struct team *t)
{
	struct text row = team_text(c, t);

	TRY(remove_members(c, t));
	TRY(keys_remove(c, SQL_KEYS_OF_TEAM, (const struct value[]){ V_TEXT(t->id), V_INT(KEYS_MOST) }, 2));
	TRY(archive(c, "team", t->id, row));
	TRY(ASK(c, NULL, SQL_SCIM_EXTERNAL_DELETE, V_TEXT(t->id)));
	TRY(ASK(c, NULL, SQL_TEAM_DELETE, V_TEXT(t->id)));
	TRY(admin_end(c, account_leave(c->store, c->arena, SCOPE_TEAM, t->id)));
	admin_changed(c, KNOWN_TEAM, t->id);
	return (audit(c, "deleted", "team", t->id, t->id, row, TEXT("")));
}
