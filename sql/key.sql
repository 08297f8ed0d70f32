-- Virtual keys (src/admin/key*.c).  Rows have the columns of key_find: what was spent last, and in which period, is joined.

-- part: key_columns
SELECT k.digest, k.doc, k.expires, k.created_at, k.updated_at, a.id, a.duration, p.period, p.spent
-- part: key_spent
LEFT JOIN sluice_account a ON a.scope = 'key' AND a.entity = k.digest AND a.part = ''
	LEFT JOIN sluice_account_period p ON p.account = a.id AND p.period = (SELECT max(q.period) FROM sluice_account_period q WHERE q.account = a.id)

-- name: key_find
@key_columns
FROM sluice_key k @key_spent
WHERE k.digest = $1;

-- name: key_by_alias
SELECT digest FROM sluice_key WHERE alias = $1;

-- name: key_write
INSERT INTO sluice_key (digest, alias, user_id, team_id, organization_id, project_id, budget_id, expires, created_at, updated_at, doc, rotates_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)
ON CONFLICT (digest) DO UPDATE SET alias = excluded.alias, user_id = excluded.user_id, team_id = excluded.team_id,
	organization_id = excluded.organization_id, project_id = excluded.project_id, budget_id = excluded.budget_id, expires = excluded.expires,
	updated_at = excluded.updated_at, doc = excluded.doc, rotates_at = excluded.rotates_at;

-- Keys that are to have another value, and whoever takes one in hand for a while.
-- name: keys_to_rotate
SELECT digest FROM sluice_key WHERE rotates_at <= $1 ORDER BY rotates_at, digest LIMIT 20;

-- name: key_rotate_claim
UPDATE sluice_key SET rotates_at = $3 WHERE digest = $1 AND rotates_at <= $2;

-- name: key_old_tidy
DELETE FROM sluice_key_old WHERE now = $1 AND good_until <= $2;

-- name: key_old_forget
DELETE FROM sluice_key_old WHERE digest = $1;

-- name: key_delete
DELETE FROM sluice_key WHERE digest = $1;

-- name: key_renew
UPDATE sluice_key SET digest = $2 WHERE digest = $1;

-- name: key_old_list
SELECT digest FROM sluice_key_old WHERE now = $1;

-- name: key_old_add
INSERT INTO sluice_key_old (digest, now, good_until) VALUES ($1, $2, $3);

-- name: key_old_move
UPDATE sluice_key_old SET now = $2 WHERE now = $1;

-- name: key_old_delete
DELETE FROM sluice_key_old WHERE now = $1;

-- name: key_old_exists
SELECT digest FROM sluice_key_old WHERE digest = $1;

-- name: keys_of_team
@key_columns
FROM sluice_key k @key_spent
WHERE k.team_id = $1 ORDER BY k.created_at, k.digest LIMIT $2;

-- name: keys_of_user
@key_columns
FROM sluice_key k @key_spent
WHERE k.user_id = $1 ORDER BY k.created_at, k.digest LIMIT $2;

-- name: keys_of_member
@key_columns
FROM sluice_key k @key_spent
WHERE k.team_id = $1 AND k.user_id = $2 ORDER BY k.created_at, k.digest LIMIT $3;

