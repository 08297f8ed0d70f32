/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Memory that is freed all at once.
 *
 * An arena argument means "what I return lives here".  The first block is 1 KB and blocks double up to 64 KB, so a small exchange
 * stays small.  A thread keeps some that were given back.  Under AddressSanitizer every allocation is a malloc of its own, so that overflows and uses
 * after arena_free() are seen.  Out of memory aborts.
 */
#ifndef BASE_ARENA_H
#define BASE_ARENA_H

#include "base/text.h"

struct arena;

struct arena	*arena_new(void);
struct arena	*arena_new_for(size_t likely);			/* with that much room at first */
void		 arena_free(struct arena *);			/* NULL is fine */
void		 arena_clear(struct arena *);			/* forget everything, keep the first block */
void		*arena_alloc(struct arena *, size_t);		/* zeroed, aligned for anything */
char		*arena_bytes(struct arena *, size_t);		/* not zeroed, not aligned */
struct text	 arena_copy(struct arena *, struct text);	/* the copy has a zero byte behind it */
struct text	 arena_join(struct arena *, struct text, struct text);	/* the one and the other, and a zero byte */
struct text	 arena_print(struct arena *, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
struct text	 arena_percent_decode(struct arena *, struct text);	/* "%2F" is "/"; what is no escape stays */
struct text	 arena_percent_encode(struct arena *, struct text);	/* all but letters, digits and -._~ */
size_t		 arena_held(const struct arena *);		/* bytes of heap it holds */

/* A text that grows; what it outgrows stays in the arena, so it holds less than twice its room. */
struct growing {
	char	*at;
	size_t	 len, room;
};
void		 arena_append(struct arena *, struct growing *, struct text);
/* A list of items of that size, grown (to a power of two, from 4) until it has room for `n`; the first `had` are kept, the rest is zero. */
void		*arena_widen(struct arena *, void *list, unsigned *room, unsigned n, unsigned had, size_t each);

#define arena_new_of(arena, type)	((type *)arena_alloc((arena), sizeof(type)))

#endif
