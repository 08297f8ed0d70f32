-- What SCIM looks for (src/admin/scim_users.c, scim_groups.c).  Rows have the columns of user_find and team_find.

-- name: scim_users
SELECT u.user_id, u.doc, u.created_at, u.updated_at, NULL, NULL, NULL, NULL FROM sluice_user u ORDER BY u.user_id LIMIT $1 OFFSET $2;

-- name: scim_users_known
SELECT u.user_id, u.doc, u.created_at, u.updated_at, NULL, NULL, NULL, NULL FROM sluice_user u
WHERE (CAST($1 AS TEXT) IS NULL OR u.user_id = $1) AND (CAST($2 AS TEXT) IS NULL OR u.sso_user_id = $2);

-- $1: the name in lower case, $2: as it was said.
-- name: scim_users_named
SELECT u.user_id, u.doc, u.created_at, u.updated_at, NULL, NULL, NULL, NULL FROM sluice_user u
WHERE u.user_id IN (SELECT t.parent FROM sluice_thing t WHERE t.kind = 'scim_name' AND t.id = $1 UNION SELECT v.user_id FROM sluice_user v WHERE v.user_id = $2
	UNION SELECT w.user_id FROM sluice_user w WHERE lower(w.email) = $1)
ORDER BY u.user_id;

-- $1: a pattern of what stands somewhere in the document.
-- name: scim_users_shown
SELECT u.user_id, u.doc, u.created_at, u.updated_at, NULL, NULL, NULL, NULL FROM sluice_user u WHERE lower(u.doc) LIKE $1 ESCAPE '\' ORDER BY u.user_id LIMIT $2;

-- name: scim_groups_of_user
SELECT m.team_id, t.alias FROM sluice_team_member m LEFT JOIN sluice_team t ON t.team_id = m.team_id WHERE m.user_id = $1 ORDER BY m.team_id;

-- The name that SCIM gave a user: one row, whose id is the name in lower case.
-- name: scim_name_find
SELECT parent FROM sluice_thing WHERE kind = 'scim_name' AND id = $1;

-- name: scim_names_delete
DELETE FROM sluice_thing WHERE kind = 'scim_name' AND parent = $1;

-- name: scim_external_delete
DELETE FROM sluice_thing WHERE kind = 'scim_group' AND parent = $1;

-- name: scim_teams
SELECT t.team_id, t.doc, t.created_at, t.updated_at, NULL, NULL, NULL, NULL FROM sluice_team t ORDER BY t.team_id LIMIT $1 OFFSET $2;

-- name: scim_team_count
SELECT count(*) FROM sluice_team;

-- $1: the id, $2: what SCIM calls it, $3: the alias, or the id where it has none, $4: a member.
-- name: scim_teams_found
SELECT t.team_id, t.doc, t.created_at, t.updated_at, NULL, NULL, NULL, NULL FROM sluice_team t
WHERE (CAST($1 AS TEXT) IS NULL OR t.team_id = $1)
	AND (CAST($2 AS TEXT) IS NULL OR t.team_id IN (SELECT x.parent FROM sluice_thing x WHERE x.kind = 'scim_group' AND x.id = $2))
	AND (CAST($3 AS TEXT) IS NULL OR lower(coalesce(t.alias, t.team_id)) = lower($3))
	AND (CAST($4 AS TEXT) IS NULL OR EXISTS (SELECT 1 FROM sluice_team_member m WHERE m.team_id = t.team_id AND m.user_id = $4))
ORDER BY t.team_id LIMIT $5;
