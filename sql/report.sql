-- Reports of spending: sums of days, rows of requests, the audit.  Lists are JSON arrays of strings; a filter that is NULL lets everything pass.

-- part: items postgres
SELECT json_array_elements_text(CAST(@1 AS json)) AS value
-- part: items sqlite
SELECT value FROM json_each(@1)
-- part: dimension
CASE @1 WHEN 'day' THEN CAST(day AS TEXT) WHEN 'key' THEN key_digest WHEN 'user' THEN user_id WHEN 'team' THEN team_id
		WHEN 'organization' THEN organization_id WHEN 'model' THEN model WHEN 'group' THEN model_group WHEN 'provider' THEN provider
		WHEN 'entity' THEN entity ELSE '' END

-- What is spent of each of these accounts in a period: items are the period in 14 digits, then the account.
-- name: accounts_spent
SELECT p.account, p.spent
FROM (@items($1)) AS i JOIN sluice_account_period p ON p.account = CAST(substr(i.value, 15) AS BIGINT) AND p.period = CAST(substr(i.value, 1, 14) AS BIGINT)
ORDER BY p.account;

-- The sums of days by up to three dimensions ($1, $2, $3: 'day', 'key', 'model' …, '' for none).  $4: each request once (''), or once for each of its
-- tags ('tag') or its customer ('customer'); $5, $6: days; $7: what $8 names, and $9 leaves out; then key, user, team, model; $14: who may see only
-- himself and the teams he administers.  $15: 'cost', the dearest first; 'down', the last first; else by name.
-- name: day_sums
SELECT a, b, c, CAST(sum(requests) AS BIGINT), CAST(sum(failures) AS BIGINT), CAST(sum(prompt) AS BIGINT), CAST(sum(completion) AS BIGINT),
	CAST(sum(cached) AS BIGINT), CAST(sum(written) AS BIGINT), CAST(sum(reasoning) AS BIGINT), CAST(sum(cost) AS BIGINT)
FROM (SELECT
	@dimension($1) AS a,
	@dimension($2) AS b,
	@dimension($3) AS c,
	requests, failures, prompt, completion, cached, written, reasoning, cost
	FROM (SELECT *, CASE $7 WHEN 'user' THEN user_id WHEN 'team' THEN team_id
			WHEN 'organization' THEN organization_id WHEN 'project' THEN project_id ELSE entity END AS who
		FROM sluice_day
		WHERE kind = $4 AND day BETWEEN $5 AND $6) AS w
	WHERE (CAST($8 AS TEXT) IS NULL OR who IN (@items($8)))
	AND (CAST($9 AS TEXT) IS NULL OR who NOT IN (@items($9)))
	AND (CAST($10 AS TEXT) IS NULL OR key_digest = $10)
	AND (CAST($11 AS TEXT) IS NULL OR user_id = $11)
	AND (CAST($12 AS TEXT) IS NULL OR team_id = $12)
	AND (CAST($13 AS TEXT) IS NULL OR model = $13 OR model_group = $13)
	AND (CAST($14 AS TEXT) IS NULL OR user_id = $14
		OR team_id IN (SELECT team_id FROM sluice_team_member m WHERE m.user_id = $14 AND m.role = 'admin'))) AS d
GROUP BY a, b, c
ORDER BY CASE $15 WHEN 'cost' THEN -sum(cost) ELSE 0 END, CASE $15 WHEN 'down' THEN a ELSE '' END DESC, a, b, c
LIMIT $16;

-- What days are made of, the dearest first: $1 at most, else the filters above from $4 on.
-- name: activity_rows
SELECT t.day, t.model, t.model_group, t.provider, t.call_type, t.key_digest, t.who, k.alias, k.team_id, coalesce(tm.alias, o.alias),
	t.requests, t.failures, t.prompt, t.completion, t.cached, t.written, t.reasoning, t.cost
