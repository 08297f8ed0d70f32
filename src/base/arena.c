/* SPDX-License-Identifier: Apache-2.0 */
/* Arenas: a chain of blocks, handed out from the newest; what is large has a block of its own. */
#include "base/arena.h"

#include <assert.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#if defined(__SANITIZE_ADDRESS__)
#define EACH_ITS_OWN	1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define EACH_ITS_OWN	1
#endif
#endif

#define FIRST_BLOCK	1024
#define SECOND_BLOCK	2048
#define LAST_BLOCK	65536
#define SPARE_MOST	(512 << 10)	/* bytes that a thread keeps */
#define SPARE_KINDS	5		/* blocks of 1 to 16 KB */

struct block {
	struct block	*older;
	size_t		 size;		/* of the whole block, this header too; of the first from here on */
	size_t		 used;
	_Alignas(16) char data[];
};

struct arena {
	struct block	*newest;
	struct block	*large;		/* blocks of a single allocation: room in the newest is not given up for them */
	size_t		 held;
	size_t		 next;		/* size of the next block */
	size_t		 own;		/* of the arena's own room, where the first block lives */
	struct block	 first;
};

/* Blocks that were given back: exchanges need the same few again and again, and for these sizes malloc() takes its long way. */

#ifndef EACH_ITS_OWN

struct spare {
	struct spare	*next;
};
static __thread struct {
	struct spare	*lists[SPARE_KINDS];
	size_t		 bytes;
	bool		 ends;		/* with the thread */
} spares;
static pthread_key_t thread_ends;
static pthread_once_t once = PTHREAD_ONCE_INIT;

static void
forget_spares(void *any)
{
	(void)any;
	for (unsigned i = 0; i < SPARE_KINDS; i++)
		while (spares.lists[i] != NULL) {
			struct spare *s = spares.lists[i];

			spares.lists[i] = s->next;
			free(s);
		}
	spares.bytes = SPARE_MOST;		/* no more */
}

static void
make_key(void)
{
	pthread_key_create(&thread_ends, forget_spares);
}

/* Where those of a size are kept; SPARE_KINDS: they are not. */
static unsigned
kind_of(size_t size)
{
	unsigned kind = 0;

	while (kind < SPARE_KINDS && (size_t)FIRST_BLOCK << kind != size)
		kind++;
	return (kind);
}

static void *
get_room(size_t size)
{
	unsigned kind = kind_of(size);
	struct spare *s;

	if (kind == SPARE_KINDS || (s = spares.lists[kind]) == NULL)
		return (must_alloc(size));
	spares.lists[kind] = s->next;
	spares.bytes -= size;
	return (s);
}

static void
give_room(void *at, size_t size)
{
	unsigned kind = kind_of(size);
	struct spare *s = at;

	if (kind == SPARE_KINDS || spares.bytes + size > SPARE_MOST) {
		free(at);
		return;
	}
	if (!spares.ends) {
		pthread_once(&once, make_key);
		pthread_setspecific(thread_ends, &spares);
		spares.ends = true;
	}
	s->next = spares.lists[kind];
	spares.lists[kind] = s;
	spares.bytes += size;
}

#else

static void *
get_room(size_t size)
{
	return (must_alloc(size));
}

static void
give_room(void *at, size_t size)
{
	(void)size;
	free(at);
}

#endif

/* A block for n bytes of data, all used. */
static struct block *
block_of(struct arena *a, size_t n, struct block *older)
{
	struct block *b = get_room(sizeof(*b) + n);

	b->older = older;
	b->size = sizeof(*b) + n;
	b->used = n;
	a->held += b->size;
	return (b);
}

static void *
take_large(struct arena *a, size_t n)
{
	a->large = block_of(a, n, a->large);
	return (a->large->data);
}

#ifndef EACH_ITS_OWN
static void *
take(struct arena *a, size_t n, size_t align)
{
	struct block *b = a->newest;
	size_t room = b->size - sizeof(*b), at = (b->used + align - 1) & ~(align - 1);

	assert(n <= PTRDIFF_MAX);
	if (at + n > room) {
		if (n > (a->next - sizeof(*b)) / 2)
			return (take_large(a, n));
		b = a->newest = block_of(a, a->next - sizeof(*b), b);
		a->next = a->next < LAST_BLOCK ? a->next * 2 : LAST_BLOCK;
		at = 0;
	}
	b->used = at + n;
	return (b->data + at);
}
#else
static void *
take(struct arena *a, size_t n, size_t align)
{
	(void)align;
	assert(n <= PTRDIFF_MAX);
	return (take_large(a, n));
}
#endif

struct arena *
arena_new_for(size_t likely)
{
	size_t own = FIRST_BLOCK;
	struct arena *a;

	while (own < likely + sizeof(*a))
		own *= 2;
	a = get_room(own);
	a->own = own;
	a->first.older = NULL;
	a->first.used = 0;
	a->first.size = own - offsetof(struct arena, first);
	a->newest = &a->first;
	a->large = NULL;
	a->held = own;
	a->next = SECOND_BLOCK;
	return (a);
}

