/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Text without a terminating zero, and a buffer that grows.
 *
 * A `struct text` owns nothing: it points into a request, an arena or the program.  A `struct buf` owns heap memory
 * until buf_free().  Neither ever fails: out of memory aborts.
 */
#ifndef BASE_TEXT_H
#define BASE_TEXT_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct text {
	const char	*at;
	size_t		 len;
};

#define TEXT(literal)	((struct text){ "" literal, sizeof(literal) - 1 })
#define TEXT_FMT	"%.*s"				/* printf, with TEXT_ARG(t) */
#define TEXT_ARG(t)	(int)(t).len, (t).at
#define nitems(array)	(sizeof(array) / sizeof((array)[0]))

static inline struct text
text_of(const char *s)				/* NULL is empty */
{
	return ((struct text){ s != NULL ? s : "", s != NULL ? strlen(s) : 0 });
}

static inline bool
text_eq(struct text a, struct text b)
{
	return (a.len == b.len && (a.len == 0 || memcmp(a.at, b.at, a.len) == 0));
}

static inline bool
text_is(struct text a, const char *b)
{
	return (a.len == strlen(b) && (a.len == 0 || memcmp(a.at, b, a.len) == 0));
}

/* Eight characters of ASCII that are not zero: most of all texts, looked at in one go. */
static inline bool
text_plain8(const char *at, const char *end)
{
	uint64_t w;

	if (end - at < 8)
		return (false);
	memcpy(&w, at, 8);
	return (((w | (w - UINT64_C(0x0101010101010101))) & UINT64_C(0x8080808080808080)) == 0);
}

/* Eight characters of ASCII of which none is a control character: no byte carries into the next where there is none above 0x7e. */
static inline bool
text_shown8(const char *at, const char *end)
{
	uint64_t w;

	if (end - at < 8)
		return (false);
	memcpy(&w, at, 8);
	return (((w | (w - UINT64_C(0x2020202020202020)) | (w + UINT64_C(0x0101010101010101))) & UINT64_C(0x8080808080808080)) == 0);
}

/* All of it ASCII without zeros. */
static inline bool
text_is_plain(struct text t)
{
	const char *end = t.at + t.len;
	size_t i = 0;

	while (text_plain8(t.at + i, end))
		i += 8;
	if (i < t.len && t.len >= 8)		/* the last eight, some of them again */
		return (t.len - i < 8 && text_plain8(end - 8, end));
	while (i < t.len && (signed char)t.at[i] > 0)
		i++;
	return (i == t.len);
}

static inline bool
text_starts(struct text t, struct text prefix)
{
	return (t.len >= prefix.len && (prefix.len == 0 || memcmp(t.at, prefix.at, prefix.len) == 0));
}

static inline struct text
text_sub(struct text t, size_t from, size_t to)	/* clamped */
{
	to = to < t.len ? to : t.len;
	from = from < to ? from : to;
	return ((struct text){ t.at + from, to - from });
}

bool		text_same_letters(const char *, const char *, size_t);	/* ASCII case is folded */

static inline bool
text_eq_nocase(struct text a, struct text b)			/* ASCII letters only */
{
	return (a.len == b.len && text_same_letters(a.at, b.at, a.len));
}

bool		text_ends(struct text, struct text suffix);
bool		text_has(struct text, struct text needle);		/* ASCII case is folded */
unsigned	text_count(struct text, struct text needle);		/* how often it is there, byte for byte; two of them share none */
struct text	text_trim(struct text);					/* blanks, tabs, CR, LF at both ends */
struct text	text_whole(struct text);				/* without a UTF-8 character that is cut by the end */
bool		text_cut(struct text whole, char at, struct text *head, struct text *tail);	/* false: no such byte, head = whole */
bool		text_is_sound(struct text);				/* UTF-8 (RFC 3629) without zero bytes: what databases take */
bool		text_to_i64(struct text, int64_t *);			/* decimal, whole text, bounds checked */
bool		text_to_double(struct text, double *);			/* whole text; finite; no locale, no hex */
uint64_t	text_hash(struct text);					/* FNV-1a; not for hostile tables */
/* Equal, in a time that depends on the lengths only. */
bool		text_eq_secret(struct text, struct text);

struct buf {
	char	*at;
	size_t	 len, cap;
};

void	buf_free(struct buf *);			/* and make it empty */
void	buf_grow(struct buf *, size_t more);
void	buf_add_slow(struct buf *, const void *, size_t);
void	buf_print(struct buf *, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void	buf_vprint(struct buf *, const char *fmt, va_list);
void	buf_int(struct buf *, int64_t);		/* what every call has several of: without printf */
void	buf_thousandths(struct buf *, int64_t);	/* 1234 as 1.234; not negative */
void	buf_drop(struct buf *, size_t n);	/* forget the first n bytes */

static inline void
buf_reserve(struct buf *b, size_t more)		/* room for `more` further bytes */
{
	if (b->cap - b->len < more)
		buf_grow(b, more);
}

static inline void
buf_add(struct buf *b, const void *p, size_t n)
{
	if (b->cap - b->len >= n) {
		if (n > 0)
			memcpy(b->at + b->len, p, n);
		b->len += n;
	} else
		buf_add_slow(b, p, n);
}

static inline void
buf_text(struct buf *b, struct text t)
{
	buf_add(b, t.at, t.len);
}

static inline void
buf_byte(struct buf *b, char c)
{
	buf_add(b, &c, 1);
}

#define buf_lit(b, literal)	buf_add((b), "" literal, sizeof(literal) - 1)

static inline struct text
buf_as_text(const struct buf *b)
{
	return ((struct text){ b->len > 0 ? b->at : "", b->len });
}

/* Heap memory that never comes back NULL. */
void	*must_alloc(size_t) __attribute__((malloc, returns_nonnull));
void	*must_zalloc(size_t) __attribute__((malloc, returns_nonnull));
void	*must_realloc(void *, size_t) __attribute__((returns_nonnull));

#endif
