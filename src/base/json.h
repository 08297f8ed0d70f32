/* SPDX-License-Identifier: Apache-2.0 */
/*
 * JSON texts: scanned in one pass, edited in place, walked, indexed and written.
 *
 * Nothing here copies a value or turns a number into a double: a value is a slice of its text, spelled as its sender spelled it.
 * Strict RFC 8259: one value, no NaN, no comments, no raw control characters, valid UTF-8, at most JSON_DEPTH levels.  Escaped lone
 * surrogates ("\uD83D") are grammatical and pass.  Texts are at most 4 GiB - 1.
 */
#ifndef BASE_JSON_H
#define BASE_JSON_H

#include "base/arena.h"

#define JSON_DEPTH	64

enum json_type { JSON_NONE, JSON_NULL, JSON_BOOL, JSON_NUMBER, JSON_STRING, JSON_ARRAY, JSON_OBJECT };

/* Why a text is not JSON, for people: "unexpected end of data: line 1 column 17 (char 16)". */
struct json_fault {
	const char	*what;
	size_t		 at;		/* byte offset, from 0 */
	bool		 too_deep;
};
void	json_fault_print(struct buf *, struct text, const struct json_fault *);

/* The inside of a JSON string, escapes as its sender wrote them: may be copied verbatim between quotes. */
struct quoted {
	const char	*at;
	size_t		 len;
};
#define QUOTED(literal)	((struct quoted){ "" literal, sizeof(literal) - 1 })	/* a literal that needs no escapes */

/*
 * The hot path: is the whole text JSON, and, if it is an object, where are its members?  The first `room` members are recorded;
 * *count is how many there are.  False: *fault says why.
 */
struct json_spot {
	uint32_t	 from;		/* the name's opening quote */
	uint32_t	 name_len;	/* of the raw name, without quotes */
	uint32_t	 value;		/* first byte of the value */
	uint32_t	 value_len;
	enum json_type	 type;
};
bool		json_scan(struct text, enum json_type *type, struct json_spot *top, size_t room, size_t *count, struct json_fault *);
struct text	json_spot_value(struct text, const struct json_spot *);
struct quoted	json_spot_name(struct text, const struct json_spot *);

/* Walking the members of an object or the items of an array whose text was checked before (json_scan, json_parse); allocates nothing. */
struct json_item {
	struct quoted	 name;		/* raw; empty in an array */
	enum json_type	 type;
	struct text	 raw;		/* the value's text, quotes and brackets too */
	const char	*from;		/* of the member: the name's quote, in an array the value */
};
struct json_walk {
	const char	*at, *end;
	bool		 object;
};
struct json_walk json_walk(struct text container);
bool		json_next(struct json_walk *, struct json_item *);
/* The member of that name (unescaped, exact; the last one if there are several) of a checked object; false: none. */
bool		json_find(struct text object, const char *name, struct json_item *);

/* An index over a text: nodes that point into it.  For translation. */
struct json {
	enum json_type	 type;
	unsigned	 count;		/* members or items */
	struct quoted	 name;
	struct text	 raw;
	struct json	*first, *next;
};
struct json	*json_parse(struct arena *, struct text, struct json_fault *);	/* NULL: *fault */
/* NULL: no such member, not an object, or object is NULL; null members are returned; last one wins. */
const struct json *json_get(const struct json *object, const char *name);

