-- LiteLLM's own tables, of whatever version (src/admin/import.c).  They are in PostgreSQL only; the other dialect never gets these.

-- name: import_there postgres
SELECT CASE WHEN to_regclass($1) IS NULL THEN 0 ELSE 1 END;
-- name: import_there sqlite
SELECT count(*) FROM sqlite_master WHERE type = 'table' AND name = $1;

-- name: import_permissions postgres
SELECT object_permission_id, CAST(to_jsonb(t) AS TEXT) FROM "LiteLLM_ObjectPermissionTable" t
WHERE object_permission_id COLLATE "C" > $1 ORDER BY object_permission_id COLLATE "C" LIMIT 200;
-- name: import_permissions sqlite
SELECT $1;

-- Settings: a row of theirs is a section; of ours a key of it.  Variables come before what names them.
-- name: import_variables postgres
SELECT c.param_name || '/' || e.key, CAST(jsonb_build_object('value', e.value) AS TEXT)
FROM "LiteLLM_Config" c, jsonb_each(CASE WHEN jsonb_typeof(c.param_value) = 'object' THEN c.param_value ELSE '{}' END) e
WHERE c.param_name = 'environment_variables' AND jsonb_typeof(e.value) <> 'null'
	AND (c.param_name || '/' || e.key) COLLATE "C" > $1 ORDER BY (c.param_name || '/' || e.key) COLLATE "C" LIMIT 200;
-- name: import_variables sqlite
SELECT $1;

-- name: import_settings postgres
SELECT c.param_name || '/' || e.key, CAST(jsonb_build_object('value', e.value) AS TEXT)
FROM "LiteLLM_Config" c, jsonb_each(CASE WHEN jsonb_typeof(c.param_value) = 'object' THEN c.param_value ELSE '{}' END) e
WHERE c.param_name IN ('general_settings', 'litellm_settings', 'router_settings') AND e.key <> 'pass_through_endpoints' AND jsonb_typeof(e.value) <> 'null'
	AND (c.param_name || '/' || e.key) COLLATE "C" > $1 ORDER BY (c.param_name || '/' || e.key) COLLATE "C" LIMIT 200;
-- name: import_settings sqlite
SELECT $1;

-- name: import_endpoints postgres
SELECT coalesce(nullif(e.value ->> 'id', ''), e.value ->> 'path'), CAST(e.value AS TEXT)
FROM "LiteLLM_Config" c, jsonb_array_elements(CASE WHEN jsonb_typeof(c.param_value -> 'pass_through_endpoints') = 'array'
	THEN c.param_value -> 'pass_through_endpoints' ELSE '[]' END) e
WHERE c.param_name = 'general_settings' AND e.value ->> 'path' IS NOT NULL AND coalesce(nullif(e.value ->> 'id', ''), e.value ->> 'path') COLLATE "C" > $1
ORDER BY coalesce(nullif(e.value ->> 'id', ''), e.value ->> 'path') COLLATE "C" LIMIT 200;
-- name: import_endpoints sqlite
SELECT $1;

-- name: import_budgets postgres
SELECT budget_id, CAST(to_jsonb(t) AS TEXT) FROM "LiteLLM_BudgetTable" t WHERE budget_id COLLATE "C" > $1 ORDER BY budget_id COLLATE "C" LIMIT 200;
-- name: import_budgets sqlite
SELECT $1;

-- name: import_organizations postgres
SELECT organization_id, CAST(to_jsonb(t) AS TEXT) FROM "LiteLLM_OrganizationTable" t WHERE organization_id COLLATE "C" > $1 ORDER BY organization_id COLLATE "C" LIMIT 200;
-- name: import_organizations sqlite
SELECT $1;

-- name: import_users postgres
SELECT user_id, CAST(to_jsonb(t) - 'password' AS TEXT) FROM "LiteLLM_UserTable" t WHERE user_id COLLATE "C" > $1 ORDER BY user_id COLLATE "C" LIMIT 200;
-- name: import_users sqlite
SELECT $1;

-- A team's aliases of models are a table of their own.
-- name: import_teams postgres
SELECT t.team_id, CAST(to_jsonb(t) || jsonb_build_object('model_aliases', m.aliases) AS TEXT)
FROM "LiteLLM_TeamTable" t LEFT JOIN "LiteLLM_ModelTable" m ON m.id = t.model_id
WHERE t.team_id COLLATE "C" > $1 ORDER BY t.team_id COLLATE "C" LIMIT 200;
-- name: import_teams sqlite
SELECT $1;