FROM (SELECT day, model, model_group, provider, call_type, key_digest, who,
	CAST(sum(requests) AS BIGINT) AS requests, CAST(sum(failures) AS BIGINT) AS failures, CAST(sum(prompt) AS BIGINT) AS prompt,
	CAST(sum(completion) AS BIGINT) AS completion, CAST(sum(cached) AS BIGINT) AS cached, CAST(sum(written) AS BIGINT) AS written,
	CAST(sum(reasoning) AS BIGINT) AS reasoning, CAST(sum(cost) AS BIGINT) AS cost
	FROM (SELECT *, CASE $5 WHEN 'user' THEN user_id WHEN 'team' THEN team_id
			WHEN 'organization' THEN organization_id WHEN 'project' THEN project_id ELSE entity END AS who
		FROM sluice_day
		WHERE kind = $2 AND day BETWEEN $3 AND $4) AS w
	WHERE (CAST($6 AS TEXT) IS NULL OR who IN (@items($6)))
	AND (CAST($7 AS TEXT) IS NULL OR who NOT IN (@items($7)))
	AND (CAST($8 AS TEXT) IS NULL OR key_digest = $8)
	AND (CAST($9 AS TEXT) IS NULL OR user_id = $9)
	AND (CAST($10 AS TEXT) IS NULL OR team_id = $10)
	AND (CAST($11 AS TEXT) IS NULL OR model = $11 OR model_group = $11)
	AND (CAST($12 AS TEXT) IS NULL OR user_id = $12
		OR team_id IN (SELECT team_id FROM sluice_team_member m WHERE m.user_id = $12 AND m.role = 'admin'))
	GROUP BY day, model, model_group, provider, call_type, key_digest, who
	ORDER BY cost DESC, day, model, model_group, provider, call_type, key_digest, who
	LIMIT $1) AS t
LEFT JOIN sluice_key k ON k.digest = t.key_digest
LEFT JOIN sluice_team tm ON $5 = 'team' AND tm.team_id = t.who
LEFT JOIN sluice_organization o ON $5 = 'organization' AND o.organization_id = t.who;
-- Rows of requests between two ids, which begin with their time.  Filters: key, user, team, customer, model, deployment, group, alias of the key, least
-- and most cost, failed, status, a pattern for the document in lower case, one for it as it is, whom the caller may see; then how many, and how many
-- are passed over.  Stored prompts come with them unless they are long: those are for log_prompt.
-- part: log_columns
SELECT
	CAST(r.id AS TEXT), r.began_at, r.first_token_at, r.ended_at, r.call_type, r.ended, r.status, r.streamed, r.key_digest, r.user_id, r.team_id,
	r.organization_id, r.project_id, r.customer, r.model_group, r.model, r.model_id, r.provider, r.api_base, r.prompt, r.completion, r.cached, r.written,
	r.reasoning, r.cost, r.estimated, r.tags, r.doc, k.alias, t.alias,
	CASE WHEN length(p.request) > 16384 THEN '{"stored_bytes":' || CAST(length(p.request) AS TEXT) || '}' ELSE p.request END,
	CASE WHEN length(p.answer) > 16384 THEN '{"stored_bytes":' || CAST(length(p.answer) AS TEXT) || '}' ELSE p.answer END