struct arena *
arena_new(void)
{
	return (arena_new_for(0));
}

/* Frees the chain from b on, but not `upto`. */
static void
free_blocks(struct block *b, const struct block *upto)
{
	while (b != upto) {
		struct block *older = b->older;

		give_room(b, b->size);
		b = older;
	}
}

void
arena_clear(struct arena *a)
{
	free_blocks(a->newest, &a->first);
	free_blocks(a->large, NULL);
	a->newest = &a->first;
	a->large = NULL;
	a->first.used = 0;
	a->held = a->own;
	a->next = SECOND_BLOCK;
}

void
arena_free(struct arena *a)
{
	if (a == NULL)
		return;
	arena_clear(a);
	give_room(a, a->own);
}

void *
arena_alloc(struct arena *a, size_t n)
{
	return (memset(take(a, n, 16), 0, n));
}

char *
arena_bytes(struct arena *a, size_t n)
{
	return (take(a, n, 1));
}

struct text
arena_copy(struct arena *a, struct text t)
{
	char *p = take(a, t.len + 1, 1);

	if (t.len > 0)
		memcpy(p, t.at, t.len);
	p[t.len] = '\0';
	return ((struct text){ p, t.len });
}

struct text
arena_join(struct arena *a, struct text first, struct text then)
{
	char *p = take(a, first.len + then.len + 1, 1);

	if (first.len > 0)
		memcpy(p, first.at, first.len);
	if (then.len > 0)
		memcpy(p + first.len, then.at, then.len);
	p[first.len + then.len] = '\0';
	return ((struct text){ p, first.len + then.len });
}

struct text
arena_print(struct arena *a, const char *fmt, ...)
{
	va_list ap;
	char *p;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(NULL, 0, fmt, ap);
	va_end(ap);
	if (n < 0)
		return (TEXT(""));
	p = take(a, (size_t)n + 1, 1);
	va_start(ap, fmt);
	vsnprintf(p, (size_t)n + 1, fmt, ap);
	va_end(ap);
	return ((struct text){ p, (size_t)n });
}

void *
arena_widen(struct arena *a, void *list, unsigned *room, unsigned n, unsigned had, size_t each)
{
	void *wider;

	if (n <= *room)
		return (list);
	*room = *room > 0 ? *room : 4;
	while (*room < n)
		*room *= 2;
	wider = arena_alloc(a, *room * each);
	if (had > 0)
		memcpy(wider, list, had * each);
	return (wider);
}

void
arena_append(struct arena *a, struct growing *g, struct text more)
{
	if (g->room - g->len < more.len) {
		size_t room = g->room > 0 ? g->room * 2 : 64;
		char *wider;

		while (room - g->len < more.len)
			room *= 2;
		wider = arena_bytes(a, room);
		if (g->len > 0)
			memcpy(wider, g->at, g->len);
		g->at = wider;
		g->room = room;
	}
	if (more.len > 0)
		memcpy(g->at + g->len, more.at, more.len);
	g->len += more.len;
}

static int
hex(char c)
{
	return (c >= '0' && c <= '9' ? c - '0' : (c | 0x20) >= 'a' && (c | 0x20) <= 'f' ? (c | 0x20) - 'a' + 10 : -1);
}

struct text
arena_percent_decode(struct arena *a, struct text t)
{
	char *to = arena_bytes(a, t.len + 1);
	size_t n = 0;

	for (size_t i = 0; i < t.len; i++) {
		if (t.at[i] == '%' && i + 2 < t.len && hex(t.at[i + 1]) >= 0 && hex(t.at[i + 2]) >= 0) {
			to[n++] = (char)(hex(t.at[i + 1]) << 4 | hex(t.at[i + 2]));
			i += 2;
		} else
			to[n++] = t.at[i];
	}
	to[n] = '\0';
	return ((struct text){ to, n });
}

struct text
arena_percent_encode(struct arena *a, struct text t)
{
	static const char digits[] = "0123456789ABCDEF", plain[] = "-._~";
	char *to = arena_bytes(a, 3 * t.len + 1);
	size_t n = 0;

	for (size_t i = 0; i < t.len; i++) {
		unsigned char c = (unsigned char)t.at[i];
		if ((c >= '0' && c <= '9') || ((c | 0x20) >= 'a' && (c | 0x20) <= 'z') || memchr(plain, c, sizeof(plain) - 1) != NULL)
			to[n++] = (char)c;
		else {
			to[n++] = '%';
			to[n++] = digits[c >> 4];
			to[n++] = digits[c & 15];
		}
	}
	to[n] = '\0';
	return ((struct text){ to, n });
}

size_t
arena_held(const struct arena *a)
{
	return (a->held);
}