/* Reading values.  All accept NULL and answer "no". */
bool		json_is(const struct json *, enum json_type);
struct quoted	json_quoted(const struct json *);		/* empty unless a string */
bool		json_true(const struct json *);			/* is it literally true */
bool		json_same(const struct json *, const struct json *);	/* the same value, however it is written: spaces, escapes, order of members */
bool		json_to_i64(struct text raw, int64_t *);	/* integers, also 12.0 and 1e3 when exact; false otherwise */
bool		json_to_double(struct text raw, double *);
struct quoted	json_inside(struct text raw_string);		/* without its quotes */
bool		quoted_is(struct quoted, const char *);		/* unescaped, exact */
bool		quoted_is_nocase(struct quoted, const char *);	/* unescaped, ASCII case folded: guarded members */
bool		quoted_blank(struct quoted);			/* nothing but white space, escaped or not */
/* Does it end in an escaped high surrogate without its other half?  Then `*half` (6 bytes) is that escape. */
bool		quoted_ends_in_half(struct quoted, struct quoted *half);
/* Words that come in pieces: an escaped high surrogate at a piece's end waits here for its other half.  quoted_join() puts the half that waits before the
 * words and takes the one they end in; false: there is nothing to say yet. */
struct half {
	char		 at[6];
	bool		 waits;
};
bool		quoted_join(struct arena *, struct half *, struct quoted *words);
struct text	json_unescape(struct arena *, struct quoted);	/* UTF-8; a lone surrogate becomes U+FFFD; no copy if there is nothing to do */
void		buf_unescape(struct buf *, struct quoted);
unsigned	json_utf8(const char *, const char *end);	/* bytes of the UTF-8 character there; 0: ill-formed, or cut */
void		buf_escape(struct buf *, struct text);		/* UTF-8 (invalid bytes become U+FFFD) to the inside of a string */
struct quoted	json_escape(struct arena *, struct text);
/* A string within a string: the inside of a JSON string whose unescaped text is `json`, compacted (white space outside strings removed). */
struct quoted	json_escape_compact(struct arena *, struct text json);

/* A JSON text that comes in pieces, each quoted: is it balanced; `began`: a bracket came at all. */
struct json_balance {
	unsigned	 depth;
	bool		 began, in_string, escaped;
};
void		json_balance_add(struct json_balance *, struct quoted piece);
bool		json_balanced(const struct json_balance *);	/* no bracket and no string is open */

/* Edits of a text, in order, not overlapping: bytes [from, to) are replaced by `with`. */
struct json_edit {
	uint32_t	 from, to;
	struct text	 with;
};
void		json_apply(struct buf *out, struct text, const struct json_edit *, size_t n);
/* The edit that removes member `i` of the scanned object, its comma too.  Removing several neighbours: pass them to json_cut_many(). */
struct json_edit json_cut(struct text, const struct json_spot *top, size_t count, size_t i);
/* Edits that remove every member with cut[i]; writes at most count edits, returns how many.  `{}` is left when all go. */
size_t		json_cut_many(struct json_edit *, struct text, const struct json_spot *top, size_t count, const bool *cut);

/* Writing.  Commas and nesting are the writer's business. */
struct json_out {
	struct buf	*to;
	bool		 comma;		/* the next value needs one before it */
};
void	json_open(struct json_out *, char bracket);		/* '{' or '[' */
void	json_close(struct json_out *, char bracket);		/* '}' or ']' */
void	json_name_quoted(struct json_out *, struct quoted);
void	json_raw(struct json_out *, struct text);		/* a value as it is */
void	json_string(struct json_out *, struct text);		/* unescaped text */
void	json_put_quoted(struct json_out *, struct quoted);	/* already escaped */
void	json_int(struct json_out *, int64_t);
void	json_bool(struct json_out *, bool);
void	json_null(struct json_out *);

/* With a name, which is plain ASCII, needs no escapes, and is a literal mostly: its length is known where it is written. */
static inline void
json_name(struct json_out *out, const char *name)
{
	json_name_quoted(out, (struct quoted){ name, strlen(name) });
}

static inline void
json_pair(struct json_out *out, const char *name, struct text value)		/* nothing where that is empty */
{
	if (value.len == 0)
		return;
	json_name(out, name);
	json_string(out, value);
}

static inline void
json_pair_int(struct json_out *out, const char *name, int64_t value)
{
	json_name(out, name);
	json_int(out, value);
}

#endif
