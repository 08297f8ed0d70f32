-- Users (src/admin/user*.c).  Rows have the columns of user_find: what was spent last, and in which period, is joined.

-- name: user_find
SELECT u.user_id, u.doc, u.created_at, u.updated_at, a.id, a.duration, p.period, p.spent
FROM sluice_user u LEFT JOIN sluice_account a ON a.scope = 'user' AND a.entity = u.user_id AND a.part = ''
	LEFT JOIN sluice_account_period p ON p.account = a.id AND p.period = (SELECT max(q.period) FROM sluice_account_period q WHERE q.account = a.id)
WHERE u.user_id = $1;

-- name: user_exists
SELECT user_id FROM sluice_user WHERE user_id = $1;

-- name: user_by_email
SELECT user_id FROM sluice_user WHERE lower(email) = lower($1);

-- name: user_by_sso
SELECT user_id FROM sluice_user WHERE sso_user_id = $1;

-- name: user_write
INSERT INTO sluice_user (user_id, email, sso_user_id, role, created_at, updated_at, doc) VALUES ($1, $2, $3, $4, $5, $6, $7)
ON CONFLICT (user_id) DO UPDATE SET email = excluded.email, sso_user_id = excluded.sso_user_id, role = excluded.role, updated_at = excluded.updated_at,
	doc = excluded.doc;

-- name: user_delete
DELETE FROM sluice_user WHERE user_id = $1;

-- name: user_organizations
SELECT organization_id, role FROM sluice_organization_member WHERE user_id = $1 ORDER BY organization_id;

-- name: user_organization_add
INSERT INTO sluice_organization_member (organization_id, user_id, role, doc) VALUES ($1, $2, $3, '{}')
ON CONFLICT (organization_id, user_id) DO UPDATE SET role = excluded.role;

-- name: user_organizations_delete
DELETE FROM sluice_organization_member WHERE user_id = $1;

-- name: user_ids
SELECT user_id FROM sluice_user ORDER BY user_id;

-- name: user_count
SELECT count(*) FROM sluice_user;

-- The list.  $1: a role; $2: a pattern of the email; $3: a team; $4: organizations; $5: ids; $6: SSO ids (all three as ",a,b,"); $7: who asks, an admin of organizations whose users
-- it sees (NULL: all).
-- name: user_list
SELECT u.user_id, u.doc, u.created_at, u.updated_at, a.id, a.duration, p.period, p.spent, (SELECT count(*) FROM sluice_key k WHERE k.user_id = u.user_id)
FROM sluice_user u LEFT JOIN sluice_account a ON a.scope = 'user' AND a.entity = u.user_id AND a.part = ''
	LEFT JOIN sluice_account_period p ON p.account = a.id AND p.period = (SELECT max(q.period) FROM sluice_account_period q WHERE q.account = a.id)
WHERE (CAST($1 AS TEXT) IS NULL OR u.role = $1) AND (CAST($2 AS TEXT) IS NULL OR lower(u.email) LIKE $2 ESCAPE '\')
	AND (CAST($3 AS TEXT) IS NULL OR EXISTS (SELECT 1 FROM sluice_team_member m WHERE m.user_id = u.user_id AND m.team_id = $3))
	AND (CAST($4 AS TEXT) IS NULL OR EXISTS (SELECT 1 FROM sluice_organization_member o WHERE o.user_id = u.user_id
		AND $4 LIKE '%,' || replace(replace(replace(o.organization_id, '\', '\\'), '%', '\%'), '_', '\_') || ',%' ESCAPE '\'))
	AND (CAST($5 AS TEXT) IS NULL OR $5 LIKE '%,' || replace(replace(replace(u.user_id, '\', '\\'), '%', '\%'), '_', '\_') || ',%' ESCAPE '\')
	AND (CAST($6 AS TEXT) IS NULL OR $6 LIKE '%,' || replace(replace(replace(u.sso_user_id, '\', '\\'), '%', '\%'), '_', '\_') || ',%' ESCAPE '\')
	AND (CAST($7 AS TEXT) IS NULL OR u.user_id = $7 OR EXISTS (SELECT 1 FROM sluice_organization_member m JOIN sluice_organization_member o
		ON o.organization_id = m.organization_id WHERE o.user_id = $7 AND o.role = 'org_admin' AND m.user_id = u.user_id))
ORDER BY CASE CAST($8 AS TEXT) WHEN 'id' THEN u.user_id WHEN 'email' THEN u.email WHEN 'role' THEN u.role END,
	CASE CAST($8 AS TEXT) WHEN '-id' THEN u.user_id WHEN '-email' THEN u.email WHEN '-role' THEN u.role END DESC,
	CASE CAST($8 AS TEXT) WHEN '-created' THEN u.created_at WHEN '-spend' THEN coalesce(p.spent, 0) END DESC,
	CASE CAST($8 AS TEXT) WHEN 'spend' THEN coalesce(p.spent, 0) END, u.created_at, u.user_id
LIMIT $9 OFFSET $10;

-- name: user_list_count
SELECT count(*) FROM sluice_user u
WHERE (CAST($1 AS TEXT) IS NULL OR u.role = $1) AND (CAST($2 AS TEXT) IS NULL OR lower(u.email) LIKE $2 ESCAPE '\')
	AND (CAST($3 AS TEXT) IS NULL OR EXISTS (SELECT 1 FROM sluice_team_member m WHERE m.user_id = u.user_id AND m.team_id = $3))
	AND (CAST($4 AS TEXT) IS NULL OR EXISTS (SELECT 1 FROM sluice_organization_member o WHERE o.user_id = u.user_id
		AND $4 LIKE '%,' || replace(replace(replace(o.organization_id, '\', '\\'), '%', '\%'), '_', '\_') || ',%' ESCAPE '\'))
	AND (CAST($5 AS TEXT) IS NULL OR $5 LIKE '%,' || replace(replace(replace(u.user_id, '\', '\\'), '%', '\%'), '_', '\_') || ',%' ESCAPE '\')
	AND (CAST($6 AS TEXT) IS NULL OR $6 LIKE '%,' || replace(replace(replace(u.sso_user_id, '\', '\\'), '%', '\%'), '_', '\_') || ',%' ESCAPE '\')
	AND (CAST($7 AS TEXT) IS NULL OR u.user_id = $7 OR EXISTS (SELECT 1 FROM sluice_organization_member m JOIN sluice_organization_member o
		ON o.organization_id = m.organization_id WHERE o.user_id = $7 AND o.role = 'org_admin' AND m.user_id = u.user_id));

-- What a user was invited with.
-- name: invitation_tokens_delete
DELETE FROM sluice_thing WHERE kind = 'invitation_token' AND parent IN (SELECT i.id FROM sluice_thing i WHERE i.kind = 'invitation' AND i.parent = $1);

-- name: invitations_delete
DELETE FROM sluice_thing WHERE kind = 'invitation' AND parent = $1;

-- name: invitation_token_find
SELECT parent FROM sluice_thing WHERE kind = 'invitation_token' AND id = $1;

-- name: invitation_token_delete
DELETE FROM sluice_thing WHERE kind = 'invitation_token' AND parent = $1;
