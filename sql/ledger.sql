-- Rows of the spool, shipped.  Into PostgreSQL by way of temporary tables, so that thousands are one statement each; their names change with their columns:
-- behind PgBouncer a connection may have those of another version.

-- name: stage_requests postgres
CREATE TEMPORARY TABLE IF NOT EXISTS sluice_stage1_request (
    id UUID, began_at BIGINT, first_token_at BIGINT, ended_at BIGINT, call_type TEXT, ended TEXT, status INTEGER, streamed SMALLINT,
    key_digest TEXT, user_id TEXT, team_id TEXT, organization_id TEXT, project_id TEXT, customer TEXT, model_group TEXT, model TEXT,
    model_id TEXT, provider TEXT, api_base TEXT, prompt BIGINT, completion BIGINT, cached BIGINT, written BIGINT, reasoning BIGINT,
    cost BIGINT, estimated SMALLINT, host TEXT, tags TEXT, doc TEXT)
    ON COMMIT DELETE ROWS;
-- name: stage_requests sqlite
SELECT 0;

-- name: stage_days postgres
CREATE TEMPORARY TABLE IF NOT EXISTS sluice_stage1_day (
    day INTEGER, kind TEXT, entity TEXT, key_digest TEXT, user_id TEXT, team_id TEXT, organization_id TEXT, project_id TEXT, model_group TEXT,
    model TEXT, model_id TEXT, provider TEXT, call_type TEXT, requests BIGINT, failures BIGINT, prompt BIGINT, completion BIGINT,
    cached BIGINT, written BIGINT, reasoning BIGINT, cost BIGINT)
    ON COMMIT DELETE ROWS;
-- name: stage_days sqlite
SELECT 0;

-- Each once, over all hosts and days: those that are new.
-- name: load_requests postgres
COPY sluice_stage1_request (id, began_at, first_token_at, ended_at, call_type, ended, status, streamed, key_digest, user_id, team_id,
    organization_id, project_id,
    customer, model_group, model, model_id, provider, api_base, prompt, completion, cached, written, reasoning, cost, estimated, host, tags,
    doc) FROM STDIN;
-- name: load_requests sqlite
INSERT INTO sluice_request (id, began_at, first_token_at, ended_at, call_type, ended, status, streamed, key_digest, user_id, team_id,
    organization_id, project_id,
    customer, model_group, model, model_id, provider, api_base, prompt, completion, cached, written, reasoning, cost, estimated, host, tags,
    doc)
    SELECT c1, c2, c3, c4, c5, c6, c7, c8, c9, c10, c11, c12, c13, c14, c15, c16, c17, c18, c19, c20, c21, c22, c23, c24, c25, c26, c27, c28, c29
    FROM sluice_loaded WHERE true ON CONFLICT DO NOTHING;
-- name: requests_insert postgres
INSERT INTO sluice_request (id, began_at, first_token_at, ended_at, call_type, ended, status, streamed, key_digest, user_id, team_id,
    organization_id, project_id,
    customer, model_group, model, model_id, provider, api_base, prompt, completion, cached, written, reasoning, cost, estimated, host, tags,
    doc)
    SELECT id, began_at, first_token_at, ended_at, call_type, ended, status, streamed, key_digest, user_id, team_id,
    organization_id, project_id,
    customer, model_group, model, model_id, provider, api_base, prompt, completion, cached, written, reasoning, cost, estimated, host, tags,
    doc
    FROM sluice_stage1_request ON CONFLICT DO NOTHING RETURNING CAST(id AS TEXT);
-- name: requests_insert sqlite
SELECT 0;
-- How many were loaded: the ids of those, if not all were new.  The rows of a file get numbers that go up by one.
-- name: requests_loaded postgres
SELECT 0 WHERE $1 IS NOT NULL;
-- name: requests_loaded sqlite
SELECT id FROM sluice_request ORDER BY rowid DESC LIMIT $1;

-- Added in one order, so that hosts wait for each other and never in a ring.
-- name: load_days postgres
COPY sluice_stage1_day (day, kind, entity, key_digest, user_id, team_id, organization_id, project_id, model_group, model, model_id,
    provider, call_type, requests,
    failures, prompt, completion, cached, written, reasoning, cost) FROM STDIN;
-- name: load_days sqlite
INSERT INTO sluice_day AS d (day, kind, entity, key_digest, user_id, team_id, organization_id, project_id, model_group, model, model_id,
    provider, call_type, requests,
    failures, prompt, completion, cached, written, reasoning, cost)
    SELECT c1, c2, c3, c4, c5, c6, c7, c8, c9, c10, c11, c12, c13, c14, c15, c16, c17, c18, c19, c20, c21
    FROM sluice_loaded WHERE true
    ON CONFLICT (day, kind, entity, key_digest, user_id, team_id, organization_id, project_id, model_group, model, model_id, provider, call_type)
    DO UPDATE SET requests = d.requests + excluded.requests, failures = d.failures + excluded.failures, prompt = d.prompt + excluded.prompt,
    completion = d.completion + excluded.completion, cached = d.cached + excluded.cached, written = d.written + excluded.written,
    reasoning = d.reasoning + excluded.reasoning, cost = d.cost + excluded.cost;
