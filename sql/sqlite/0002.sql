-- Budgets: a file has one host, which has nobody to recall money from, and what PostgreSQL does in functions is done by the program (src/ledger/leases.c).

CREATE INDEX sluice_lease_host ON sluice_lease (host) WHERE state < 2;
CREATE TABLE sluice_recall (
	account		INTEGER NOT NULL,
	period		INTEGER NOT NULL,
	number		INTEGER NOT NULL,
	host		TEXT NOT NULL,
	at		INTEGER NOT NULL,
	PRIMARY KEY (account, period)) STRICT;
