-- What is loaded when somebody calls (src/access/load.c): one entity at a time, by its id.

-- name: access_key
SELECT digest, alias, user_id, team_id, organization_id, project_id, budget_id, expires, doc FROM sluice_key WHERE digest = $1;

-- name: access_key_old
SELECT now, good_until FROM sluice_key_old WHERE digest = $1;

-- name: access_team
SELECT team_id, alias, organization_id, doc FROM sluice_team WHERE team_id = $1;

-- name: access_member
SELECT role, budget_id, doc FROM sluice_team_member WHERE team_id = $1 AND user_id = $2;

-- name: access_user
SELECT user_id, email, role, doc FROM sluice_user WHERE user_id = $1;

-- name: access_organizations
SELECT organization_id FROM sluice_organization_member WHERE user_id = $1 ORDER BY organization_id;

-- Who is signed in by that name.  An id stands above a sign-in id, that above an address.
-- name: access_person
SELECT user_id, CASE WHEN user_id = $1 THEN 0 WHEN sso_user_id = $1 THEN 1 ELSE 2 END AS how FROM sluice_user
WHERE user_id = $1 OR sso_user_id = $1 OR email = $1 ORDER BY how LIMIT 1;

-- A token's names of a team and an organization.
-- name: access_team_alias
SELECT team_id FROM sluice_team WHERE alias = $1 LIMIT 2;

-- name: access_organization_alias
SELECT organization_id FROM sluice_organization WHERE alias = $1 LIMIT 2;

-- The key that "claim=value" stands for.
-- name: access_jwt_key
SELECT m.parent FROM sluice_thing c JOIN sluice_thing m ON m.kind = 'jwt_mapping' AND m.id = c.parent WHERE c.kind = 'jwt_claim' AND c.id = $1;

-- name: access_organization
SELECT organization_id, alias, budget_id, doc FROM sluice_organization WHERE organization_id = $1;

-- name: access_thing
SELECT parent, doc FROM sluice_thing WHERE kind = $1 AND id = $2;

-- Its own account first.
-- name: access_accounts
SELECT id, part, ceiling, soft, raised, raised_until, duration FROM sluice_account WHERE scope = $1 AND entity = $2 ORDER BY part;

-- name: access_spent
SELECT spent FROM sluice_account_period WHERE account = $1 AND period = $2;

-- Sessions of agents and keys: that one is there, and one more call of it, if it has one left.
-- name: session_seen
INSERT INTO sluice_session (id, seen_at, turns) VALUES ($1, $2, 0) ON CONFLICT (id) DO UPDATE SET seen_at = excluded.seen_at;

-- name: session_turn
INSERT INTO sluice_session AS s (id, seen_at, turns) VALUES ($1, $2, 1)
ON CONFLICT (id) DO UPDATE SET turns = s.turns + 1, seen_at = excluded.seen_at WHERE s.turns < $3 RETURNING turns;

-- Those that nobody has asked for since, with their accounts, unless a host has money of them still.
-- name: sessions_forget_spent
DELETE FROM sluice_account_period WHERE account IN (SELECT a.id FROM sluice_account a JOIN sluice_session s ON a.scope = 'session' AND a.entity = s.id
	WHERE s.seen_at < $1 AND NOT EXISTS (SELECT 1 FROM sluice_lease l WHERE l.account = a.id AND l.state < 2));

-- name: sessions_forget_accounts
DELETE FROM sluice_account WHERE scope = 'session' AND entity IN (SELECT id FROM sluice_session WHERE seen_at < $1)
	AND NOT EXISTS (SELECT 1 FROM sluice_lease l WHERE l.account = sluice_account.id AND l.state < 2);

-- name: sessions_forget
DELETE FROM sluice_session WHERE seen_at < $1 AND NOT EXISTS (SELECT 1 FROM sluice_account a WHERE a.scope = 'session' AND a.entity = sluice_session.id);
