-- Calls that go on reserve in instalments: each want may name the lease that pays for its call, which may be closing by now.
-- One call's wants, "account:period:have:wish:lease" joined by commas and sorted: all of them are granted or none.  See src/ledger/leases.h; o_verdict is its enum grant_end.
CREATE OR REPLACE FUNCTION sluice_grant(p_host TEXT, p_now BIGINT, p_bound BIGINT, p_floor BIGINT, p_hurry BIGINT, p_wants TEXT)
RETURNS TABLE (o_verdict INTEGER, o_at INTEGER, o_reserved BIGINT, o_lease BIGINT, o_granted BIGINT, o_ceiling BIGINT, o_spent BIGINT, o_held BIGINT)
LANGUAGE plpgsql AS $$
DECLARE
	w TEXT;
	v BIGINT[];
	hosts BIGINT;
	target BIGINT := p_bound;
	most BIGINT := p_bound;
	tightest INTEGER := 1;
	ceilings BIGINT[];
	spents BIGINT[];
	helds BIGINT[];
	n INTEGER := 0;
	needed BIGINT;
BEGIN
	IF current_setting('synchronous_commit') = 'off' THEN
		PERFORM set_config('synchronous_commit', 'on', true);
	END IF;
	IF EXISTS (SELECT 1 FROM sluice_host h WHERE h.id = p_host AND h.forgotten <> 0) THEN
		RETURN QUERY SELECT 3, 0, 0::BIGINT, 0::BIGINT, 0::BIGINT, 0::BIGINT, 0::BIGINT, 0::BIGINT;
		RETURN;
	END IF;
	SELECT greatest(count(*), 1) INTO hosts FROM sluice_host h WHERE h.forgotten = 0 AND h.seen_at > p_now - 60000;
	FOREACH w IN ARRAY string_to_array(p_wants, ',') LOOP
		n := n + 1;
		v := string_to_array(w, ':')::BIGINT[];
		SELECT a.ceiling + CASE WHEN a.raised_until > p_now THEN a.raised ELSE 0 END INTO o_ceiling FROM sluice_account a WHERE a.id = v[1];
		IF NOT FOUND THEN
			RETURN QUERY SELECT 3, n, 0::BIGINT, 0::BIGINT, 0::BIGINT, 0::BIGINT, 0::BIGINT, 0::BIGINT;
			RETURN;
		END IF;
		INSERT INTO sluice_account_period (account, period) VALUES (v[1], v[2]) ON CONFLICT DO NOTHING;
		SELECT p.spent, p.held INTO o_spent, o_held FROM sluice_account_period p WHERE p.account = v[1] AND p.period = v[2] FOR UPDATE;
		IF coalesce(v[5], 0) <> 0 AND NOT EXISTS (SELECT 1 FROM sluice_lease l WHERE l.id = v[5] AND l.state < 2) THEN
			RETURN QUERY SELECT 3, n, 0::BIGINT, 0::BIGINT, 0::BIGINT, o_ceiling, o_spent, o_held;
			RETURN;
		END IF;
		ceilings := array_append(ceilings, o_ceiling);
		spents := array_append(spents, o_spent);
		helds := array_append(helds, o_held);
		IF o_ceiling - o_spent < p_floor THEN
			RETURN QUERY SELECT 1, n, 0::BIGINT, 0::BIGINT, 0::BIGINT, o_ceiling, o_spent, o_held;
			RETURN;
		END IF;
		target := least(target, o_ceiling - o_spent);
		IF v[3] + o_ceiling - o_spent - o_held < most THEN
			most := v[3] + o_ceiling - o_spent - o_held;
			tightest := n;
		END IF;
	END LOOP;
	IF most < target AND (p_hurry = 0 OR most < p_floor) THEN
		v := string_to_array(split_part(p_wants, ',', tightest), ':')::BIGINT[];
		IF EXISTS (SELECT 1 FROM sluice_lease l WHERE l.account = v[1] AND l.period = v[2] AND l.state < 2 AND l.host <> p_host AND l.remaining > 0) THEN
			INSERT INTO sluice_recall (account, period, number, host, at) VALUES (v[1], v[2], nextval('sluice_recall_number'), p_host, p_now)
			ON CONFLICT (account, period) DO UPDATE SET number = excluded.number, host = excluded.host, at = excluded.at;
			PERFORM pg_notify('sluice_recall', '');
		END IF;
		RETURN QUERY SELECT 2, tightest, 0::BIGINT, 0::BIGINT, 0::BIGINT, ceilings[tightest], spents[tightest], helds[tightest];
		RETURN;
	END IF;
	target := least(target, most);
	FOR n IN 1 .. array_length(ceilings, 1) LOOP
		v := string_to_array(split_part(p_wants, ',', n), ':')::BIGINT[];
		o_verdict := 0;
		o_at := n;
		o_reserved := target;
		o_lease := 0;
		o_granted := 0;
		o_ceiling := ceilings[n];
		o_spent := spents[n];
		o_held := helds[n];
		needed := target - v[3];
		IF o_ceiling IS NOT NULL AND needed > 0 THEN
			o_granted := needed;
			UPDATE sluice_lease l SET remaining = l.remaining + needed WHERE l.id = v[5] AND l.state = 1 RETURNING l.id INTO o_lease;
			IF NOT FOUND THEN
				o_granted := greatest(needed, least(v[4], (o_ceiling - o_spent - o_held) / (2 * hosts)));
				INSERT INTO sluice_lease AS l (host, account, period, remaining, state, granted_at) VALUES (p_host, v[1], v[2], o_granted, 0, p_now)
				ON CONFLICT (host, account, period) WHERE state = 0 DO UPDATE SET remaining = l.remaining + excluded.remaining
				RETURNING l.id INTO o_lease;
			END IF;
			UPDATE sluice_account_period p SET held = p.held + o_granted WHERE p.account = v[1] AND p.period = v[2];
		END IF;
		RETURN NEXT;
	END LOOP;
END $$;
