/* SPDX-License-Identifier: Apache-2.0 */
/* A call of the management API from its row to its answer: role, body, transaction, audit. */
#include "admin/admin_priv.h"

#include "access/accounts.h"
#include "base/clock.h"
#include "base/log.h"

#include <stdio.h>

#define LEND_MS		2000			/* for a connection of the pool */
#define TRIES		5			/* of a transaction that meets another */

/* rows */

/* Does the path fit: {} takes a segment that is not empty. */
static bool
fits(struct text row, struct text path, struct text ids[2])
{
	struct text one, other;
	bool more_rows = true, more_paths = true;
	unsigned n = 0;

	while (more_rows && more_paths) {
		more_rows = text_cut(row, '/', &one, &row);
		more_paths = text_cut(path, '/', &other, &path);
		if (!text_is(one, "{}") ? !text_eq(one, other) : other.len == 0)
			return (false);
		if (text_is(one, "{}") && n < 2)
			ids[n++] = other;
	}
	return (!more_rows && !more_paths);
}

static struct text
tidy(struct text path)
{
	while (path.len > 1 && path.at[1] == '/' && path.at[0] == '/')
		path = text_sub(path, 1, path.len);
	if (path.len > 1 && path.at[path.len - 1] == '/')
		path.len--;
	return (path);
}

/* Rows whose path has fewer {} come first in the table, so "/key/info" is not the key "info". */
const struct admin_row *
admin_find(struct text ids[2], struct text *methods, struct arena *arena, struct text method, struct text path)
{
	struct growing all = { 0 };

	path = tidy(path);
	if (text_is(method, "HEAD"))
		method = TEXT("GET");
	for (const struct admin_row *r = admin_rows; r->method != NULL; r++) {
		struct text took[2] = { TEXT(""), TEXT("") };

		if (!fits(text_of(r->path), path, took))
			continue;
		if (text_is(method, r->method)) {
			ids[0] = arena_percent_decode(arena, took[0]);
			ids[1] = arena_percent_decode(arena, took[1]);
			return (r);
		}
		if (all.len > 0)
			arena_append(arena, &all, TEXT(", "));
		arena_append(arena, &all, text_of(r->method));
	}
	*methods = arena_copy(arena, (struct text){ all.len > 0 ? all.at : "", all.len });
	return (NULL);
}

/* refusals */

static struct error *
refusal(struct admin_call *c, enum error_kind kind, int status, const char *type, const char *param, const char *fmt, va_list args)
{
	struct error *e;
	char line[1024];
	int n = vsnprintf(line, sizeof(line), fmt, args);

	e = error_new(c->arena, kind, TEXT_FMT, TEXT_ARG(text_whole((struct text){ line, n < 0 ? 0 : (size_t)n < sizeof(line) ? (size_t)n : sizeof(line) - 1 })));
	e->status = status;
	e->type = text_of(type);
	e->code = arena_print(c->arena, "%d", status);
	e->param = text_of(param);
	e->useless_to_retry = kind != E_BUSY;
	return (e);
}

#define REFUSAL(kind, status, type, param) do { \
	struct error *e_; \
	va_list args; \
	va_start(args, fmt); \
	e_ = refusal(c, kind, status, type, param, fmt, args); \
	va_end(args); \
	return (e_); \
} while (0)

struct error *
admin_bad(struct admin_call *c, const char *param, const char *fmt, ...)
{
	REFUSAL(E_BAD_REQUEST, 400, "bad_request_error", param);
}

struct error *
admin_invalid(struct admin_call *c, const char *param, const char *fmt, ...)
{
	REFUSAL(E_UNPROCESSABLE, 422, "validation_error", param);
}

struct error *
admin_missing(struct admin_call *c, const char *param, const char *fmt, ...)
{
	REFUSAL(E_NOT_FOUND, 404, "not_found_error", param);
}

struct error *
admin_forbidden(struct admin_call *c, const char *fmt, ...)
{
	REFUSAL(E_FORBIDDEN, 403, "auth_error", NULL);
}

struct error *
admin_not_built(struct admin_call *c, const char *fmt, ...)
{
	REFUSAL(E_NOT_BUILT, 501, "not_implemented", NULL);
}

