/* SPDX-License-Identifier: Apache-2.0 */
/*
 * SCIM 2.0 (RFC 7643, 7644): identity providers keep users and teams.
 *
 * A resource is a document (fields.h) with the names of the RFC.  A user or a team is shown as one, a change is made to that document, and what came of
 * it is put back: so PUT and PATCH are the same from there on, and what we have no use for (titles, phone numbers …) is kept and shown again, in
 * metadata.scim_metadata.  Errors carry the RFC's scimType as their type; the front (front/scim.c) gives them its shape.
 */
#ifndef ADMIN_SCIM_H
#define ADMIN_SCIM_H

#include "admin/entity.h"

#define SCIM_USER	"urn:ietf:params:scim:schemas:core:2.0:User"
#define SCIM_GROUP	"urn:ietf:params:scim:schemas:core:2.0:Group"
#define SCIM_LIST	"urn:ietf:params:scim:api:messages:2.0:ListResponse"
#define SCIM_RESULTS_MOST	1000		/* of one answer, and that the store looks for */
#define SCIM_LOOKED_MOST	20000		/* that a filter is tried on, where the store can look for nothing of it */

struct error	*scim_bad(struct admin_call *, const char *type, const char *fmt, ...) __attribute__((format(printf, 3, 4)));	/* 400 */
struct error	*scim_taken(struct admin_call *, const char *what, struct text value);		/* 409 uniqueness */
struct error	*scim_missing(struct admin_call *, const char *what, struct text id);		/* 404 */

/* names: case does not matter in SCIM */
struct text	 scim_get(const struct doc *, const char *name);	/* JSON; empty: not there, or null */
struct text	 scim_string(const struct doc *, const char *name);	/* empty: none, or no text */
void		 scim_set(struct doc *, struct text name, struct text raw);	/* an empty raw takes it out */
bool		 scim_is(struct text name, const char *other);
struct text	 scim_lower(struct arena *, struct text);
bool		 scim_bool(bool *, struct text raw);			/* true, "True": Entra ID sends texts; false: it is neither */

/* A JSON array as its items' texts, and back. */
struct scim_items {
	struct text	*list;
	unsigned	 n, room;
};
void		 scim_items_read(struct scim_items *, struct arena *, struct text raw);	/* what is no array is one item */
void		 scim_items_add(struct scim_items *, struct arena *, struct text raw);
struct text	 scim_items_text(const struct scim_items *, struct arena *);
/* The `value` of an item, or the text it is; empty: none. */
struct text	 scim_value_of(struct arena *, struct text item);

/* scim_filter.c: RFC 7644 3.4.2.2: comparisons with and, or, not, parentheses, and of one item of a list (emails[type eq "work"]). */
enum scim_op { SCIM_EQ, SCIM_NE, SCIM_CO, SCIM_SW, SCIM_EW, SCIM_GT, SCIM_GE, SCIM_LT, SCIM_LE, SCIM_PR /* it is there */ };
struct scim_term {
	struct text	 attribute, sub;
	enum scim_op	 op;
	struct text	 value;			/* unescaped; true and false as words */
};
enum scim_kind_of_node { SCIM_TERM, SCIM_AND, SCIM_OR, SCIM_NOT, SCIM_WITHIN };
struct scim_node {
	enum scim_kind_of_node kind;
	struct scim_term term;			/* of a SCIM_WITHIN its attribute only */
	const struct scim_node *left, *right;	/* of SCIM_NOT and SCIM_WITHIN only left */
};
/* *root: NULL where nothing is said. */
struct error	*scim_filter_read(const struct scim_node **root, struct admin_call *, struct text said);	/* 400 invalidFilter */
bool		 scim_matches(const struct scim_node *, const struct doc *resource);
/* The value that the attribute must equal for anything to match; empty: there is none. */
struct text	 scim_term_of(const struct scim_node *, const char *attribute);

/* scim_patch.c: a PatchOp done to a resource. */
struct error	*scim_patch(struct doc *resource, struct admin_call *, const struct json *body);

/* scim.c: answers */
void		 scim_meta(struct doc *, const char *type, const char *path, struct text id, int64_t created_at, int64_t updated_at);
struct error	*scim_answer(struct admin_call *, const struct doc *resource, int status);	/* less what the query leaves out */
/* A list: its resources are put one by one between these. */
void		 scim_list_open(struct json_out *, struct admin_call *);
void		 scim_list_close(struct json_out *, int64_t start, int64_t total, int64_t shown);

/* A kind of resource, for its list: the rows that may fit a filter, by what the store can look for (*sought false: nothing of it); a page of all rows
 * ($1 of them behind $2), and their count. */
typedef struct error *scim_find_f(struct rows *, bool *sought, struct admin_call *, const struct scim_node *);
typedef struct error *scim_resource_f(struct doc *, struct admin_call *, const struct rows *, unsigned row);
struct scim_kind {
	scim_find_f	*find;
	scim_resource_f	*resource;
	enum statement	 page, count;
};
struct error	*scim_list(struct admin_call *, const struct scim_kind *);

#endif
