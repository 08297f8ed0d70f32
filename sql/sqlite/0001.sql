-- The first schema, as sql/postgres/0001.sql has it, where its comments are.  Ids are never used twice, and numbers are numbers (STRICT).

CREATE TABLE sluice_schema (version INTEGER NOT NULL) STRICT;

-- Whose spending is counted: a key, a team, a member of a team, a user, an organization, a project, a customer, a tag, a provider, the whole
-- proxy; `part` is empty, or a further window ('window:24h'), or a model of it ('model:gpt-4o').  `ceiling` is for a period; NULL: none.
CREATE TABLE sluice_account (
	id		INTEGER PRIMARY KEY AUTOINCREMENT,
	scope		TEXT NOT NULL,
	entity		TEXT NOT NULL,
	part		TEXT NOT NULL DEFAULT '',
	ceiling		INTEGER,
	soft		INTEGER,
	raised		INTEGER NOT NULL DEFAULT 0,
	raised_until	INTEGER,
	duration	TEXT,
	period		INTEGER NOT NULL DEFAULT 0,
	resets_at	INTEGER,
	UNIQUE (scope, entity, part)) STRICT;

-- Money stays in the period whose lease paid it.  A grant requires spent + held + grant <= ceiling; held is the sum of what open and closing leases have left.
CREATE TABLE sluice_account_period (
	account		INTEGER NOT NULL,
	period		INTEGER NOT NULL,
	spent		INTEGER NOT NULL DEFAULT 0,
	held		INTEGER NOT NULL DEFAULT 0,
	PRIMARY KEY (account, period)) STRICT;

CREATE TABLE sluice_host (
	id		TEXT PRIMARY KEY,
	nonce		TEXT NOT NULL,
	name		TEXT NOT NULL,
	seen_at		INTEGER NOT NULL,
	forgotten	INTEGER NOT NULL DEFAULT 0) STRICT;

-- state: 0 open, 1 closing, 2 settled
CREATE TABLE sluice_lease (
	id		INTEGER PRIMARY KEY AUTOINCREMENT,
	host		TEXT NOT NULL,
	account		INTEGER NOT NULL,
	period		INTEGER NOT NULL,
	remaining	INTEGER NOT NULL,
	state		INTEGER NOT NULL DEFAULT 0,
	granted_at	INTEGER NOT NULL) STRICT;
CREATE UNIQUE INDEX sluice_lease_open ON sluice_lease (host, account, period) WHERE state = 0;
CREATE INDEX sluice_lease_account ON sluice_lease (account, period) WHERE state < 2;

-- Entities: what is looked for stands in columns, everything in the document.
CREATE TABLE sluice_key (
	digest		TEXT PRIMARY KEY,
	alias		TEXT UNIQUE,
	user_id		TEXT,
	team_id		TEXT,
	organization_id	TEXT,
	project_id	TEXT,
	budget_id	TEXT,
	expires		INTEGER,
	created_at	INTEGER NOT NULL,
	updated_at	INTEGER NOT NULL,
	doc		TEXT NOT NULL) STRICT;
CREATE INDEX sluice_key_user ON sluice_key (user_id);
CREATE INDEX sluice_key_team ON sluice_key (team_id);
CREATE INDEX sluice_key_created ON sluice_key (created_at, digest);
-- keys that were deleted, and teams
CREATE TABLE sluice_gone (
	id		TEXT PRIMARY KEY,
	kind		TEXT NOT NULL,
	entity		TEXT NOT NULL,
	deleted_at	INTEGER NOT NULL,
	deleted_by	TEXT,
	doc		TEXT NOT NULL) STRICT;
CREATE INDEX sluice_gone_kind ON sluice_gone (kind, deleted_at);
-- regenerated keys that are good for a while
CREATE TABLE sluice_key_old (
	digest		TEXT PRIMARY KEY,
	now		TEXT NOT NULL,
	good_until	INTEGER NOT NULL) STRICT;
CREATE TABLE sluice_team (
	team_id		TEXT PRIMARY KEY,
	alias		TEXT,
	organization_id	TEXT,
	created_at	INTEGER NOT NULL,
	updated_at	INTEGER NOT NULL,
	doc		TEXT NOT NULL) STRICT;
CREATE INDEX sluice_team_organization ON sluice_team (organization_id);
CREATE TABLE sluice_team_member (
	team_id		TEXT NOT NULL,
	user_id		TEXT NOT NULL,
	role		TEXT NOT NULL,
	budget_id	TEXT,
	doc		TEXT NOT NULL,
	PRIMARY KEY (team_id, user_id)) STRICT;
CREATE INDEX sluice_team_member_user ON sluice_team_member (user_id);
CREATE TABLE sluice_user (
	user_id		TEXT PRIMARY KEY,
	email		TEXT UNIQUE,
	sso_user_id	TEXT UNIQUE,
	role		TEXT,
	created_at	INTEGER NOT NULL,
	updated_at	INTEGER NOT NULL,
	doc		TEXT NOT NULL) STRICT;
CREATE TABLE sluice_organization (
	organization_id	TEXT PRIMARY KEY,
	alias		TEXT,
	budget_id	TEXT,
	created_at	INTEGER NOT NULL,
	updated_at	INTEGER NOT NULL,
	doc		TEXT NOT NULL) STRICT;
CREATE TABLE sluice_organization_member (
	organization_id	TEXT NOT NULL,
	user_id		TEXT NOT NULL,
	role		TEXT NOT NULL,
	doc		TEXT NOT NULL,
	PRIMARY KEY (organization_id, user_id)) STRICT;
