-- SQLite keeps all days in one table.
CREATE INDEX sluice_change_at ON sluice_change (at);
