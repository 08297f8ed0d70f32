-- What changed, for the boards of all hosts.

-- name: change_newest
SELECT coalesce(max(id), 0) FROM sluice_change;

-- name: change_read
SELECT id, digest FROM sluice_change WHERE id > $1 ORDER BY id LIMIT $2;

-- Does a call come back?
-- name: change_call postgres
SELECT CAST(pg_notify('sluice_change', 'proof') AS TEXT);
-- name: change_call sqlite
SELECT '';
