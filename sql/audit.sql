-- Who changed what.

-- name: audit_add
INSERT INTO sluice_audit (id, at, changed_by, by_key, action, kind, entity, team_id, status, before, after, note)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12);