-- name: import_team_members postgres
SELECT t.team_id || '/' || t.user_id, CAST(to_jsonb(t) || jsonb_build_object('tier', to_jsonb(b)) AS TEXT)
FROM "LiteLLM_TeamMembership" t LEFT JOIN "LiteLLM_BudgetTable" b ON b.budget_id = t.budget_id
WHERE (t.team_id || '/' || t.user_id) COLLATE "C" > $1 ORDER BY (t.team_id || '/' || t.user_id) COLLATE "C" LIMIT 200;
-- name: import_team_members sqlite
SELECT $1;

-- name: import_organization_members postgres
SELECT t.organization_id || '/' || t.user_id, CAST(to_jsonb(t) || jsonb_build_object('tier', to_jsonb(b)) AS TEXT)
FROM "LiteLLM_OrganizationMembership" t LEFT JOIN "LiteLLM_BudgetTable" b ON b.budget_id = t.budget_id
WHERE (t.organization_id || '/' || t.user_id) COLLATE "C" > $1 ORDER BY (t.organization_id || '/' || t.user_id) COLLATE "C" LIMIT 200;
-- name: import_organization_members sqlite
SELECT $1;

-- name: import_projects postgres
SELECT project_id, CAST(to_jsonb(t) AS TEXT) FROM "LiteLLM_ProjectTable" t WHERE project_id COLLATE "C" > $1 ORDER BY project_id COLLATE "C" LIMIT 200;
-- name: import_projects sqlite
SELECT $1;

-- name: import_customers postgres
SELECT user_id, CAST(to_jsonb(t) AS TEXT) FROM "LiteLLM_EndUserTable" t WHERE user_id COLLATE "C" > $1 ORDER BY user_id COLLATE "C" LIMIT 200;
-- name: import_customers sqlite
SELECT $1;

-- name: import_agents postgres
SELECT agent_id, CAST(to_jsonb(t) - 'static_headers' - 'extra_headers' - 'kill_switch' AS TEXT) FROM "LiteLLM_AgentsTable" t
WHERE agent_id COLLATE "C" > $1 ORDER BY agent_id COLLATE "C" LIMIT 200;
-- name: import_agents sqlite
SELECT $1;

-- name: import_tags postgres
SELECT tag_name, CAST(to_jsonb(t) AS TEXT) FROM "LiteLLM_TagTable" t WHERE tag_name COLLATE "C" > $1 ORDER BY tag_name COLLATE "C" LIMIT 200;
-- name: import_tags sqlite
SELECT $1;

-- name: import_access_groups postgres
SELECT access_group_id, CAST(to_jsonb(t) AS TEXT) FROM "LiteLLM_AccessGroupTable" t
WHERE access_group_id COLLATE "C" > $1 ORDER BY access_group_id COLLATE "C" LIMIT 200;
-- name: import_access_groups sqlite
SELECT $1;

-- name: import_jwt_mappings postgres
SELECT id, CAST(to_jsonb(t) AS TEXT) FROM "LiteLLM_JWTKeyMapping" t WHERE id COLLATE "C" > $1 ORDER BY id COLLATE "C" LIMIT 200;
-- name: import_jwt_mappings sqlite
SELECT $1;

-- name: import_credentials postgres
SELECT credential_name, CAST(to_jsonb(t) AS TEXT) FROM "LiteLLM_CredentialsTable" t
WHERE credential_name COLLATE "C" > $1 ORDER BY credential_name COLLATE "C" LIMIT 200;
-- name: import_credentials sqlite
SELECT $1;

-- name: import_models postgres
SELECT model_id, CAST(to_jsonb(t) AS TEXT) FROM "LiteLLM_ProxyModelTable" t WHERE model_id COLLATE "C" > $1 ORDER BY model_id COLLATE "C" LIMIT 200;
-- name: import_models sqlite
SELECT $1;

-- name: import_keys postgres
SELECT token, CAST(to_jsonb(t) AS TEXT) FROM "LiteLLM_VerificationToken" t WHERE token COLLATE "C" > $1 ORDER BY token COLLATE "C" LIMIT 200;
-- name: import_keys sqlite
SELECT $1;

-- Keys that were rotated and are good for a while.
-- name: import_old_keys postgres
SELECT token, CAST(to_jsonb(t) AS TEXT) FROM "LiteLLM_DeprecatedVerificationToken" t WHERE token COLLATE "C" > $1 ORDER BY token COLLATE "C" LIMIT 200;
-- name: import_old_keys sqlite
SELECT $1;

