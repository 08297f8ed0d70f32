-- Nothing: what PostgreSQL does here in a function is done in src/ledger/leases.c.
SELECT 1;
