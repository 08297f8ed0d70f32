/* SPDX-License-Identifier: Apache-2.0 */
/* Virtual keys, for the nouns that have some. */
#ifndef ADMIN_KEYS_H
#define ADMIN_KEYS_H

#include "admin/entity.h"

struct key {
	struct text	 digest;		/* 64 hex digits */
	struct doc	 doc;
	int64_t		 expires, created_at, updated_at;	/* ms; expires 0: never */
	struct spent	 spent;
};

extern const struct noun key_noun;

struct text	 key_digest(struct arena *, struct text said);	/* of a key, or of its digest; empty: it is neither */
struct error	*key_of_row(struct key *, struct admin_call *, const struct rows *, unsigned row);	/* of the columns of sql/key.sql */
struct error	*key_find(struct key *, bool *there, struct admin_call *, struct text digest);
/* A key is made by what a body says; `text` is it, to be shown once. */
struct error	*key_make(struct key *, struct text *text, struct admin_call *, const struct json *body, struct text user_id);
/* The caller's own or a new one, that is nobody's. */
struct error	*key_value(struct text *, struct admin_call *, const struct json *body, const char *name);
void		 key_named(struct key *, struct admin_call *, struct text text);	/* its digest and how it is shown */
struct error	*key_expires(struct key *, struct admin_call *, const struct json *body);	/* by `duration`, if the body has one */
struct error	*key_refers(struct admin_call *, const struct doc *);		/* is all there that it names */
struct error	*key_alias_free(struct admin_call *, struct text alias, struct text digest);
struct error	*key_write(struct admin_call *, const struct key *);		/* row, accounts, change; the audit is the caller's */
struct error	*key_rotation(struct admin_call *, struct doc *);	/* what auto_rotate needs; counted from now, if it is new */
int64_t		 key_rotates(const struct key *);			/* ms; 0: never */
/* The same key by another value; the old one stays good until then (0: not at all).  Audited. */
struct error	*key_renew(struct key *, struct admin_call *, const struct key *old, struct text text, int64_t good_until);
struct text	 key_fresh(struct arena *);				/* a value that nobody has */
struct error	*key_remove(struct admin_call *, const struct key *);	/* archived, deleted, audited */
/* The row without brackets; `token`: with its digest. */
void		 key_put(struct json_out *, const struct key *, bool token);
struct text	 key_text(struct admin_call *, const struct key *);		/* the row, for audit and archive */
struct error	*keys_put(struct json_out *, struct admin_call *, enum statement, struct text id, int64_t most);	/* a list of rows */
struct error	*keys_remove(struct admin_call *, enum statement, const struct value *, unsigned n);	/* all that a statement finds */

#endif
