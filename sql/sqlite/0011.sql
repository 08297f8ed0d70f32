-- What calls came to that were made to see whether a deployment answers (src/exchange/probe.c).  Ids are those of the calls, so they are in the order of time.
CREATE TABLE sluice_health (
	id		TEXT PRIMARY KEY,
	checked_at	INTEGER NOT NULL,
	model_name	TEXT NOT NULL,
	model_id	TEXT NOT NULL,
	healthy		INTEGER NOT NULL,
	response_ms	INTEGER NOT NULL,
	error		TEXT,
	checked_by	TEXT,
	doc		TEXT NOT NULL) STRICT;
