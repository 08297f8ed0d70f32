-- Alerts: what they say, who is sending them since when, and when they were sent.

ALTER TABLE sluice_alert ADD COLUMN doc TEXT NOT NULL DEFAULT '{}';
ALTER TABLE sluice_alert ADD COLUMN claimed BIGINT;
ALTER TABLE sluice_alert ADD COLUMN sent BIGINT;
CREATE INDEX sluice_alert_waiting ON sluice_alert (at) WHERE sent IS NULL;