-- What was brought before: {"digest": …, "spend": …}
-- name: import_brought
SELECT doc FROM sluice_thing WHERE kind = 'imported' AND id = $1;

-- name: import_remember
INSERT INTO sluice_thing (kind, id, created_at, updated_at, doc) VALUES ('imported', $1, $2, $2, $3)
ON CONFLICT (kind, id) DO UPDATE SET updated_at = excluded.updated_at, doc = excluded.doc;

-- name: import_old_key
INSERT INTO sluice_key_old (digest, now, good_until) VALUES ($1, $2, $3) ON CONFLICT (digest) DO UPDATE SET now = excluded.now, good_until = excluded.good_until;

-- name: import_thing
SELECT id FROM sluice_thing WHERE kind = $1 AND id = $2;

-- name: import_organization_member
SELECT user_id FROM sluice_organization_member WHERE organization_id = $1 AND user_id = $2;

-- Back: what was spent here in the present period, and a row where LiteLLM has none.  Columns that its version lacks fall away, and so does what points into a table
-- that it may lack (projects, object permissions); an organization or a tier that it does not have is none.

-- What an account has spent in its present period; $2: now.
-- part: last_period
LEFT JOIN sluice_account_period p ON p.account = a.id AND p.period = (SELECT max(q.period) FROM sluice_account_period q WHERE q.account = a.id AND q.period <= $2)

-- part: things_spent
FROM sluice_thing e LEFT JOIN sluice_account a ON a.scope = e.kind AND a.entity = e.id AND a.part = ''
	LEFT JOIN sluice_account_period p ON p.account = a.id AND p.period = (SELECT max(q.period) FROM sluice_account_period q WHERE q.account = a.id AND q.period <= $2)

-- name: export_budgets
SELECT e.id, 0, e.doc, NULL FROM sluice_thing e WHERE e.kind = 'budget' AND e.id > $1 AND CAST($2 AS BIGINT) > 0 ORDER BY e.id LIMIT 200;

-- name: export_organizations postgres
SELECT e.organization_id, coalesce(p.spent, 0), CAST(CAST(e.doc AS JSONB) || jsonb_build_object('organization_alias', e.alias, 'budget_id', e.budget_id) AS TEXT), NULL
FROM sluice_organization e LEFT JOIN sluice_account a ON a.scope = 'organization' AND a.entity = e.organization_id AND a.part = ''
	@last_period
WHERE e.organization_id > $1 ORDER BY e.organization_id LIMIT 200;
-- name: export_organizations sqlite
SELECT e.organization_id, coalesce(p.spent, 0), json_patch(e.doc, json_object('organization_alias', e.alias, 'budget_id', e.budget_id)), NULL
FROM sluice_organization e LEFT JOIN sluice_account a ON a.scope = 'organization' AND a.entity = e.organization_id AND a.part = ''
	@last_period
WHERE e.organization_id > $1 ORDER BY e.organization_id LIMIT 200;

-- name: export_teams
SELECT e.team_id, coalesce(p.spent, 0), e.doc, NULL
FROM sluice_team e LEFT JOIN sluice_account a ON a.scope = 'team' AND a.entity = e.team_id AND a.part = ''
	@last_period
WHERE e.team_id > $1 ORDER BY e.team_id LIMIT 200;

-- name: export_users
SELECT e.user_id, coalesce(p.spent, 0), e.doc, NULL
FROM sluice_user e LEFT JOIN sluice_account a ON a.scope = 'user' AND a.entity = e.user_id AND a.part = ''
	@last_period
WHERE e.user_id > $1 ORDER BY e.user_id LIMIT 200;

-- name: export_team_members
SELECT e.team_id || '/' || e.user_id, coalesce(p.spent, 0), e.doc, NULL
FROM sluice_team_member e LEFT JOIN sluice_account a ON a.scope = 'member' AND a.entity = e.team_id || '/' || e.user_id AND a.part = ''
	@last_period
WHERE e.team_id || '/' || e.user_id > $1 ORDER BY e.team_id || '/' || e.user_id LIMIT 200;

-- name: export_customers postgres
SELECT e.id, coalesce(p.spent, 0), CAST(CAST(e.doc AS JSONB) || jsonb_build_object('budget_id', e.parent) AS TEXT), NULL
@things_spent
WHERE e.kind = 'customer' AND e.id > $1 ORDER BY e.id LIMIT 200;
-- name: export_customers sqlite
SELECT e.id, coalesce(p.spent, 0), json_patch(e.doc, json_object('budget_id', e.parent)), NULL
@things_spent
WHERE e.kind = 'customer' AND e.id > $1 ORDER BY e.id LIMIT 200;

