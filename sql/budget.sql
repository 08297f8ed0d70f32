-- Budgets: grants, bookings, closings (src/ledger/leases.c, src/ledger/keeper.c), and hosts (src/ledger/host.c).  Whoever changes a lease or what is held has locked
-- the period's row before.

-- name: budget_grant postgres
SELECT o_verdict, o_at, o_reserved, o_lease, o_granted, o_ceiling, o_spent, o_held FROM sluice_grant($1, $2, $3, $4, $5, $6);
-- name: budget_grant sqlite
SELECT 3 WHERE $1 IS NULL AND $2 IS NULL AND $3 IS NULL AND $4 IS NULL AND $5 IS NULL AND $6 IS NULL;

-- name: budget_book postgres
SELECT o_account, o_period, o_scope, o_entity, o_part, o_before, o_spent, o_ceiling, o_soft FROM sluice_book($1);
-- name: budget_book sqlite
SELECT 3 WHERE $1 IS NULL;

-- name: budget_account
SELECT ceiling + CASE WHEN raised_until > $2 THEN raised ELSE 0 END FROM sluice_account WHERE id = $1;

-- name: budget_limits
SELECT scope, entity, part, ceiling, soft FROM sluice_account WHERE id = $1;

-- name: budget_host_is_forgotten
SELECT 1 FROM sluice_host WHERE id = $1 AND forgotten <> 0;

-- name: budget_hosts
SELECT count(*) FROM sluice_host WHERE forgotten = 0 AND seen_at > $1;

-- name: budget_period_make
INSERT INTO sluice_account_period (account, period) VALUES ($1, $2) ON CONFLICT (account, period) DO NOTHING;

-- name: budget_period_lock postgres
SELECT spent, held FROM sluice_account_period WHERE account = $1 AND period = $2 FOR UPDATE;
-- name: budget_period_lock sqlite
SELECT spent, held FROM sluice_account_period WHERE account = $1 AND period = $2;

-- name: budget_period_spend
INSERT INTO sluice_account_period AS p (account, period, spent, held) VALUES ($1, $2, $3, -CAST($4 AS BIGINT))
ON CONFLICT (account, period) DO UPDATE SET spent = p.spent + excluded.spent, held = p.held + excluded.held RETURNING spent;

-- name: budget_period_hold
UPDATE sluice_account_period SET held = held + $3 WHERE account = $1 AND period = $2;

-- name: budget_lease_grant
INSERT INTO sluice_lease AS l (host, account, period, remaining, state, granted_at) VALUES ($1, $2, $3, $4, 0, $5)
ON CONFLICT (host, account, period) WHERE state = 0 DO UPDATE SET remaining = l.remaining + excluded.remaining RETURNING id;

-- name: budget_lease_use
UPDATE sluice_lease SET remaining = remaining - $2 WHERE id = $1 AND state < 2;

-- name: budget_lease_find
SELECT account, period, remaining, state FROM sluice_lease WHERE id = $1;

-- name: budget_lease_close
UPDATE sluice_lease SET state = 1 WHERE id = $1 AND state = 0;

-- name: budget_lease_settle
UPDATE sluice_lease SET state = 2, remaining = 0 WHERE id = $1 AND state = 1;

-- name: budget_leases_of_host
SELECT id, account, period, state, granted_at FROM sluice_lease WHERE host = $1 AND state < 2 AND id > $2 ORDER BY id LIMIT 1000;

-- name: budget_leases_closing
SELECT id, account, period FROM sluice_lease WHERE host = $1 AND state = 1 ORDER BY id LIMIT 1000;

-- name: budget_lease_open
SELECT id, account, period FROM sluice_lease WHERE host = $1 AND account = $2 AND period = $3 AND state = 0;

-- Of accounts whose ceiling was lowered, or whose raise has ended.
-- name: budget_leases_over
SELECT l.id, l.account, l.period FROM sluice_lease l
JOIN sluice_account a ON a.id = l.account
JOIN sluice_account_period p ON p.account = l.account AND p.period = l.period
WHERE l.host = $1 AND l.state = 0 AND p.spent + p.held > a.ceiling + CASE WHEN a.raised_until > $2 THEN a.raised ELSE 0 END
ORDER BY l.id LIMIT 1000;

-- name: budget_leases_to_forget
SELECT id FROM sluice_lease WHERE host = $1 AND state < 2 ORDER BY account, period, id;

-- name: budget_leases_close_account
UPDATE sluice_lease SET state = 1 WHERE account = $1 AND state = 0;

-- name: budget_leases_tidy
DELETE FROM sluice_lease WHERE state = 2 AND granted_at < $1;

-- name: budget_recalls
SELECT account, period, number FROM sluice_recall WHERE number > $1 AND host <> $2 ORDER BY number LIMIT 1000;

-- name: budget_recalls_last
SELECT max(number) FROM sluice_recall;

-- name: budget_recalls_tidy
DELETE FROM sluice_recall WHERE at < $1;

-- name: budget_tell postgres
SELECT CAST(pg_notify('sluice_recall', '') AS TEXT);
-- name: budget_tell sqlite
SELECT '';

-- name: host_add
INSERT INTO sluice_host (id, nonce, name, seen_at) VALUES ($1, $2, $3, $4) ON CONFLICT (id) DO NOTHING;

-- name: host_find
SELECT nonce, forgotten, seen_at FROM sluice_host WHERE id = $1;

-- name: host_renew
UPDATE sluice_host SET nonce = $3, name = $4, seen_at = $5 WHERE id = $1 AND nonce = $2 AND forgotten = 0;

-- name: host_seen
UPDATE sluice_host SET seen_at = $3 WHERE id = $1 AND nonce = $2 AND forgotten = 0;

-- name: host_forget
UPDATE sluice_host SET forgotten = $2 WHERE id = $1;

-- Those that others went on for.
-- name: hosts_tidy
DELETE FROM sluice_host WHERE forgotten = 2 AND seen_at < $1;

-- name: host_list
SELECT h.id, h.name, h.seen_at, h.forgotten,
	(SELECT count(*) FROM sluice_lease l WHERE l.host = h.id AND l.state < 2),
	(SELECT CAST(sum(l.remaining) AS BIGINT) FROM sluice_lease l WHERE l.host = h.id AND l.state < 2)
FROM sluice_host h WHERE h.forgotten < 2 ORDER BY h.seen_at DESC, h.id;
