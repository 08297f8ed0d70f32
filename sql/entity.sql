-- What entities have alike (src/admin/entity.c).

-- name: tier_doc
SELECT doc FROM sluice_thing WHERE kind = 'budget' AND id = $1;

-- name: project_exists
SELECT id FROM sluice_thing WHERE kind = 'project' AND id = $1;

-- name: project_team
SELECT coalesce(parent, '') FROM sluice_thing WHERE kind = 'project' AND id = $1;

-- name: organization_exists
SELECT organization_id FROM sluice_organization WHERE organization_id = $1;

-- name: archive
INSERT INTO sluice_gone (id, kind, entity, deleted_at, deleted_by, doc) VALUES ($1, $2, $3, $4, $5, $6);

-- name: gone_list
SELECT entity, deleted_at, deleted_by, doc FROM sluice_gone WHERE kind = $1 ORDER BY deleted_at DESC, id DESC LIMIT $2 OFFSET $3;

-- name: gone_count
SELECT count(*) FROM sluice_gone WHERE kind = $1;
