-- SQLite loses indexes that it can not use; PostgreSQL plans with what the filters are, and uses them.
SELECT 0;
