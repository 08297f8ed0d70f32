-- Who is what where (src/admin/roles.c).

-- name: team_role
SELECT role FROM sluice_team_member WHERE team_id = $1 AND user_id = $2;

-- name: organization_role
SELECT role FROM sluice_organization_member WHERE organization_id = $1 AND user_id = $2;

-- name: team_organization
SELECT coalesce(organization_id, '') FROM sluice_team WHERE team_id = $1;

-- name: team_doc
SELECT doc FROM sluice_team WHERE team_id = $1;

-- name: organization_admin_of
SELECT a.organization_id FROM sluice_organization_member a JOIN sluice_organization_member m ON m.organization_id = a.organization_id
WHERE a.user_id = $1 AND a.role = 'org_admin' AND m.user_id = $2 LIMIT 1;