static struct error *
unknown_caller(struct admin_call *c, const char *fmt, ...)
{
	REFUSAL(E_AUTH, 401, "auth_error", NULL);
}

static struct error *
later(struct admin_call *c, const char *fmt, ...)
{
	REFUSAL(E_BUSY, 503, "no_db_connection", NULL);
}

struct error *
admin_broken(struct admin_call *c, const char *fmt, ...)
{
	REFUSAL(E_INTERNAL, 500, "internal_server_error", NULL);
}

struct error *
admin_away(struct admin_call *c)
{
	struct error *e = later(c, "No connected db. The database can not be reached now; nothing was changed. Try again soon.");

	e->retry_after_ms = 1000;
	return (e);
}

/* the store */

struct error *
admin_end(struct admin_call *c, enum store_end end)
{
	switch (end) {
	case STORE_FINE:
		return (NULL);
	case STORE_AWAY:
		return (admin_away(c));
	case STORE_CLASH:
		return (c->clash != NULL ? c->clash : admin_bad(c, NULL, "It already exists."));
	case STORE_AGAIN:
		c->again = true;
		return (later(c, "Others change the same now; try again."));
	case STORE_WRONG:
		break;
	}
	note(NOTE_ERROR, "", "%s %s: the store says: %s", c->row->method, c->row->path, store_why(c->store));
	return (admin_broken(c, "The database did not do what it should; its words are in the log of the gateway."));
}

struct error *
admin_ask(struct admin_call *c, struct rows *rows, enum statement statement, const struct value *values, unsigned n)
{
	return (admin_end(c, store_ask(c->store, c->arena, rows, statement, values, n)));
}

/* what changed */

void
admin_changed(struct admin_call *c, enum known_kind kind, struct text entity)
{
	struct admin_changed *this;

	for (this = c->changed; this != NULL; this = this->next)
		if (this->kind == kind && text_eq(this->entity, entity))
			return;
	this = arena_new_of(c->arena, struct admin_changed);
	this->kind = kind;
	this->entity = arena_copy(c->arena, entity);
	known_id_make(&this->id, kind, this->entity);
	this->next = c->changed;
	c->changed = this;
}

void
admin_changed_member(struct admin_call *c, struct text team_id, struct text user_id)
{
	admin_changed(c, KNOWN_MEMBER, arena_print(c->arena, TEXT_FMT "/" TEXT_FMT, TEXT_ARG(team_id), TEXT_ARG(user_id)));
}

static struct error *
tell_changes(struct admin_call *c)
{
	for (const struct admin_changed *a = c->changed; a != NULL; a = a->next)
		TRY(admin_end(c, change_note(c->store, c->arena, a->kind, a->entity)));
	return (NULL);
}

/* the call */

/* An identity provider's key: only proxy admins make such (key_policy.c). */
static bool
names_scim(const struct standing *key)
{
	for (unsigned i = 0; key != NULL && i < key->n_routes; i++)
		if (text_starts(key->routes[i], TEXT("/scim/")))
			return (true);
	return (false);
}

static struct error *
role_refuses(struct admin_call *c)
{
	const struct caller *who = c->caller;
	bool admin = who->kind == CALLER_MASTER || who->role == USER_ADMIN;

	if (c->row->role == ROLE_GUEST)
		return (NULL);
	if (who->kind == CALLER_NOBODY || who->kind == CALLER_PUBLIC)
		return (unknown_caller(c, "Authentication Error, the management API needs a key: this gateway has no master key and the caller sent none."));
	switch (c->row->role) {
	case ROLE_MASTER:
		return (who->kind == CALLER_MASTER ? NULL : admin_forbidden(c, "Only the master key may call %s.", c->row->path));
	case ROLE_ADMIN:
		return (admin ? NULL : admin_forbidden(c, "Only proxy admins may call %s.", c->row->path));
	case ROLE_VIEWER:
		return (admin || who->role == USER_ADMIN_VIEWER ? NULL : admin_forbidden(c, "Only proxy admins and their viewers may call %s.", c->row->path));
	case ROLE_SCIM:
		return (admin || names_scim(who->standing[SCOPE_KEY]) ? NULL :
		    admin_forbidden(c, "Only proxy admins, and keys whose allowed_routes have /scim/*, may call %s.", c->row->path));
	case ROLE_GUEST:
	case ROLE_ANY:
		break;
	}
	return (c->row->writes && who->role == USER_ADMIN_VIEWER && who->kind != CALLER_MASTER ?
	    admin_forbidden(c, "The role proxy_admin_viewer may read, not change (%s).", c->row->path) : NULL);
}