-- name: export_tags postgres
SELECT e.id, coalesce(p.spent, 0), CAST(CAST(e.doc AS JSONB) || jsonb_build_object('budget_id', e.parent) AS TEXT), NULL
@things_spent
WHERE e.kind = 'tag' AND e.id > $1 ORDER BY e.id LIMIT 200;
-- name: export_tags sqlite
SELECT e.id, coalesce(p.spent, 0), json_patch(e.doc, json_object('budget_id', e.parent)), NULL
@things_spent
WHERE e.kind = 'tag' AND e.id > $1 ORDER BY e.id LIMIT 200;

-- name: export_projects postgres
SELECT e.id, coalesce(p.spent, 0), CAST(CAST(e.doc AS JSONB) || jsonb_build_object('team_id', e.parent) AS TEXT), NULL
@things_spent
WHERE e.kind = 'project' AND e.id > $1 ORDER BY e.id LIMIT 200;
-- name: export_projects sqlite
SELECT e.id, coalesce(p.spent, 0), json_patch(e.doc, json_object('team_id', e.parent)), NULL
@things_spent
WHERE e.kind = 'project' AND e.id > $1 ORDER BY e.id LIMIT 200;

-- name: export_credentials
SELECT e.id, 0, e.doc, NULL FROM sluice_thing e WHERE e.kind = 'credential' AND e.id > $1 AND CAST($2 AS BIGINT) > 0 ORDER BY e.id LIMIT 200;

-- name: export_models
SELECT e.id, 0, e.doc, NULL FROM sluice_thing e WHERE e.kind = 'model' AND e.id > $1 AND CAST($2 AS BIGINT) > 0 ORDER BY e.id LIMIT 200;

-- name: export_keys
SELECT e.digest, coalesce(p.spent, 0), e.doc, e.expires
FROM sluice_key e LEFT JOIN sluice_account a ON a.scope = 'key' AND a.entity = e.digest AND a.part = ''
	@last_period
WHERE e.digest > $1 ORDER BY e.digest LIMIT 200;

-- Keys of projects: what has no such table has no such column.
-- name: export_project_keys postgres
SELECT e.digest, 0, CAST(jsonb_build_object('project_id', e.project_id) AS TEXT), NULL
FROM sluice_key e WHERE e.project_id IS NOT NULL AND e.digest > $1 AND CAST($2 AS BIGINT) > 0 ORDER BY e.digest LIMIT 200;
-- name: export_project_keys sqlite
SELECT e.digest, 0, json_object('project_id', e.project_id), NULL
FROM sluice_key e WHERE e.project_id IS NOT NULL AND e.digest > $1 AND $2 > 0 ORDER BY e.digest LIMIT 200;

-- name: export_budget postgres
INSERT INTO "LiteLLM_BudgetTable" SELECT (jsonb_populate_record(NULL::"LiteLLM_BudgetTable",
	CAST('{"allowed_models":[],"created_at":"2026-01-01","updated_at":"2026-01-01","created_by":"sluice","updated_by":"sluice"}' AS JSONB)
	|| CAST($3 AS JSONB) || jsonb_build_object('budget_id', CAST($1 AS TEXT)))).* WHERE CAST($2 AS TEXT) <> ''
ON CONFLICT (budget_id) DO NOTHING;
-- name: export_budget sqlite
SELECT $1, $2, $3;

-- There each has a tier.
-- name: export_organization postgres
WITH tier AS (INSERT INTO "LiteLLM_BudgetTable" (budget_id, created_by, updated_by)
	SELECT coalesce(CAST($3 AS JSONB) ->> 'budget_id', CAST($1 AS TEXT)), 'sluice', 'sluice'
	WHERE NOT EXISTS (SELECT 1 FROM "LiteLLM_OrganizationTable" WHERE organization_id = $1) ON CONFLICT (budget_id) DO NOTHING)
INSERT INTO "LiteLLM_OrganizationTable" SELECT (jsonb_populate_record(NULL::"LiteLLM_OrganizationTable",
	CAST('{"models":[],"metadata":{},"model_spend":{},"created_at":"2026-01-01","updated_at":"2026-01-01","created_by":"sluice","updated_by":"sluice"}' AS JSONB)
	|| jsonb_build_object('organization_alias', CAST($1 AS TEXT), 'budget_id', CAST($1 AS TEXT)) || jsonb_strip_nulls(CAST($3 AS JSONB) - 'object_permission_id')
	|| jsonb_build_object('organization_id', CAST($1 AS TEXT), 'spend', CAST($2 AS DOUBLE PRECISION)))).*
