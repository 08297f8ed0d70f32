-- Statements that the tests of the store ask, and nothing else does.

-- name: probe_echo
SELECT CAST($1 AS TEXT), CAST($2 AS BIGINT), CAST($3 AS TEXT);

-- name: probe_add
INSERT INTO sluice_thing (kind, id, parent, created_at, updated_at, doc) VALUES ($1, $2, $3, $4, $4, $5) RETURNING id, created_at;

-- name: probe_put
INSERT INTO sluice_thing (kind, id, parent, created_at, updated_at, doc) VALUES ($1, $2, NULL, 0, 0, $3)
ON CONFLICT (kind, id) DO UPDATE SET doc = excluded.doc, updated_at = sluice_thing.updated_at + 1;

-- name: probe_list
SELECT id, parent, doc FROM sluice_thing WHERE kind = $1 ORDER BY id;

-- name: probe_like
SELECT id FROM sluice_thing WHERE kind = $1 AND id LIKE $2 ESCAPE '\' ORDER BY id;

-- name: probe_drop
DELETE FROM sluice_thing WHERE kind = $1;

-- name: load_probe postgres
COPY sluice_thing (kind, id, parent, created_at, updated_at, doc) FROM STDIN;
-- name: load_probe sqlite
INSERT INTO sluice_thing (kind, id, parent, created_at, updated_at, doc) SELECT c1, c2, c3, c4, c5, c6 FROM sluice_loaded;
