-- Things: what has an id and a document only (src/admin/things.c).  `parent`: the team of a project, the tier of a customer or a tag, the group of a
-- model.  Rows have the columns of thing_find: what was spent last, and in which period, is joined.

-- name: thing_find
SELECT t.id, t.parent, t.doc, t.created_at, t.updated_at, a.id, a.duration, p.period, p.spent
FROM sluice_thing t LEFT JOIN sluice_account a ON a.scope = t.kind AND a.entity = t.id AND a.part = ''
	LEFT JOIN sluice_account_period p ON p.account = a.id AND p.period = (SELECT max(q.period) FROM sluice_account_period q WHERE q.account = a.id)
WHERE t.kind = $1 AND t.id = $2;

-- name: thing_list
SELECT t.id, t.parent, t.doc, t.created_at, t.updated_at, a.id, a.duration, p.period, p.spent
FROM sluice_thing t LEFT JOIN sluice_account a ON a.scope = t.kind AND a.entity = t.id AND a.part = ''
	LEFT JOIN sluice_account_period p ON p.account = a.id AND p.period = (SELECT max(q.period) FROM sluice_account_period q WHERE q.account = a.id)
WHERE t.kind = $1 AND (CAST($2 AS TEXT) IS NULL OR t.parent = $2) AND t.id > $3
ORDER BY t.id LIMIT $4;

-- name: thing_write
INSERT INTO sluice_thing (kind, id, parent, created_at, updated_at, doc) VALUES ($1, $2, $3, $4, $5, $6)
ON CONFLICT (kind, id) DO UPDATE SET parent = excluded.parent, updated_at = excluded.updated_at, doc = excluded.doc;

-- name: thing_delete
DELETE FROM sluice_thing WHERE kind = $1 AND id = $2;

-- Whatever has a tier: keys, members, organizations, customers and tags, projects; a page of each behind the last id.
-- name: tier_keys
SELECT digest, doc FROM sluice_key WHERE budget_id = $1 AND digest > $2 ORDER BY digest LIMIT $3;
-- name: tier_members
SELECT team_id, user_id, doc FROM sluice_team_member WHERE budget_id = $1 AND (team_id, user_id) > ($2, $3) ORDER BY team_id, user_id LIMIT $4;
-- name: tier_organizations
SELECT organization_id, doc FROM sluice_organization WHERE budget_id = $1 AND organization_id > $2 ORDER BY organization_id LIMIT $3;
-- name: tier_things
SELECT kind, id, doc FROM sluice_thing WHERE kind IN ('customer', 'tag') AND parent = $1 AND (kind, id) > ($2, $3) ORDER BY kind, id LIMIT $4;
-- $2: a pattern of what its document says of the tier.
-- name: tier_projects
SELECT id, doc FROM sluice_thing WHERE kind = 'project' AND doc LIKE $1 ESCAPE '\' AND id > $2 ORDER BY id LIMIT $3;

-- Organizations.
-- name: organization_find
SELECT o.organization_id, o.alias, o.budget_id, o.doc, o.created_at, o.updated_at, a.id, a.duration, p.period, p.spent
FROM sluice_organization o LEFT JOIN sluice_account a ON a.scope = 'organization' AND a.entity = o.organization_id AND a.part = ''
	LEFT JOIN sluice_account_period p ON p.account = a.id AND p.period = (SELECT max(q.period) FROM sluice_account_period q WHERE q.account = a.id)
WHERE o.organization_id = $1;

-- $1: its id, $2: a pattern of its alias in lower case, $3: somebody who is in it; behind $4.
-- name: organization_list
SELECT o.organization_id, o.alias, o.budget_id, o.doc, o.created_at, o.updated_at, a.id, a.duration, p.period, p.spent
FROM sluice_organization o LEFT JOIN sluice_account a ON a.scope = 'organization' AND a.entity = o.organization_id AND a.part = ''
	LEFT JOIN sluice_account_period p ON p.account = a.id AND p.period = (SELECT max(q.period) FROM sluice_account_period q WHERE q.account = a.id)
WHERE (CAST($1 AS TEXT) IS NULL OR o.organization_id = $1) AND (CAST($2 AS TEXT) IS NULL OR lower(o.alias) LIKE $2 ESCAPE '\')
	AND (CAST($3 AS TEXT) IS NULL OR o.organization_id IN (SELECT m.organization_id FROM sluice_organization_member m WHERE m.user_id = $3))
	AND o.organization_id > $4
ORDER BY o.organization_id LIMIT $5;

-- name: organization_write
INSERT INTO sluice_organization (organization_id, alias, budget_id, created_at, updated_at, doc) VALUES ($1, $2, $3, $4, $5, $6)
ON CONFLICT (organization_id) DO UPDATE SET alias = excluded.alias, budget_id = excluded.budget_id, updated_at = excluded.updated_at, doc = excluded.doc;

-- name: organization_delete
DELETE FROM sluice_organization WHERE organization_id = $1;

-- name: organization_members
SELECT m.user_id, m.role, m.doc, u.email FROM sluice_organization_member m LEFT JOIN sluice_user u ON u.user_id = m.user_id
WHERE m.organization_id = $1 AND (CAST($2 AS TEXT) IS NULL OR m.user_id = $2) ORDER BY m.user_id LIMIT $3;

-- name: organization_member_write
INSERT INTO sluice_organization_member (organization_id, user_id, role, doc) VALUES ($1, $2, $3, $4)
ON CONFLICT (organization_id, user_id) DO UPDATE SET role = excluded.role, doc = excluded.doc;

-- name: organization_member_delete
DELETE FROM sluice_organization_member WHERE organization_id = $1 AND user_id = $2;

-- name: organization_members_delete
DELETE FROM sluice_organization_member WHERE organization_id = $1;

-- name: organization_teams
SELECT team_id FROM sluice_team WHERE organization_id = $1 ORDER BY team_id LIMIT $2;

-- name: project_keys
SELECT digest FROM sluice_key WHERE project_id = $1 LIMIT 1;

-- $1: a pattern of what a key's document says of its agent.
-- name: agent_keys
SELECT digest FROM sluice_key WHERE lower(doc) LIKE $1 ESCAPE '\' LIMIT 1;

-- The keys of an organization, with the columns of key_find (sql/key.sql).
-- name: organization_keys
SELECT k.digest, k.doc, k.expires, k.created_at, k.updated_at, a.id, a.duration, p.period, p.spent
FROM sluice_key k LEFT JOIN sluice_account a ON a.scope = 'key' AND a.entity = k.digest AND a.part = ''
	LEFT JOIN sluice_account_period p ON p.account = a.id AND p.period = (SELECT max(q.period) FROM sluice_account_period q WHERE q.account = a.id)
WHERE k.organization_id = $1 ORDER BY k.created_at, k.digest LIMIT $2;