-- name: days_add postgres
INSERT INTO sluice_day AS d (day, kind, entity, key_digest, user_id, team_id, organization_id, project_id, model_group, model, model_id,
    provider, call_type, requests,
    failures, prompt, completion, cached, written, reasoning, cost)
    SELECT day, kind, entity, key_digest, user_id, team_id, organization_id, project_id, model_group, model, model_id,
    provider, call_type, requests,
    failures, prompt, completion, cached, written, reasoning, cost
    FROM sluice_stage1_day
    ORDER BY day, kind, entity, key_digest, user_id, team_id, organization_id, project_id, model_group, model, model_id, provider, call_type
    ON CONFLICT (day, kind, entity, key_digest, user_id, team_id, organization_id, project_id, model_group, model, model_id, provider, call_type)
    DO UPDATE SET requests = d.requests + excluded.requests, failures = d.failures + excluded.failures, prompt = d.prompt + excluded.prompt,
    completion = d.completion + excluded.completion, cached = d.cached + excluded.cached, written = d.written + excluded.written,
    reasoning = d.reasoning + excluded.reasoning, cost = d.cost + excluded.cost;
-- name: days_add sqlite
SELECT 0;

-- name: spool_positions
SELECT segment, position FROM sluice_spool WHERE host = $1 ORDER BY segment DESC LIMIT 1000;
-- name: spool_position
INSERT INTO sluice_spool (host, segment, position) VALUES ($1, $2, $3) ON CONFLICT (host, segment) DO UPDATE SET position = excluded.position;
-- name: spool_forget
DELETE FROM sluice_spool WHERE host = $1 AND segment < $2;
-- name: spool_go_on
INSERT INTO sluice_spool (host, segment, position) SELECT $1, s.segment, s.position FROM sluice_spool s WHERE s.host = $2
ON CONFLICT (host, segment) DO NOTHING;
-- name: spool_end
DELETE FROM sluice_spool WHERE host = $1;

-- Without leases: what a row costs is spent.
-- name: spent_add
INSERT INTO sluice_account_period AS p (account, period, spent) VALUES ($1, $2, $3)
    ON CONFLICT (account, period) DO UPDATE SET spent = p.spent + excluded.spent;

-- Do rows, sums of days and what accounts have spent agree?  (Rows that were deleted by age are in the sums still.)
-- name: ledger_proof
SELECT (SELECT count(*) FROM sluice_request), (SELECT CAST(sum(cost) AS BIGINT) FROM sluice_request),
    (SELECT CAST(sum(requests) AS BIGINT) FROM sluice_day WHERE kind = ''), (SELECT CAST(sum(cost) AS BIGINT) FROM sluice_day WHERE kind = ''),
    (SELECT CAST(sum(failures) AS BIGINT) FROM sluice_day WHERE kind = ''), (SELECT CAST(sum(requests) AS BIGINT) FROM sluice_day WHERE kind = 'tag'),
    (SELECT CAST(sum(requests) AS BIGINT) FROM sluice_day WHERE kind = 'customer'), (SELECT CAST(sum(spent) AS BIGINT) FROM sluice_account_period),
    (SELECT CAST(sum(held) AS BIGINT) FROM sluice_account_period);

-- name: ledger_days
SELECT day, CAST(sum(requests) AS BIGINT), CAST(sum(cost) AS BIGINT) FROM sluice_day WHERE kind = '' GROUP BY day ORDER BY day;

-- Days, and what is too old.  $1 is how long rows are kept, $2 the smallest id that stays by this host's clock: PostgreSQL goes by its own.

-- name: days_make postgres
SELECT sluice_days_make($1);
-- name: days_make sqlite
SELECT 0 WHERE $1 IS NOT NULL;

-- name: days_drop postgres
SELECT sluice_days_drop(CAST($1 AS BIGINT)) WHERE CAST($2 AS TEXT) IS NOT NULL;
-- name: days_drop sqlite
SELECT 0 WHERE $1 IS NOT NULL AND $2 IS NOT NULL;

-- Rows that are of no day.
-- name: strays_drop postgres
DELETE FROM sluice_request_other WHERE CAST($2 AS TEXT) IS NOT NULL AND id IN (SELECT id FROM sluice_request_other
    WHERE id < sluice_id_from(CAST(floor((extract(epoch FROM now()) * 1000 - CAST($1 AS BIGINT)) / 86400000) AS BIGINT) * 86400000) LIMIT 5000);
-- name: strays_drop sqlite
DELETE FROM sluice_request WHERE $1 IS NOT NULL AND rowid IN (SELECT rowid FROM sluice_request WHERE id < $2 LIMIT 5000);

-- name: prompt_put
INSERT INTO sluice_prompt (id, team_id, request, answer) VALUES ($1, $2, $3, $4) ON CONFLICT (id) DO NOTHING;

-- name: prompts_drop postgres
DELETE FROM sluice_prompt WHERE CAST($2 AS TEXT) IS NOT NULL AND id IN (SELECT id FROM sluice_prompt
    WHERE id < sluice_id_from(CAST(extract(epoch FROM now()) * 1000 AS BIGINT) - CAST($1 AS BIGINT)) LIMIT 1000);
-- name: prompts_drop sqlite
DELETE FROM sluice_prompt WHERE $1 IS NOT NULL AND rowid IN (SELECT rowid FROM sluice_prompt WHERE id < $2 LIMIT 1000);

-- The newest stays, so that no number comes twice.
-- name: changes_drop
DELETE FROM sluice_change WHERE at < $1 AND id < (SELECT max(id) FROM sluice_change);
