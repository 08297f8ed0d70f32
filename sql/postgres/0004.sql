-- The days of sluice_request: made ahead, and dropped.  The clock is the database's, so that no host's can drop a day too early.
CREATE INDEX sluice_change_at ON sluice_change (at);

-- The smallest id of a moment.
CREATE FUNCTION sluice_id_from(p_ms BIGINT) RETURNS UUID LANGUAGE sql IMMUTABLE AS $$
	SELECT CAST(substr(t, 1, 8) || '-' || substr(t, 9, 4) || '-0000-0000-000000000000' AS UUID) FROM lpad(to_hex(p_ms), 12, '0') t
$$;

CREATE FUNCTION sluice_day_name(p_day BIGINT) RETURNS TEXT LANGUAGE sql STABLE AS $$
	SELECT 'sluice_request_' || to_char(to_timestamp(p_day * 86400) AT TIME ZONE 'UTC', 'YYYYMMDD')
$$;

-- Rows of that day may lie among the others already (a clock was wrong, or nobody was there to make it): they move.  PostgreSQL lets no day be attached else.
CREATE FUNCTION sluice_day_make(p_day BIGINT) RETURNS VOID LANGUAGE plpgsql AS $$
DECLARE
	name TEXT := sluice_day_name(p_day);
	low UUID := sluice_id_from(p_day * 86400000);
	high UUID := sluice_id_from((p_day + 1) * 86400000);
	apart BOOLEAN;
BEGIN
	SELECT EXISTS (SELECT 1 FROM sluice_request_other o WHERE o.id >= low AND o.id < high) INTO apart;
	-- The whole before its parts, as everybody else locks them: else some reader would be in a ring with us.
	IF apart THEN
		LOCK TABLE ONLY sluice_request IN ACCESS EXCLUSIVE MODE;
	ELSE
		LOCK TABLE ONLY sluice_request IN SHARE UPDATE EXCLUSIVE MODE;
	END IF;
	LOCK TABLE sluice_request_other IN ACCESS EXCLUSIVE MODE;
	EXECUTE format('CREATE TABLE %I (LIKE sluice_request INCLUDING DEFAULTS INCLUDING CONSTRAINTS)', name);
	IF apart THEN
		ALTER TABLE sluice_request DETACH PARTITION sluice_request_other;
		EXECUTE format('WITH gone AS (DELETE FROM sluice_request_other o WHERE o.id >= %L AND o.id < %L RETURNING *) INSERT INTO %I SELECT * FROM gone', low, high, name);
	END IF;
	EXECUTE format('ALTER TABLE sluice_request ATTACH PARTITION %I FOR VALUES FROM (%L) TO (%L)', name, low, high);
	IF apart THEN
		ALTER TABLE sluice_request ATTACH PARTITION sluice_request_other DEFAULT;
	END IF;
END $$;

-- One of yesterday, today and so many days ahead that is not there; how many were made.  Who waits for a lock too long gives up, rather than let all others wait behind him.
CREATE FUNCTION sluice_days_make(p_ahead BIGINT) RETURNS BIGINT LANGUAGE plpgsql AS $$
DECLARE
	today BIGINT := floor(extract(epoch FROM now()) / 86400);
BEGIN
	IF NOT pg_try_advisory_xact_lock(1936487780) THEN
		RETURN 0;
	END IF;
	PERFORM set_config('lock_timeout', '2000', true);
	FOR day IN today - 1 .. today + p_ahead LOOP
		IF to_regclass(sluice_day_name(day)) IS NULL THEN
			PERFORM sluice_day_make(day);
			RETURN 1;
		END IF;
	END LOOP;
	RETURN 0;
END $$;

-- One day that is older than so many milliseconds, whole; how many were dropped.
CREATE FUNCTION sluice_days_drop(p_keep BIGINT) RETURNS BIGINT LANGUAGE plpgsql AS $$
DECLARE
	first BIGINT := floor((extract(epoch FROM now()) * 1000 - p_keep) / 86400000);
	name TEXT;
BEGIN
	IF NOT pg_try_advisory_xact_lock(1936487780) THEN
		RETURN 0;
	END IF;
	PERFORM set_config('lock_timeout', '2000', true);
	SELECT c.relname INTO name FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
		WHERE i.inhparent = 'sluice_request'::regclass AND c.relname ~ '^sluice_request_[0-9]{8}$' AND c.relname < sluice_day_name(first)
		ORDER BY c.relname LIMIT 1;
	IF name IS NULL THEN
		RETURN 0;
	END IF;
	LOCK TABLE ONLY sluice_request IN ACCESS EXCLUSIVE MODE;
	EXECUTE format('DROP TABLE %I', name);
	RETURN 1;
END $$;
