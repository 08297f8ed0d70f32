-- Accounts: whose spending is counted (src/access/accounts.c), and the list of changes.

-- name: account_sync
INSERT INTO sluice_account (scope, entity, part, ceiling, soft, raised, raised_until, duration, period, resets_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)
ON CONFLICT (scope, entity, part) DO UPDATE SET ceiling = excluded.ceiling, soft = excluded.soft, raised = excluded.raised, raised_until = excluded.raised_until,
	duration = excluded.duration, period = excluded.period, resets_at = excluded.resets_at
RETURNING id;

-- name: account_find
SELECT id, ceiling, soft, raised, raised_until, duration FROM sluice_account WHERE scope = $1 AND entity = $2 AND part = $3;

-- name: account_spent
SELECT spent, held FROM sluice_account_period WHERE account = $1 AND period = $2;

-- name: account_carry
INSERT INTO sluice_account_period (account, period, spent) VALUES ($1, $2, $3)
ON CONFLICT (account, period) DO UPDATE SET spent = CASE WHEN sluice_account_period.spent > excluded.spent THEN sluice_account_period.spent
	ELSE excluded.spent END;

-- name: account_set_spent
INSERT INTO sluice_account_period (account, period, spent) VALUES ($1, $2, $3)
ON CONFLICT (account, period) DO UPDATE SET spent = excluded.spent;

-- name: account_parts
SELECT part FROM sluice_account WHERE scope = $1 AND entity = $2 AND (ceiling IS NOT NULL OR soft IS NOT NULL);

-- name: account_unlimit
UPDATE sluice_account SET ceiling = NULL, soft = NULL, raised = 0, raised_until = NULL WHERE scope = $1 AND entity = $2 AND part = $3;

-- name: account_rename
UPDATE sluice_account SET entity = $3 WHERE scope = $1 AND entity = $2;

-- name: change_lock postgres
SELECT CAST(pg_advisory_xact_lock(x'736c7564'::bigint) AS TEXT);
-- name: change_lock sqlite
SELECT '';

-- name: change_add
INSERT INTO sluice_change (at, kind, entity, digest) VALUES ($1, $2, $3, $4);

-- name: change_tell postgres
SELECT CAST(pg_notify('sluice_change', '') AS TEXT);
-- name: change_tell sqlite
SELECT '';

-- The calendar of budgets (src/access/calendar.c), and what calls that began between two ids ($1 and before $2) cost, whose @1 is $3, of a model group ($4) or of all.

-- part: cost_of
SELECT CAST(sum(cost) AS BIGINT) FROM sluice_request WHERE id >= $1 AND id < $2 AND @1 = CAST($3 AS TEXT) AND (CAST($4 AS TEXT) = '' OR model_group = $4)

-- name: calendar_read
SELECT zone, turn FROM sluice_calendar WHERE one = 1;
-- name: calendar_set
INSERT INTO sluice_calendar (one, zone, turn, since) VALUES (1, $1, $2, $3)
ON CONFLICT (one) DO UPDATE SET zone = excluded.zone, turn = excluded.turn, since = excluded.since;
-- name: calendar_accounts
SELECT id, scope, entity, part, duration FROM sluice_account WHERE duration IS NOT NULL AND id > $1 ORDER BY id LIMIT $2;
-- name: calendar_period
UPDATE sluice_account SET period = $2, resets_at = $3 WHERE id = $1;
-- name: calendar_spent
SELECT period, spent FROM sluice_account_period WHERE account = $1 AND period > $2 AND period <> $3 AND spent > 0 ORDER BY period;
-- name: calendar_cost_key
@cost_of(key_digest);
-- name: calendar_cost_user
@cost_of(user_id);
-- name: calendar_cost_team
@cost_of(team_id);
-- name: calendar_cost_member
@cost_of(team_id || '/' || user_id);
-- name: calendar_cost_project
@cost_of(project_id);
-- name: calendar_cost_organization
@cost_of(organization_id);
-- name: calendar_cost_employee
@cost_of(organization_id || '/' || user_id);
-- name: calendar_cost_customer
@cost_of(customer);
-- name: calendar_cost_tag postgres
SELECT CAST(sum(cost) AS BIGINT) FROM sluice_request WHERE id >= $1 AND id < $2 AND jsonb_exists(CAST(tags AS jsonb), $3)
	AND (CAST($4 AS TEXT) = '' OR model_group = $4);
-- name: calendar_cost_tag sqlite
SELECT sum(cost) FROM sluice_request WHERE id >= $1 AND id < $2 AND EXISTS (SELECT 1 FROM json_each(tags) AS t WHERE t.value = $3)
	AND ($4 = '' OR model_group = $4);
-- name: calendar_cost_provider
@cost_of(provider);
-- name: calendar_cost_deployment
@cost_of(model_id);
-- name: calendar_cost_proxy
@cost_of(CAST($3 AS TEXT));