-- The list.  $1 to $4: columns that must be equal; $5: its digest; $6, $7: its alias, or a pattern of it in lower case; $8: the caller, who sees own keys and those of
-- teams it administers (NULL: all), with $9 those of all its teams; $10: an access group it names; order and pages.  The arms of the union let an index be used, whichever
-- of three is asked for: conditions on parameters alone are looked at once.
-- part: key_filter
(SELECT digest, alias, user_id, team_id, organization_id, project_id, expires, created_at, updated_at, doc FROM sluice_key
			WHERE CAST($1 AS TEXT) IS NOT NULL AND user_id = $1
		UNION ALL SELECT digest, alias, user_id, team_id, organization_id, project_id, expires, created_at, updated_at, doc FROM sluice_key
			WHERE CAST($1 AS TEXT) IS NULL AND CAST($2 AS TEXT) IS NOT NULL AND team_id = $2
		UNION ALL SELECT digest, alias, user_id, team_id, organization_id, project_id, expires, created_at, updated_at, doc FROM sluice_key
			WHERE CAST($1 AS TEXT) IS NULL AND CAST($2 AS TEXT) IS NULL AND CAST($6 AS TEXT) IS NOT NULL AND alias = $6
		UNION ALL SELECT digest, alias, user_id, team_id, organization_id, project_id, expires, created_at, updated_at, doc FROM sluice_key
			WHERE CAST($1 AS TEXT) IS NULL AND CAST($2 AS TEXT) IS NULL AND CAST($6 AS TEXT) IS NULL) f
	WHERE (CAST($2 AS TEXT) IS NULL OR f.team_id = $2)
		AND (CAST($3 AS TEXT) IS NULL OR f.organization_id = $3) AND (CAST($4 AS TEXT) IS NULL OR f.project_id = $4)
		AND (CAST($5 AS TEXT) IS NULL OR f.digest = $5) AND (CAST($6 AS TEXT) IS NULL OR f.alias = $6)
		AND (CAST($7 AS TEXT) IS NULL OR lower(f.alias) LIKE $7 ESCAPE '\')
		AND (CAST($8 AS TEXT) IS NULL OR f.user_id = $8
			OR f.team_id IN (SELECT m.team_id FROM sluice_team_member m WHERE m.user_id = $8 AND m.role = 'admin')
			OR (CAST($9 AS TEXT) IS NOT NULL AND f.team_id IN (SELECT m.team_id FROM sluice_team_member m WHERE m.user_id = $8)))
		AND (CAST($10 AS TEXT) IS NULL OR f.doc LIKE $10 ESCAPE '\')
-- name: key_list
@key_columns
FROM (SELECT f.digest FROM
	@key_filter
	ORDER BY CASE CAST($11 AS TEXT) WHEN 'alias' THEN f.alias END, CASE CAST($11 AS TEXT) WHEN '-alias' THEN f.alias END DESC,
	CASE CAST($11 AS TEXT) WHEN 'created' THEN f.created_at WHEN 'updated' THEN f.updated_at WHEN 'expires' THEN f.expires
		WHEN 'spend' THEN (SELECT coalesce(max(q.spent), 0) FROM sluice_account b JOIN sluice_account_period q ON q.account = b.id
			WHERE b.scope = 'key' AND b.entity = f.digest AND b.part = '' AND q.period = (SELECT max(r.period) FROM sluice_account_period r WHERE r.account = b.id)) END,
	CASE CAST($11 AS TEXT) WHEN '-updated' THEN f.updated_at WHEN '-expires' THEN f.expires
		WHEN '-spend' THEN (SELECT coalesce(max(q.spent), 0) FROM sluice_account b JOIN sluice_account_period q ON q.account = b.id
			WHERE b.scope = 'key' AND b.entity = f.digest AND b.part = '' AND q.period = (SELECT max(r.period) FROM sluice_account_period r WHERE r.account = b.id)) END DESC,
	f.created_at DESC, f.digest DESC
	LIMIT $12 OFFSET $13) page
	JOIN sluice_key k ON k.digest = page.digest
	@key_spent
ORDER BY CASE CAST($11 AS TEXT) WHEN 'alias' THEN k.alias END, CASE CAST($11 AS TEXT) WHEN '-alias' THEN k.alias END DESC,
	CASE CAST($11 AS TEXT) WHEN 'created' THEN k.created_at WHEN 'updated' THEN k.updated_at WHEN 'expires' THEN k.expires
		WHEN 'spend' THEN coalesce(p.spent, 0) END,
	CASE CAST($11 AS TEXT) WHEN '-updated' THEN k.updated_at WHEN '-expires' THEN k.expires
		WHEN '-spend' THEN coalesce(p.spent, 0) END DESC,
	k.created_at DESC, k.digest DESC;

-- name: key_list_count
SELECT count(*) FROM
	@key_filter;

-- The newest of all keys, by the index: what a page of everything is.
-- name: key_newest
@key_columns
FROM (SELECT digest, doc, expires, created_at, updated_at FROM sluice_key ORDER BY created_at DESC, digest DESC LIMIT $1 OFFSET $2) k
	@key_spent
ORDER BY k.created_at DESC, k.digest DESC;

-- name: key_count
SELECT count(*) FROM sluice_key;

-- name: key_aliases
SELECT alias FROM sluice_key WHERE alias IS NOT NULL AND (CAST($1 AS TEXT) IS NULL OR lower(alias) LIKE $1 ESCAPE '\')
	AND (CAST($2 AS TEXT) IS NULL OR team_id = $2)
	AND (CAST($3 AS TEXT) IS NULL OR user_id = $3 OR team_id IN (SELECT team_id FROM sluice_team_member WHERE user_id = $3 AND role = 'admin'))
ORDER BY alias LIMIT $4 OFFSET $5;

-- name: key_aliases_count
SELECT count(*) FROM sluice_key WHERE alias IS NOT NULL AND (CAST($1 AS TEXT) IS NULL OR lower(alias) LIKE $1 ESCAPE '\')
	AND (CAST($2 AS TEXT) IS NULL OR team_id = $2)
	AND (CAST($3 AS TEXT) IS NULL OR user_id = $3 OR team_id IN (SELECT team_id FROM sluice_team_member WHERE user_id = $3 AND role = 'admin'));

-- name: team_keys_docs
SELECT digest, doc FROM sluice_key WHERE team_id = $1;

-- Those that name it themselves.
-- name: organization_keys_docs
SELECT digest, doc FROM sluice_key WHERE organization_id = $1;