ON CONFLICT (organization_id) DO UPDATE SET spend = excluded.spend;
-- name: export_organization sqlite
SELECT $1, $2, $3;

-- name: export_team postgres
INSERT INTO "LiteLLM_TeamTable" SELECT (jsonb_populate_record(NULL::"LiteLLM_TeamTable", CAST('{"models":[],"admins":[],"members":[],"members_with_roles":[],"metadata":{},"model_spend":{},"model_max_budget":{},"blocked":false,"allow_team_guardrail_config":false,"created_at":"2026-01-01","updated_at":"2026-01-01"}' AS JSONB)
	|| (CAST($3 AS JSONB) - 'object_permission_id' - 'project_id') || jsonb_build_object('team_id', CAST($1 AS TEXT), 'spend', CAST($2 AS DOUBLE PRECISION), 'organization_id',
	(SELECT o.organization_id FROM "LiteLLM_OrganizationTable" o WHERE o.organization_id = CAST($3 AS JSONB) ->> 'organization_id')))).*
ON CONFLICT (team_id) DO UPDATE SET spend = excluded.spend;
-- name: export_team sqlite
SELECT $1, $2, $3;

-- name: export_user postgres
INSERT INTO "LiteLLM_UserTable" SELECT (jsonb_populate_record(NULL::"LiteLLM_UserTable", CAST('{"models":[],"teams":[],"metadata":{},"model_spend":{},"model_max_budget":{},"allowed_cache_controls":[]}' AS JSONB)
	|| (CAST($3 AS JSONB) - 'object_permission_id' - 'project_id') || jsonb_build_object('user_id', CAST($1 AS TEXT), 'spend', CAST($2 AS DOUBLE PRECISION), 'organization_id',
	(SELECT o.organization_id FROM "LiteLLM_OrganizationTable" o WHERE o.organization_id = CAST($3 AS JSONB) ->> 'organization_id')))).*
ON CONFLICT (user_id) DO UPDATE SET spend = excluded.spend;
-- name: export_user sqlite
SELECT $1, $2, $3;

-- name: export_key postgres
INSERT INTO "LiteLLM_VerificationToken" SELECT (jsonb_populate_record(NULL::"LiteLLM_VerificationToken", CAST('{"models":[],"aliases":{},"config":{},"permissions":{},"metadata":{},"model_spend":{},"model_max_budget":{},"budget_fallbacks":{},"soft_budget_cooldown":false,"total_spend":0,"allowed_routes":[],"allowed_cache_controls":[]}' AS JSONB)
	|| (CAST($3 AS JSONB) - 'object_permission_id' - 'project_id') || jsonb_build_object('token', CAST($1 AS TEXT), 'spend', CAST($2 AS DOUBLE PRECISION), 'organization_id',
	(SELECT o.organization_id FROM "LiteLLM_OrganizationTable" o WHERE o.organization_id = CAST($3 AS JSONB) ->> 'organization_id'), 'budget_id',
	(SELECT b.budget_id FROM "LiteLLM_BudgetTable" b WHERE b.budget_id = CAST($3 AS JSONB) ->> 'budget_id')))).*
ON CONFLICT (token) DO UPDATE SET spend = excluded.spend;
-- name: export_key sqlite
SELECT $1, $2, $3;

-- name: export_team_member postgres
UPDATE "LiteLLM_TeamMembership" SET spend = CAST($2 AS DOUBLE PRECISION) WHERE team_id || '/' || user_id = $1 AND CAST($3 AS TEXT) <> '';
-- name: export_team_member sqlite
SELECT $1, $2, $3;

-- name: export_customer postgres
INSERT INTO "LiteLLM_EndUserTable" SELECT (jsonb_populate_record(NULL::"LiteLLM_EndUserTable", CAST('{"models":[],"blocked":false}' AS JSONB)
	|| jsonb_strip_nulls(CAST($3 AS JSONB) - 'object_permission_id') || jsonb_build_object('user_id', CAST($1 AS TEXT), 'spend', CAST($2 AS DOUBLE PRECISION), 'budget_id',
	(SELECT b.budget_id FROM "LiteLLM_BudgetTable" b WHERE b.budget_id = CAST($3 AS JSONB) ->> 'budget_id')))).*