CREATE INDEX sluice_organization_member_user ON sluice_organization_member (user_id);
-- project, customer, tag, budget, model, credential, access_group, jwt_mapping, invitation, setting, …: what has an id and a document only.  `parent`: the team of
-- a project, the name of a model's group, the tier (budget_id) of a customer or a tag.
CREATE TABLE sluice_thing (
	kind		TEXT NOT NULL,
	id		TEXT NOT NULL,
	parent		TEXT,
	created_at	INTEGER NOT NULL,
	updated_at	INTEGER NOT NULL,
	doc		TEXT NOT NULL,
	PRIMARY KEY (kind, id)) STRICT;
CREATE INDEX sluice_thing_parent ON sluice_thing (kind, parent);

-- What changed, in the order of commits: hosts read on from the last they know.  `digest` is the known_id of the entity in hex; empty: everything.
CREATE TABLE sluice_change (
	id		INTEGER PRIMARY KEY AUTOINCREMENT,
	at		INTEGER NOT NULL,
	kind		TEXT NOT NULL,
	entity		TEXT NOT NULL,
	digest		TEXT NOT NULL) STRICT;

CREATE TABLE sluice_audit (
	id		TEXT PRIMARY KEY,
	at		INTEGER NOT NULL,
	changed_by	TEXT NOT NULL,
	by_key		TEXT NOT NULL,
	action		TEXT NOT NULL,
	kind		TEXT NOT NULL,
	entity		TEXT NOT NULL,
	team_id		TEXT,
	status		INTEGER NOT NULL,
	before		TEXT,
	after		TEXT,
	note		TEXT) STRICT;
CREATE INDEX sluice_audit_entity ON sluice_audit (kind, entity);

-- One row for each exchange.  The id is a UUIDv7, so a day is a range of ids.
CREATE TABLE sluice_request (
	id		TEXT NOT NULL PRIMARY KEY,
	began_at	INTEGER NOT NULL,
	first_token_at	INTEGER,
	ended_at	INTEGER NOT NULL,
	call_type	TEXT NOT NULL,
	ended		TEXT NOT NULL,
	status		INTEGER NOT NULL,
	streamed	INTEGER NOT NULL,
	key_digest	TEXT NOT NULL,
	user_id		TEXT NOT NULL,
	team_id		TEXT NOT NULL,
	organization_id	TEXT NOT NULL,
	project_id	TEXT NOT NULL,
	customer	TEXT NOT NULL,
	model_group	TEXT NOT NULL,
	model		TEXT NOT NULL,
	model_id	TEXT NOT NULL,
	provider	TEXT NOT NULL,
	api_base	TEXT NOT NULL,
	prompt		INTEGER NOT NULL,
	completion	INTEGER NOT NULL,
	cached		INTEGER NOT NULL,
	written		INTEGER NOT NULL,
	reasoning	INTEGER NOT NULL,
	cost		INTEGER NOT NULL,
	estimated	INTEGER NOT NULL,
	host		TEXT NOT NULL,
	tags		TEXT NOT NULL,
	doc		TEXT NOT NULL) STRICT;
CREATE INDEX sluice_request_key ON sluice_request (key_digest, id);
CREATE INDEX sluice_request_team ON sluice_request (team_id, id);
CREATE INDEX sluice_request_user ON sluice_request (user_id, id);
CREATE INDEX sluice_request_customer ON sluice_request (customer, id) WHERE customer <> '';

-- Sums of a day (yyyymmdd, UTC).  kind '': each request once; 'tag', 'customer': once for each it has, which `entity` names.
CREATE TABLE sluice_day (
	day		INTEGER NOT NULL,
	kind		TEXT NOT NULL,
	entity		TEXT NOT NULL,
	key_digest	TEXT NOT NULL,
	user_id		TEXT NOT NULL,
	team_id		TEXT NOT NULL,
	organization_id	TEXT NOT NULL,
	project_id	TEXT NOT NULL,
	model_group	TEXT NOT NULL,
	model		TEXT NOT NULL,
	model_id	TEXT NOT NULL,
	provider	TEXT NOT NULL,
	call_type	TEXT NOT NULL,
	requests	INTEGER NOT NULL,
	failures	INTEGER NOT NULL,
	prompt		INTEGER NOT NULL,
	completion	INTEGER NOT NULL,
	cached		INTEGER NOT NULL,
	written		INTEGER NOT NULL,
	reasoning	INTEGER NOT NULL,
	cost		INTEGER NOT NULL,
	PRIMARY KEY (day, kind, entity, key_digest, user_id, team_id, organization_id, project_id, model_group, model, model_id, provider, call_type)) STRICT;

-- How far the spool of a host is shipped: for speed; the ids of the rows are the proof.
CREATE TABLE sluice_spool (
	host		TEXT NOT NULL,
	segment		INTEGER NOT NULL,
	position	INTEGER NOT NULL,
	PRIMARY KEY (host, segment)) STRICT;

-- Prompts and answers, only where they are asked for; dropped apart from the rows.
CREATE TABLE sluice_prompt (
	id		TEXT NOT NULL PRIMARY KEY,
	team_id		TEXT NOT NULL,
	request		TEXT,
	answer		TEXT) STRICT;

-- Alerts that were sent, once per fleet and cause.
CREATE TABLE sluice_alert (
	cause		TEXT PRIMARY KEY,
	at		INTEGER NOT NULL) STRICT;
