-- What calls came to that were made to see whether a deployment answers: written by src/exchange/probe.c, told by src/admin/health.c.

-- name: health_add
INSERT INTO sluice_health (id, checked_at, model_name, model_id, healthy, response_ms, error, checked_by, doc) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)
ON CONFLICT (id) DO NOTHING;

-- $1: the name of a model, $2: 1 or 0, whether it was well.
-- name: health_list
SELECT id, checked_at, model_name, model_id, healthy, response_ms, error, checked_by, doc FROM sluice_health
WHERE (CAST($1 AS TEXT) IS NULL OR model_name = $1) AND (CAST($2 AS BIGINT) IS NULL OR healthy = $2) ORDER BY id DESC LIMIT $3 OFFSET $4;

-- name: health_count
SELECT count(*) FROM sluice_health WHERE (CAST($1 AS TEXT) IS NULL OR model_name = $1) AND (CAST($2 AS BIGINT) IS NULL OR healthy = $2);

-- name: health_drop
DELETE FROM sluice_health WHERE checked_at < $1;
