-- Alerts: an outbox (src/alert/alert.c).  A cause that is there is known; whoever claims a row sends it.

-- name: alert_raise
INSERT INTO sluice_alert (cause, at, doc) VALUES ($1, $2, $3) ON CONFLICT (cause) DO NOTHING;

-- Something that comes and goes: again, when the last time is long ago.
-- name: alert_raise_again
INSERT INTO sluice_alert (cause, at, doc) VALUES ($1, $2, $3)
ON CONFLICT (cause) DO UPDATE SET at = excluded.at, doc = excluded.doc, claimed = NULL, sent = NULL WHERE sluice_alert.at < $4;

-- name: alert_waiting
SELECT cause, doc, at FROM sluice_alert WHERE sent IS NULL AND (claimed IS NULL OR claimed < $1) ORDER BY at, cause LIMIT 50;

-- name: alert_claim
UPDATE sluice_alert SET claimed = $2 WHERE cause = $1 AND sent IS NULL AND (claimed IS NULL OR claimed < $3);

-- name: alert_sent
UPDATE sluice_alert SET sent = $2 WHERE cause = $1;

-- name: alert_account
SELECT duration, soft FROM sluice_account WHERE scope = $1 AND entity = $2 AND part = $3;

-- name: alert_key
SELECT k.alias, k.user_id, k.team_id, t.alias, u.email, k.organization_id FROM sluice_key k
LEFT JOIN sluice_team t ON t.team_id = k.team_id LEFT JOIN sluice_user u ON u.user_id = k.user_id WHERE k.digest = $1;

-- name: alert_team
SELECT alias, organization_id FROM sluice_team WHERE team_id = $1;

-- name: alert_user
SELECT email FROM sluice_user WHERE user_id = $1;

-- name: alert_organization
SELECT alias FROM sluice_organization WHERE organization_id = $1;
