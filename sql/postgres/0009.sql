-- Sessions of agents and keys that are bound (src/access/load.c, src/exchange/session.c): how many calls they made, and when somebody last asked for one.  What they spent is in their account.
CREATE TABLE sluice_session (
	id		TEXT PRIMARY KEY,
	seen_at		BIGINT NOT NULL,
	turns		BIGINT NOT NULL);
CREATE INDEX sluice_session_seen ON sluice_session (seen_at);