ON CONFLICT (user_id) DO UPDATE SET spend = excluded.spend;
-- name: export_customer sqlite
SELECT $1, $2, $3;

-- name: export_tag postgres
INSERT INTO "LiteLLM_TagTable" SELECT (jsonb_populate_record(NULL::"LiteLLM_TagTable",
	CAST('{"models":[],"created_at":"2026-01-01","updated_at":"2026-01-01","created_by":"sluice"}' AS JSONB)
	|| jsonb_strip_nulls(CAST($3 AS JSONB)) || jsonb_build_object('tag_name', CAST($1 AS TEXT), 'spend', CAST($2 AS DOUBLE PRECISION), 'budget_id',
	(SELECT b.budget_id FROM "LiteLLM_BudgetTable" b WHERE b.budget_id = CAST($3 AS JSONB) ->> 'budget_id')))).*
ON CONFLICT (tag_name) DO UPDATE SET spend = excluded.spend;
-- name: export_tag sqlite
SELECT $1, $2, $3;

-- name: export_credential postgres
INSERT INTO "LiteLLM_CredentialsTable" SELECT (jsonb_populate_record(NULL::"LiteLLM_CredentialsTable", CAST('{"credential_values":{},"credential_info":{},
	"created_at":"2026-01-01","updated_at":"2026-01-01","created_by":"sluice","updated_by":"sluice"}' AS JSONB)
	|| jsonb_strip_nulls(CAST($3 AS JSONB)) || jsonb_build_object('credential_id', CAST($1 AS TEXT), 'credential_name', CAST($1 AS TEXT)))).* WHERE CAST($2 AS TEXT) <> ''
ON CONFLICT (credential_name) DO NOTHING;
-- name: export_credential sqlite
SELECT $1, $2, $3;

-- name: export_model postgres
INSERT INTO "LiteLLM_ProxyModelTable" SELECT (jsonb_populate_record(NULL::"LiteLLM_ProxyModelTable", CAST('{"litellm_params":{},"model_info":{},"blocked":false,
	"created_at":"2026-01-01","updated_at":"2026-01-01","created_by":"sluice","updated_by":"sluice"}' AS JSONB)
	|| jsonb_strip_nulls(CAST($3 AS JSONB)) || jsonb_build_object('model_id', CAST($1 AS TEXT), 'model_info',
	coalesce(CAST($3 AS JSONB) -> 'model_info', '{}') || jsonb_build_object('id', CAST($1 AS TEXT), 'db_model', true)))).* WHERE CAST($2 AS TEXT) <> ''
ON CONFLICT (model_id) DO NOTHING;
-- name: export_model sqlite
SELECT $1, $2, $3;

-- name: export_project postgres
INSERT INTO "LiteLLM_ProjectTable" SELECT (jsonb_populate_record(NULL::"LiteLLM_ProjectTable", CAST('{"models":[],"metadata":{},"model_spend":{},"blocked":false,
	"created_at":"2026-01-01","updated_at":"2026-01-01","created_by":"sluice","updated_by":"sluice"}' AS JSONB)
	|| jsonb_strip_nulls(CAST($3 AS JSONB) - 'object_permission_id') || jsonb_build_object('project_id', CAST($1 AS TEXT), 'spend', CAST($2 AS DOUBLE PRECISION),
	'model_rpm_limit', coalesce(CAST($3 AS JSONB) -> 'metadata' -> 'model_rpm_limit', '{}'),
	'model_tpm_limit', coalesce(CAST($3 AS JSONB) -> 'metadata' -> 'model_tpm_limit', '{}'),
	'team_id', (SELECT t.team_id FROM "LiteLLM_TeamTable" t WHERE t.team_id = CAST($3 AS JSONB) ->> 'team_id'),
	'budget_id', (SELECT b.budget_id FROM "LiteLLM_BudgetTable" b WHERE b.budget_id = CAST($3 AS JSONB) ->> 'budget_id')))).*
ON CONFLICT (project_id) DO UPDATE SET spend = excluded.spend;
-- name: export_project sqlite
SELECT $1, $2, $3;

-- name: export_project_key postgres
UPDATE "LiteLLM_VerificationToken" SET project_id = p.project_id FROM "LiteLLM_ProjectTable" p
WHERE p.project_id = CAST($3 AS JSONB) ->> 'project_id' AND token = $1 AND "LiteLLM_VerificationToken".project_id IS NULL AND CAST($2 AS TEXT) <> '';
-- name: export_project_key sqlite
SELECT $1, $2, $3;