static struct error *
read_body(struct admin_call *c)
{
	static const struct json nothing = { .type = JSON_OBJECT };
	struct json_fault fault;
	struct buf why = { 0 };
	struct error *e;

	c->body = &nothing;
	if (text_trim(c->sent).len == 0)
		return (NULL);
	if (c->sent.len > ADMIN_BODY_MOST) {
		e = admin_bad(c, NULL, "The body is larger than %d bytes, the limit of the management API.", ADMIN_BODY_MOST);
		e->kind = E_TOO_LARGE;
		e->status = 413;
		e->code = TEXT("413");
		return (e);
	}
	c->body = json_parse(c->arena, c->sent, &fault);
	if (json_is(c->body, JSON_OBJECT))
		return (NULL);
	if (c->body == NULL)
		json_fault_print(&why, c->sent, &fault);
	else
		buf_lit(&why, "it is no object");
	e = admin_invalid(c, NULL, "The body must be a JSON object: " TEXT_FMT, TEXT_ARG(buf_as_text(&why)));
	buf_free(&why);
	c->body = &nothing;
	return (e);
}

static void
forget_answer(struct admin_call *c)
{
	config_release(c->made);
	c->made = NULL;
	c->status = 0;
	c->out.len = 0;
	c->changed = NULL;
	c->clash = NULL;
	c->again = c->audited = false;
}

/*
 * Changes come one after the other, over all hosts: what one reads (a team's defaults, the sum of guaranteed limits) stays until what it makes of it is
 * there.
 */
static struct error *
within(struct admin_call *c)
{
	struct text after = c->sent;

	TRY(ASK0(c, NULL, SQL_CHANGE_LOCK));
	TRY(c->row->run(c));
	if (!c->audited)
		TRY(audit(c, c->row->action, c->row->kind, c->id[0], TEXT(""), TEXT(""), after));
	return (tell_changes(c));
}

static struct error *
change(struct admin_call *c)
{
	struct error *e = admin_end(c, store_begin(c->store));
	enum store_end end;

	if (e != NULL)
		return (e);
	if ((e = within(c)) != NULL) {
		store_rollback(c->store);
		return (e);
	}
	if ((end = store_commit(c->store)) == STORE_AWAY)
		return (later(c, "The database went away while it was asked to keep this; look whether it did before you send it again."));
	return (admin_end(c, end));
}

static struct error *
run(struct admin_call *c)
{
	struct error *e;
	unsigned tries = 0;

	do {
		forget_answer(c);
		e = c->row->writes ? change(c) : c->row->run(c);
	} while (e != NULL && c->again && ++tries < TRIES);
	if (e != NULL) {
		config_release(c->made);
		c->made = NULL;
		c->changed = NULL;
	}
	return (e);
}

/* Reads are refused in the audit only where it is a matter of rights; strangers who try links fill no table. */
static bool
is_to_be_told(const struct admin_call *c, const struct error *e)
{
	int status = error_status(e);

	return (status < 500 && c->row->role != ROLE_GUEST && (c->row->writes || status == 401 || status == 403));
}

struct error *
admin_run(struct admin_call *c, struct store_pool *pool)
{
	struct error *e;

	for (size_t i = 0; i < nitems(c->id); i++)
		c->id[i] = fit_text(c->arena, c->id[i]);
	c->changed_by = fit_text(c->arena, c->changed_by);
	c->store = pool != NULL ? store_lend(pool, LEND_MS) : NULL;
	if ((e = role_refuses(c)) == NULL)
		e = read_body(c);
	if (c->store == NULL)
		return (e != NULL ? e : admin_away(c));
	if (e == NULL)
		e = run(c);
	if (e != NULL && is_to_be_told(c, e))
		audit_refused(c, e);
	store_return(pool, c->store);
	c->store = NULL;
	if (e == NULL && c->status == 0)
		c->status = 200;
	return (e);
}
