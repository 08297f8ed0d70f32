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
