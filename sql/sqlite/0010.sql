-- The calendar that budgets go by (src/access/calendar.c): one row, of what a gateway last used.
CREATE TABLE sluice_calendar (
	one		INTEGER PRIMARY KEY,
	zone		TEXT NOT NULL,
	turn		INTEGER NOT NULL,
	since		INTEGER NOT NULL) STRICT;
