-- Teams and their members (src/admin/team*.c, member*.c).  Rows have the columns of team_find: what was spent last, and in which period, is joined.

-- name: team_find
SELECT t.team_id, t.doc, t.created_at, t.updated_at, a.id, a.duration, p.period, p.spent
FROM sluice_team t LEFT JOIN sluice_account a ON a.scope = 'team' AND a.entity = t.team_id AND a.part = ''
	LEFT JOIN sluice_account_period p ON p.account = a.id AND p.period = (SELECT max(q.period) FROM sluice_account_period q WHERE q.account = a.id)
WHERE t.team_id = $1;

-- name: team_write
INSERT INTO sluice_team (team_id, alias, organization_id, created_at, updated_at, doc) VALUES ($1, $2, $3, $4, $5, $6)
ON CONFLICT (team_id) DO UPDATE SET alias = excluded.alias, organization_id = excluded.organization_id, updated_at = excluded.updated_at, doc = excluded.doc;

-- name: team_delete
DELETE FROM sluice_team WHERE team_id = $1;

-- The list.  $1: a member; $2: the organization, '' for none; $3: the id; $4: a pattern of the alias; $5, $6: a pattern of alias, or an id (or a pattern of it in $7); $8: who
-- asks, and sees the own teams and those of organizations it administers (NULL: all).
-- name: team_list
SELECT t.team_id, t.doc, t.created_at, t.updated_at, a.id, a.duration, p.period, p.spent
FROM sluice_team t LEFT JOIN sluice_account a ON a.scope = 'team' AND a.entity = t.team_id AND a.part = ''
	LEFT JOIN sluice_account_period p ON p.account = a.id AND p.period = (SELECT max(q.period) FROM sluice_account_period q WHERE q.account = a.id)
WHERE (CAST($1 AS TEXT) IS NULL OR EXISTS (SELECT 1 FROM sluice_team_member m WHERE m.team_id = t.team_id AND m.user_id = $1))
	AND (CAST($2 AS TEXT) IS NULL OR coalesce(t.organization_id, '') = $2) AND (CAST($3 AS TEXT) IS NULL OR t.team_id = $3)
	AND (CAST($4 AS TEXT) IS NULL OR lower(t.alias) LIKE $4 ESCAPE '\')
	AND (CAST($5 AS TEXT) IS NULL OR lower(t.alias) LIKE $5 ESCAPE '\' OR t.team_id = $6 OR lower(t.team_id) LIKE $7 ESCAPE '\')
	AND (CAST($8 AS TEXT) IS NULL OR EXISTS (SELECT 1 FROM sluice_team_member m WHERE m.team_id = t.team_id AND m.user_id = $8)
		OR t.organization_id IN (SELECT o.organization_id FROM sluice_organization_member o WHERE o.user_id = $8 AND o.role = 'org_admin'))
ORDER BY CASE CAST($9 AS TEXT) WHEN 'alias' THEN t.alias WHEN 'id' THEN t.team_id END,
	CASE CAST($9 AS TEXT) WHEN '-alias' THEN t.alias WHEN '-id' THEN t.team_id END DESC,
	CASE CAST($9 AS TEXT) WHEN '-created' THEN t.created_at WHEN '-spend' THEN coalesce(p.spent, 0) END DESC,
	CASE CAST($9 AS TEXT) WHEN 'spend' THEN coalesce(p.spent, 0) END, t.created_at, t.team_id
LIMIT $10 OFFSET $11;

-- name: team_list_count
SELECT count(*) FROM sluice_team t
WHERE (CAST($1 AS TEXT) IS NULL OR EXISTS (SELECT 1 FROM sluice_team_member m WHERE m.team_id = t.team_id AND m.user_id = $1))
	AND (CAST($2 AS TEXT) IS NULL OR coalesce(t.organization_id, '') = $2) AND (CAST($3 AS TEXT) IS NULL OR t.team_id = $3)
	AND (CAST($4 AS TEXT) IS NULL OR lower(t.alias) LIKE $4 ESCAPE '\')
	AND (CAST($5 AS TEXT) IS NULL OR lower(t.alias) LIKE $5 ESCAPE '\' OR t.team_id = $6 OR lower(t.team_id) LIKE $7 ESCAPE '\')
	AND (CAST($8 AS TEXT) IS NULL OR EXISTS (SELECT 1 FROM sluice_team_member m WHERE m.team_id = t.team_id AND m.user_id = $8)
		OR t.organization_id IN (SELECT o.organization_id FROM sluice_organization_member o WHERE o.user_id = $8 AND o.role = 'org_admin'));

-- name: organization_teams_docs
SELECT team_id, doc FROM sluice_team WHERE organization_id = $1;

-- name: member_find
SELECT team_id, user_id, role, doc FROM sluice_team_member WHERE team_id = $1 AND user_id = $2;

-- name: member_write
INSERT INTO sluice_team_member (team_id, user_id, role, budget_id, doc) VALUES ($1, $2, $3, $4, $5)
ON CONFLICT (team_id, user_id) DO UPDATE SET role = excluded.role, budget_id = excluded.budget_id, doc = excluded.doc;

-- name: member_delete
DELETE FROM sluice_team_member WHERE team_id = $1 AND user_id = $2;

-- name: members_of_team
SELECT m.team_id, m.user_id, m.role, m.doc, u.email FROM sluice_team_member m LEFT JOIN sluice_user u ON u.user_id = m.user_id
WHERE m.team_id = $1 ORDER BY m.user_id;

-- name: members_of_user
SELECT team_id, user_id, role, doc FROM sluice_team_member WHERE user_id = $1 ORDER BY team_id;

-- The members of a team with what they spent.
-- name: memberships
SELECT m.team_id, m.user_id, m.role, m.doc, a.id, a.duration, p.period, p.spent
FROM sluice_team_member m LEFT JOIN sluice_account a ON a.scope = 'member' AND a.entity = m.team_id || '/' || m.user_id AND a.part = ''
	LEFT JOIN sluice_account_period p ON p.account = a.id AND p.period = (SELECT max(q.period) FROM sluice_account_period q WHERE q.account = a.id)
WHERE m.team_id = $1 ORDER BY m.user_id;

-- name: teams_of_user
SELECT t.team_id, t.doc, t.created_at, t.updated_at, a.id, a.duration, p.period, p.spent
FROM sluice_team_member m JOIN sluice_team t ON t.team_id = m.team_id LEFT JOIN sluice_account a ON a.scope = 'team' AND a.entity = t.team_id AND a.part = ''
	LEFT JOIN sluice_account_period p ON p.account = a.id AND p.period = (SELECT max(q.period) FROM sluice_account_period q WHERE q.account = a.id)
WHERE m.user_id = $1 ORDER BY t.created_at, t.team_id;