-- part: log_filter
WHERE id >= $1 AND id < $2
	AND (CAST($3 AS TEXT) IS NULL OR key_digest = $3)
	AND (CAST($4 AS TEXT) IS NULL OR user_id = $4)
	AND (CAST($5 AS TEXT) IS NULL OR team_id = $5)
	AND (CAST($6 AS TEXT) IS NULL OR customer = $6)
	AND (CAST($7 AS TEXT) IS NULL OR model = $7)
	AND (CAST($8 AS TEXT) IS NULL OR model_id = $8)
	AND (CAST($9 AS TEXT) IS NULL OR model_group = $9)
	AND (CAST($10 AS TEXT) IS NULL OR key_digest IN (SELECT digest FROM sluice_key WHERE alias = $10))
	AND (CAST($11 AS BIGINT) IS NULL OR cost >= $11)
	AND (CAST($12 AS BIGINT) IS NULL OR cost <= $12)
	AND (CAST($13 AS BIGINT) IS NULL OR (CASE WHEN status >= 400 OR ended IN ('cut', 'refused', 'swept') THEN 1 ELSE 0 END) = $13)
	AND (CAST($14 AS BIGINT) IS NULL OR status = $14)
	AND (CAST($15 AS TEXT) IS NULL OR lower(doc) LIKE $15 ESCAPE '\')
	AND (CAST($16 AS TEXT) IS NULL OR doc LIKE $16 ESCAPE '\')
	AND (CAST($17 AS TEXT) IS NULL OR user_id = $17
		OR team_id IN (SELECT team_id FROM sluice_team_member m WHERE m.user_id = $17 AND m.role = 'admin'))
-- part: log_joins
LEFT JOIN sluice_key k ON k.digest = r.key_digest
LEFT JOIN sluice_team t ON t.team_id = r.team_id
LEFT JOIN sluice_prompt p ON p.id = r.id
-- name: logs_down
@log_columns
FROM (SELECT * FROM sluice_request
	@log_filter
	ORDER BY id DESC
	LIMIT $18 OFFSET $19) AS r
@log_joins
ORDER BY r.id DESC;
-- name: logs_up
@log_columns
FROM (SELECT * FROM sluice_request
	@log_filter
	ORDER BY id
	LIMIT $18 OFFSET $19) AS r
@log_joins
ORDER BY r.id;
-- … in the order of something else ($20), up (1) or down (-1).
-- name: logs_by
@log_columns
FROM (SELECT * FROM sluice_request
	@log_filter
	ORDER BY CASE $20 WHEN 'spend' THEN cost WHEN 'total_tokens' THEN prompt + completion WHEN 'prompt_tokens' THEN prompt
		WHEN 'completion_tokens' THEN completion WHEN 'request_duration_ms' THEN ended_at - began_at WHEN 'ttft_ms' THEN first_token_at - began_at
		ELSE ended_at END * $21, id DESC
	LIMIT $18 OFFSET $19) AS r
@log_joins
ORDER BY CASE $20 WHEN 'spend' THEN r.cost WHEN 'total_tokens' THEN r.prompt + r.completion WHEN 'prompt_tokens' THEN r.prompt
		WHEN 'completion_tokens' THEN r.completion WHEN 'request_duration_ms' THEN r.ended_at - r.began_at WHEN 'ttft_ms' THEN r.first_token_at - r.began_at
		ELSE r.ended_at END * $21, r.id DESC;
-- How many there are, counted no further than $18.
-- name: logs_count
SELECT count(*) FROM (SELECT 1 FROM sluice_request
	@log_filter
	LIMIT $18) AS r;
-- name: log_prompt
SELECT request, answer FROM sluice_prompt WHERE id = $1;

-- Keys and users by what they spent between two days.
-- name: key_names
SELECT digest, alias, doc FROM sluice_key WHERE digest = $1;
-- name: team_names
SELECT alias FROM sluice_team WHERE team_id = $1;
-- name: tag_names
SELECT entity FROM sluice_day WHERE kind = 'tag' GROUP BY entity ORDER BY entity LIMIT $1;

-- Users of tags between two days; $3: a pattern of the tag in lower case.
-- name: tag_users
SELECT entity, count(DISTINCT CASE WHEN user_id <> '' THEN user_id END), CAST(sum(requests) AS BIGINT), CAST(sum(failures) AS BIGINT),
	CAST(sum(prompt + completion) AS BIGINT), CAST(sum(cost) AS BIGINT)
FROM sluice_day WHERE kind = 'tag' AND day BETWEEN $1 AND $2 AND (CAST($3 AS TEXT) IS NULL OR lower(entity) LIKE $3 ESCAPE '\')
GROUP BY entity ORDER BY sum(requests) DESC, entity LIMIT $4;
-- name: tag_users_count
SELECT count(DISTINCT user_id) FROM sluice_day
WHERE kind = 'tag' AND user_id <> '' AND day BETWEEN $1 AND $2 AND (CAST($3 AS TEXT) IS NULL OR lower(entity) LIKE $3 ESCAPE '\');
-- name: tag_users_page
SELECT d.user_id, max(u.email), min(d.entity), CAST(sum(d.requests) AS BIGINT), CAST(sum(d.failures) AS BIGINT), CAST(sum(d.prompt + d.completion) AS BIGINT),
	CAST(sum(d.cost) AS BIGINT)
FROM sluice_day d LEFT JOIN sluice_user u ON u.user_id = d.user_id
WHERE d.kind = 'tag' AND d.user_id <> '' AND d.day BETWEEN $1 AND $2 AND (CAST($3 AS TEXT) IS NULL OR lower(d.entity) LIKE $3 ESCAPE '\')
GROUP BY d.user_id ORDER BY sum(d.requests - d.failures) DESC, d.user_id LIMIT $4 OFFSET $5;

-- How often days saw an answer of that status: of requests between two ids.
-- name: status_days
SELECT began_at / 86400000, model_group, count(*) FROM sluice_request WHERE id >= $1 AND id < $2 AND status = $3 GROUP BY 1, 2 ORDER BY 1, 2;

-- name: spent_by_scope
SELECT a.entity, a.ceiling, a.duration, a.resets_at, p.spent FROM sluice_account a
LEFT JOIN sluice_account_period p ON p.account = a.id AND p.period = a.period
WHERE a.scope = $1 AND a.part = '' ORDER BY a.entity LIMIT $2;

-- The standing sums of all keys and teams begin anew.
-- name: spend_reset
UPDATE sluice_account_period SET spent = 0 WHERE account IN (SELECT id FROM sluice_account WHERE scope IN ('key', 'team'));

-- The audit: between two moments, by whom, with which key, what was done, to what kind, to what ($9: it is a key), of which team.
-- name: audit_page
SELECT id, at, changed_by, by_key, action, kind, entity, team_id, status, before, after, note FROM sluice_audit
WHERE at >= $1 AND at < $2
	AND (CAST($3 AS TEXT) IS NULL OR changed_by = $3)
	AND (CAST($4 AS TEXT) IS NULL OR by_key = $4)
	AND (CAST($5 AS TEXT) IS NULL OR action = $5)
	AND (CAST($6 AS TEXT) IS NULL OR kind = $6)
	AND (CAST($7 AS TEXT) IS NULL OR entity = $7)
	AND (CAST($8 AS TEXT) IS NULL OR team_id = $8)
	AND ($9 = 0 OR kind = 'key')
ORDER BY at * $10, id
LIMIT $11 OFFSET $12;
-- name: audit_count
SELECT count(*) FROM (SELECT 1 FROM sluice_audit
	WHERE at >= $1 AND at < $2
	AND (CAST($3 AS TEXT) IS NULL OR changed_by = $3)
	AND (CAST($4 AS TEXT) IS NULL OR by_key = $4)
	AND (CAST($5 AS TEXT) IS NULL OR action = $5)
	AND (CAST($6 AS TEXT) IS NULL OR kind = $6)
	AND (CAST($7 AS TEXT) IS NULL OR entity = $7)
	AND (CAST($8 AS TEXT) IS NULL OR team_id = $8)
	AND ($9 = 0 OR kind = 'key')
	LIMIT $10) AS a;
-- name: audit_one
SELECT id, at, changed_by, by_key, action, kind, entity, team_id, status, before, after, note FROM sluice_audit WHERE id = $1;
