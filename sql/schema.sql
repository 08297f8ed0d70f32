-- Statements by name: how to write them.
--
-- A block begins with `-- name: key_by_digest`, which makes it SQL_KEY_BY_DIGEST, and ends with the next.  Parameters are $1, $2 …; a text is never put
-- into SQL.  Where the dialects differ there are two blocks, `-- name: x postgres` and `-- name: x sqlite`, with the same parameters and columns.  Comments
-- have lines of their own.  A new file is one more line of sql_files in Makefile.am.
--
-- What runs on both: INSERT … ON CONFLICT (…) DO UPDATE SET a = excluded.a, RETURNING, CTEs (SQLite: not ones that write), window functions, coalesce, CASE, row
-- values, IS DISTINCT FROM is PostgreSQL's only (SQLite: IS NOT).  LIKE is case-sensitive on both; write ESCAPE '\' always, and lower() for the other kind.
-- PostgreSQL must know the type of each parameter: say CAST($1 AS BIGINT) or CAST($1 AS TEXT) where it only meets NULL or another parameter, as in
-- `(CAST($1 AS TEXT) IS NULL OR team_id = $1)`.  A lone $1 in a SELECT list is a text.
-- What does not: FOR UPDATE (SQLite needs none: its transactions are one after the other), greatest and least (max and min), JSON functions, SUM over BIGINT,
-- which is NUMERIC in PostgreSQL: CAST(sum(cost) AS BIGINT).
--
-- store_load() wants `COPY table (a, b) FROM STDIN` for postgres and `INSERT INTO table (a, b) SELECT c1, c2 FROM sluice_loaded` for sqlite, with `WHERE true` before
-- an ON CONFLICT; name such a statement load_….

-- name: schema_there postgres
SELECT CASE WHEN to_regclass('sluice_schema') IS NULL THEN 0 ELSE 1 END;
-- name: schema_there sqlite
SELECT count(*) FROM sqlite_master WHERE type = 'table' AND name = 'sluice_schema';

-- The server, and which database of it.
-- name: schema_about postgres
SELECT 'PostgreSQL ' || current_setting('server_version'), 'database ' || current_database();
-- name: schema_about sqlite
SELECT 'SQLite ' || sqlite_version(), (SELECT file FROM pragma_database_list WHERE name = 'main');

-- What SQLite gave away as ids, also of rows that are gone; and PostgreSQL going on from there.
-- name: move_ids postgres
SELECT '', 0;
-- name: move_ids sqlite
SELECT name, seq FROM sqlite_sequence;
-- name: move_ids_set postgres
SELECT setval(pg_get_serial_sequence($1, 'id'), CAST($2 AS BIGINT));
-- name: move_ids_set sqlite
SELECT $1, $2;

-- name: schema_version
SELECT max(version) FROM sluice_schema;

-- name: schema_forget
DELETE FROM sluice_schema;

-- name: schema_remember
INSERT INTO sluice_schema (version) VALUES ($1);

-- One at a time, over all hosts, until the end of the transaction.
-- name: schema_lock postgres
SELECT CAST(pg_advisory_xact_lock(1936487779) AS TEXT);
-- name: schema_lock sqlite
SELECT '';
