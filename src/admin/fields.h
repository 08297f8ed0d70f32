/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Documents of entities, and the one engine that reads bodies into them.
 *
 * A document is a JSON object: the entity's row as LiteLLM shows it, without what is computed (spend, dates).  A noun is a table of the fields it knows.
 * What a caller leaves out stays; null clears; 0 is zero.  Fields that we know but do nothing with are kept and shown again; unknown ones are ignored.
 * LiteLLM keeps some fields within `metadata` (tags, model limits …): they are read from the top of a body or from its metadata, and live in metadata.  A
 * body with `metadata` replaces all of it but these; a null among them clears that one.
 */
#ifndef ADMIN_FIELDS_H
#define ADMIN_FIELDS_H

#include "admin/admin_priv.h"

#define DOC_MOST	65536			/* bytes of one document */

struct doc_member {
	struct text	 name, raw;		/* unescaped; JSON */
};
struct doc {
	struct arena	*arena;
	struct doc_member *members;
	unsigned	 n, room;
};
void		 doc_read(struct doc *, struct arena *, struct text json);	/* "" and what is no object are empty */
struct text	 doc_raw(const struct doc *, const char *name);			/* JSON; empty: not there, or null */
void		 doc_set(struct doc *, struct text name, struct text raw);	/* an empty raw takes it out */
void		 doc_set_string(struct doc *, const char *name, struct text);	/* empty: takes it out */
void		 doc_set_int(struct doc *, const char *name, int64_t);
void		 doc_set_money(struct doc *, const char *name, int64_t nano);	/* NO_LIMIT: takes it out */
struct text	 doc_string(const struct doc *, const char *name);		/* empty: none */
int64_t		 doc_int(const struct doc *, const char *name, int64_t otherwise);
int64_t		 doc_money(const struct doc *, const char *name);		/* NO_LIMIT: none */
bool		 doc_true(const struct doc *, const char *name);
const struct json *doc_json(const struct doc *, const char *name);		/* NULL: none */
unsigned	 doc_strings(struct text **, const struct doc *, const char *name);	/* of a list */
void		 doc_inner(struct doc *, const struct doc *, const char *name);	/* an object within, e.g. metadata; a copy */
struct text	 doc_text(const struct doc *);					/* in its arena */

enum field_kind {
	FIELD_TEXT,			/* "" is null */
	FIELD_INT,			/* 0 and above; "100" and 100.0 too */
	FIELD_MONEY,			/* dollars */
	FIELD_SPAN,			/* "30d" */
	FIELD_BOOL,
	FIELD_MOMENT,			/* an ISO date; kept as its caller wrote it */
	FIELD_TEXTS,			/* a list */
	FIELD_OBJECT,
	FIELD_COUNTS,			/* an object of counts, by name */
	FIELD_LISTS,			/* an object of lists of texts, by name */
	FIELD_BUDGETS,			/* model_max_budget */
	FIELD_WINDOWS,			/* budget_limits */
	FIELD_ANY,			/* kept as it is */
};

enum field_flag {
	FIELD_INSIDE	= 1 << 0,	/* lives in metadata */
	FIELD_SAID	= 1 << 1,	/* checked, and the handler's to use: not kept in the document */
	FIELD_HIDDEN	= 1 << 2,	/* kept, not shown in rows */
};

struct field {
	const char	*name;
	enum field_kind	 kind;
	unsigned	 flags;
	const char	*shown;		/* JSON that is shown when there is none; NULL: null */
	const char	*const *words;	/* the texts that are allowed; NULL: any; ends with NULL */
	size_t		 most;		/* bytes of a text; 0: 1,024 */
};

struct noun {
	const char	*name;		/* "key" */
	const struct field *fields;	/* the last has no name */
};

/* Reads what a body says into a document: checked and in one spelling, e.g. money as a JSON number, counts as whole ones. */
struct error	*fields_read(struct doc *, struct admin_call *, const struct noun *, const struct json *body);
/* All that a row shows, without brackets, in the order of the table, metadata with what lives in it. */
void		 fields_put(struct json_out *, const struct noun *, const struct doc *);
/* What lives in metadata, once more at the top, as answers of changes have it. */
void		 fields_put_inside(struct json_out *, const struct noun *, const struct doc *);
struct text	 field_raw(const struct doc *, const struct noun *, const char *name);	/* wherever it lives; JSON, empty: none */

/* Values of a body that no document keeps. */
struct error	*body_money(int64_t *, struct admin_call *, const struct json *object, const char *name);	/* absent and null: NO_LIMIT */
struct error	*body_span(struct text *, struct admin_call *, const struct json *object, const char *name);	/* absent, null, "", "-1": empty */
struct error	*body_bool(bool *, struct admin_call *, const struct json *object, const char *name, bool otherwise);

#endif
