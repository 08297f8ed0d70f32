/* SPDX-License-Identifier: Apache-2.0 */
/* What the nouns share: asking the store, refusing, reading queries, telling what changed. */
#ifndef ADMIN_ADMIN_PRIV_H
#define ADMIN_ADMIN_PRIV_H

#include "admin/admin.h"

#define ADMIN_ITEMS_MOST	500		/* of one bulk request */
#define ADMIN_PAGE_MOST		1000
#define MASTER_USER		"default_user_id"	/* who the master key is */

/* Errors in LiteLLM's words: type, and the status as text for a code. */
struct error	*admin_bad(struct admin_call *, const char *param, const char *fmt, ...) __attribute__((format(printf, 3, 4)));	/* 400 bad_request_error */
/* 422: not of that type. */
struct error	*admin_invalid(struct admin_call *, const char *param, const char *fmt, ...) __attribute__((format(printf, 3, 4)));
struct error	*admin_missing(struct admin_call *, const char *param, const char *fmt, ...) __attribute__((format(printf, 3, 4)));	/* 404; say "not found" */
struct error	*admin_forbidden(struct admin_call *, const char *fmt, ...) __attribute__((format(printf, 2, 3)));	/* 403 auth_error */
struct error	*admin_not_built(struct admin_call *, const char *fmt, ...) __attribute__((format(printf, 2, 3)));	/* 501: this version has it not */
struct error	*admin_broken(struct admin_call *, const char *fmt, ...) __attribute__((format(printf, 2, 3)));		/* 500 internal_server_error */
struct error	*admin_away(struct admin_call *);		/* 503 no_db_connection */

/* The store: NULL when fine; 503 when it is away; a clash is call->clash.  `rows` may be NULL. */
struct error	*admin_ask(struct admin_call *, struct rows *, enum statement, const struct value *, unsigned n);
#define ASK(call, rows, statement, ...)	admin_ask((call), (rows), (statement), \
	(const struct value[]){ __VA_ARGS__ }, sizeof((const struct value[]){ __VA_ARGS__ }) / sizeof(struct value))
#define ASK0(call, rows, statement)	admin_ask((call), (rows), (statement), NULL, 0)
struct error	*admin_end(struct admin_call *, enum store_end);	/* what an end of the store means for the caller */

/* What a database takes: UTF-8 (bytes that are none become U+FFFD); with a zero byte it is empty. */
struct text	 fit_text(struct arena *, struct text);

/* The query, decoded.  Names in lists may come several times, or with commas. */
bool		 query_has(const struct admin_call *, const char *name);
struct text	 query_text(const struct admin_call *, const char *name);	/* empty: not given */
struct error	*query_int(int64_t *, struct admin_call *, const char *name, int64_t otherwise, int64_t least, int64_t most);
struct error	*query_bool(bool *, struct admin_call *, const char *name, bool otherwise);
unsigned	 query_list(struct text **, const struct admin_call *, const char *name);
struct error	*query_pages(int64_t *page, int64_t *size, struct admin_call *, const char *size_name, int64_t size_otherwise);
struct error	*query_day(int64_t *ms, struct admin_call *, const char *name, int64_t otherwise);	/* a date or a moment, UTC */

/* The body.  What must be a text is one without zero bytes, of at most 1,024 bytes; null, "" and absent are empty. */
struct error	*body_text(struct text *, struct admin_call *, const struct json *object, const char *name);
struct error	*body_id(struct text *, struct admin_call *, const struct json *object, const char *name);	/* 400 when it is not given */
struct error	*body_texts(struct text **, unsigned *n, struct admin_call *, const struct json *object, const char *name);	/* a list of texts, or one */
bool		 body_has(const struct json *object, const char *name);	/* given, and not null */

/* Patterns of LIKE … ESCAPE '\' in lower case: what is that text, or has it in it. */
struct text	 like_is(struct arena *, struct text);
struct text	 like_within(struct arena *, struct text);

/* What was changed: the hosts' copies count no more once it is committed, and the board of this one before the caller hears of it. */
void		 admin_changed(struct admin_call *, enum known_kind, struct text entity);
void		 admin_changed_member(struct admin_call *, struct text team_id, struct text user_id);

/* audit.c: a row within the transaction; `before` and `after` are JSON (empty: none), and secrets in them are masked here. */
struct error	*audit(struct admin_call *, const char *action, const char *kind, struct text entity, struct text team_id, struct text before,
    struct text after);
void		 audit_refused(struct admin_call *, const struct error *);	/* a row of its own; what fails is noted in the log */
void		 buf_masked(struct buf *, struct text json);	/* the same JSON without what is secret */
bool		 is_secret_name(struct text name);		/* is the value of a member of that name secret */

/* Answers. */
void		 put_moment(struct json_out *, const char *name, int64_t ms);	/* 0: null */
void		 put_money(struct json_out *, const char *name, int64_t nano);	/* NO_LIMIT: null */
void		 put_string(struct json_out *, const char *name, struct text);	/* empty: null */
void		 put_raw(struct json_out *, const char *name, struct text raw, const char *otherwise);	/* empty: otherwise, which is JSON */

#endif
